/** What owners do with stored data: another key, fresh data keys, less of it, none of it. Nothing else is lost, and all still verifies. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentsOf, makeHome, makeProject, NOW_MS, publish, storeFiles, type TestHome } from '../broker.fixture.ts';
import type { Project } from '../projects.ts';
import { batchesOf, batchFrom, fill, G1, G2, killedAt, logOf, S1, S2, S3, told } from './life.fixture.ts';
import { reencryptLog } from './reencrypt.ts';
import { retainLog } from './retention.ts';
import type { LogToChange } from './rewrite.ts';
import { rewrapLog } from './rewrap.ts';
import { openSegment, recordsOf } from './segment-reader.ts';
import { localSource } from './segment-source.ts';
import { shredFrom, type Shredding } from './shred.ts';
import { storeStats } from './stats.ts';
import { verifyProject, type Verification } from './verify.ts';

let home: TestHome;
let project: Project;

/** What each segment holds: gateway/number: sensors. */
const SEGMENTS = [
  [batchFrom(G1, 0, [S1]), batchFrom(G1, 1, [S1, S2])],
  [batchFrom(G2, 0, [S3])],
  [batchFrom(G1, 2, [S2]), batchFrom(G2, 1, [S3, S1])],
];
const ALL = ['1/0: a1', '1/1: a1 a2', '2/0: a3', '1/2: a2', '2/1: a3 a1'];

beforeEach(async () => {
  home = await makeHome();
  const key = await home.keys.createKey({ owner: 'customer' });
  project = await makeProject(home, 'Mill', key.keyId);
  await fill(home, project.projectId, SEGMENTS);
});
afterEach(() => home.remove());

const directory = (): string => join(home.store, project.projectId);
const contents = async (): Promise<string[]> => told(await batchesOf(home, project.projectId));

async function verify(options: Partial<Parameters<typeof verifyProject>[3]> = {}): Promise<Verification> {
  return verifyProject(localSource(directory()), project.projectId, home.keys, { inUse: false, ...options });
}

async function expectSound(): Promise<void> {
  expect(await verify()).toMatchObject({ findings: [], rollback: [] });
}

const only = (what: Partial<Shredding>): Shredding => ({ gateways: new Set(), sensors: new Set(), ...what });

/** Runs `work` on a disk that stops at each of its steps in turn; after each, what `after` says holds. */
async function killedAtEach(work: (log: LogToChange) => Promise<unknown>, after: () => Promise<void>): Promise<void> {
  const before = await contentsOf(await storeFiles(home, project.projectId));
  for (let at = 0; ; at++) {
    for (const path of await storeFiles(home, project.projectId)) await localSource(directory()).remove({ ordinal: 0, segmentId: '', path, keyPath: path });
    for (const [path, bytes] of before) await writeFile(path, bytes);
    const { source, killed } = killedAt(localSource(directory()), at);
    await work(logOf(home, project, source)).catch((error: unknown) => expect((error as Error).message).toBe('killed'));
    await after();
    if (!killed()) return;
  }
}

describe('reencrypt', () => {
  it('gives every segment a fresh data key and other bytes, and leaves what they say, and nothing else, in place', async () => {
    const before = await contentsOf(await storeFiles(home, project.projectId));
    expect(await reencryptLog(logOf(home, project))).toEqual({ segments: 3 });
    const after = await contentsOf(await storeFiles(home, project.projectId));
    expect([...after.keys()].filter((path) => before.has(path))).toEqual([]);
    expect(await contents()).toEqual(ALL);
    await expectSound();
    expect(await storeStats(localSource(directory()), project.projectId, home.keys)).toMatchObject({ segments: 3, rewritten: 3 });
  });

  it('may be done again, and what is stored afterwards still links', async () => {
    await reencryptLog(logOf(home, project));
    await fill(home, project.projectId, [[batchFrom(G1, 3, [S1])]]);
    await reencryptLog(logOf(home, project));
    await fill(home, project.projectId, [[batchFrom(G1, 4, [S1])]]);
    expect(await contents()).toEqual([...ALL, '1/3: a1', '1/4: a1']);
    await expectSound();
  });

  it('killed at any step loses nothing, is read as before, and goes on where it was', async () => {
    await killedAtEach((log) => reencryptLog(log), async () => {
      expect(await contents()).toEqual(ALL);
      const { segments } = await reencryptLog(logOf(home, project));
      expect(segments).toBeLessThanOrEqual(3);
      expect(await contents()).toEqual(ALL);
      await expectSound();
      expect((await storeFiles(home, project.projectId)).length).toBe(7);
    });
  });

  it('writes a segment anew that a killed broker left without its seal', async () => {
    const sink = await home.openSink();
    await publish(sink, project.projectId, batchFrom(G1, 3, [S1]));
    const open = await contentsOf(await storeFiles(home, project.projectId));
    await sink.close();
    for (const [path, bytes] of open) await writeFile(path, bytes); // as it was before it was sealed
    await reencryptLog(logOf(home, project));
    await expectSound();
    await fill(home, project.projectId, [[batchFrom(G1, 3, [S1]), batchFrom(G1, 4, [S1])]]);
    expect(await contents()).toEqual([...ALL, '1/3: a1', '1/4: a1']);
    await expectSound();
  });
});

