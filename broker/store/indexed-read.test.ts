/** What is asked for is read and the rest is not, and the answer is what a full read gives. */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeHome, makeProject, NOW_MS, type TestHome } from '../broker.fixture.ts';
import { batchesOf, batchFrom, fill, G1, G2, S1, S2, S3, told } from './life.fixture.ts';
import type { StoredBatch } from './read.ts';
import type { Selection } from './segment-index.ts';
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
