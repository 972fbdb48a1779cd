/** What was not looked into while it was written is looked into later, from the file, and the index then says the same as if it had been. */
import { copyFile, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { makeHome, makeProject, publish, type TestHome } from '../broker.fixture.ts';
import { G1, G2, manyFrom, S1, S2, S3 } from './life.fixture.ts';
import { LateLook } from './late-look.ts';
import { RECORD, wipe } from './segment-format.ts';
import { decodeIndex, IndexBuilder } from './segment-index.ts';
import { openSegment, readSeal, recordsOf, type OpenedSegment } from './segment-reader.ts';
import { localSource } from './segment-source.ts';

let home: TestHome;
let segment: OpenedSegment;
/** A copy of the segment's file. */
let path: string;

beforeEach(async () => {
  home = await makeHome();
  const { projectId } = await makeProject(home);
  // Of each sensor more than a part, in a group of its own.
  const sink = await home.openSink();
  for (const [gatewayId, sensorId, place] of [[G1, S1, 0], [G1, S2, 1], [G2, S3, 0]] as const) await Promise.all(manyFrom(gatewayId, sensorId, place).map((batch) => publish(sink, projectId, batch)));
  await sink.close();
  const source = localSource(join(home.store, projectId));
  const file = (await source.list())[0]!;
  segment = await openSegment(source, file, projectId, home.keys);
  path = join(home.root, 'copy.seg');
  await copyFile(file.path, path);
});
afterEach(() => home.remove());

/** An index of the segment's groups. */
async function indexOf(mayLook: () => boolean): Promise<IndexBuilder> {
  const index = new IndexBuilder(mayLook);
  for await (const { type, number, offset, plaintext } of recordsOf(segment)) {
    if (type === RECORD.group) index.add(number, offset, 16 + plaintext.length + 16 + (-(plaintext.length + 16) & 7), plaintext);
  }
  return index;
}

it('finds in the parts what the writer would have found', async () => {
  const [looked, index] = [await indexOf(() => true), await indexOf(() => false)];
  expect(decodeIndex(index.encode()).parts.every(({ sensors, measured, kinds }) => !sensors && !measured && !kinds)).toBe(true);
  const late = new LateLook(path, segment.keys, index);
  late.wake();
  await vi.waitFor(() => expect(index.left(false)).toBeUndefined(), { timeout: 10_000, interval: 5 });
  await late.finish(Infinity);
  expect(index.left(true)).toBeUndefined();
  expect(decodeIndex(index.encode()).parts).toEqual(decodeIndex(looked.encode()).parts);
  expect(decodeIndex(index.encode())).toEqual((await readSeal(segment))!.index);
});

it('leaves what it has no time for as it is', async () => {
  const index = await indexOf(() => false);
  const before = index.encode();
  const late = new LateLook(path, segment.keys, index);
  await late.finish(0);
  expect(index.encode()).toEqual(before);
});

it('touches nothing once the keys are forgotten, wherever it was', async () => {
  const index = await indexOf(() => false);
  const before = decodeIndex(index.encode()).parts;
  const late = new LateLook(path, segment.keys, index);
  late.wake();
  late.stop();
  wipe(segment.keys);
  await late.finish(0);
  expect(decodeIndex(index.encode()).parts).toEqual(before);
});

it.each(['altered', 'cut off', 'gone'])('says of a part that is %s nothing, so that who reads it is told', async (what) => {
  const index = await indexOf(() => false);
  const before = index.encode();
  const file = await open(path, 'r+');
  if (what === 'altered') {
    for (const { offset } of decodeIndex(before).parts) {
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset + 100);
      await file.write(Buffer.of(buffer[0]! ^ 1), 0, 1, offset + 100);
    }
  }
  if (what === 'cut off') await file.truncate(200);
  await file.close();
  if (what === 'gone') await rm(path);
  await new LateLook(path, segment.keys, index).finish(Infinity);
  expect(index.left(true)).toBeUndefined();
  expect(index.encode()).toEqual(before);
});
