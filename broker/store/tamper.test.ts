/** Promise 4: any alteration of the store's files is found, named, and never becomes data. */
import { appendFile, copyFile, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { StoreError } from '../errors.ts';
import {
  arrivalOf, contentsOf, copyFiles, fillSegments, makeHome, makeProject, nameOf, nextRecord, publish, readAll, storedNames, storeFiles, type TestHome,
} from '../broker.fixture.ts';
import { readProject } from './read.ts';
import { reencryptLog } from './reencrypt.ts';
import { retainLog } from './retention.ts';
import { localSource } from './segment-source.ts';
import { verifyProject, type Finding } from './verify.ts';

const FLIPS = 2_400;
/** Any number gives the same kind of run; this one makes a failure repeatable. */
const SEED = 20_251_124;

let home: TestHome;
let projectId: string;
let originals: Map<string, Buffer>;
let names: string[];
let segments: string[];

beforeAll(async () => {
  home = await makeHome();
  projectId = (await makeProject(home)).projectId;
  await fillSegments(home, projectId, [[0, 1], [2, 3], [4, 5, 6]]);
  originals = await contentsOf(await storeFiles(home, projectId));
  segments = await storeFiles(home, projectId, '.seg');
  names = await storedNames(home, projectId);
  expect(names).toHaveLength(7);
});
afterEach(async () => {
  for (const path of await storeFiles(home, projectId)) if (!originals.has(path)) await rm(path);
  for (const [path, bytes] of originals) await writeFile(path, bytes);
});
afterAll(() => home.remove());

async function findings(): Promise<readonly Finding[]> {
  return (await verifyProject(localSource(join(home.store, projectId)), projectId, home.keys, { inUse: false })).findings;
}

/** Reading gives some of the original batches, from the first on, and then names a file. */
async function expectPrefixThenDamage(): Promise<StoreError> {
  const { batches, error } = await readAll(home, projectId);
  expect(batches.map(nameOf)).toEqual(names.slice(0, batches.length));
  expect(error).toBeInstanceOf(StoreError);
  expect(error).toMatchObject({ code: 'STORE_DAMAGED' });
  expect((error as StoreError).place?.file).toBeTruthy();
  return error as StoreError;
}

it('finds nothing wrong with a store as it was written', async () => {
  const result = await verifyProject(localSource(join(home.store, projectId)), projectId, home.keys, { inUse: false });
  expect(result).toMatchObject({ findings: [], segments: 3, batches: 7, messages: 7, records: 16, undecodable: 0 });
});

it(`finds each of ${FLIPS} flipped bytes, names its file, and reads only what was stored before it`, { timeout: 240_000 }, async () => {
  const files = [...originals.keys()];
  const places = fc.sample(
    fc.record({ file: fc.nat(files.length - 1), at: fc.nat(2 ** 30), mask: fc.oneof(fc.nat(7).map((bit) => 1 << bit), fc.integer({ min: 1, max: 255 })) }),
    { numRuns: FLIPS, seed: SEED },
  );
  for (const { file, at, mask } of places) {
    const path = files[file]!;
    const bytes = Buffer.from(originals.get(path)!);
    const offset = at % bytes.length;
    bytes[offset]! ^= mask;
    await writeFile(path, bytes);
    const place = `${basename(path)} byte ${offset} mask ${mask}`;
    const found = await findings();
    expect(found.map((one) => one.file), place).toContain(path);
    expect(found.find((one) => one.file === path)!.what, place).toContain(path);
    const error = await expectPrefixThenDamage();
    expect(error.place?.file, place).toBe(path);
    await writeFile(path, originals.get(path)!);
  }
});

it('names the record in which a byte was flipped', async () => {
  const path = segments[2]!;
  const bytes = Buffer.from(originals.get(path)!);
  let at = 160;
  for (let record = 0; at < bytes.length; record++) {
    const end = at + 16 + bytes.readUInt32LE(at);
    bytes[end - 1]! ^= 1;
    await writeFile(path, bytes);
    expect(await findings()).toEqual([expect.objectContaining({ file: path, record })]);
    expect((await expectPrefixThenDamage()).place).toEqual({ file: path, record });
    bytes[end - 1]! ^= 1;
    at = nextRecord(bytes, at);
  }
});

describe('a segment cut off', () => {
  it('in the middle of the store is found at every length, and nothing false is read', async () => {
    const path = segments[1]!;
    const whole = originals.get(path)!;
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      expect((await findings()).map(({ file }) => basename(file)), `at ${length}`).not.toEqual([]);
      await expectPrefixThenDamage();
    }
  });

  it('at the end of the store is found at every length, also between records, and only stored batches are read', async () => {
    const path = segments[2]!;
    const whole = originals.get(path)!;
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      expect(await findings(), `at ${length}`).toEqual([expect.objectContaining({ file: path })]);
      const { batches } = await readAll(home, projectId);
      expect(batches.map(nameOf)).toEqual(names.slice(0, batches.length));
    }
  });

  it('just before its seal is said to have none', async () => {
    const whole = originals.get(segments[2]!)!;
    let at = 160;
    let last = at;
    while (at < whole.length) [last, at] = [at, nextRecord(whole, at)];
    await truncate(segments[2]!, last);
    expect(await findings()).toEqual([expect.objectContaining({ file: segments[2], what: expect.stringContaining('no seal') as string })]);
  });
});

