/**
 * Lives of a log for crash tests: a life is what one process does from its start to its end, on a disk that writes down
 * each step. After a life any of its moments can be looked at: what had been sent and acknowledged by then, and what a power
 * cut at that moment leaves. `expectWhole` says what must hold in the next life.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { batchOf, frameOf, readBatchHeader, type SensorMessage } from '../../frame/mod.ts';
import { nameOf, NOW_MS } from '../broker.fixture.ts';
import type { KeyProvider } from '../keys/provider.ts';
import type { Arrival } from './arrival.ts';
import { ProjectLog } from './project-log.ts';
import { isConnection, readProject } from './read.ts';
import { recordingDisk, type Fault, type Step } from './recording-disk.fixture.ts';
import { localSource } from './segment-source.ts';
import { SimulatedDisk } from './simulated-disk.fixture.ts';
import { verifyProject } from './verify.ts';

/** A project, as a log needs it. */
export interface Place {
  readonly projectId: string;
  readonly keyId: string;
  readonly keys: KeyProvider;
}

/**
 * What a life does: publishes that come together, an orderly end and a new start after which the gateways send again what was not
 * acknowledged, or nothing for so long that the open segment ends.
 */
export type Action = readonly Arrival[] | 'restart' | 'pause';

/** Segments of such lives end soon: 128 MiB would take too long. */
const ROLL_BYTES = 1000;

/** What the gateways know at some moment. */
export interface Known {
  /** All that was ever sent, in order. */
  readonly sent: readonly Arrival[];
  readonly acknowledged: ReadonlySet<string>;
}

export const NOTHING_KNOWN: Known = { sent: [], acknowledged: new Set() };

export interface Life {
  readonly steps: readonly Step[];
  /** Calls of the disk, those that failed included. */
  readonly calls: number;
  /** What was known when so many steps had been done. */
  knownAfter(steps: number): Known;
  /** The disk before the first step. */
  before(): SimulatedDisk;
}

/** Batches of a gateway as it sends them; `events` make it longer, by about 40 bytes each. */
export function batch(gateway: number, sequence: number, events = 1): Arrival {
  const gatewayId = `00124b000000000${gateway}`;
  const frames = Array.from({ length: events }, (_, i): SensorMessage => ({
    kind: 'event', sensorId: '00124b00000000aa', bootEpoch: 1, sequence: sequence * 1000 + i, timeMs: NOW_MS + sequence, event: 'zone-change', from: 'A', to: 'B', velocityRmsMmPerS: 2.5,
  })).map(frameOf);
  const payload = Buffer.from(batchOf({ gatewayId, bootEpoch: 1, sequence }, frames));
  return { channel: 'data', receivedMs: NOW_MS, payload, batch: readBatchHeader(payload) };
}

/** Lives through `actions` on a directory of real files, first sending again what was not acknowledged `before`. */
export async function live(directory: string, place: Place, before: Known, actions: readonly Action[], faults?: ReadonlyMap<number, Fault>): Promise<Life> {
  mkdirSync(directory, { recursive: true });
  const atFirst = SimulatedDisk.of(directory);
  const recording = recordingDisk(faults);
  const sent: { readonly arrival: Arrival; readonly step: number }[] = [];
  const acknowledged: { readonly name: string; readonly step: number }[] = [];
  const publish = (log: ProjectLog, arrival: Arrival, again: boolean): Promise<void> => new Promise((resolve) => {
    if (!again) sent.push({ arrival, step: recording.steps.length });
    log.append(arrival, (error) => {
      if (!error) acknowledged.push({ name: nameOf(arrival), step: recording.steps.length });
      resolve();
    });
  });
  const quietly = (work: Promise<void>): Promise<void> => work.catch(() => undefined); // a life may end in a fault
  const known = (steps: number): Known => ({
    sent: [...before.sent, ...sent.filter(({ step }) => step <= steps).map(({ arrival }) => arrival)],
    acknowledged: new Set([...before.acknowledged, ...acknowledged.filter(({ step }) => step <= steps).map(({ name }) => name)]),
  });
  const start = async (): Promise<ProjectLog> => {
    const log = new ProjectLog(directory, place, place.keys, noCounts(), { disk: recording.disk, rollBytes: ROLL_BYTES });
    await quietly(log.recover());
    await Promise.all(unacknowledged(known(recording.steps.length)).map((arrival) => publish(log, arrival, true)));
    return log;
  };
  let log = await start();
  for (const action of actions) {
    if (action === 'restart') {
      await quietly(log.close());
      log = await start();
    } else if (action === 'pause') await log.endSegment();
    else await Promise.all(action.map((arrival) => publish(log, arrival, false)));
  }
  await recording.end();
  return {
    steps: recording.steps,
    calls: recording.calls,
    before: () => atFirst,
    knownAfter: known,
  };
}

/**
 * The next life of a directory, with the disk as it is: it starts by itself, everything acknowledged is there exactly once,
 * nothing is there that was not sent, each gateway's batches are in order; what was not acknowledged is sent again, after
 * which everything is there exactly once and `verify` finds nothing.
 */
export async function expectWhole(directory: string, place: Place, known: Known): Promise<void> {
  const log = new ProjectLog(directory, place, place.keys, noCounts());
  await log.recover();
  const answers = await Promise.all(unacknowledged(known).map((arrival) => new Promise<Error | undefined>((resolve) => log.append(arrival, resolve))));
  expect(answers.filter(Boolean)).toEqual([]);
  await log.close();
  const stored: string[] = [];
  for await (const one of readProject(localSource(directory), place.projectId, place.keys)) if (!isConnection(one)) stored.push(nameOf(one));
  for (const gateway of new Set(stored.map(gatewayOf))) {
    expect(stored.filter((name) => gatewayOf(name) === gateway)).toEqual(known.sent.map(nameOf).filter((name) => gatewayOf(name) === gateway));
  }
  expect(stored).toHaveLength(known.sent.length);
  const { findings } = await verifyProject(localSource(directory), place.projectId, place.keys, { inUse: false });
  expect(findings).toEqual([]);
}

function unacknowledged({ sent, acknowledged }: Known): Arrival[] {
  return sent.filter((arrival) => !acknowledged.has(nameOf(arrival)));
}

function gatewayOf(name: string): string {
  return name.split('/')[0]!;
}

const noCounts = () => ({ stored: 0, duplicates: 0, storedBytes: 0, commits: 0 });

/** Where lives take place: in memory if there is such a folder, as what is durable is the simulated disk's business. */
export const LIVES_FOLDER = process.platform === 'linux' ? '/dev/shm' : tmpdir();

/** Folders that are used once, in `root`. */
export function folders(root: string): { next(): string; clear(): void } {
  let used: string[] = [];
  let count = 0;
  return {
    next: () => {
      const folder = join(root, String(count++));
      used.push(folder);
      return folder;
    },
    clear: () => {
      for (const folder of used) rmSync(folder, { recursive: true, force: true });
      used = [];
    },
  };
}
