/** `thrum audit`, `store scan`, `project places`, and what is refused for its text. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { thrum, withFolder } from './cli.ts';

interface Shown {
  readonly eventName: string;
  readonly errorCode?: string;
  readonly userIdentity: { readonly arn: string };
}

async function shown(home: string, ...more: string[]): Promise<Shown[]> {
  const { stdout, exitCode } = await thrum(['audit', 'show', '--home', home, '--json', ...more]);
  expect(exitCode).toBe(0);
  return stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Shown);
}

it('tells what a run did: project, key uses, certificates, clients; and never a name', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    expect(await thrum(['run', '--home', home, '--project', 'Hidden Mill', '--sensors', '6', '--gateways', '2', '--machines', '2', '--duration', '1s'])).toMatchObject({ exitCode: 0 });
    const records = await shown(home);
    const names = new Set(records.map(({ eventName }) => eventName));
    for (const name of ['CreateProject', 'PutDirectory', 'GenerateDataKey', 'Decrypt', 'IssueCertificates', 'Admit']) expect([...names]).toContain(name);
    expect(JSON.stringify(records)).not.toMatch(/Hidden Mill|Site 1/);

    const places = await thrum(['project', 'places', 'Hidden Mill', '--home', home]);
    expect(places).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('6 sensors, 2 gateways, version 1') as string });
    expect(await thrum(['store', 'scan', '--home', home])).toMatchObject({ exitCode: 0 });

    const gatewayId = /Site 1 {2}([0-9a-f]{16})\n/.exec(places.stdout)![1]!;
    expect(await thrum(['certs', 'revoke', gatewayId, '--reason', 'keyCompromise', '--home', home])).toMatchObject({ exitCode: 0 });
    expect(await thrum(['project', 'create', 'Hidden Mill', '--home', home])).toMatchObject({ exitCode: 2 });
    expect(await shown(home, '--event', 'Revoke*')).toMatchObject([{ eventName: 'RevokeCertificates', userIdentity: { arn: expect.stringMatching(/^arn:aws:iam::\d{12}:root$/) as string } }]);
    expect(await shown(home, '--errors', '--event', 'CreateProject')).toMatchObject([{ errorCode: 'PROJECT_EXISTS' }]);
    expect(await shown(home, '--until', '1h')).toEqual([]);
    expect(await shown(home, '--limit', '1')).toMatchObject([{ eventName: 'CreateProject' }]);
  });
});

it('verifies, names what was altered or cut off, and with a head from elsewhere also that all is older', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    const verify = (...more: string[]): ReturnType<typeof thrum> => thrum(['audit', 'verify', '--home', home, ...more]);
    await thrum(['project', 'create', 'One', '--home', home]);
    const audit = join(home, 'audit');
    const old = new Map<string, Buffer>();
    for (const name of await readdir(audit)) old.set(name, await readFile(join(audit, name)));
    await thrum(['project', 'create', 'Two', '--home', home]);
    const head = join(folder, 'head.json');
    await writeFile(head, (await thrum(['audit', 'head', '--home', home])).stdout);
    expect(await verify('--head', head)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('all as they were written') as string });

    const path = join(audit, (await readdir(audit)).find((name) => name.endsWith('.audit'))!);
    const whole = await readFile(path);
    const altered = Buffer.from(whole);
    altered[300]! ^= 1;
    await writeFile(path, altered);
    expect(await verify()).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/FAULT .*\.audit, record 0: /) as string });
    await writeFile(path, whole.subarray(0, whole.length - 1));
    expect(await verify()).toMatchObject({ exitCode: 1 });

    for (const [name, bytes] of old) await writeFile(join(audit, name), bytes);
    expect(await verify()).toMatchObject({ exitCode: 0 });
    expect(await verify('--head', head)).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('head.json knows') as string });
    await writeFile(head, '{}');
    expect(await verify('--head', head)).toMatchObject({ exitCode: 2 });
    await rm(join(audit, 'head'));
    expect(await verify()).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('the head is missing') as string });
  });
});

it('does what was asked also where the trail cannot be written, and says so', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    await thrum(['project', 'create', 'One', '--home', home]);
    await rm(join(home, 'audit'), { recursive: true });
    await writeFile(join(home, 'audit'), '');
    const made = await thrum(['project', 'create', 'Two', '--home', home]);
    expect(made).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('the audit trail') as string });
  });
});

it('refuses names with sensitive text before anything is made, without repeating them, unless that is allowed; and finds them afterwards', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    const name = 'Mill 4111 1111 1111 1111';
    for (const command of [['project', 'create', name], ['run', '--project', name, '--duration', '1s'], ['broker', '--project', name, '--port', '0']]) {
      const refused = await thrum([...command, '--home', home]);
      expect(refused, command.join(' ')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('card number') as string });
      expect(refused.stderr + refused.stdout).not.toContain('4111');
      await expect(readdir(home)).rejects.toMatchObject({ code: 'ENOENT' });
    }
    expect(await thrum(['project', 'create', name, '--allow-sensitive-text', '--home', home])).toMatchObject({ exitCode: 0 });
    await thrum(['keys', 'create', '--alias', 'alias/mill', '--home', home]);
    for (const command of [['create', '--description', name], ['tag', 'alias/mill', `card=${name}`], ['alias', 'add', 'alias/4111-1111-1111-1111', 'alias/mill']]) {
      const refused = await thrum(['keys', ...command, '--home', home]);
      expect(refused, command.join(' ')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('card number') as string });
    }
    const scan = await thrum(['store', 'scan', '--home', home]);
    expect(scan).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/name of project p-[0-9a-f]{16}: card number/) as string });
    expect(scan.stdout + scan.stderr).not.toContain('4111');
  });
});

it('removes old files for the owner alone, and only when it is told which', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    await thrum(['project', 'create', 'One', '--home', home]);
    await thrum(['access', 'principal', 'create', 'ana', '--home', home]);
    await thrum(['access', 'policy', 'attach', 'ana', 'auditor', '--home', home]);
    expect(await thrum(['audit', 'retain', '--home', home])).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^thrum: say what is to go: .*\n$/) as string });
    expect(await thrum(['audit', 'retain', '--older-than', '365d', '--home', home])).toMatchObject({ exitCode: 0, stdout: 'nothing to remove\n' });
    expect(await thrum(['audit', 'verify', '--as', 'ana', '--home', home])).toMatchObject({ exitCode: 0 });
    expect(await thrum(['audit', 'retain', '--larger-than', '1KiB', '--as', 'ana', '--home', home])).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("only the home's owner") as string });
  });
});
