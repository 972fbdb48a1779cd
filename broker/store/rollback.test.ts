/** An older copy of a store is without fault within itself: who saw more of it tells. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { contentsOf, makeHome, makeProject, storeFiles, type TestHome } from '../broker.fixture.ts';
import type { Project } from '../projects.ts';
import { batchFrom, fill, G1, G2, logOf, S1, S3 } from './life.fixture.ts';
import { viewLog } from './log-view.ts';
import { retainLog } from './retention.ts';
import { openSegment, recordsOf } from './segment-reader.ts';
import { localSource } from './segment-source.ts';
import { shredFrom } from './shred.ts';
import { verifyProject, type Verification } from './verify.ts';
import { parseCheckpoint, type Witness } from './witness.ts';

let home: TestHome;
let project: Project;

beforeEach(async () => {
  home = await makeHome();
  project = await makeProject(home);
  await fill(home, project.projectId, [[batchFrom(G1, 0, [S1])], [batchFrom(G1, 1, [S1]), batchFrom(G2, 0, [S3])]]);
});
afterEach(() => home.remove());

const source = (): ReturnType<typeof localSource> => localSource(join(home.store, project.projectId));

/** Every place at which the newest segment of the log ever stood, and the version of its amendments. */
async function checkpoints(): Promise<Witness[]> {
  const { projectId } = project;
  const { amendments, segments } = await viewLog(source(), projectId, home.keys);
  const file = segments.at(-1)!;
  const seen: Witness[] = [];
  for await (const { number, chain } of recordsOf(await openSegment(source(), file, projectId, home.keys))) {
    seen.push({ projectId, segmentId: file.segmentId, ordinal: file.ordinal, records: number + 1, chainHex: chain.toString('hex'), amendments: amendments.version, from: 'gateway 1' });
  }
  return seen;
}

async function verify(witnesses: readonly Witness[]): Promise<Verification> {
  return verifyProject(source(), project.projectId, home.keys, { inUse: false, witnesses });
}

async function expectRollback(witnesses: readonly Witness[], what: string): Promise<void> {
  const { findings, rollback } = await verify(witnesses);
  expect(findings).toEqual([]);
  expect(rollback.map((one) => one.what)).toEqual(expect.arrayContaining([expect.stringContaining(what) as string]));
}

async function putBack(files: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const path of await storeFiles(home, project.projectId)) await rm(path);
  for (const [path, bytes] of files) await writeFile(path, bytes);
}

const copy = async (): Promise<Map<string, Buffer>> => contentsOf(await storeFiles(home, project.projectId));

it('finds nothing in a log that went on from where it was seen, wherever that was', async () => {
  const seen = await checkpoints();
  await fill(home, project.projectId, [[batchFrom(G1, 2, [S1])]]);
  expect(await verify([...seen, ...(await checkpoints())])).toMatchObject({ findings: [], rollback: [] });
});

it('finds an older copy of the whole store, put back with its keys', async () => {
  const before = await copy();
  await fill(home, project.projectId, [[batchFrom(G1, 2, [S1])]]);
  const seen = await checkpoints();
  await putBack(before);
  await expectRollback(seen.slice(-1), 'the log ends before it');
});

it('finds that the newest segments were removed with their keys', async () => {
  const seen = await checkpoints();
  for (const path of (await storeFiles(home, project.projectId)).slice(-2)) await rm(path);
  await expectRollback(seen.slice(0, 1), 'the log ends before it');
});

it('finds a log that went on otherwise from an older copy', async () => {
  const before = await copy();
  await fill(home, project.projectId, [[batchFrom(G1, 2, [S1])]]);
  const seen = await checkpoints();
  await putBack(before);
  await fill(home, project.projectId, [[batchFrom(G1, 3, [S1])]]);
  await expectRollback(seen.slice(-1), 'which was another one');
});

it('finds that what was shredded was put back', async () => {
  const before = await copy();
  await shredFrom(logOf(home, project), { gateways: new Set([G2]), sensors: new Set() });
  const { amendments } = await viewLog(source(), project.projectId, home.keys);
  await putBack(before);
  await expectRollback([{ ...(await checkpoints())[0]!, amendments: amendments.version }], 'this is an older copy');
});

it('finds nothing in what the owner rewrote or removed since it was seen', async () => {
  const seen = await checkpoints();
  await shredFrom(logOf(home, project), { gateways: new Set([G2]), sensors: new Set() });
  expect(await verify(seen)).toMatchObject({ findings: [], rollback: [] });
  await fill(home, project.projectId, [[batchFrom(G1, 2, [S1])]]);
  await retainLog(logOf(home, project), { bytes: 0 });
  expect(await verify(seen)).toMatchObject({ findings: [], rollback: [], segments: 1 });
});

it('takes for a checkpoint only what is one', () => {
  const good = { projectId: 'p-0123456789abcdef', segmentId: 'ab'.repeat(16), ordinal: 1, records: 2, chainHex: 'cd'.repeat(32) };
  expect(parseCheckpoint(JSON.stringify({ ...good, amendments: 3, more: true }))).toEqual({ ...good, amendments: 3 });
  for (const bad of ['', '{}', 'null', JSON.stringify({ ...good, ordinal: 0 }), JSON.stringify({ ...good, chainHex: 'x' })]) expect(parseCheckpoint(bad)).toBeUndefined();
});
