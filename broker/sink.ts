/**
 * The encrypting sink: the one way into the store. Routes publishes to their project's log, bounds what is in flight,
 * and watches the keys: within WATCH_MS of a key being disabled its project refuses, within as much of it being enabled
 * it takes again. What a killed broker left is mended when a project's log is opened: at the start, or, when its key is
 * disabled then, once that is enabled.
 */
import { join } from 'node:path';
import { holdLock } from '../certs/mod.ts';
import { KeyError, StoreError } from './errors.ts';
import type { KeyService } from './keys/key-service.ts';
import type { Projects } from './projects.ts';
import { isFatal, ProjectLog, type Arrival, type Done, type LogCounts } from './store/project-log.ts';
import { encodeConnection, type GatewayConnection } from './store/group.ts';
import { retainLog, type Retained, type RetentionLimits } from './store/retention.ts';
import { settledView, type LogToChange } from './store/rewrite.ts';
import type { Recovery } from './store/recovery.ts';
import { makeDurableDirectory } from './store/segment-files.ts';
import { localSource } from './store/segment-source.ts';
import type { LogCheckpoint } from './store/witness.ts';

/** How often the keys' states are looked at: well below the two seconds in which a disabled key must bite. */
const WATCH_MS = 250;
/** How often it is looked whether something is to be removed. */
const RETAIN_MS = 60_000;
/** Payload bytes taken but not yet on disk, over all projects; past it publishes are refused until some are. */
export const MAX_IN_FLIGHT_BYTES = 64 * 2 ** 20;

export interface SinkOptions {
  /** The store's directory, one folder a project. */
  readonly directory: string;
  readonly projects: Projects;
  readonly keys: KeyService;
  /** Called once when the disk fails: nothing more is acknowledged; whoever runs the broker stops it. */
  readonly onFatal: (error: Error) => void;
  /** Called when a project is refused, with the reason, or taken again. */
  readonly onRefusal?: (projectId: string, error: Error | undefined) => void;
  /** Called when a project's log was found as a killed broker leaves it, and has been mended. */
  readonly onRecovered?: (projectId: string, recovery: Recovery) => void;
  /** Called with each segment that is sealed. */
  readonly onSealed?: (checkpoint: LogCheckpoint) => void;
  /** What is to be kept at most, asked each time; without it everything is. */
  readonly retention?: () => RetentionLimits;
  /** Called when retention removed something, or could not. */
  readonly onRetention?: (projectId: string, result: Retained | Error) => void;
  /** Called with each version of what was rewritten and removed. */
  readonly onAmended?: (projectId: string, version: number) => void;
}

export class Sink {
  readonly counts: LogCounts = { stored: 0, duplicates: 0, storedBytes: 0, commits: 0 };
  readonly #options: SinkOptions;
  readonly #logs = new Map<string, Promise<ProjectLog>>();
  /** Those of them that are open, once everything that waited for it has reached the log. */
  readonly #open = new Map<string, ProjectLog>();
  /** Projects whose keys are watched, those that were there at the start and those opened since, and their keys. */
  readonly #watched = new Map<string, string>();
  readonly #refused = new Map<string, KeyError>();
  readonly #unlock: () => Promise<void>;
  #inFlightBytes = 0;
  #fatal: Error | undefined;
  #closed = false;
  #watch: NodeJS.Timeout | undefined;
  #retainTimer: NodeJS.Timeout | undefined;
  #retaining: Promise<void> | undefined;

  private constructor(options: SinkOptions, unlock: () => Promise<void>) {
    this.#options = options;
    this.#unlock = unlock;
  }

  /** Takes the store for this process; LOCK_HELD when another broker has it. */
  static async open(options: SinkOptions): Promise<Sink> {
    await makeDurableDirectory(options.directory);
    const sink = new Sink(options, await holdLock(join(options.directory, 'lock'), 'the store'));
    try {
      await sink.#openAll();
    } catch (error) {
      await sink.close();
      throw error;
    }
    sink.#scheduleWatch();
    if (options.retention) sink.#scheduleRetention(0);
    return sink;
  }

