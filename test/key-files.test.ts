/** Sealed files of a home whose writer is killed before the new version is in its place. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const ROOM = new URL('../dist/broker/mod.js', import.meta.url).href;

let root: string;

beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'thrum-files-'))));
afterEach(() => rm(root, { recursive: true, force: true }));

/** Runs code with `keys`, `principals()` and `audit()` of one home at hand; it is killed right before it puts a file named `killedBefore` in its place. */
async function run(code: string, killedBefore = ''): Promise<string | null> {
  const program = `
    import fs from 'node:fs';
    import { basename } from 'node:path';
    import { syncBuiltinESMExports } from 'node:module';
    const real = fs.promises.rename;
    fs.promises.rename = (from, to) => (basename(to) === ${JSON.stringify(killedBefore)} ? process.kill(process.pid, 'SIGKILL') : real(from, to));
    syncBuiltinESMExports();
    const { AuditTrail, KeyService, Principals } = await import(${JSON.stringify(ROOM)});
    const root = ${JSON.stringify(root)};
    const now = () => 1760000000000;
    const keys = new KeyService(root + '/keys', { kind: 'file' }, now);
    const principals = () => new Principals({ path: root + '/access/principals', source: { kind: 'file' }, rootDirectory: root + '/keys' }, '123456789012', now);
    const audit = async (eventName) => {
      const trail = AuditTrail.open({ directory: root + '/audit', keysDirectory: root + '/keys', source: { kind: 'file' }, accountId: async () => '123456789012', region: 'us-east-1', now });
      trail.record({ eventSource: 'thrum', eventName, principal: 'thrum', sourceIpAddress: undefined, requestParameters: {}, readOnly: true, resources: [] });
      await trail.close();
    };
    await (async () => { ${code} })();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [exitCode, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect(exitCode === 0 || signal === 'SIGKILL').toBe(true);
  return signal;
}

it.each([
  ['keys', 'keystore', "await keys.createKey({ owner: 'customer', alias: 'alias/a' });", "await keys.disableKey('alias/a');"],
  ['access', 'principals', "await keys.serviceKeyFor(); await principals().create('ana');", "await principals().remove('ana');"],
  ['audit', 'head', "await keys.serviceKeyFor(); await audit('one');", "await audit('two');"],
])('%s/%s: what a killed writer left is gone with the next version', { timeout: 60_000 }, async (folder, name, first, next) => {
  const temporaries = async (): Promise<string[]> => (await readdir(join(root, folder))).filter((one) => one.startsWith(`.${name}.`));
  expect(await run(first)).toBeNull();
  expect(await run(next, name)).toBe('SIGKILL');
  expect(await run(next, name)).toBe('SIGKILL');
  expect(await temporaries()).toHaveLength(1);
  expect(await run(next)).toBeNull();
  expect(await temporaries()).toEqual([]);
});
