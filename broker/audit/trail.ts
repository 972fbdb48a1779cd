/**
 * The audit trail of a home. To record takes no time and never fails: events wait in a bounded queue and are appended in groups, one sync
 * for each, beside all else that happens. What finds no room, or cannot be written, is counted, and the next record that can be written
 * tells how much is missing: a gap that shows. What was recorded less than GROUP_MS before a process is killed may be lost.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RootKeys, type RootSource } from '../keys/root-key.ts';
import { checkpointOf, checkpointEvent, type Checkpoint } from './checkpoint.ts';
import type { AuditEvent, AuditSink } from './event.ts';
import { EVENT_BYTES_PER_S, Flood, type Lost } from './flood.ts';
import { noteEvent, recordOf, type AuditRecord, type NotedEvent } from './record.ts';
import { Refusals, REFUSAL_WINDOW_MS } from './refusals.ts';
import { removalEvent } from './removal.ts';
import { planRemoval, type RemovalPlan, type TrailLimits } from './retention.ts';
import { TRAIL_START, type TrailPosition } from './trail-format.ts';
import { headPath, readHead } from './trail-files.ts';
import { walkTrail, type TrailItem, type Witness } from './trail-reader.ts';
import { appendRecords } from './trail-writer.ts';

/** How long events are gathered before they are appended. */
const GROUP_MS = 100;
/** Events that wait to be appended; they are bounded in size (record.ts), so this bounds the memory: some 64 MiB at worst, 4 usually. */
const QUEUE_MAX = 4096;
/** Records appended under one lock and one sync. */
const GROUP_MAX = 1024;
/** How long after a failed append the next is tried. */
const RETRY_MS = 1000;

export interface AuditTrailOptions {
  /** The trail's folder; made at the first append. */
  readonly directory: string;
  /** The folder of the key store, whose root key the trail is sealed under. */
  readonly keysDirectory: string;
  readonly source: RootSource;
  /** Whose trail it is, 12 digits; asked for once, at the first append. */
  readonly accountId: () => Promise<string>;
  readonly region: string;
  readonly now: () => number;
  readonly queueMax?: number;
}

export class AuditTrail {
  readonly directory: string;
  readonly #options: AuditTrailOptions;
  readonly #keys: RootKeys;
  readonly #refusals = new Refusals();
  readonly #flood = new Flood();
  #queue: NotedEvent[] = [];
  #dropped = { count: 0, fromMs: 0 };
  #accountId: Promise<string> | undefined;
  #appending: Promise<void> | undefined;
  #gather: NodeJS.Timeout | undefined;
  #window: NodeJS.Timeout | undefined;
  #trouble: Error | undefined;
  #closed = false;

  private constructor(options: AuditTrailOptions) {
    this.directory = options.directory;
    this.#options = options;
    this.#keys = new RootKeys(options.source, options.keysDirectory);
  }

  /** Touches no file before the first record, or reader. */
  static open(options: AuditTrailOptions): AuditTrail {
    return new AuditTrail(options);
  }

  /** Why the last append failed; undefined when it did not. */
  get trouble(): Error | undefined {
    return this.#trouble;
  }