describe('files moved about', () => {
  it('are found when two segments swap their contents', async () => {
    await writeFile(segments[0]!, originals.get(segments[1]!)!);
    await writeFile(segments[1]!, originals.get(segments[0]!)!);
    expect((await findings()).map(({ file }) => file)).toEqual(expect.arrayContaining([segments[0], segments[1]]));
    await expectPrefixThenDamage();
  });

  it('are found when two segments swap their contents and their keys', async () => {
    for (const suffix of ['.seg', '.key']) {
      const [first, second] = [segments[0]!.replace('.seg', suffix), segments[1]!.replace('.seg', suffix)];
      await writeFile(first, originals.get(second)!);
      await writeFile(second, originals.get(first)!);
    }
    expect((await findings()).length).toBeGreaterThan(0);
    expect((await readAll(home, projectId)).batches).toEqual([]);
    await expectPrefixThenDamage();
  });

  it('are found when two segments swap their places', async () => {
    const swapped = (path: string, ordinal: number): string =>
      join(dirname(path), basename(path).replace(/^\d{12}/, String(ordinal).padStart(12, '0')));
    for (const suffix of ['.seg', '.key']) {
      await rename(segments[0]!.replace('.seg', suffix), swapped(segments[0]!, 2).replace('.seg', suffix));
      await rename(segments[1]!.replace('.seg', suffix), swapped(segments[1]!, 1).replace('.seg', suffix));
    }
    expect((await findings()).length).toBeGreaterThan(1);
    await expectPrefixThenDamage();
  });

  it('are found when keys are swapped between segments', async () => {
    const [first, second] = [segments[0]!.replace('.seg', '.key'), segments[1]!.replace('.seg', '.key')];
    await writeFile(first, originals.get(second)!);
    await writeFile(second, originals.get(first)!);
    expect((await findings()).map(({ file }) => file)).toEqual(expect.arrayContaining([first, second]));
    await expectPrefixThenDamage();
  });

  it('are found when a key is missing', async () => {
    const key = segments[1]!.replace('.seg', '.key');
    await rm(key);
    expect(await findings()).toContainEqual(expect.objectContaining({ file: key, what: expect.stringContaining('missing') as string }));
    await expectPrefixThenDamage();
  });

  it('are found when a segment in the middle is removed, and what follows it is still checked', async () => {
    await rm(segments[1]!);
    const bytes = Buffer.from(originals.get(segments[2]!)!);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(segments[2]!, bytes);
    const found = await findings();
    expect(found[0]).toMatchObject({ file: segments[2], record: -1, what: expect.stringContaining('segment 2 is missing') as string });
    expect(found[1]).toMatchObject({ file: segments[2], record: 5 });
    expect(found[2]).toMatchObject({ file: segments[1]!.replace('.seg', '.key'), what: expect.stringContaining('its segment is missing') as string });
    expect(found).toHaveLength(3);
    const error = await expectPrefixThenDamage();
    expect(error.message).toContain('segment 2 is missing');
  });

  it('are found when the first segment is removed', async () => {
    await rm(segments[0]!);
    expect(await findings()).toHaveLength(2);
    expect((await readAll(home, projectId)).batches).toEqual([]);
    await expectPrefixThenDamage();
  });

  it('are found when the last segment is removed but its key left', async () => {
    await rm(segments[2]!);
    expect(await findings()).toEqual([expect.objectContaining({ file: segments[2]!.replace('.seg', '.key') })]);
  });

  it('are found when a segment stands there twice under two numbers', async () => {
    const copy = join(dirname(segments[2]!), basename(segments[2]!).replace(/^\d{12}/, '000000000004'));
    await copyFile(segments[2]!, copy);
    await copyFile(segments[2]!.replace('.seg', '.key'), copy.replace('.seg', '.key'));
    expect((await findings()).map(({ file }) => file)).toContain(copy);
    await expectPrefixThenDamage();
  });

  it('are found when an older version of a segment is put back', async () => {
    const sink = await home.openSink();
    expect(await publish(sink, projectId, arrivalOf(7))).toBeUndefined();
    const fourth = (await storeFiles(home, projectId, '.seg'))[3]!;
    const old = await readFile(fourth);
    expect(await publish(sink, projectId, arrivalOf(8))).toBeUndefined();
    await sink.close();
    await writeFile(fourth, old);
    expect(await findings()).toEqual([expect.objectContaining({ file: fourth })]);
  });

  it.each([1, 15, 16, 100])('are found when %i bytes are appended after the seal', async (count) => {
    for (const fill of [0, 0xa5]) {
      await appendFile(segments[2]!, Buffer.alloc(count, fill));
      expect(await findings(), `fill ${fill}`).toEqual([expect.objectContaining({ file: segments[2] })]);
      await expectPrefixThenDamage();
      await writeFile(segments[2]!, originals.get(segments[2]!)!);
    }
  });

  it('are found when a whole record is repeated', async () => {
    const whole = originals.get(segments[2]!)!;
    const end = nextRecord(whole, 160);
    const next = nextRecord(whole, end);
    await writeFile(segments[2]!, Buffer.concat([whole.subarray(0, next), whole.subarray(end, next), whole.subarray(next)]));
    expect(await findings()).toEqual([expect.objectContaining({ file: segments[2], record: 2 })]);
    await expectPrefixThenDamage();
  });
});

