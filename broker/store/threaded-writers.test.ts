/** The thread that writes, as it was built (`npm run build`): what it writes is what the other way writes, and its end is not overheard. */
import { Worker } from 'node:worker_threads';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { arrivalOf, makeHome, makeProject, publish, storedNames, type TestHome } from '../broker.fixture.ts';
import { Sink } from '../sink.ts';
import { threadedWriters } from './threaded-writers.ts';
import { verifyProject } from './verify.ts';

let home: TestHome;
let projectId: string;
let worker: Worker;

beforeEach(async () => {
  home = await makeHome();
  ({ projectId } = await makeProject(home));
});
afterEach(() => home.remove());

function openSink(): Promise<Sink> {
  worker = new Worker(new URL('../../dist/broker/store/writer-thread.js', import.meta.url));
  const { store: directory, projects, keys } = home;
  return Sink.open({ directory, projects, keys, writers: threadedWriters(worker), onFatal: (error) => home.fatal.push(error) });
}

const named = (...sequences: number[]): string[] => sequences.map((sequence) => `00124b0000000001/1/${sequence}`);

async function expectIntact(): Promise<void> {
  expect((await verifyProject(join(home.store, projectId), projectId, home.keys, { inUse: false })).findings).toEqual([]);
}

it('stores what it is given, once, and ends with its sink', async () => {
  const sink = await openSink();
  const answers = await Promise.all([0, 1, 1, 2].map((sequence) => publish(sink, projectId, arrivalOf(sequence))));
  expect(answers).toEqual([undefined, undefined, undefined, undefined]);
  await sink.close();
  expect(worker.threadId).toBe(-1);
  expect(await storedNames(home, projectId)).toEqual(named(0, 1, 2));
  await expectIntact();
});

it('that is ended by something else stops the sink, which acknowledges nothing that is not stored; the next start goes on', async () => {
  const sink = await openSink();
  expect(await publish(sink, projectId, arrivalOf(0))).toBeUndefined();
  const answers = Promise.all([1, 2, 3].map((sequence) => publish(sink, projectId, arrivalOf(sequence))));
  await worker.terminate();
  const stored = (await answers).flatMap((error, index) => (error ? [] : [index + 1]));
  expect(await publish(sink, projectId, arrivalOf(4))).toMatchObject({ code: 'STORE_FAILED' });
  expect(home.fatal).toEqual([expect.objectContaining({ code: 'STORE_FAILED', message: expect.stringContaining('the thread that writes') as string })]);
  await sink.close();
  expect(await storedNames(home, projectId)).toEqual(expect.arrayContaining(named(0, ...stored)));
  const next = await openSink();
  for (const sequence of [1, 2, 3, 4]) expect(await publish(next, projectId, arrivalOf(sequence))).toBeUndefined();
  await next.close();
  expect(await storedNames(home, projectId)).toEqual(named(0, 1, 2, 3, 4));
  await expectIntact();
});

it('takes times as they come, also when the clock jumps backwards', async () => {
  const sink = await openSink();
  const times = [1_760_000_000_000, 1_700_000_000_000, 1_700_000_000_000, 1, 1_760_000_000_001];
  const answers = await Promise.all(times.map((receivedMs, sequence) => publish(sink, projectId, { ...arrivalOf(sequence), receivedMs })));
  expect(answers.filter(Boolean)).toEqual([]);
  await sink.close();
  expect(await storedNames(home, projectId)).toEqual(named(0, 1, 2, 3, 4));
  await expectIntact();
});
