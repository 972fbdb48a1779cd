/**
 * Brings closed segments of all projects to bucket and table while the broker runs; local disk is then what is written ahead.
 * Promises: it never gives up and never holds the broker up; the queue is the folders themselves, so there is nothing to
 * overflow and nothing that a crash forgets; a few projects go up side by side, each a segment after the other.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RemoteError, StoreError } from '../errors.ts';
import { listSegments, listStoredProjects, type SegmentFile } from '../store/segment-files.ts';
import type { Patience } from './persist.ts';
import type { Remote } from './remote.ts';
import { endsWithSeal } from './seal-mark.ts';
import { LogUploader } from './upload-log.ts';

/** How often folders are looked at. */
const LOOK_MS = 1_000;
/** Projects whose segments go up at once: each holds a part of 8 MiB in memory. */
const PROJECTS_AT_ONCE = 4;

export interface UploaderOptions {
  readonly remote: Remote;
  /** The store's directory, one folder a project. */
  readonly store: string;
  readonly keep: boolean;
  readonly random: () => number;
  /** Trouble, told once; undefined: all is well again. */
  readonly onTrouble: (error: Error | undefined) => void;
  /** Divides waits; for tests. */
  readonly hurry?: number;
}

export interface Uploader {
  readonly counts: { readonly segments: number; readonly bytes: number };
  /**
   * Once the store is closed: brings up what is left, for `graceMs` at most. Returns how many segments stay behind, to go up
   * at the next start.
   */
  finish(graceMs: number): Promise<number>;
}

/** Starts it. The store must be open, and nothing taken yet: what ends with a seal by now is written to by nobody. */
export async function startUploader(options: UploaderOptions): Promise<Uploader> {
  const counts = { segments: 0, bytes: 0 };
  const stop = new AbortController();
  const finished = new Set(await sealedLast(options.store));
  const logs = new Map<string, LogUploader>();
  /** Projects that need their owner: not tried again before the next start. */
  const given = new Set<string>();
  const running = run();
  return { counts, finish };

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      await look(stop.signal);
      await delay(LOOK_MS / (options.hurry ?? 1), undefined, { signal: stop.signal }).catch(() => undefined);
    }
  }

  /** A request that hangs is not waited for longer than all else. */
  async function finish(graceMs: number): Promise<number> {
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(), graceMs);
    stop.abort();
    await Promise.race([drain(end.signal), once(end.signal, 'abort')]);
    clearTimeout(timer);
    end.abort();
    return left();
  }

  async function drain(signal: AbortSignal): Promise<void> {
    await running;
    logs.clear(); // with the patience that is left
    for (const path of await sealedLast(options.store)) finished.add(path);
    if (!signal.aborted) await look(signal);
  }

  async function left(): Promise<number> {
    let segments = 0;
    for (const projectId of await listStoredProjects(options.store)) segments += (await logs.get(projectId)?.waiting(isClosed)) ?? 0;
    return segments;
  }

  /** The log goes on behind a segment, or has ended with it. */
  function isClosed(file: SegmentFile, isLast: boolean): boolean {
    return !isLast || finished.has(file.path);
  }

  /** One look at all folders. */
  async function look(signal: AbortSignal): Promise<void> {
    const projects = (await listStoredProjects(options.store).catch(troubled)) ?? [];
    const next = projects.filter((projectId) => !given.has(projectId)).values();
    await Promise.all(
      Array.from({ length: PROJECTS_AT_ONCE }, async () => {
        for (const projectId of next) if (!signal.aborted) await lookAt(projectId, signal);
      }),
    );
  }

  async function lookAt(projectId: string, signal: AbortSignal): Promise<void> {
    let log = logs.get(projectId);
    if (!log) {
      log = new LogUploader({ remote: options.remote, projectId, directory: join(options.store, projectId), keep: options.keep, patience: patienceOf(signal), onUploaded });
      logs.set(projectId, log);
    }
    try {
      await log.upload(isClosed);
    } catch (error) {
      if (signal.aborted) return;
      troubled(error as Error);
      if (error instanceof StoreError || (error instanceof RemoteError && error.code === 'REMOTE_CONFLICT')) given.add(projectId);
    }
  }

  function onUploaded(bytes: number): void {
    counts.segments += 1;
    counts.bytes += bytes;
  }

  function troubled(error: Error): undefined {
    options.onTrouble(error);
    return undefined;
  }

  function patienceOf(signal: AbortSignal): Patience {
    return { tries: Infinity, random: options.random, signal, onTrouble: options.onTrouble, ...(options.hurry !== undefined && { hurry: options.hurry }) };
  }
}

/** The newest segments that are sealed. */
async function sealedLast(store: string): Promise<string[]> {
  const found: string[] = [];
  for (const projectId of await listStoredProjects(store)) {
    const last = (await listSegments(join(store, projectId))).at(-1);
    if (last && (await endsWithSeal(last.path))) found.push(last.path);
  }
  return found;
}
