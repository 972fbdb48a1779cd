import { chmod, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, thrum, type Result } from './cli.ts';

const GATEWAY = '70b3d5e75e000001';
const PASSPHRASE = 'correct horse battery';
let folder = '';
let home = '';
/** All that the commands of this file have printed. */
const printed: string[] = [];

beforeAll(async () => {
  folder = await makeFolder();
  home = join(folder, 'home');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function certs(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const result = await thrum(['certs', ...args], { cwd: folder, env });
  printed.push(result.stdout, result.stderr);
  return result;
}

/** Runs a command on the home with `--json --verbose`, which must succeed, and gives its result. */
async function done(args: readonly string[], env: Record<string, string> = {}): Promise<Record<string, string>> {
  const { exitCode, stdout, stderr } = await certs([...args, '--json', '--verbose'], env);
  expect({ args, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ args, exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, string>;
}

describe('thrum certs', { timeout: 120_000 }, () => {
  it('makes an authority, and identities one by one and many at once', async () => {
    expect(await done(['init', '--home', home])).toMatchObject({ certificatePath: join(home, 'certs', 'ca', 'cert.pem') });
    expect((await thrum(['project', 'create', 'demo', '--home', home])).exitCode).toBe(0);
    await done(['issue', 'server', '--home', home]);
    expect(await done(['issue', 'gateway', '--project', 'demo', '--gateway', GATEWAY, '--count', '3', '--home', home])).toHaveLength(3);
    await writeFile(join(folder, 'names'), '# operators\nada\nbob\n');
    expect(await done(['issue', 'operator', '--from', 'names', '--home', home])).toMatchObject([{ subject: 'ada' }, { subject: 'bob' }]);
  });

  it('signs a request made elsewhere while the key of the root is away, and refuses one for somebody else', async () => {
    await rename(join(home, 'certs', 'ca', 'key.pem'), join(folder, 'offline.pem'));
    await done(['request', 'operator', '--name', 'eve', '--out', 'device']);
    expect((await stat(join(folder, 'device', 'key.pem'))).mode & 0o077).toBe(0);
    const signed = await done(['sign', 'device/request.csr', '--role', 'operator', '--name', 'eve', '--out', 'device/cert.pem', '--home', home]);
    expect(signed['certificatePath']).toBe('device/cert.pem');
    const refused = await certs(['sign', 'device/request.csr', '--role', 'operator', '--name', 'ada', '--home', home]);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '', stderr: 'thrum: the request has the subject "CN=eve"; leave it empty or use "CN=ada" alone\n' });
    expect(await certs(['rotate-issuing', '--home', home])).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/put the root's key back/) as string });
    await rename(join(folder, 'offline.pem'), join(home, 'certs', 'ca', 'key.pem'));
  });

  it('replaces the intermediate, and the identities from before are still found', async () => {
    await done(['rotate-issuing', '--home', home]);
    await done(['bundle', GATEWAY, '--format', 'pem', '--out', 'pem', '--home', home]);
    await done(['bundle', GATEWAY, '--format', 'aws-iot', '--out', 'aws', '--home', home]);
    await writeFile(join(folder, 'pass'), `${PASSPHRASE}\n`);
    await chmod(join(folder, 'pass'), 0o600);
    await done(['bundle', 'ada', '--format', 'p12', '--out', 'p12', '--p12-passphrase-file', 'pass', '--home', home]);
    await done(['bundle', 'bob', '--format', 'p12', '--out', 'p12-env', '--home', home], { THRUM_P12_PASSPHRASE: PASSPHRASE });
    expect(await certs(['bundle', 'bob', '--format', 'p12', '--out', 'none', '--home', home])).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/needs a passphrase/) as string });
    expect(await certs(['bundle', 'nobody', '--format', 'pem', '--out', 'none', '--home', home])).toMatchObject({ exitCode: 2 });
    expect(await readdir(folder)).not.toContain('none');
  });

  it('lists, shows and checks them', async () => {
    expect(await done(['list', '--home', home])).toHaveLength(7);
    await done(['show', 'pem/cert.pem']);
    expect(await done(['check', 'pem/fullchain.pem', join(home, 'certs', 'ca', 'cert.pem')])).toMatchObject({ errors: 0, warnings: 0 });
    const bad = await certs(['check', 'pem/cert.pem', 'pem/cert.pem', 'wrong.der']);
    expect(bad).toMatchObject({ exitCode: 2, stderr: 'thrum: no such file or folder (wrong.der)\n' });
    await writeFile(join(folder, 'wrong.der'), Buffer.from('30020500', 'hex'));
    const wrong = await certs(['check', 'wrong.der', '--json']);
    expect(wrong.exitCode).toBe(1);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ errors: 1, certificates: [{ file: 'wrong.der', findings: [{ id: 'malformed', severity: 'error' }] }] });
    expect(await certs(['check', 'names'])).toMatchObject({ exitCode: 2, stderr: 'thrum: names holds no certificate in PEM or DER form\n' });
    expect(await certs(['check', 'device/key.pem'])).toMatchObject({ exitCode: 2 });
    expect(await certs(['show', 'device/key.pem'])).toMatchObject({ exitCode: 2 });
  });

  it('never prints a key or a passphrase, whatever is asked for', async () => {
    const files = (await readdir(folder, { recursive: true })).filter((name) => /key\.pem$|private\.key$/.test(name));
    expect(files.length).toBeGreaterThanOrEqual(12);
    const all = printed.join('\n');
    expect(all).not.toContain('PRIVATE KEY');
    expect(all).not.toContain(PASSPHRASE);
    for (const file of files) {
      const secret = (await readFile(join(folder, file), 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
      for (const line of secret) expect(all, file).not.toContain(line);
    }
  });
});