  /** Takes an event and returns at once. Bound, so that it can be handed on as it is. */
  readonly record: AuditSink = (event) => {
    try {
      const nowMs = this.#options.now();
      this.#noteCounted(nowMs);
      if (event.errorCode !== undefined && !this.#refusals.take(event, nowMs)) return this.#awaitWindow();
      const noted = noteEvent(event, nowMs);
      if (event.errorCode === undefined && !this.#flood.take(noted.event.eventName, noted.bytes, nowMs)) return this.#awaitWindow();
      this.#enqueue(noted);
    } catch {
      this.#drop(1); // an event that cannot be written down, such as one with a getter that throws
    }
  };

  /** Notes where a segment ended when it was sealed, so that an older copy of the store can be told. */
  recordCheckpoint(checkpoint: Checkpoint): void {
    this.record(checkpointEvent(checkpoint));
  }

  /** Resolves when everything recorded before is on disk. Rejects, with the cause, when it cannot be written now; it is kept and tried again. */
  async flush(): Promise<void> {
    clearTimeout(this.#gather);
    this.#gather = undefined;
    await this.#appending?.catch(() => undefined);
    while (this.#queue.length > 0 || this.#dropped.count > 0) await this.#append();
  }

  /** Writes what is left, counted refusals too, and takes nothing more. Rejects when that cannot be written; it is lost then. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#noteCounted(this.#options.now(), true);
    this.#closed = true;
    clearTimeout(this.#window);
    try {
      await this.flush();
    } finally {
      clearTimeout(this.#gather);
    }
  }

  /** All records, oldest first, and all faults. `witnesses`: positions that must be found. KEY_PASSPHRASE, KEYSTORE_DAMAGED. */
  walk(witnesses: readonly Witness[] = []): AsyncGenerator<TrailItem> {
    return walkTrail(this.directory, this.#keys, witnesses);
  }

  /**
   * Removes the oldest closed files, for their age or for the size of all, after the trail has a record of that on disk; killed at any step, what
   * is left is sound. Undefined where there is nothing to remove. KEYSTORE_DAMAGED where something is wrong with the trail.
   */
  async retain(limits: TrailLimits, principal: string): Promise<RemovalPlan | undefined> {
    await this.flush();
    const plan = await planRemoval(this.directory, this.#keys, limits);
    if (!plan) return undefined;
    const noted = noteEvent(removalEvent(principal, plan), this.#options.now());
    await this.#write([noted]);
    for (const { path } of plan.files) await rm(path, { force: true });
    return plan;
  }

  /** The records that can be read. */
  async *records(): AsyncGenerator<AuditRecord> {
    for await (const item of this.walk()) if (item.kind === 'record') yield item.record;
  }

  /** The checkpoints of a project, in the order of recording, as far as they can be read. */
  async checkpoints(projectId: string): Promise<Checkpoint[]> {
    const found: Checkpoint[] = [];
    for await (const record of this.records()) {
      const checkpoint = checkpointOf(record);
      if (checkpoint?.projectId === projectId) found.push(checkpoint);
    }
    return found;
  }

  /** Where the trail stands, to be kept elsewhere; words where the head does not open. */
  async head(): Promise<TrailPosition | string> {
    const head = await readHead(this.directory, this.#keys);
    if (typeof head === 'string') return `${headPath(this.directory)}: ${head}`;
    return head?.position ?? TRAIL_START;
  }

  /** `standsFor`: how many events are missing where there is no room for this one. */
  #enqueue(noted: NotedEvent, standsFor = 1): void {
    if (this.#closed || this.#queue.length >= (this.#options.queueMax ?? QUEUE_MAX)) return this.#drop(standsFor);
    this.#queue.push(noted);
    this.#gatherFor(GROUP_MS);
  }

  #drop(count: number): void {
    if (this.#dropped.count === 0) this.#dropped.fromMs = this.#options.now();
    this.#dropped.count += count;
    if (!this.#closed) this.#gatherFor(GROUP_MS);
  }

  #gatherFor(ms: number): void {
    if (this.#gather !== undefined || this.#appending) return;
    this.#gather = setTimeout(() => {
      this.#gather = undefined;
      void this.#append().catch(() => undefined); // kept in #trouble
    }, ms);
    this.#gather.unref();
  }

  /** What was counted in a minute that is over, or so far with `all`. */
  #noteCounted(nowMs: number, all = false): void {
    for (const { event, repeats, fromMs, untilMs } of this.#refusals.due(nowMs, all)) {
      this.#enqueue(noteEvent(event, untilMs, { repeats, from: iso(fromMs), until: iso(untilMs) }), repeats);
    }
    const lost = this.#flood.due(nowMs, all);
    if (lost) this.#enqueue(noteEvent(floodEvent(lost), nowMs), lost.records);
  }

  /** So that what was counted is written down also when nothing else happens. */
  #awaitWindow(): void {
    if (this.#window !== undefined || this.#closed) return;
    this.#window = setTimeout(() => {
      this.#window = undefined;
      this.#noteCounted(this.#options.now(), true);
    }, REFUSAL_WINDOW_MS);
    this.#window.unref();
  }

  /** Appends a group; one after the other. */
  #append(): Promise<void> {
    this.#appending ??= this.#appendGroup().finally(() => {
      this.#appending = undefined;
      if (this.#queue.length > 0 || this.#dropped.count > 0) this.#gatherFor(this.#trouble ? RETRY_MS : GROUP_MS);
    });
    return this.#appending;
  }

  async #appendGroup(): Promise<void> {
    const group = this.#queue.slice(0, GROUP_MAX);
    const dropped = { ...this.#dropped };
    try {
      const gap = dropped.count > 0 ? [this.#noteGap(dropped)] : [];
      await this.#write([...gap, ...group]);
    } catch (error) {
      this.#trouble = error as Error;
      throw error;
    }
    this.#trouble = undefined;
    this.#queue = this.#queue.slice(group.length);
    this.#dropped.count -= dropped.count;
    this.#dropped.fromMs = this.#options.now();
  }

  /** Resolves when they are on disk. */
  async #write(noted: readonly NotedEvent[]): Promise<void> {
    const owner = { accountId: await this.#owner(), region: this.#options.region };
    const textOf = (one: NotedEvent): string => JSON.stringify(recordOf(one, owner));
    await appendRecords(this.directory, this.#keys, noted.map(textOf), (damage) => textOf(this.#noteDamage(damage)));
  }

  async #owner(): Promise<string> {
    this.#accountId ??= this.#options.accountId();
    this.#accountId.catch(() => (this.#accountId = undefined));
    return this.#accountId;
  }

  #noteGap({ count, fromMs }: { readonly count: number; readonly fromMs: number }): NotedEvent {
    const why = this.#trouble ? `the trail could not be written (${reasonOf(this.#trouble)})` : 'more was recorded than could be written';
    return noteEvent(ownEvent('AuditRecordsLost', { records: count, from: iso(fromMs) }, why), this.#options.now());
  }

  #noteDamage(damage: string): NotedEvent {
    return noteEvent(ownEvent('AuditTrailDamaged', {}, damage.replaceAll(join(this.directory, '/'), '')), this.#options.now());
  }
}

/** What the trail says of itself. */
function ownEvent(eventName: string, requestParameters: Record<string, unknown>, errorMessage: string): AuditEvent {
  return { eventSource: 'thrum', eventName, principal: 'thrum', sourceIpAddress: undefined, requestParameters, errorCode: eventName, errorMessage, readOnly: false, resources: [] };
}

function floodEvent({ records, fromMs, untilMs, events }: Lost): AuditEvent {
  return ownEvent('AuditRecordsLost', { records, from: iso(fromMs), until: iso(untilMs), events }, `of one kind of event more was recorded than ${EVENT_BYTES_PER_S} bytes a second`);
}

function reasonOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? error.name;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
