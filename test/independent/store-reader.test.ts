/** docs/store.md is enough: a reader of homes and queues written from it alone finds what ours does, whatever was done to the home. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { start, thrum, withFolder } from '../cli.ts';
import { decode, type Decoded } from './frame-decoder.ts';
import { asJson, withByte } from './frame-writer.ts';
import { Damage, KeyNotEnabled, readHome, readSpool, type Project } from './store-reader.ts';

const FLEET = ['--sites', '1', '--gateways', '2', '--sensors', '6', '--machines', '3', '--capture-samples', '1024', '--json', '--quiet'];

async function done(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const result = await thrum(args, { env });
  expect(result, `thrum ${args.join(' ')}: ${result.stderr}`).toMatchObject({ exitCode: 0 });
  return result.stdout;
}

const run = (home: string, env?: Readonly<Record<string, string>>): Promise<string> => done(['run', '--home', home, '--duration', '1s', ...FLEET], env);

/** All messages of projects, in the order of the log. */
function messagesIn(projects: readonly Project[]): unknown[] {
  const entries = projects.flatMap(({ segments }) => segments).flatMap(({ groups }) => groups).flatMap((group) => group.entries);
  return entries.filter(({ channel }) => channel !== 'connection').flatMap(({ payload, receivedMs }) => {
    const { gatewayId, messages } = decode(payload) as { gatewayId: string; messages: Decoded[] };
    return messages.map((message) => asJson({ gatewayId, receivedTime: new Date(receivedMs).toISOString(), ...message }));
  });
}

/** Reads the home twice, by `thrum store export` and by the independent reader, which must agree. */
async function expectOneHistory(home: string, passphrase?: string): Promise<Project> {
  const env = passphrase === undefined ? {} : { THRUM_PASSPHRASE: passphrase };
  const exported = (await done(['store', 'export', '--format', 'ndjson', '--home', home], env)).trimEnd().split('\n').map((line): unknown => JSON.parse(line));
  const [project, ...others] = readHome(home, passphrase);
  expect(others).toEqual([]);
  expect(exported.length).toBeGreaterThan(10);
  expect(messagesIn([project!])).toEqual(exported);
  expect(project!.strays).toEqual([]);
  return project!;
}

/** Where a changed bit of a file goes unnoticed; the first `every` bytes are tried one by one, about `many` of the others. */
async function missed(path: string, read: () => unknown, every: number, many: number): Promise<string[]> {
  const good = await readFile(path);
  const found: string[] = [];
  const step = Math.max(1, Math.floor((good.length - every) / many));
  read();
  for (let place = 0; place < good.length; place += place < every ? 1 : step) {
    await writeFile(path, withByte(good, place, (byte) => byte ^ 0x04));
    try {
      read();
      found.push(`${path} at ${place}`);
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
    }
  }
  await writeFile(path, good);
  return found;
}