describe('shred', () => {
  it('takes a gateway out of every segment, and leaves those alone that hold nothing of it', async () => {
    const before = await storeFiles(home, project.projectId, '.seg');
    expect(await shredFrom(logOf(home, project), only({ gateways: new Set([G2]) }))).toMatchObject({ segments: 2, removedBatches: 2, changedBatches: 0, removedMessages: 3 });
    expect(await contents()).toEqual(['1/0: a1', '1/1: a1 a2', '1/2: a2']);
    expect((await storeFiles(home, project.projectId, '.seg'))[0]).toBe(before[0]);
    await expectSound();
  });

  it('takes a sensor out of batches that hold others’ messages too', async () => {
    expect(await shredFrom(logOf(home, project), only({ sensors: new Set([S1]) }))).toMatchObject({ segments: 2, removedBatches: 1, changedBatches: 2, removedMessages: 3 });
    expect(await contents()).toEqual(['1/1: a2', '2/0: a3', '1/2: a2', '2/1: a3']);
    await expectSound();
  });

  it.each([[1, only({ gateways: new Set([G2]) })], [2, only({ sensors: new Set([S1]) })]])('does not take back what is sent again (%i)', async (_case, what) => {
    await shredFrom(logOf(home, project), what);
    const left = await contents();
    await fill(home, project.projectId, [SEGMENTS.flat()]);
    expect(await contents()).toEqual(left);
    await fill(home, project.projectId, [[batchFrom(G2, 2, [S3])]]);
    expect(await contents()).toEqual([...left, '2/2: a3']);
    await expectSound();
  });

  it('leaves nothing that an old key opens: every copy of every key is tried on every file', async () => {
    const { projectId } = project;
    const old = await Promise.all((await localSource(directory()).list()).map(async (file) => ({ file, key: await localSource(directory()).readKeyFile(file) })));
    await shredFrom(logOf(home, project), only({ sensors: new Set([S1]) }));
    const gone = [old[0]!, old[2]!];
    const now = await localSource(directory()).list();
    for (const { file, key } of gone) {
      expect(now.map(({ path }) => path)).not.toContain(file.path);
      for (const other of now) {
        const source = { ...localSource(directory()), readKeyFile: () => Promise.resolve(key) };
        await expect(openSegment(source, other, projectId, home.keys)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
      }
    }
    const files = await filesUnder(home.root);
    for (const { key } of gone) for (const bytes of files.values()) expect(bytes.includes(key.wrapped)).toBe(false);
    // And of what the present keys open, nothing is the sensor's.
    for (const file of now) {
      const segment = await openSegment(localSource(directory()), file, projectId, home.keys);
      for await (const { plaintext } of recordsOf(segment)) for (const secret of [Buffer.from(S1, 'hex'), Buffer.from(S1)]) expect(plaintext.includes(secret)).toBe(false);
    }
  });

  it('killed at any step loses nothing of others, and the same again does the rest', async () => {
    const what = only({ gateways: new Set([G2]) });
    await killedAtEach((log) => shredFrom(log, what), async () => {
      expect((await contents()).filter((one) => one.startsWith('1/'))).toEqual(['1/0: a1', '1/1: a1 a2', '1/2: a2']);
      await shredFrom(logOf(home, project), what);
      expect(await contents()).toEqual(['1/0: a1', '1/1: a1 a2', '1/2: a2']);
      await expectSound();
    });
  });

  it('of a whole project leaves no segment and no key', async () => {
    const wrapped = [...(await contentsOf(await storeFiles(home, project.projectId, '.key'))).values()];
    await reencryptLog(logOf(home, project));
    wrapped.push(...(await contentsOf(await storeFiles(home, project.projectId, '.key'))).values());
    await localSource(directory()).destroy();
    await home.projects.destroy(project.projectId);
    expect([...(await filesUnder(home.root)).keys()].filter((path) => path.includes(project.projectId))).toEqual([]);
    for (const bytes of (await filesUnder(home.root)).values()) for (const key of wrapped) expect(bytes.includes(key.subarray(60, 120))).toBe(false);
  });
});

describe('retain', () => {
  it('removes the oldest segments that are too old, never the newest, and what is left verifies', async () => {
    expect(await retainLog(logOf(home, project), { receivedBeforeMs: NOW_MS + 1 }, true)).toMatchObject({ segments: 2, leftSegments: 1 });
    expect(await contents()).toEqual(ALL);
    expect(await retainLog(logOf(home, project), { receivedBeforeMs: NOW_MS + 1 })).toMatchObject({ segments: 2, leftSegments: 1 });
    expect(await contents()).toEqual(['1/2: a2', '2/1: a3 a1']);
    expect((await storeFiles(home, project.projectId)).length).toBe(3);
    await expectSound();
    expect(await retainLog(logOf(home, project), { receivedBeforeMs: NOW_MS })).toMatchObject({ segments: 0 });
  });

  it('removes what is beyond a size', async () => {
    const bytes = (await storeStats(localSource(directory()), project.projectId, home.keys)).bytes;
    expect(await retainLog(logOf(home, project), { bytes: bytes - 1 })).toMatchObject({ segments: 1, leftSegments: 2 });
    expect(await contents()).toEqual(ALL.slice(2));
    await expectSound();
  });

  it('keeps knowing the batches that it removed', async () => {
    await retainLog(logOf(home, project), { receivedBeforeMs: NOW_MS + 1 });
    await fill(home, project.projectId, [SEGMENTS.flat()]);
    expect(await contents()).toEqual(['1/2: a2', '2/1: a3 a1']);
  });

  it('works on segments that were written anew, which are then forgotten', async () => {
    await reencryptLog(logOf(home, project));
    await retainLog(logOf(home, project), { receivedBeforeMs: NOW_MS + 1 });
    await expectSound();
    expect(await storeStats(localSource(directory()), project.projectId, home.keys)).toMatchObject({ segments: 1, rewritten: 1, removed: 2 });
  });

  it('killed at any step is finished by the next', async () => {
    await killedAtEach((log) => retainLog(log, { receivedBeforeMs: NOW_MS + 1 }), async () => {
      expect([ALL, ALL.slice(3)]).toContainEqual(await contents());
      await retainLog(logOf(home, project), { receivedBeforeMs: NOW_MS + 1 });
      expect(await contents()).toEqual(ALL.slice(3));
      await expectSound();
    });
  });

  it('is found when a removed segment is put back', async () => {
    const [path, keyPath] = [(await storeFiles(home, project.projectId, '.seg'))[0]!, (await storeFiles(home, project.projectId, '.key'))[0]!];
    const [segment, key] = [await readFile(path), await readFile(keyPath)];
    await retainLog(logOf(home, project), { receivedBeforeMs: NOW_MS + 1 });
    await writeFile(path, segment);
    await writeFile(keyPath, key);
    expect((await verify()).findings).toEqual([expect.objectContaining({ file: path })]);
    expect(await contents()).toEqual(ALL.slice(3));
  });
});

describe('rewrap', () => {
  const keyIds = async (): Promise<string[]> => [...(await storeStats(localSource(directory()), project.projectId, home.keys)).keys.keys()];

  it('leaves nothing under the old key and does not touch what is stored', async () => {
    await reencryptLog(logOf(home, project));
    const before = await contentsOf(await storeFiles(home, project.projectId, '.seg'));
    const to = await home.keys.createKey({ owner: 'customer' });
    await home.projects.moveTo(project.projectId, to.keyId);
    expect(await rewrapLog({ ...logOf(home, project), keyId: to.keyId })).toEqual({ segments: 3, already: 0 });
    expect(await contentsOf(await storeFiles(home, project.projectId, '.seg'))).toEqual(before);
    expect(await keyIds()).toEqual([to.keyId]);
    await home.keys.disableKey(project.keyId);
    expect(await contents()).toEqual(ALL);
    await expectSound();
    expect(await home.projects.read(project.projectId)).toMatchObject({ name: 'Mill', keyId: to.keyId });
    const old = Buffer.from(project.keyId.replaceAll('-', ''), 'hex');
    for (const [path, bytes] of await filesUnder(home.root)) if (!path.includes('keystore')) expect(bytes.includes(old) || bytes.includes(project.keyId), path).toBe(false);
  });

  it('killed at any step reads as before and is finished by the same again', async () => {
    const { keyId } = await home.keys.createKey({ owner: 'customer' });
    await home.keys.grant(keyId, project.projectId);
    await killedAtEach((log) => rewrapLog({ ...log, keyId }), async () => {
      expect(await contents()).toEqual(ALL);
      await rewrapLog({ ...logOf(home, project), keyId });
      expect(await keyIds()).toEqual([keyId]);
      await expectSound();
    });
  });
});

it('tells in numbers what is stored', async () => {
  expect(await storeStats(localSource(directory()), project.projectId, home.keys)).toMatchObject({
    segments: 3, openSegments: 0, batches: 5, messages: 7, messagesByKind: { measurement: 0, waveform: 0, event: 7 }, messagesNotLookedAt: 0,
    gateways: 2, sensors: 3, received: { fromMs: NOW_MS, toMs: NOW_MS }, measured: { fromMs: NOW_MS, toMs: NOW_MS + 2 }, keys: new Map([[project.keyId, 3]]),
  });
});

async function filesUnder(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return contentsOf(entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)));
}
