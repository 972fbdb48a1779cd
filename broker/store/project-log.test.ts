/** Promises 1 and 2 at the sink: a callback without error means stored; every batch is stored once, whatever happens. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFile, chmod, copyFile, mkdir, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  arrivalOf, fillSegments, keysOf, makeHome, makeProject, NOW_MS, publish, readAll, storedNames, storeFiles, wholeRecords, type TestHome,
} from '../broker.fixture.ts';
import type { Sink } from '../sink.ts';
import { systemDisk, type Disk } from './disk.ts';
import { ProjectLog, type LogCounts, type LogOptions } from './project-log.ts';
import { MAX_RANGES } from './seen-batches.ts';
import { localSource } from './segment-source.ts';
import { verifyProject } from './verify.ts';

let home: TestHome;
let projectId: string;
let keyId: string;
const logs: ProjectLog[] = [];

beforeEach(async () => {
  home = await makeHome();
  ({ projectId, keyId } = await makeProject(home));
});
afterEach(async () => {
  for (const log of logs.splice(0)) {
    log.refuse(new Error('over')); // lets go of the file as it is
    await append(log, 0);
  }
  await home.remove();
});

const noCounts = (): LogCounts => ({ stored: 0, duplicates: 0, storedBytes: 0, commits: 0 });

/** A log that nobody closes: what it leaves behind is what a killed broker leaves. */
function newLog(counts = noCounts(), options: LogOptions = {}): ProjectLog {
  const log = new ProjectLog(join(home.store, projectId), { projectId, keyId }, home.keys, counts, options);
  logs.push(log);
  return log;
}

function append(log: ProjectLog, sequence: number, bootEpoch = 1, gatewayId?: string): Promise<Error | undefined> {
  return new Promise((resolve) => log.append(arrivalOf(sequence, bootEpoch, gatewayId), resolve));
}

const named = (...sequences: number[]): string[] => sequences.map((sequence) => `00124b0000000001/1/${sequence}`);

async function expectIntact(): Promise<void> {
  const { findings } = await verifyProject(localSource(join(home.store, projectId)), projectId, home.keys, { inUse: false });
  expect(findings).toEqual([]);
}

describe('exactly once', () => {
  it('stores a batch once and acknowledges it again when it is resent', async () => {
    const sink = await home.openSink();
    for (const sequence of [0, 0, 1, 0, 1]) expect(await publish(sink, projectId, arrivalOf(sequence))).toBeUndefined();
    expect(sink.counts).toMatchObject({ stored: 2, duplicates: 3 });
    await sink.close();
    expect(await storedNames(home, projectId)).toEqual(named(0, 1));
    await expectIntact();
  });

  it('stores a batch once that comes twice in one commit group', async () => {
    const sink = await home.openSink();
    await publish(sink, projectId, arrivalOf(0));
    const answers = await Promise.all([1, 1, 2, 1, 2].map((sequence) => publish(sink, projectId, arrivalOf(sequence))));
    expect(answers).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(sink.counts).toMatchObject({ stored: 3, duplicates: 3, commits: 2 });
    await sink.close();
    expect(await storedNames(home, projectId)).toEqual(named(0, 1, 2));
  });

  it('takes batches out of order, with gaps, of several gateways and boot epochs, each once', async () => {
    const sink = await home.openSink();
    const wishes: [number, number, string][] = [];
    for (const gateway of ['00124b0000000001', '00124b0000000002']) for (const epoch of [3, 1]) for (const sequence of [9, 2, 7, 2, 3]) wishes.push([sequence, epoch, gateway]);
    for (const wish of wishes) expect(await publish(sink, projectId, arrivalOf(...wish))).toBeUndefined();
    await sink.close();
    const names = await storedNames(home, projectId);
    expect(names).toHaveLength(16);
    expect(new Set(names).size).toBe(16);
  });

  it('knows across restarts what is stored', async () => {
    await fillSegments(home, projectId, [[0, 1, 5], [1, 2, 5], [0, 3], [5]]);
    expect(await storedNames(home, projectId)).toEqual(named(0, 1, 5, 2, 3));
    expect(await storeFiles(home, projectId, '.seg')).toHaveLength(3); // only duplicates: no new segment
    await expectIntact();
  });

  it('calls back in the order of arrival', async () => {
    const sink = await home.openSink();
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 200 }, (_, sequence) =>
        new Promise<void>((resolve) => sink.publish(projectId, arrivalOf(sequence % 150), () => { order.push(sequence); resolve(); }))),
    );
    expect(order).toEqual(Array.from({ length: 200 }, (_, sequence) => sequence));
    await sink.close();
  });

  it('commits many publishes with one sync', async () => {
    const sink = await home.openSink();
    await Promise.all(Array.from({ length: 500 }, (_, sequence) => publish(sink, projectId, arrivalOf(sequence))));
    expect(sink.counts.stored).toBe(500);
    expect(sink.counts.commits).toBeLessThan(10);
    await sink.close();
  });

  it('has the bytes in the file when it calls back', async () => {
    const log = newLog();
    for (let sequence = 0; sequence < 5; sequence++) {
      expect(await append(log, sequence)).toBeUndefined();
      expect(await storedNames(home, projectId)).toHaveLength(sequence + 1); // read from the file, the segment still open
    }
    await log.close();
  });
});