describe('a store put in another’s place', () => {
  it('does not open as another project of the same home, though both use one key', async () => {
    const key = await home.keys.createKey({ owner: 'customer' });
    const [one, two] = [await makeProject(home, 'One', key.keyId), await makeProject(home, 'Two', key.keyId)];
    await fillSegments(home, one.projectId, [[0, 1]]);
    await copyFiles(join(home.store, one.projectId), join(home.store, two.projectId));
    const { findings: found } = await verifyProject(localSource(join(home.store, two.projectId)), two.projectId, home.keys, { inUse: false });
    expect(found).toHaveLength(1);
    const { batches, error } = await readAll(home, two.projectId);
    expect(batches).toEqual([]);
    expect(error).toMatchObject({ code: 'STORE_DAMAGED' });
  });

  it('does not open in another home', async () => {
    const other = await makeHome();
    try {
      await makeProject(other);
      await copyFiles(join(home.store, projectId), join(other.store, projectId));
      const { batches, error } = await readAll(other, projectId);
      expect(batches).toEqual([]);
      expect(error).toMatchObject({ code: 'KEY_NOT_FOUND' });
    } finally {
      await other.remove();
    }
  });
});

describe('the list of what was rewritten and removed', () => {
  let changed: TestHome;
  let changedId: string;
  let list: string;
  let files: Map<string, Buffer>;

  beforeAll(async () => {
    changed = await makeHome();
    const project = await makeProject(changed);
    changedId = project.projectId;
    await fillSegments(changed, changedId, [[0, 1], [2, 3], [4, 5, 6]]);
    const source = localSource(join(changed.store, changedId));
    const log = { source, projectId: changedId, keyId: project.keyId, keys: changed.keys };
    await reencryptLog(log);
    await retainLog(log, { receivedBeforeMs: arrivalOf(0).receivedMs + 1 });
    await fillSegments(changed, changedId, [[7]]);
    list = source.amendmentsPath;
    files = await contentsOf(await storeFiles(changed, changedId));
  });
  afterEach(async () => {
    for (const path of await storeFiles(changed, changedId)) if (!files.has(path)) await rm(path);
    for (const [path, bytes] of files) await writeFile(path, bytes);
  });
  afterAll(() => changed.remove());

  const found = async (): Promise<readonly Finding[]> => (await verifyProject(localSource(join(changed.store, changedId)), changedId, changed.keys, { inUse: false })).findings;

  it('is without fault as it was written', async () => {
    expect(await found()).toEqual([]);
    expect((await readAll(changed, changedId)).batches.map(({ batch }) => batch.sequence)).toEqual([4, 5, 6, 7]);
  });

  it('is found altered at any of its bytes, and nothing is read by it', async () => {
    const whole = files.get(list)!;
    for (let at = 0; at < whole.length; at += at < 64 ? 1 : 5) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (at % 8);
      await writeFile(list, bytes);
      expect(await found(), `byte ${at}`).toContainEqual(expect.objectContaining({ file: list }));
      const { batches, error } = await readAll(changed, changedId);
      expect(batches).toEqual([]);
      expect((error as StoreError).place?.file, `byte ${at}`).toBe(list);
    }
  });

  it('is missed when it is removed, cut off, or another project’s', async () => {
    await rm(list);
    expect(await found()).not.toEqual([]);
    await writeFile(list, files.get(list)!.subarray(0, 40));
    expect(await found()).toContainEqual(expect.objectContaining({ file: list }));
    const other = await makeProject(changed, 'Other');
    await fillSegments(changed, other.projectId, [[0]]);
    const source = localSource(join(changed.store, other.projectId));
    await reencryptLog({ source, projectId: other.projectId, keyId: other.keyId, keys: changed.keys });
    await copyFile(source.amendmentsPath, list);
    expect(await found()).toContainEqual(expect.objectContaining({ file: list }));
    expect((await readAll(changed, changedId)).batches).toEqual([]);
  });

  it('does not let an older version of a segment, or of the list, stand for the newer', async () => {
    const source = localSource(join(changed.store, changedId));
    const [oldList, oldSegments] = [files.get(list)!, await contentsOf(await storeFiles(changed, changedId, '.seg'))];
    const { keyId } = await changed.projects.read(changedId);
    await reencryptLog({ source, projectId: changedId, keyId, keys: changed.keys });
    const newer = await contentsOf(await storeFiles(changed, changedId));
    for (const [path, bytes] of oldSegments) await writeFile(path, bytes);
    for (const path of oldSegments.keys()) await writeFile(path.replace('.seg', '.key'), files.get(path.replace('.seg', '.key'))!);
    expect((await found()).map(({ file }) => file)).toEqual(expect.arrayContaining([...oldSegments.keys()]));
    for (const path of await storeFiles(changed, changedId)) await rm(path);
    for (const [path, bytes] of newer) await writeFile(path, bytes);
    await writeFile(list, oldList);
    expect(await found()).not.toEqual([]);
    expect((await readAll(changed, changedId)).error).toMatchObject({ code: 'STORE_DAMAGED' });
    for (const path of newer.keys()) await rm(path);
  });
});

it('names the index and the seal of a segment when they are altered, also where nothing else of it is read', async () => {
  const path = segments[1]!;
  const bytes = Buffer.from(originals.get(path)!);
  for (const at of [bytes.length - 80 - 8, bytes.length - 80, bytes.length - 40, bytes.length - 1]) {
    bytes[at]! ^= 0x10;
    await writeFile(path, bytes);
    const items = readProject(localSource(join(home.store, projectId)), projectId, home.keys, { sensors: new Set(['00124b00000000ff']) });
    const reading = async (): Promise<void> => {
      for (let step = await items.next(); !step.done; ) step = await items.next();
    };
    await expect(reading(), `byte ${at}`).rejects.toMatchObject({ code: 'STORE_DAMAGED', place: expect.objectContaining({ file: path }) as unknown });
    bytes[at]! ^= 0x10;
  }
});

it('keeps nothing readable: no payload, gateway, sensor or project name is in any file', () => {
  const files = [...originals.values()];
  for (const secret of [Buffer.from('00124b0000000001'), Buffer.from('00124b0000000001', 'hex'), Buffer.from('00124b00000000aa', 'hex'), Buffer.from('Mill')]) {
    for (const bytes of files) expect(bytes.includes(secret)).toBe(false);
  }
});
