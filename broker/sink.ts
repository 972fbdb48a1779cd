/**
 * The encrypting sink: the one way into the store. Routes publishes to their project's log, bounds what is in flight,
 * and does what the watch over the keys says (key-watch.ts): it holds what came while a key's state is not known, refuses a
 * project whose key was taken away, and takes it again by itself. What a killed broker left is mended when a project's log is
 * opened: at the start, or, when its key may not be used then, once it may.
 */
import { join } from 'node:path';
import { holdLock } from '../certs/mod.ts';
import { KeyError, StoreError } from './errors.ts';
import type { ProjectKeys } from './keys/provider.ts';
import { KeyWatch, type Standing } from './key-watch.ts';
import type { ProjectReference, Projects } from './projects.ts';
import type { Arrival, Done } from './store/arrival.ts';
import { isFatal, ProjectLog, type LogCounts } from './store/project-log.ts';
import { encodeConnection, type GatewayConnection } from './store/group.ts';
import { retainLog, type Retained, type RetentionLimits } from './store/retention.ts';
import { settledView, type LogToChange } from './store/rewrite.ts';
import type { Recovery } from './store/recovery.ts';
import { makeDurableDirectory } from './store/segment-files.ts';
import { localSource } from './store/segment-source.ts';
import type { LogCheckpoint } from './store/witness.ts';

/** How often it is looked whether something is to be removed. */
const RETAIN_MS = 60_000;
/** Payload bytes taken but not yet on disk, over all projects; past it publishes are refused until some are. */
export const MAX_IN_FLIGHT_BYTES = 64 * 2 ** 20;

export interface SinkOptions {
  /** The store's directory, one folder a project. */
  readonly directory: string;
  readonly projects: Projects;
  readonly keys: ProjectKeys;
  /** Called once when the disk fails: nothing more is acknowledged; whoever runs the broker stops it. */
  readonly onFatal: (error: Error) => void;
  /** Called when a project is refused, with the reason, or taken again. */
  readonly onRefusal?: (projectId: string, error: Error | undefined) => void;
  /** Called when a project's log was found as a killed broker leaves it, and has been mended. */
  readonly onRecovered?: (projectId: string, recovery: Recovery) => void;
  /** Called when what comes for a project is held, since its key service does not answer, and when it goes on. */
  readonly onHold?: (projectId: string, held: boolean) => void;
  /** Called with each segment that is sealed. */
  readonly onSealed?: (checkpoint: LogCheckpoint) => void;
  /** How old a segment becomes before it is sealed; without it an hour. */
  readonly sealAfterMs?: number | undefined;
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
  readonly #watch: KeyWatch;
  /** Projects whose clients were told that they are refused. */
  readonly #refused = new Set<string>();
  readonly #unlock: () => Promise<void>;
  #inFlightBytes = 0;
  #fatal: Error | undefined;
  #closed = false;
  #retainTimer: NodeJS.Timeout | undefined;
  #retaining: Promise<void> | undefined;

  private constructor(options: SinkOptions, unlock: () => Promise<void>) {
    this.#options = options;
    this.#unlock = unlock;
    this.#watch = new KeyWatch({
      keys: options.keys,
      onStanding: (projectId, standing) => this.#act(projectId, standing),
      onFatal: (error) => this.#fail(error),
    });
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
    sink.#watch.start();
    if (options.retention) sink.#scheduleRetention(0);
    return sink;
  }

  /** Resolves when the project exists and its key may be used; else PROJECT_NOT_FOUND, KEY_DISABLED … */
  async admit(projectId: string): Promise<void> {
    const standing = await this.#watch.confirm(projectId);
    if (standing instanceof KeyError) throw standing;
    await this.#logOf(projectId);
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
    this.#watch.stop();
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
    const watched: ProjectReference[] = [];
    for (const projectId of await projects.ids()) {
      try {
        const reference = await projects.reference(projectId);
        watched.push(reference.customerId === undefined ? await projects.read(projectId) : reference); // a file of an older version is renewed
      } catch (error) {
        onRefusal?.(projectId, error as Error);
      }
    }
    await Promise.all(watched.map((project) => this.#watch.add(project)));
    if (this.#fatal) throw this.#fatal;
    for (const { projectId } of watched) if (!this.#refusalOf(projectId)) await this.#take(projectId);
  }

  #refusalOf(projectId: string): KeyError | undefined {
    const standing = this.#watch.standing(projectId);
    return standing instanceof KeyError ? standing : undefined;
  }

  /** Lets a project in: true when its log is open. Throws only what is fatal. */
  async #take(projectId: string): Promise<boolean> {
    try {
      this.#instruct(await this.#logOf(projectId), this.#watch.standing(projectId));
      return true;
    } catch (error) {
      if (isFatal(error as Error)) throw error;
      if (!this.#refusalOf(projectId)) this.#options.onRefusal?.(projectId, error as Error);
      return false;
    }
  }

  /** What a project's standing means to its log. */
  #instruct(log: ProjectLog, standing: Standing | undefined): void {
    log.refuse(standing instanceof KeyError ? standing : undefined);
    log.hold(standing === 'unknown');
  }

  #act(projectId: string, standing: Standing): void {
    const { onRefusal, onHold } = this.#options;
    if (standing instanceof KeyError) {
      this.#tellLog(projectId);
      this.#refused.add(projectId);
      onRefusal?.(projectId, standing);
    } else if (this.#refused.delete(projectId)) {
      this.#takeAgain(projectId);
    } else {
      this.#tellLog(projectId);
      onHold?.(projectId, standing === 'unknown');
    }
  }

  /** Whoever asked for the log is told when it cannot be opened. */
  #tellLog(projectId: string): void {
    this.#logs.get(projectId)?.then((log) => this.#instruct(log, this.#watch.standing(projectId)), () => undefined);
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
      sealAfterMs: this.#options.sealAfterMs,
      onRecovered: (recovery) => this.#options.onRecovered?.(projectId, recovery),
      onFailed: (error) => this.#fail(error),
    });
    const standing = await this.#watch.add(project);
    if (standing instanceof KeyError) throw standing;
    log.onSealed = this.#options.onSealed;
    await settledView(this.#toChange(log)); // destroys what a command left that was cut short
    await log.recover();
    this.#instruct(log, this.#watch.standing(projectId)); // which may have changed meanwhile
    return log;
  }

  #toChange(log: ProjectLog): LogToChange {
    const { projectId, keyId, customerId } = log;
    return {
      source: localSource(join(this.#options.directory, projectId)), projectId, keyId, customerId, keys: this.#options.keys,
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

  /** Not waited for: to mend one project's log may take longer than a disabled key of another may be left unseen. */
  #takeAgain(projectId: string): void {
    this.#take(projectId).then(
      (open) => { if (open && !this.#refusalOf(projectId)) this.#options.onRefusal?.(projectId, undefined); },
      (error: unknown) => this.#fail(error as Error),
    );
  }
}
