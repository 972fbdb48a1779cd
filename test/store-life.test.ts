/** The life of stored data from the command line: other keys, less of it, none of it, and who notices an older copy. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyService, Projects, Sink } from '../broker/mod.ts';
import { batchOf, frameOf, readBatchHeader } from '../frame/mod.ts';
import { start, thrum, withFolder } from './cli.ts';

const FLEET = ['--sites', '1', '--gateways', '2', '--sensors', '4', '--machines', '2', '--capture-samples', '256', '--quiet'];

interface Stats {
  readonly projectId: string;
  readonly segments: number;
  readonly messages: number;
  readonly sensors: number;
  readonly gateways: number;
  readonly connections: number;
  readonly keys: readonly { readonly keyId: string; readonly segments: number }[];
  readonly projectKeyId: string;
  readonly placesKeyId: string;
  readonly removed: number;
}

let pristine: string;
let cleanUp: () => void;
let kept: Promise<void>;

/** A home whose broker ran and stopped twice. */
beforeAll(async () => {
  pristine = await new Promise((resolve) => {
    kept = withFolder(async (folder) => {
      const home = join(folder, 'home');
      for (let i = 0; i < 2; i++) expect(await thrum(['run', '--home', home, '--project', 'demo', '--duration', '1s', ...FLEET])).toMatchObject({ exitCode: 0 });
      resolve(home);
      await new Promise<void>((done) => (cleanUp = done));
    });
  });
}, 60_000);
afterAll(async () => {
  cleanUp();
  await kept;
});

function withHome(work: (home: string, folder: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const home = join(folder, 'home');
    await cp(pristine, home, { recursive: true });
    await work(home, folder);
  });
}

async function json<T>(args: readonly string[]): Promise<T> {
  const result = await thrum([...args, '--json']);
  expect(result).toMatchObject({ exitCode: 0 });
  return JSON.parse(result.stdout) as T;
}

const stats = async (home: string): Promise<Stats> => (await json<Stats[]>(['store', 'stats', '--home', home]))[0]!;
const messages = async (home: string, ...more: string[]): Promise<string[]> => (await thrum(['store', 'read', '--home', home, '--json', ...more])).stdout.split('\n').filter((line) => line !== '');
const verified = async (home: string, ...more: string[]): Promise<number | null> => (await thrum(['store', 'verify', '--home', home, ...more])).exitCode;

describe('other keys', () => {
  it('rewrap leaves nothing under the old key, which may then be disabled', { timeout: 60_000 }, async () => {
    await withHome(async (home) => {
      const before = await messages(home);
      const old = await stats(home);
      await thrum(['keys', 'create', '--alias', 'alias/new', '--home', home]);
      expect(await thrum(['store', 'rewrap', '--home', home, '--key', 'alias/new'])).toMatchObject({ exitCode: 0 });
      const { keyId } = await json<{ keyId: string }>(['keys', 'describe', 'alias/new', '--home', home]);
      expect(await stats(home)).toMatchObject({ keys: [{ keyId, segments: old.segments }], projectKeyId: keyId, placesKeyId: keyId });
      expect(await messages(home)).toEqual(before);
      expect(await verified(home)).toBe(0);
      expect(await json(['project', 'show', 'demo', '--home', home])).toMatchObject({ keyId, encryption: 'custom' });
      expect(await thrum(['run', '--home', home, '--project', 'demo', '--duration', '1s', ...FLEET])).toMatchObject({ exitCode: 0 });
      expect((await stats(home)).keys).toMatchObject([{ keyId }]);
    });
  });

  it('reencrypt writes every segment anew and changes nothing that is read', { timeout: 60_000 }, async () => {
    await withHome(async (home) => {
      const before = await messages(home);
      const names = async (): Promise<string[]> => (await readdir(join(home, 'store', (await stats(home)).projectId))).filter((name) => name.endsWith('.seg'));
      const old = await names();
      expect(await thrum(['store', 'reencrypt', '--home', home])).toMatchObject({ exitCode: 0 });
      expect((await names()).filter((name) => old.includes(name))).toEqual([]);
      expect(await messages(home)).toEqual(before);
      expect(await verified(home)).toBe(0);
    });
  });
});