describe('a reader written from docs/store.md', () => {
  let home: string;
  let cleanUp: () => void;
  let kept: Promise<void>;

  /** A home with a customer's key and one sealed segment. */
  beforeAll(async () => {
    home = await new Promise((resolve, reject) => {
      kept = withFolder(async (folder) => {
        resolve(join(folder, 'home'));
        await new Promise<void>((ended) => (cleanUp = ended));
      });
      kept.catch(reject);
    });
    await done(['keys', 'create', '--alias', 'alias/first', '--home', home]);
    await done(['project', 'create', 'demo', '--key', 'alias/first', '--home', home]);
    await run(home);
  }, 60_000);
  afterAll(async () => {
    cleanUp();
    await kept;
  });

  it('finds what `thrum store export` finds, in the store and in the gateways’ queues', { timeout: 60_000 }, async () => {
    const project = await expectOneHistory(home);
    expect(project).toMatchObject({ document: { name: 'demo', encryption: 'custom' }, segments: [{ ordinal: 1, tailBytes: 0 }] });
    expect(project.places).toMatchObject({ sensors: Array.from({ length: 6 }, () => ({ siteName: 'Site 1' })) });
    const entries = project.segments.flatMap(({ groups }) => groups).flatMap((group) => group.entries);
    expect(entries.filter(({ channel }) => channel === 'connection').map(({ payload }) => payload[8])).toEqual([1, 1, 0, 0]);

    const stored = new Set(entries.map(({ payload }) => payload.toString('hex')));
    for (const gateway of await readdir(join(home, 'gateways'))) {
      const { acknowledged, batches } = readSpool(join(home, 'gateways', gateway));
      expect(batches.length).toBeGreaterThan(0);
      for (const { about, frame } of batches) {
        const { bootEpoch, sequence } = decode(frame);
        expect(about).toMatchObject({ bootEpoch, sequence });
        expect(acknowledged).toContainEqual({ bootEpoch, sequence });
        expect(stored).toContain(frame.toString('hex'));
      }
    }
  });

  it('uses no key that is disabled, and reads on when it is enabled', { timeout: 60_000 }, async () => {
    await done(['keys', 'disable', 'alias/first', '--home', home]);
    expect(() => readHome(home)).toThrow(KeyNotEnabled);
    await done(['keys', 'enable', 'alias/first', '--home', home]);
    expect(readHome(home)[0]?.segments).toHaveLength(1);
  });

  it('tells what a killed writer left from damage', { timeout: 60_000 }, async () => {
    const { child, exited } = start(['run', '--home', home, '--duration', '60s', ...FLEET]);
    const isUnderWay = (): boolean => {
      try {
        return (readHome(home)[0]?.segments[1]?.groups.length ?? 0) > 4;
      } catch (error) {
        if (error instanceof Damage) return false; // a record was being written
        throw error;
      }
    };
    while (!isUnderWay()) await delay(50);
    child.kill('SIGKILL');
    await exited;
    const { segments: [, open] } = await expectOneHistory(home);
    expect(open).toMatchObject({ ordinal: 2, index: undefined });
    expect(open!.tailBytes).toBeGreaterThan(2 ** 20);
    await expectTornEnds(home, open!.file);
    await run(home);
    expect(await expectOneHistory(home)).toMatchObject({ segments: [{}, { index: undefined, tailBytes: 0 }, { ordinal: 3, tailBytes: 0 }] });
  });

  it('finds what is left after rewrap, reencrypt, shred and retain', { timeout: 60_000 }, async () => {
    const before = readHome(home)[0]!;
    const gatewayId = (messagesIn([before])[0] as { gatewayId: string }).gatewayId;
    await done(['keys', 'create', '--alias', 'alias/second', '--home', home]);
    await done(['store', 'rewrap', '--key', 'alias/second', '--home', home]);
    await done(['keys', 'disable', 'alias/first', '--home', home]);
    expect((await expectOneHistory(home)).segments).toEqual(before.segments);

    await done(['store', 'reencrypt', '--home', home]);
    const { amendments, segments } = await expectOneHistory(home);
    expect(amendments.rewritten.map(({ original }) => original)).toEqual(before.segments.map(({ position }) => position));
    expect(segments.every(({ segmentId }, i) => segmentId !== before.segments[i]?.segmentId)).toBe(true);

    await done(['store', 'shred', '--project', 'demo', '--gateway', gatewayId, '--yes', gatewayId, '--home', home]);
    const shredded = await expectOneHistory(home);
    expect(new Set(messagesIn([shredded]).map((message) => (message as { gatewayId: string }).gatewayId))).not.toContain(gatewayId);
    expect(shredded.places?.['gateways']).toHaveLength(1);

    await run(home);
    await done(['store', 'retain', '--larger-than', '5KiB', '--home', home]);
    const last = await expectOneHistory(home);
    const { through, position } = last.amendments.removed!;
    expect(position).toEqual(before.segments[through - 1]?.position);
    expect(last.segments.at(-1)).toMatchObject({ ordinal: 4 });
  });

  it('notices a flipped byte in any file of keys, project, places, store, amendments, or queue', { timeout: 60_000 }, async () => {
    const files = (await readdir(home, { recursive: true })).filter((name) => /^(keys|projects|places|store|gateways)\/.*(keystore|\.key|\.project|\.places|\.seg|amendments|\.spool)$/.test(name));
    expect(files.length).toBeGreaterThanOrEqual(11);
    const unnoticed: string[] = [];
    for (const name of files) {
      const path = join(home, name);
      unnoticed.push(...await missed(path, () => (name.startsWith('gateways') ? readSpool(join(path, '..')) : readHome(home)), name.endsWith('.seg') ? 160 : 60, 60));
    }
    expect(unnoticed).toEqual([]);
  });

  it('opens a home that a passphrase protects, and only with that passphrase', { timeout: 60_000 }, async () => {
    const passphrase = 'caf\u0065\u0301 and a half ½'; // neither form is what NFKC makes of it
    await withFolder(async (folder) => {
      await run(folder, { THRUM_PASSPHRASE: passphrase });
      expect(await readdir(join(folder, 'keys'))).not.toContain('root.key');
      await expectOneHistory(folder, passphrase);
      expect(() => readHome(folder, `${passphrase}.`)).toThrow(Damage);
    });
  });
});

/** The ends that a crash and a power cut leave of the last record, and the same bytes altered in other ways. */
async function expectTornEnds(home: string, file: string): Promise<void> {
  const good = await readFile(file);
  const groups = (): number => readHome(home)[0]!.segments[1]!.groups.length;
  const count = groups();
  const { offset, bytes } = readHome(home)[0]!.segments[1]!.groups.at(-1)!;
  const after = async (change: (whole: Buffer) => Uint8Array): Promise<number> => {
    await writeFile(file, change(Buffer.from(good)));
    return groups();
  };
  const nextSector = Math.ceil((offset + 16) / 512) * 512;
  expect(await after((whole) => whole.subarray(0, offset + bytes))).toBe(count);
  expect(await after((whole) => whole.subarray(0, offset + bytes - 1))).toBe(count - 1);
  expect(await after((whole) => whole.subarray(0, offset + 15))).toBe(count - 1);
  expect(await after((whole) => whole.fill(0, offset, offset + bytes))).toBe(count - 1);
  expect(await after((whole) => whole.fill(0, offset, Math.min(nextSector, offset + bytes)))).toBe(count - 1);
  if (nextSector < offset + bytes) expect(await after((whole) => whole.fill(0, nextSector, offset + bytes))).toBe(count - 1);
  await expect(after((whole) => whole.fill(0, offset + 20, offset + 28))).rejects.toThrow(Damage);
  await expect(after((whole) => whole.fill(1, offset + bytes, offset + bytes + 16))).rejects.toThrow(Damage);
  await writeFile(file, good);
  const earlier = await readFile(file);
  earlier.fill(0, 192, 200);
  await writeFile(file, earlier);
  expect(() => readHome(home)).toThrow(Damage);
  await writeFile(file, good);
}
