/**
 * The encrypting sink: the one way into the store. Routes publishes to their project's log, bounds what is in flight,
 * and watches the keys: within WATCH_MS of a key being disabled its project refuses, within as much of it being enabled
 * it takes again.
 */
import { join } from 'node:path';
import { holdLock } from '../certs/mod.ts';
import { KeyError, StoreError } from './errors.ts';
import type { KeyService } from './keys/key-service.ts';
import type { Projects } from './projects.ts';
import { isFatal, ProjectLog, type Arrival, type Done, type LogCounts } from './store/project-log.ts';
import { makeDurableDirectory } from './store/segment-files.ts';

/** How often the keys' states are looked at: well below the two seconds in which a disabled key must bite. */
const WATCH_MS = 250;
/** Payload bytes taken but not yet on disk, over all projects; past it publishes are refused until some are. */
export const MAX_IN_FLIGHT_BYTES = 64 * 2 ** 20;

export interface SinkOptions {
  /** The store's directory, one folder a project. */
  readonly directory: string;
  readonly projects: Projects;
  readonly keys: KeyService;
  /** Called once when the disk fails: nothing more is acknowledged; whoever runs the broker stops it. */
  readonly onFatal: (error: Error) => void;
  /** Called when a project is refused or taken again, with the reason. */
  readonly onRefusal?: (projectId: string, error: KeyError | undefined) => void;
}

export class Sink {
  readonly counts: LogCounts = { stored: 0, duplicates: 0, storedBytes: 0, commits: 0 };
  readonly #options: SinkOptions;
  readonly #logs = new Map<string, Promise<ProjectLog>>();
  readonly #refused = new Map<string, KeyError>();
  readonly #unlock: () => Promise<void>;
  #inFlightBytes = 0;
  #fatal: Error | undefined;
  #closed = false;
  #watch: NodeJS.Timeout | undefined;

  private constructor(options: SinkOptions, unlock: () => Promise<void>) {
    this.#options = options;
    this.#unlock = unlock;
  }

  /** Takes the store for this process; LOCK_HELD when another broker has it. */
  static async open(options: SinkOptions): Promise<Sink> {
    await makeDurableDirectory(options.directory);
    const sink = new Sink(options, await holdLock(join(options.directory, 'lock'), 'the store'));
    try {
      await sink.#recover();
    } catch (error) {
      await sink.close();
      throw error;
    }
    sink.#scheduleWatch();
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
    // Publishes of one client reach the same promise in order, so their order is kept.
    this.#logOf(projectId).then((log) => log.append(arrival, settle), settle);
  }

  /** Takes no more, stores what was taken, seals the segments, gives the store free. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#watch);
    const closing = [...this.#logs.values()].map(async (log) => (await log.catch(() => undefined))?.close());
    const results = await Promise.allSettled(closing);
    await this.#unlock();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Mends what a killed broker left, project by project. One that cannot be opened now is answered for when it is used. */
  async #recover(): Promise<void> {
    for (const { projectId } of await this.#options.projects.references()) {
      try {
        await (await this.#logOf(projectId)).recover();
      } catch (error) {
        if (isFatal(error as Error)) throw error;
      }
    }
  }

  /** The promise itself, not another: who waits for it goes on in the order of asking. */
  #logOf(projectId: string): Promise<ProjectLog> {
    let log = this.#logs.get(projectId);
    if (!log) {
      // Read whole, with its key: the key's name alone could have been altered into another key's.
      log = this.#options.projects
        .read(projectId)
        .then((project) => new ProjectLog(join(this.#options.directory, projectId), project, this.#options.keys, this.counts));
      this.#logs.set(projectId, log);
      log.catch(() => this.#logs.delete(projectId));
    }
    return log;
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
    for (const pending of this.#logs.values()) {
      const log = await pending.catch(() => undefined); // whoever asked for it was told why there is none
      if (!log) continue;
      const refused = this.#refused.get(log.projectId);
      const usable = states.get(log.keyId) === 'Enabled';
      if (usable && refused) {
        this.#refused.delete(log.projectId);
        log.refuse(undefined);
        this.#options.onRefusal?.(log.projectId, undefined);
      } else if (!usable && !refused) {
        const error = new KeyError('KEY_DISABLED', `key ${log.keyId} of project ${log.projectId} is disabled: writes are refused`);
        this.#refused.set(log.projectId, error);
        log.refuse(error);
        this.#options.onRefusal?.(log.projectId, error);
      }
    }
  }
}
