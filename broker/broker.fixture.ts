/** What the room's tests share: a home in a temporary directory, batches as gateways send them. Not part of the face. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batchOf, frameOf, readBatchHeader, type SensorMessage } from '../frame/mod.ts';
import { KeyService } from './keys/key-service.ts';
import { Projects, type Project } from './projects.ts';
import { Sink, type SinkOptions } from './sink.ts';
import type { Arrival } from './store/arrival.ts';
import { isConnection, readProject, type StoredBatch } from './store/read.ts';
import { localSource } from './store/segment-source.ts';

/** A fixed time: tests do not depend on the day. */
export const NOW_MS = 1_760_000_000_000;
export const GATEWAY = '00124b0000000001';

/** A home with its key service and projects. */
export interface TestHome {
  readonly root: string;
  readonly store: string;
  readonly keys: KeyService;
  readonly projects: Projects;
  /** What happened at sinks opened with `openSink`. */
  readonly fatal: Error[];
  readonly refusals: (Error | undefined)[];
  openSink(options?: Partial<SinkOptions>): Promise<Sink>;
  remove(): Promise<void>;
}

export async function makeHome(root?: string): Promise<TestHome> {
  const place = root ?? (await mkdtemp(join(tmpdir(), 'thrum-broker-')));
  const keys = keysOf(place);
  const home: TestHome = {
    root: place,
    store: join(place, 'store'),
    keys,
    projects: new Projects(join(place, 'projects'), keys),
    fatal: [],
    refusals: [],
    openSink: (options = {}) =>
      Sink.open({
        directory: home.store,
        projects: home.projects,
        keys,
        onFatal: (error) => home.fatal.push(error),
        onRefusal: (_project, error) => home.refusals.push(error),
        ...options,
      }),
    remove: () => rm(place, { recursive: true, force: true }),
  };
  return home;
}

/** A key service of its own on a home's key store, as another process would have it. */
export function keysOf(root: string): KeyService {
  return new KeyService(join(root, 'keys'), { kind: 'file' }, () => NOW_MS);
}

export async function makeProject(home: TestHome, name = 'Mill', key?: string): Promise<Project> {
  return home.projects.create(name, key === undefined ? { nowMs: NOW_MS } : { key, nowMs: NOW_MS });
}

/** A batch with one small event, as the bytes a gateway publishes. */
export function payloadOf(sequence: number, bootEpoch = 1, gatewayId = GATEWAY): Buffer {
  const message: SensorMessage = {
    kind: 'event',
    sensorId: '00124b00000000aa',
    bootEpoch,
    sequence,
    timeMs: NOW_MS + sequence,
    event: 'zone-change',
    from: 'A',
    to: 'B',
    velocityRmsMmPerS: 2.5,
  };
  return Buffer.from(batchOf({ gatewayId, bootEpoch, sequence }, [frameOf(message)]));
}

export function arrivalOf(sequence: number, bootEpoch = 1, gatewayId = GATEWAY): Arrival {
  const payload = payloadOf(sequence, bootEpoch, gatewayId);
  return { channel: 'data', receivedMs: NOW_MS, payload, batch: readBatchHeader(payload) };
}

/** Publishes and gives the answer: undefined when stored. */
export function publish(sink: Sink, projectId: string, arrival: Arrival): Promise<Error | undefined> {
  return new Promise((resolve) => sink.publish(projectId, arrival, resolve));
}

/** What identifies a stored batch. */
export function nameOf({ batch }: { readonly batch: StoredBatch['batch'] | Arrival['batch'] }): string {
  return `${batch.gatewayId}/${batch.bootEpoch}/${batch.sequence}`;
}

/** All batches of a project up to the first fault, and that fault. */
export async function readAll(
  home: TestHome,
  projectId: string,
): Promise<{ readonly batches: StoredBatch[]; readonly error: unknown }> {
  const batches: StoredBatch[] = [];
  try {
    for await (const item of readProject(localSource(join(home.store, projectId)), projectId, home.keys)) if (!isConnection(item)) batches.push(item);
  } catch (error) {
    return { batches, error };
  }
  return { batches, error: undefined };
}

export async function storedNames(home: TestHome, projectId: string): Promise<string[]> {
  const { batches, error } = await readAll(home, projectId);
  if (error !== undefined) throw error as Error;
  return batches.map(nameOf);
}

/** A segment for every entry: a sink is opened, takes the entry's batches one by one, and is closed. */
export async function fillSegments(home: TestHome, projectId: string, groups: readonly (readonly number[])[]): Promise<void> {
  for (const group of groups) {
    const sink = await home.openSink();
    for (const sequence of group) {
      const error = await publish(sink, projectId, arrivalOf(sequence));
      if (error) throw error;
    }
    await sink.close();
  }
}

/** Files of a project's store, sorted, whole paths. */
export async function storeFiles(home: TestHome, projectId: string, suffix = ''): Promise<string[]> {
  const directory = join(home.store, projectId);
  return (await readdir(directory)).filter((name) => name.endsWith(suffix)).sort().map((name) => join(directory, name));
}

export async function contentsOf(paths: readonly string[]): Promise<Map<string, Buffer>> {
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const)));
}

/** Copies the files of a flat directory. */
export async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) await copyFile(join(from, name), join(to, name));
}

/** Where the record after the one at `at` begins in a segment. */
export function nextRecord(segment: Buffer, at: number): number {
  return Math.ceil((at + 16 + segment.readUInt32LE(at)) / 8) * 8;
}

/** A segment without the room that its writer keeps ready. */
export function wholeRecords(segment: Buffer): Buffer {
  let at = 160;
  while (at + 16 <= segment.length && segment.readUInt32LE(at) > 0) at = nextRecord(segment, at);
  return segment.subarray(0, at);
}