  /** Resolves when the project exists and its key may be used; else PROJECT_NOT_FOUND, KEY_DISABLED … */
  async admit(projectId: string): Promise<void> {
    const log = await this.#logOf(projectId);
    const key = await this.#options.keys.describeKey(log.keyId);
    if (key.state !== 'Enabled') throw new KeyError('KEY_DISABLED', `key ${key.keyId} of project ${projectId} is disabled`);
  }

  /** Takes one publish of an admitted project. `done` comes in order of arrival, after the sync. */
  publish(projectId: string, arrival: Arrival, done: Done): void {
    if (this.#closed || this.#fatal) return done(this.#fatal ?? new StoreError('STORE_CLOSED', 'the broker is stopping'));
    if (this.#inFlightBytes + arrival.payload.length > MAX_IN_FLIGHT_BYTES) {
      return done(new StoreError('STORE_BUSY', `${MAX_IN_FLIGHT_BYTES} bytes are waiting for the disk already`));
    }
    this.#inFlightBytes += arrival.payload.length;
    const settle: Done = (error) => {
      this.#inFlightBytes -= arrival.payload.length;
      if (error && isFatal(error)) this.#fail(error);
      done(error);
    };
    const log = this.#open.get(projectId);
    if (log) log.append(arrival, settle);
    // Publishes of one client reach the same promise in order, so their order is kept.
    else this.#logOf(projectId).then((opened) => opened.append(arrival, settle), settle);
  }

  /** Stores that a gateway came or went, if there is room and its project is written: best effort, nobody waits for it. */
  noteConnection(projectId: string, connection: GatewayConnection, receivedMs: number): void {
    const log = this.#open.get(projectId);
    if (this.#closed || this.#fatal || this.#refused.has(projectId) || !log || this.#inFlightBytes > MAX_IN_FLIGHT_BYTES / 2) return;
    log.append({ channel: 'connection', receivedMs, payload: encodeConnection(connection) }, () => undefined);
  }

  /** Where a project's log stands on disk; undefined when nothing was written to it by this process. */
  checkpoint(projectId: string): LogCheckpoint | undefined {
    return this.#open.get(projectId)?.checkpoint;
  }

  /** Takes no more, stores what was taken, seals the segments, gives the store free. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#watch);
    clearTimeout(this.#retainTimer);
    await this.#retaining;
    const closing = [...this.#logs.values()].map(async (log) => (await log.catch(() => undefined))?.close());
    const results = await Promise.allSettled(closing);
    await this.#unlock();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Opens each project's log. One that cannot be opened now is said so, and does not keep the others from being served. */
  async #openAll(): Promise<void> {
    const { projects, onRefusal } = this.#options;
    for (const projectId of await projects.ids()) {
      try {
        this.#watched.set(projectId, (await projects.reference(projectId)).keyId);
      } catch (error) {
        onRefusal?.(projectId, error as Error);
      }
    }
    await this.#lookAtKeys();
    for (const projectId of this.#watched.keys()) if (!this.#refused.has(projectId)) await this.#take(projectId);
  }

  /** Lets a project in: true when its log is open. Throws only what is fatal. */
  async #take(projectId: string): Promise<boolean> {
    this.#refused.delete(projectId);
    try {
      const log = await this.#logOf(projectId);
      log.refuse(this.#refused.get(projectId)); // its key may have been disabled meanwhile
      return true;
    } catch (error) {
      if (isFatal(error as Error)) throw error;
      if (error instanceof KeyError && error.code === 'KEY_DISABLED') this.#refuse(projectId); // until the next look
      else this.#options.onRefusal?.(projectId, error as Error);
      return false;
    }
  }

  #refuse(projectId: string): void {
    const error = new KeyError('KEY_DISABLED', `key ${this.#watched.get(projectId)!} of project ${projectId} is disabled: writes are refused`);
    this.#refused.set(projectId, error);
    this.#logs.get(projectId)?.then((log) => log.refuse(this.#refused.get(projectId)), () => undefined); // whoever opened it is told
    this.#options.onRefusal?.(projectId, error);
  }

  /** The promise itself, not another: who waits for it goes on in the order of asking. */
  #logOf(projectId: string): Promise<ProjectLog> {
    let log = this.#logs.get(projectId);
    if (!log) {
      log = this.#openLog(projectId);
      this.#logs.set(projectId, log);
      log.then((opened) => setImmediate(() => this.#open.set(projectId, opened)), () => undefined); // told below
      log.catch((error: unknown) => {
        this.#logs.delete(projectId);
        if (isFatal(error as Error)) this.#fail(error as Error);
      });
    }
    return log;
  }

  async #openLog(projectId: string): Promise<ProjectLog> {
    if (this.#closed) throw new StoreError('STORE_CLOSED', 'the broker is stopping');
    // Read whole, with its key: the key's name alone could have been altered into another key's.
    const project = await this.#options.projects.read(projectId);
    const log = new ProjectLog(join(this.#options.directory, projectId), project, this.#options.keys, this.counts, {
      onRecovered: (recovery) => this.#options.onRecovered?.(projectId, recovery),
    });
    log.onSealed = this.#options.onSealed;
    await settledView(this.#toChange(log)); // destroys what a command left that was cut short
    await log.recover();
    this.#watched.set(projectId, log.keyId);
    return log;
  }

  #toChange(log: ProjectLog): LogToChange {
    const { projectId, keyId } = log;
    return {
      source: localSource(join(this.#options.directory, projectId)), projectId, keyId, keys: this.#options.keys,
      onAmended: (version) => {
        log.amended(version);
        this.#options.onAmended?.(projectId, version);
      },
    };
  }

  #scheduleRetention(waitMs: number): void {
    this.#retainTimer = setTimeout(() => {
      this.#retaining = this.#retain().finally(() => {
        this.#retaining = undefined;
        if (!this.#closed) this.#scheduleRetention(RETAIN_MS);
      });
    }, waitMs);
  }