describe('shred', () => {
  it('asks for what is to go by its name, and takes a sensor out for good', { timeout: 60_000 }, async () => {
    await withHome(async (home) => {
      const all = (await messages(home)).map((line) => (JSON.parse(line) as { sensorId: string }).sensorId);
      const sensor = all[0]!;
      const shred = ['store', 'shred', '--home', home, '--project', 'demo', '--sensor', sensor];
      expect(await thrum(shred)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(`--yes '${sensor}'`) as string });
      expect(await thrum([...shred, '--yes', 'demo'])).toMatchObject({ exitCode: 2 });
      expect(await messages(home)).toHaveLength(all.length);
      expect(await thrum([...shred, '--yes', sensor])).toMatchObject({ exitCode: 0 });
      expect((await messages(home)).map((line) => (JSON.parse(line) as { sensorId: string }).sensorId)).toEqual(all.filter((one) => one !== sensor));
      expect(await verified(home)).toBe(0);
      expect((await thrum(['project', 'places', 'demo', '--home', home])).stdout).not.toContain(sensor);
    });
  });

  it('of a whole project leaves the home without it, and its owner with the key that the service has for them', { timeout: 60_000 }, async () => {
    await withHome(async (home) => {
      const { projectId, projectKeyId } = await stats(home);
      expect(await thrum(['store', 'shred', '--home', home, '--project', 'demo', '--yes', 'demo'])).toMatchObject({ exitCode: 0 });
      expect((await readdir(home, { recursive: true })).filter((name) => name.includes(projectId))).toEqual([]);
      expect(await thrum(['project', 'show', 'demo', '--home', home])).toMatchObject({ exitCode: 2 });
      expect(await verified(home)).toBe(0);
      expect(await json(['keys', 'describe', projectKeyId, '--home', home])).toMatchObject({ owner: 'service', state: 'Enabled', projects: [] });
      expect(await json(['project', 'create', 'demo', '--home', home])).toMatchObject({ keyId: projectKeyId }); // the customer's, not the project's
    });
  });
});

it('retain removes the oldest segments, and says before what it would do', { timeout: 60_000 }, async () => {
  await withHome(async (home) => {
    const before = await stats(home);
    expect(await json(['store', 'retain', '--home', home, '--larger-than', '1B', '--dry-run'])).toMatchObject({ dryRun: true, projects: [{ segments: before.segments - 1 }] });
    expect(await stats(home)).toEqual(before);
    expect(await thrum(['store', 'retain', '--home', home, '--larger-than', '1B'])).toMatchObject({ exitCode: 0 });
    expect(await stats(home)).toMatchObject({ segments: 1, removed: before.segments - 1 });
    expect(await verified(home)).toBe(0);
    expect(await thrum(['store', 'retain', '--home', home])).toMatchObject({ exitCode: 2 });
  });
});

it('says what is stored, with when gateways came and went', { timeout: 60_000 }, async () => {
  await withHome(async (home) => {
    const found = await stats(home);
    expect(found).toMatchObject({ messages: (await messages(home)).length, gateways: 2, sensors: 4 });
    expect(found.connections).toBeGreaterThanOrEqual(4);
  });
});

describe('an older copy of the store', () => {
  it('put back is told by the audit trail: exit code 4', { timeout: 60_000 }, async () => {
    await withHome(async (home, folder) => {
      await cp(join(home, 'store'), join(folder, 'store'), { recursive: true });
      expect(await thrum(['run', '--home', home, '--project', 'demo', '--duration', '1s', ...FLEET])).toMatchObject({ exitCode: 0 });
      expect(await verified(home)).toBe(0);
      await rm(join(home, 'store'), { recursive: true });
      await cp(join(folder, 'store'), join(home, 'store'), { recursive: true });
      const { exitCode, stdout } = await thrum(['store', 'verify', '--home', home]);
      expect(stdout).toContain('OLDER');
      expect(exitCode).toBe(4);
    });
  });
});