it('ends its segment when the key is disabled, so that a clean stop leaves nothing to mend', async () => {
  const log = newLog();
  expect(await append(log, 0)).toBeUndefined();
  const refusal = new Error('the key is disabled');
  log.refuse(refusal);
  expect(await append(log, 1)).toBe(refusal);
  await log.close();
  expect(await storedNames(home, projectId)).toEqual(named(0));
  await expectIntact();
});

describe('a segment that is old', () => {
  const HOUR_MS = 3_600_000;
  let sealed: number[];

  beforeEach(() => {
    sealed = [];
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => vi.useRealTimers());

  /** A log that notes which segments it seals. */
  function agingLog(options: LogOptions = {}): ProjectLog {
    const log = newLog(noCounts(), options);
    log.onSealed = ({ ordinal }) => sealed.push(ordinal);
    return log;
  }

  const sealing = (log: ProjectLog): Promise<void> => new Promise((resolve) => {
    log.onSealed = ({ ordinal }) => {
      sealed.push(ordinal);
      resolve();
    };
  });

  it('is sealed an hour after its first batch, and what comes next begins another', async () => {
    const log = agingLog();
    await append(log, 0);
    vi.advanceTimersByTime(HOUR_MS / 2);
    await append(log, 1);
    vi.advanceTimersByTime(HOUR_MS / 2 - 1);
    await append(log, 2);
    expect(sealed).toEqual([]);
    const first = sealing(log);
    vi.advanceTimersByTime(1);
    await first;
    await expectIntact(); // although nobody closed the log
    expect(await storeFiles(home, projectId, '.seg')).toHaveLength(1);
    await append(log, 3);
    expect(await append(log, 0)).toBeUndefined(); // known, though of the segment before
    await log.close();
    expect(sealed).toEqual([1, 2]);
    expect(await storedNames(home, projectId)).toEqual(named(0, 1, 2, 3));
    await expectIntact();
  });

  it('is not there while nothing is stored: no timer runs', async () => {
    await append(newLog(), 0); // never sealed
    vi.clearAllTimers();
    const log = agingLog();
    await log.recover(); // begins a segment, which pins the one before
    expect(vi.getTimerCount()).toBe(0);
    await append(log, 0); // stored before
    expect(vi.getTimerCount()).toBe(0);
    await append(log, 1);
    const first = sealing(log);
    vi.advanceTimersByTime(HOUR_MS);
    await first;
    vi.advanceTimersByTime(100 * HOUR_MS);
    expect(vi.getTimerCount()).toBe(0);
    await log.close();
    expect(sealed).toEqual([2]);
    await expectIntact();
  });

  it('stays open while its log is held, and ends when that is over', async () => {
    const log = agingLog();
    await append(log, 0);
    log.hold(true);
    const first = sealing(log);
    vi.advanceTimersByTime(HOUR_MS);
    const answer = append(log, 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sealed).toEqual([]);
    log.hold(false);
    expect(await answer).toBeUndefined();
    await first;
    expect(sealed).toEqual([1]);
    await log.close();
    await expectIntact();
  });

  it.each(['close', 'refuse', 'both'])('is sealed once when it is to end for something else too: %s', async (what) => {
    const log = agingLog();
    await append(log, 0);
    const refusal = new Error('refused');
    vi.advanceTimersByTime(HOUR_MS);
    if (what !== 'close') log.refuse(refusal);
    const answer = append(log, 1);
    if (what === 'refuse') expect(await answer).toBe(refusal);
    await log.close();
    expect(sealed.filter((ordinal) => ordinal === 1)).toEqual([1]);
    await expectIntact();
  });

  it('takes nothing and nobody its turn: what comes all the time is stored once and in order', async () => {
    vi.useRealTimers();
    const log = agingLog({ sealAfterMs: 5 });
    const all = Array.from({ length: 300 }, (_, sequence) => sequence);
    for (const sequence of all) expect(await append(log, sequence)).toBeUndefined();
    await log.close();
    expect(sealed.length).toBeGreaterThan(2);
    expect(sealed).toEqual(sealed.map((_, index) => index + 1));
    expect(await storedNames(home, projectId)).toEqual(named(...all));
    await expectIntact();
  });

  it('whose end fails is told at once, although nobody waits for an answer', async () => {
    const failures: Error[] = [];
    let fails = false;
    const disk: Disk = { ...systemDisk, datasync: (handle) => (fails ? Promise.reject(new Error('EIO')) : systemDisk.datasync(handle)) };
    const log = agingLog({ disk, onFailed: (error) => failures.push(error) });
    await append(log, 0);
    fails = true;
    await log.endSegment();
    expect(failures).toEqual([expect.objectContaining({ code: 'STORE_FAILED' })]);
    expect(await append(log, 1)).toBe(failures[0]);
    fails = false;
    const next = newLog();
    expect(await append(next, 1)).toBeUndefined();
    await next.close();
    expect(await storedNames(home, projectId)).toEqual(named(0, 1));
    await expectIntact();
  });
});

describe('a killed writer', () => {
  it('loses nothing acknowledged, whatever the length of its torn tail, and the next segment links', async () => {
    expect(await append(newLog(), 0)).toBeUndefined(); // unsealed
    const first = (await storeFiles(home, projectId, '.seg'))[0]!;
    const acknowledged = wholeRecords(await readFile(first));
    // What the next record would have looked like.
    const log = newLog();
    expect(await append(log, 1)).toBeUndefined();
    await log.close();
    const second = await readFile((await storeFiles(home, projectId, '.seg'))[1]!);
    const record = second.subarray(160);
    const tail = Buffer.concat([record.subarray(0, 16), second.subarray(176)]);
    tail.writeUInt32LE(2, 4);
    tail.writeUInt32LE(crc32(tail.subarray(0, 12)), 12);
    for (const path of (await storeFiles(home, projectId)).slice(2)) await rm(path);
    const sealedBytes = tail.readUInt32LE(0);
    for (let length = 1; length < 16 + sealedBytes; length += length < 40 ? 1 : 13) {
      await truncate(first, acknowledged.length);
      await appendFile(first, tail.subarray(0, length));
      const next = newLog();
      expect(await append(next, 0), `tail of ${length}`).toBeUndefined();
      expect(await append(next, 1), `tail of ${length}`).toBeUndefined();
      await next.close();
      expect(await storedNames(home, projectId)).toEqual(named(0, 1));
      await expectIntact();
      expect((await readFile(first)).equals(acknowledged)).toBe(true);
      for (const path of (await storeFiles(home, projectId)).slice(2)) await rm(path);
    }
  });

  it('is found by verify until the broker was started once', async () => {
    await append(newLog(), 0);
    const before = await verifyProject(localSource(join(home.store, projectId)), projectId, home.keys, { inUse: false });
    expect(before.findings).toEqual([expect.objectContaining({ what: expect.stringContaining('no seal') as string })]);
    const inUse = await verifyProject(localSource(join(home.store, projectId)), projectId, home.keys, { inUse: true });
    expect(inUse.findings).toEqual([]);
    const log = newLog();
    await append(log, 1);
    await log.close();
    await expectIntact();
  });

  it('leaves a segment whose altered end is not taken for a torn one', async () => {
    await append(newLog(), 0);
    const first = (await storeFiles(home, projectId, '.seg'))[0]!;
    const bytes = await readFile(first);
    bytes[wholeRecords(bytes).length - 1]! ^= 1;
    const handle = await open(first, 'r+');
    await handle.write(bytes, 0, bytes.length, 0);
    await handle.close();
    expect(await append(newLog(), 1)).toMatchObject({ code: 'STORE_DAMAGED', place: { file: first, record: 1 } });
    expect((await readFile(first)).equals(bytes)).toBe(true);
  });

  it('between making a key and its segment leaves nothing that is in the way', async () => {
    const first = newLog();
    expect(await append(first, 0)).toBeUndefined();
    await first.close();
    const [key] = await storeFiles(home, projectId, '.key');
    const stray = key!.replace(/\d{12}-[0-9a-f]{32}/, `000000000002-${'ab'.repeat(16)}`);
    await copyFile(key!, stray);
    const log = newLog();
    expect(await append(log, 1)).toBeUndefined();
    await log.close();
    expect(await storedNames(home, projectId)).toEqual(named(0, 1));
    await expectIntact();
    expect(await readFile(`${stray}.stray`)).toEqual(await readFile(key!)); // put aside, not destroyed
  });

  it('is mended by one start and stop of the broker, though nothing is published meanwhile', async () => {
    expect(await append(newLog(), 0)).toBeUndefined();
    const before = await verifyProject(localSource(join(home.store, projectId)), projectId, home.keys, { inUse: false });
    expect(before.findings).toHaveLength(1);
    await (await home.openSink()).close();
    expect(await storedNames(home, projectId)).toEqual(named(0));
    await expectIntact();
  });

  it('may be killed again and again', async () => {
    for (let sequence = 0; sequence < 6; sequence++) {
      const log = newLog();
      expect(await append(log, sequence)).toBeUndefined();
      expect(await append(log, Math.max(0, sequence - 1))).toBeUndefined();
    }
    const log = newLog();
    expect(await append(log, 6)).toBeUndefined();
    await log.close();
    expect(await storedNames(home, projectId)).toEqual(named(0, 1, 2, 3, 4, 5, 6));
    await expectIntact();
  });
});

const isRoot = process.getuid?.() === 0;
const mayMount = isRoot && canMount();

function canMount(): boolean {
  const directory = join(tmpdir(), `thrum-mount-${randomUUID()}`);
  try {
    execFileSync('mkdir', [directory]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory], { stdio: 'ignore' });
    execFileSync('umount', [directory]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync('rmdir', [directory]);
  }
}

describe('a disk that fails', () => {
  it.skipIf(isRoot)('refuses what it cannot begin a segment for, and takes it when the directory is writable again', async () => {
    await append(newLog(), 0);
    const directory = join(home.store, projectId);
    await chmod(directory, 0o500);
    expect(await append(newLog(), 1)).toMatchObject({ code: 'STORE_FAILED' });
    await chmod(directory, 0o700);
    expect(await append(newLog(), 1)).toBeUndefined();
  });

  it.skipIf(!mayMount)('that is full acknowledges nothing that is not stored, says so, and lets a later start go on', async () => {
    const directory = join(home.store, projectId);
    await mkdir(directory, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96k,mode=700', 'tmpfs', directory]);
    try {
      const counts = noCounts();
      const log = newLog(counts);
      const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => n).map((sequence) => append(log, sequence)));
      expect(answers.filter(Boolean)).toEqual([]);
      // Fill what is left, so that the next group of publishes does not fit.
      const filler = await open(join(directory, 'filler'), 'w');
      const fillUp = async (): Promise<void> => {
        for (;;) if ((await filler.write(Buffer.alloc(512))).bytesWritten < 512) return;
      };
      await expect(fillUp()).rejects.toMatchObject({ code: 'ENOSPC' });
      await filler.close();
      const refused = await Promise.all(Array.from({ length: 400 }, (_, n) => append(log, 100 + n)));
      expect(refused.every((error) => error && 'code' in error && error.code === 'STORE_FAILED')).toBe(true);
      expect(refused[0]!.message).toContain('the disk is full');
      expect(await append(log, 40)).toMatchObject({ code: 'STORE_FAILED' }); // this log is done for
      // A new log cannot begin a segment either; its snapshot must not vouch for anything.
      expect(await append(newLog(), 100)).toMatchObject({ code: 'STORE_FAILED' });
      expect((await storeFiles(home, projectId)).filter((path) => path.endsWith('.key'))).toHaveLength(1);
      expect(await storedNames(home, projectId)).toHaveLength(40);
      await rm(join(directory, 'filler'));
      const next = newLog();
      for (const sequence of [100, 39, 101]) expect(await append(next, sequence)).toBeUndefined();
      await next.close();
      expect(await storedNames(home, projectId)).toHaveLength(42);
      await expectIntact();
    } finally {
      execFileSync('umount', [directory]);
    }
  });

  it.skipIf(!mayMount)('stops the sink: it is told once, and everything after it is refused', async () => {
    await mkdir(join(home.store, projectId), { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,mode=700', 'tmpfs', join(home.store, projectId)]);
    try {
      const sink = await home.openSink();
      const answers = await Promise.all([0, 1, 2].map((sequence) => publish(sink, projectId, arrivalOf(sequence))));
      for (const answer of answers) expect(answer).toMatchObject({ code: 'STORE_FAILED' });
      expect(await publish(sink, projectId, arrivalOf(3))).toMatchObject({ code: 'STORE_FAILED' });
      expect(home.fatal).toHaveLength(1);
      await sink.close();
    } finally {
      execFileSync('umount', [join(home.store, projectId)]);
    }
  });

  it('answers everything that waits behind a failure with an error, and stores none of it', async () => {
    const log = newLog();
    expect(await append(log, 0)).toBeUndefined();
    await home.keys.disableKey(keyId);
    const error = new Error('refused');
    log.refuse(error);
    const answers = await Promise.all([1, 2, 3].map((sequence) => append(log, sequence)));
    expect(answers).toEqual([error, error, error]);
    await home.keys.enableKey(keyId);
    log.refuse(undefined);
    expect(await append(log, 3)).toBeUndefined();
    await log.close();
    expect(await storedNames(home, projectId)).toEqual(named(0, 3));
    await expectIntact();
  });

  it('refuses a publish whose key was disabled between two segments, and a later one is stored', async () => {
    await home.keys.disableKey(keyId);
    const log = newLog();
    const answers = await Promise.all([0, 1].map((sequence) => append(log, sequence)));
    for (const answer of answers) expect(answer).toMatchObject({ code: 'KEY_DISABLED' });
    await home.keys.enableKey(keyId);
    expect(await append(log, 0)).toBeUndefined();
    await log.close();
    expect(await storedNames(home, projectId)).toEqual(named(0));
  });
});

it('refuses a gateway that left too many gaps, and it alone, from there on', { timeout: 120_000 }, async () => {
  const log = newLog();
  const gaps = Array.from({ length: MAX_RANGES }, (_, n) => 2 * n);
  expect((await Promise.all(gaps.map((sequence) => append(log, sequence)))).filter(Boolean)).toEqual([]);
  const other = '00124b0000000002';
  const answers = await Promise.all([append(log, 2 * MAX_RANGES + 9), append(log, 0, 1, other), append(log, 1), append(log, 1, 1, other)]);
  expect(answers.map((error) => error && 'code' in error && error.code)).toEqual(['STORE_FULL', undefined, 'STORE_FULL', undefined]);
  expect(await append(log, 1)).toBeUndefined(); // it closes a gap
  await log.close();
  expect((await readAll(home, projectId)).batches).toHaveLength(MAX_RANGES + 3);
});

describe('closing', () => {
  it('stores what was taken a moment before, seals, and takes nothing afterwards', async () => {
    const sink = await home.openSink();
    await sink.admit(projectId);
    const answers = [0, 1, 2].map((sequence) => publish(sink, projectId, arrivalOf(sequence)));
    await sink.close();
    expect(await Promise.all(answers)).toEqual([undefined, undefined, undefined]);
    expect(await publish(sink, projectId, arrivalOf(3))).toMatchObject({ code: 'STORE_CLOSED' });
    expect(await storedNames(home, projectId)).toEqual(named(0, 1, 2));
    await expectIntact();
  });

  it('stores what was taken before its project was even opened', async () => {
    const sink = await home.openSink();
    const answer = publish(sink, projectId, arrivalOf(0));
    await sink.close();
    expect(await answer).toBeUndefined();
    expect(await storedNames(home, projectId)).toEqual(named(0));
    await expectIntact();
  });

  it('of a log answers what comes later with an error', async () => {
    const log = newLog();
    await log.close();
    expect(await append(log, 0)).toMatchObject({ code: 'STORE_CLOSED' });
  });
});

describe('the sink', () => {
  const until = (condition: () => boolean): Promise<void> =>
    vi.waitFor(() => expect(condition()).toBe(true), { timeout: 20_000, interval: 10 });

  it('is one at a time', async () => {
    const sink = await home.openSink();
    await expect(home.openSink()).rejects.toMatchObject({ code: 'LOCK_HELD' });
    await sink.close();
    await (await home.openSink()).close();
  });

  it('refuses a project that does not exist, and goes on', async () => {
    const sink = await home.openSink();
    const strangers = Array.from({ length: 300 }, () => sink.admit('p-0000000000000000'));
    for (const result of await Promise.allSettled(strangers)) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'PROJECT_NOT_FOUND' } });
    await expect(sink.admit('../../etc')).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
    expect(await publish(sink, 'p-0000000000000000', arrivalOf(0))).toMatchObject({ code: 'PROJECT_NOT_FOUND' });
    await sink.admit(projectId);
    expect(home.fatal).toEqual([]);
    await sink.close();
  });

  it('refuses within its watch when another process disables the key, and takes again when it is enabled', async () => {
    const sink: Sink = await home.openSink();
    expect(await publish(sink, projectId, arrivalOf(0))).toBeUndefined();
    const elsewhere = keysOf(home.root);
    await elsewhere.disableKey(keyId);
    await until(() => home.refusals.length === 1);
    expect(home.refusals[0]).toMatchObject({ code: 'KEY_DISABLED' });
    expect(await publish(sink, projectId, arrivalOf(1))).toMatchObject({ code: 'KEY_DISABLED' });
    await expect(sink.admit(projectId)).rejects.toMatchObject({ code: 'KEY_DISABLED' });
    expect((await readAll(home, projectId)).error).toMatchObject({ code: 'KEY_DISABLED' });
    await elsewhere.enableKey(keyId);
    await until(() => home.refusals.length === 2);
    expect(await publish(sink, projectId, arrivalOf(1))).toBeUndefined();
    await sink.close();
    expect(await storedNames(home, projectId)).toEqual(named(0, 1));
    await expectIntact();
  });

  it('mends what a killed broker left once a key that was disabled at the start is enabled', async () => {
    expect(await append(newLog(), 0)).toBeUndefined(); // never sealed
    await home.keys.disableKey(keyId);
    const sink = await home.openSink();
    expect(home.refusals).toEqual([expect.objectContaining({ code: 'KEY_DISABLED' })]);
    await keysOf(home.root).enableKey(keyId);
    await until(() => home.refusals.length === 2);
    expect(home.refusals[1]).toBeUndefined();
    await sink.close();
    expect(await storedNames(home, projectId)).toEqual(named(0));
    await expectIntact();
  });

  it('takes from one project although another’s key is disabled and the file of a third is altered', async () => {
    const [disabled, altered] = [await makeProject(home, 'Disabled', (await home.keys.createKey({ owner: 'customer' })).keyId), await makeProject(home, 'Altered')];
    await home.keys.disableKey(disabled.keyId);
    await writeFile(join(home.root, 'projects', `${altered.projectId}.project`), 'garbage');
    const sink = await home.openSink();
    expect(home.refusals.map((error) => (error as { code?: string } | undefined)?.code).sort()).toEqual(['KEY_DISABLED', 'PROJECT_DAMAGED']);
    expect(await publish(sink, projectId, arrivalOf(0))).toBeUndefined();
    await sink.close();
  });

  it('does not write under another key when the key’s name in the project file is altered', async () => {
    const other = await home.keys.createKey({ owner: 'customer' });
    const path = join(home.root, 'projects', `${projectId}.project`);
    const bytes = await readFile(path);
    bytes.write(other.keyId, bytes.indexOf(':key/') + 5, 'latin1');
    const handle = await open(path, 'r+');
    await handle.write(bytes, 0, bytes.length, 0);
    await handle.close();
    const sink = await home.openSink();
    expect(await publish(sink, projectId, arrivalOf(0))).toBeInstanceOf(Error);
    await sink.close();
    expect(await storeFiles(home, projectId).catch(() => [])).toEqual([]);
  });

  it('takes times as they come, also when the clock jumps backwards', async () => {
    const sink = await home.openSink();
    const times = [NOW_MS, NOW_MS - 10 ** 11, NOW_MS - 10 ** 11, 1, NOW_MS + 1];
    const answers = await Promise.all(times.map((receivedMs, sequence) => publish(sink, projectId, { ...arrivalOf(sequence), receivedMs })));
    expect(answers.filter(Boolean)).toEqual([]);
    await sink.close();
    expect((await readAll(home, projectId)).batches.map(({ receivedMs }) => receivedMs)).toEqual(times);
    await expectIntact();
  });

  it('stamps what it stores with the time it was given', async () => {
    await fillSegments(home, projectId, [[0]]);
    expect((await readAll(home, projectId)).batches[0]).toMatchObject({ receivedMs: NOW_MS, channel: 'data', record: 1 });
  });
});
