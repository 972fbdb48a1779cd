import { join } from 'node:path';
import { expect, it } from 'vitest';
import { KeyService, Projects, readProject } from '../broker/mod.ts';
import { start, thrum, withFolder } from './cli.ts';

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
    await heard(/is disabled: writes are refused/);
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
    for await (const { receivedMs } of readProject(join(home, 'store', project!.projectId), project!.projectId, keys)) times.push(receivedMs);
    expect(times.some((ms) => ms < disabledMs)).toBe(true);
    expect(times.some((ms) => ms > enabledMs)).toBe(true);
    expect(times.filter((ms) => ms > disabledMs + BITES_MS && ms < enabledMs)).toEqual([]);
    expect(await thrum(['store', 'verify', '--home', home])).toMatchObject({ exitCode: 0 });
  });
});