  /** A project that cannot be read now is left as it is. */
  async #retain(): Promise<void> {
    for (const [projectId, log] of this.#open) {
      if (this.#closed || this.#fatal) return;
      if (this.#refused.has(projectId)) continue;
      try {
        const retained = await retainLog(this.#toChange(log), this.#options.retention!());
        if (retained.segments > 0) this.#options.onRetention?.(projectId, retained);
      } catch (error) {
        this.#options.onRetention?.(projectId, error as Error);
      }
    }
  }

  #fail(error: Error): void {
    if (this.#fatal) return;
    this.#fatal = error;
    this.#options.onFatal(error);
  }

  #scheduleWatch(): void {
    this.#watch = setTimeout(() => {
      this.#lookAtKeys().then(
        () => { if (!this.#closed) this.#scheduleWatch(); },
        (error: unknown) => this.#fail(error as Error),
      );
    }, WATCH_MS);
  }

  async #lookAtKeys(): Promise<void> {
    const states = new Map((await this.#options.keys.listKeys()).map((key) => [key.keyId, key.state]));
    if (this.#closed) return;
    for (const [projectId, keyId] of this.#watched) {
      const usable = states.get(keyId) === 'Enabled';
      const refused = this.#refused.has(projectId);
      if (!usable && !refused) this.#refuse(projectId);
      if (usable && refused) this.#takeAgain(projectId);
    }
  }

  /** Not waited for: to mend one project's log may take longer than a disabled key of another may be left unseen. */
  #takeAgain(projectId: string): void {
    this.#take(projectId).then(
      (open) => { if (open && !this.#refused.has(projectId)) this.#options.onRefusal?.(projectId, undefined); },
      (error: unknown) => this.#fail(error as Error),
    );
  }
}
