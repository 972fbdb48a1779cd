import { join } from 'node:path';
import { expect, it } from 'vitest';
import { KeyService, localSource, Projects, readProject } from '../broker/mod.ts';
import { freePort, start, thrum, withFolder, type Result } from './cli.ts';

const FLEET = ['--sites', '1', '--gateways', '2', '--sensors', '8', '--machines', '4', '--capture-samples', '1024', '--speed', '36000'];
/** Within this time of a key being disabled nothing more may be written. */
const BITES_MS = 2_000;

it('refuses writes within two seconds of the key being disabled, and loses nothing when it is enabled again', { timeout: 90_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    expect(await thrum(['keys', 'create', '--home', home, '--alias', 'alias/plant'])).toMatchObject({ exitCode: 0 });
    expect(await thrum(['project', 'create', 'Plant', '--home', home, '--key', 'alias/plant'])).toMatchObject({ exitCode: 0 });
    const run = start(['run', '--home', home, '--project', 'Plant', '--duration', '9s', '--json', '--verbose', ...FLEET]);
    let said = '';
    const heard = (text: RegExp): Promise<void> =>
      new Promise((resolve, reject) => {
        run.child.stderr!.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          if (text.test(said)) resolve();
        });
        void run.exited.then(({ stderr }) => reject(new Error(`the run ended first: ${stderr}`)));
      });
    await heard(/[1-9]\d* batches stored/);
    expect(await thrum(['keys', 'disable', 'alias/plant', '--home', home])).toMatchObject({ exitCode: 0 });
    const disabledMs = Date.now(); // eslint-disable-line no-restricted-properties -- compared with the broker's own clock
    await heard(/is refused: key .* is disabled/);
    expect(await thrum(['store', 'read', '--home', home])).toMatchObject({ exitCode: 3, stdout: '', stderr: expect.stringContaining('is disabled') as string });
    await heard(/refused: key .* is disabled[^]*refused: key .* is disabled/); // gateways try, and are turned away
    const enabledMs = Date.now(); // eslint-disable-line no-restricted-properties
    expect(await thrum(['keys', 'enable', 'alias/plant', '--home', home])).toMatchObject({ exitCode: 0 });

    const { exitCode, stdout } = await run.exited;
    expect(exitCode).toBe(0);
    const report = JSON.parse(stdout) as Record<string, number>;
    expect(report).toMatchObject({ allStoredExactlyOnce: true, missing: 0, duplicated: 0, queuedBatches: 0 });

    const keys = new KeyService(join(home, 'keys'), { kind: 'file' }, () => 0);
    const [project] = await new Projects(join(home, 'projects'), keys).references();
    const times: number[] = [];
    for await (const { receivedMs } of readProject(localSource(join(home, 'store', project!.projectId)), project!.projectId, keys)) times.push(receivedMs);
    expect(times.some((ms) => ms < disabledMs)).toBe(true);
    expect(times.some((ms) => ms > enabledMs)).toBe(true);
    expect(times.filter((ms) => ms > disabledMs + BITES_MS && ms < enabledMs)).toEqual([]);
    expect(await thrum(['store', 'verify', '--home', home])).toMatchObject({ exitCode: 0 });
  });
});

it('leaves a broker that starts then to serve the other projects, and this one too once the key is enabled', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    const tiny = ['--home', home, '--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--quiet'];
    expect(await thrum(['keys', 'create', '--alias', 'alias/demo', '--home', home])).toMatchObject({ exitCode: 0 });
    expect(await thrum(['project', 'create', 'demo', '--key', 'alias/demo', '--home', home])).toMatchObject({ exitCode: 0 });
    for (const name of ['demo', 'other']) expect(await thrum(['run', '--project', name, '--duration', '1s', ...tiny])).toMatchObject({ exitCode: 0 });
    const { keyId, projectId } = JSON.parse((await thrum(['project', 'show', 'demo', '--home', home, '--json'])).stdout) as Record<string, string>;
    expect(await thrum(['keys', 'disable', keyId!, '--home', home])).toMatchObject({ exitCode: 0 });
    for (const what of [['read'], ['export'], ['export', '--format', 'wav', '--out', join(folder, 'wav'), '--quiet']]) {
      const { exitCode, stdout, stderr } = await thrum(['store', ...what, '--home', home]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: expect.stringMatching(new RegExp(`^thrum: ${projectId!} is left out: key ${keyId!} is disabled.*\n$`)) as string });
      expect(stdout.trim().split('\n').length).toBeGreaterThan(1); // the other project's
    }
    const port = String(await freePort());
    const broker = start(['broker', '--home', home, '--port', port]);
    const heard = (text: RegExp): Promise<void> =>
      new Promise((resolve, reject) => {
        let said = '';
        for (const stream of [broker.child.stdout!, broker.child.stderr!]) stream.on('data', (chunk: Buffer) => text.test((said += chunk.toString())) && resolve());
        void broker.exited.then(({ stderr }) => reject(new Error(`the broker ended first: ${stderr}`)));
      });
    await Promise.all([heard(/project demo is not usable now: .*is disabled/), heard(new RegExp(`project ${projectId!} is refused: key ${keyId!} is disabled`)), heard(/listening on/)]);
    const send = (project: string): Promise<Result> => thrum(['fleet', '--project', project, '--url', `mqtts://127.0.0.1:${port}`, '--duration', '1s', ...tiny]);
    expect(await send('other')).toMatchObject({ exitCode: 0 });
    const again = heard(new RegExp(`project ${projectId!} is taken again`));
    expect(await thrum(['keys', 'enable', keyId!, '--home', home])).toMatchObject({ exitCode: 0 });
    await again;
    expect(await send('demo')).toMatchObject({ exitCode: 0 });
    broker.child.kill('SIGTERM');
    expect(await broker.exited).toMatchObject({ exitCode: 0 });
    expect(await thrum(['store', 'verify', '--home', home])).toMatchObject({ exitCode: 0 });
  });
});