describe('an older copy of the whole home, keys and audit trail included', () => {
  it('is told by a gateway that saw more of it', { timeout: 60_000 }, async () => {
    await withHome(async (home, folder) => {
      await cp(home, join(folder, 'copy'), { recursive: true });
      expect(await thrum(['run', '--home', home, '--project', 'demo', '--duration', '1s', ...FLEET])).toMatchObject({ exitCode: 0 });
      const seals = (await thrum(['audit', 'show', '--home', home, '--event', 'SealSegment', '--json'])).stdout.split('\n').filter((line) => line !== '');
      const newest = (JSON.parse(seals.at(-1)!) as { requestParameters: object }).requestParameters;
      await mkdir(join(folder, 'queue'));
      await writeFile(join(folder, 'queue', 'checkpoint'), `${JSON.stringify({ ...newest, amendments: 0 })}\n`);
      expect(await verified(home, '--witness', join(folder, 'queue'))).toBe(0);
      await rm(home, { recursive: true });
      await cp(join(folder, 'copy'), home, { recursive: true });
      expect(await verified(home)).toBe(0);
      expect(await verified(home, '--witness', join(folder, 'queue'))).toBe(4);
      await writeFile(join(folder, 'none'), 'no checkpoint\n');
      expect(await thrum(['store', 'verify', '--home', home, '--witness', join(folder, 'none')])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('line 1') as string });
    });
  });
});

it('checks a long segment in a thread of its own, and names the record that was altered', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    expect(await thrum(['project', 'create', 'long', '--home', home])).toMatchObject({ exitCode: 0 });
    const keys = new KeyService(join(home, 'keys'), { kind: 'file' }, () => 0);
    const projects = new Projects(join(home, 'projects'), keys);
    const [project] = await projects.references();
    const sink = await Sink.open({ directory: join(home, 'store'), projects, keys, onFatal: (error) => expect(error).toBeUndefined() });
    const event = frameOf({ kind: 'event', sensorId: '00124b00000000aa', bootEpoch: 1, sequence: 0, timeMs: 0, event: 'zone-change', from: 'A', to: 'B', velocityRmsMmPerS: 2.5 });
    const messages = Array.from({ length: 1024 }, () => event);
    await Promise.all(Array.from({ length: 400 }, (_, sequence) => {
      const payload = Buffer.from(batchOf({ gatewayId: '00124b0000000001', bootEpoch: 1, sequence }, messages));
      return new Promise((resolve) => sink.publish(project!.projectId, { channel: 'data', receivedMs: 0, payload, batch: readBatchHeader(payload) }, resolve));
    }));
    await sink.close();
    expect(await verified(home)).toBe(0);
    const name = (await readdir(join(home, 'store', project!.projectId))).find((one) => one.endsWith('.seg'))!;
    const path = join(home, 'store', project!.projectId, name);
    const bytes = await readFile(path);
    expect(bytes.length).toBeGreaterThan(8 * 2 ** 20);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(path, bytes);
    const { exitCode, stdout } = await thrum(['store', 'verify', '--home', home]);
    expect(stdout).toMatch(/FAULT {2}.*\.seg, record \d+: the record was altered/);
    expect(exitCode).toBe(1);
  });
});

it('is not changed while a broker runs', { timeout: 60_000 }, async () => {
  await withHome(async (home) => {
    const broker = start(['broker', '--home', home, '--project', 'demo', '--port', '0', '--retain-bytes', '1B', '--json']);
    await broker.firstLine;
    for (const command of [['reencrypt'], ['rewrap', '--key', 'alias/none'], ['retain', '--larger-than', '1GiB'], ['shred', '--project', 'demo', '--yes', 'demo']]) {
      const { exitCode, stderr } = await thrum(['store', ...command, '--home', home]);
      expect([2, 3], stderr).toContain(exitCode);
    }
    expect((await thrum(['store', 'reencrypt', '--home', home])).stderr).toContain('in use by process');
    broker.child.kill('SIGTERM');
    await broker.exited;
    expect((await stats(home)).removed).toBeGreaterThan(0);
    expect(await verified(home)).toBe(0);
  });
});
