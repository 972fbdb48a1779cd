/** What is asked for is read and the rest is not, and the answer is what a full read gives. */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeHome, makeProject, NOW_MS, publish, type TestHome } from '../broker.fixture.ts';
import { batchesOf, batchFrom, fill, G1, G2, manyFrom, S1, S2, S3, told } from './life.fixture.ts';
import type { StoredBatch } from './read.ts';
import type { Selection } from './segment-index.ts';
import { openSegment, readSeal } from './segment-reader.ts';
import { localSource, type SegmentSource } from './segment-source.ts';

let home: TestHome;
let projectId: string;

beforeAll(async () => {
  home = await makeHome();
  projectId = (await makeProject(home)).projectId;
  await fill(home, projectId, [
    [batchFrom(G1, 0, [S1]), batchFrom(G1, 1, [S1, S2])],
    [batchFrom(G2, 0, [S3], NOW_MS + 50_000)],
    [batchFrom(G1, 2, [S2], NOW_MS + 90_000), batchFrom(G2, 1, [S3, S1], NOW_MS + 90_001)],
  ]);
});
afterAll(() => home.remove());

/** Counts what is read of each segment, but for its header, its seal and its index. */
function counting(source: SegmentSource): { readonly source: SegmentSource; readonly groupBytes: Map<number, number> } {
  const groupBytes = new Map<number, number>();
  return {
    groupBytes,
    source: {
      ...source,
      read: async (file, offset, length) => {
        const isFrame = offset === 0 || offset + length >= (await source.size(file)) - 80;
        if (!isFrame) groupBytes.set(file.ordinal, (groupBytes.get(file.ordinal) ?? 0) + length);
        return source.read(file, offset, length);
      },
    },
  };
}

/** The batches with what a selection wants of them. */
function exactly(batches: readonly StoredBatch[], { gateways, sensors, fromMs = 0, toMs = Infinity }: Selection): string[] {
  const wanted = batches.map((one) => ({
    ...one,
    batch: { ...one.batch, messages: one.batch.messages.filter(({ sensorId, timeMs }) => (!sensors || sensors.has(sensorId)) && timeMs >= fromMs && timeMs <= toMs) },
  }));
  return told(wanted.filter(({ batch }) => batch.messages.length > 0 && (!gateways || gateways.has(batch.gatewayId))));
}

it('reads of segments that cannot hold what is asked for nothing but header, index and seal', async () => {
  const { source, groupBytes } = counting(localSource(join(home.store, projectId)));
  expect(exactly(await batchesOf(home, projectId, { sensors: new Set([S3]) }, source), { sensors: new Set([S3]) })).toEqual(['2/0: a3', '2/1: a3']);
  expect([...groupBytes.keys()]).toEqual([2, 3]);
  groupBytes.clear();
  await batchesOf(home, projectId, { fromMs: NOW_MS + 40_000, toMs: NOW_MS + 60_000 }, source);
  expect([...groupBytes.keys()]).toEqual([2]);
  groupBytes.clear();
  expect(await batchesOf(home, projectId, { gateways: new Set(['00124b00000000ff']) }, source)).toEqual([]);
  expect(groupBytes.size).toBe(0);
});

it('gives what a full read gives, whatever is asked for', async () => {
  const all = await batchesOf(home, projectId);
  const some = <T>(values: readonly T[]): fc.Arbitrary<ReadonlySet<T> | undefined> => fc.option(fc.subarray([...values], { minLength: 1 }).map((one) => new Set(one)), { nil: undefined });
  const time = fc.option(fc.integer({ min: NOW_MS - 1, max: NOW_MS + 90_002 }), { nil: undefined });
  const selections = fc.record({ gateways: some([G1, G2]), sensors: some([S1, S2, S3]), fromMs: time, toMs: time });
  await fc.assert(
    fc.asyncProperty(selections, async (given) => {
      const selection = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Selection;
      expect(exactly(await batchesOf(home, projectId, selection), selection)).toEqual(exactly(all, selection));
    }),
    { numRuns: 100 },
  );
});

it('reads an open segment whole', async () => {
  const sink = await home.openSink();
  await new Promise((resolve) => sink.publish(projectId, batchFrom(G2, 7, [S2]), resolve));
  expect(exactly(await batchesOf(home, projectId, { sensors: new Set([S2]) }), { sensors: new Set([S2]) }).at(-1)).toBe('2/7: a2');
  await sink.close();
});

it('checks that segments of which it reads nothing still continue one another', async () => {
  const source = localSource(join(home.store, projectId));
  const without = { ...source, list: async () => (await source.list()).filter(({ ordinal }) => ordinal !== 2) };
  await expect(batchesOf(home, projectId, { gateways: new Set([G1]) }, without)).rejects.toThrow('segment 2 is missing');
});

it('decrypts of a segment written under load only what can hold a sensor or a time', { timeout: 60_000 }, async () => {
  const other = (await makeProject(home, 'Under load')).projectId;
  const sink = await home.openSink();
  const sensors = [S1, S2, S3];
  for (const [place, sensorId] of [...sensors, ...sensors].entries()) {
    const batches = manyFrom(G1, sensorId, place); // at once, so that they are written before anyone has time to look at them
    expect((await Promise.all(batches.map((batch) => publish(sink, other, batch)))).filter(Boolean)).toEqual([]);
  }
  await sink.close();
  const local = localSource(join(home.store, other));
  const segment = await openSegment(local, (await local.list())[0]!, other, home.keys);
  const { parts } = (await readSeal(segment))!.index;
  expect(parts.length).toBeGreaterThanOrEqual(6);
  expect(parts.map(({ sensors: held }) => held?.length)).toEqual(parts.map(() => 1));
  const { source, groupBytes } = counting(local);
  expect(await batchesOf(home, other, { sensors: new Set([S2]) }, source)).toHaveLength(240);
  const ofS2 = parts.filter(({ sensors: held }) => held![0] === 1);
  expect(groupBytes.get(1)).toBe(ofS2.reduce((sum, { bytes }) => sum + bytes, 0));
  groupBytes.clear();
  await batchesOf(home, other, { fromMs: parts[1]!.measured![0], toMs: parts[1]!.measured![1] }, source);
  expect(groupBytes.get(1)).toBe(parts[1]!.bytes);
});
