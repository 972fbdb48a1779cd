/**
 * One project's log: takes publishes in the order of arrival and calls back, in that order, once they are on disk.
 * While one sync runs the next group fills, so the group's size follows the load and an idle log adds one sync's time.
 * Promise: a callback without error means stored (or known as stored before); after an error nothing that the same
 * gateway had waiting behind it is stored.
 */
import { StoreError } from '../errors.ts';
import type { KeyProvider } from '../keys/provider.ts';
import type { ProjectReference } from '../projects.ts';
import { sift, type Answer, type Arrival, type ConnectionNote, type Done } from './arrival.ts';
import { systemDisk, type Disk } from './disk.ts';
import { encodeGroup, maxGroupLength } from './group.ts';
import { loopHasTime } from './leisure.ts';
import { mend } from './mending.ts';
import { examineLog, type LogEnd, type Recovery } from './recovery.ts';
import { makeDurableDirectory } from './segment-files.ts';
import { SEAL_AFTER_MS, SEGMENT_ROLL_BYTES } from './segment-format.ts';
import { SegmentWriter } from './segment-writer.ts';
import { WaitingLine, type Waiting } from './waiting-line.ts';
import type { LogCheckpoint } from './witness.ts';

/** How long a seal may take for looking into what was not looked into: while publishes wait for it, and at a stop. */
const LOOK_AT_ROLL_MS = 50;
const LOOK_AT_STOP_MS = 5_000;

export interface LogCounts {
  stored: number;
  duplicates: number;
  storedBytes: number;
  commits: number;
}

export interface LogOptions {
  readonly disk?: Disk;
  /** A segment is ended once it is this long. */
  readonly rollBytes?: number;
  /** A segment is ended once its first group has been on disk for so long; without it an hour. */
  readonly sealAfterMs?: number | undefined;
  /** Called when the log was found as a killed writer leaves it, and has been mended. */
  readonly onRecovered?: (recovery: Recovery) => void;
  /** Called when the disk failed, also at a moment when nobody waits for an answer. */
  readonly onFailed?: (error: Error) => void;
}

export class ProjectLog {
  readonly projectId: string;
  readonly keyId: string;
  readonly customerId: string | undefined;
  readonly #directory: string;
  readonly #keys: KeyProvider;
  readonly #disk: Disk;
  readonly #rollBytes: number;
  readonly #sealAfterMs: number;
  readonly #onRecovered: LogOptions['onRecovered'];
  readonly #onFailed: LogOptions['onFailed'];
  #room = Buffer.alloc(0);
  readonly #counts: LogCounts;
  readonly #waiting = new WaitingLine();
  #end: LogEnd | undefined;
  #writer: SegmentWriter | undefined;
  /** Runs from the first group of the open segment on. */
  #ageTimer: NodeJS.Timeout | undefined;
  /** The open segment is to end in the next turn. */
  #isOld = false;
  #refusal: Error | undefined;
  /** Resolves when nothing is held any more. */
  #held: Promise<void> | undefined;
  #release: (() => void) | undefined;
  /** Set once the disk failed: what the file then holds is in doubt until it is read by another start. */
  #failure: Error | undefined;
  #closed = false;
  #running: Promise<void> | undefined;
  #checkpoint: LogCheckpoint | undefined;
  #amendments = 0;
  /** Called with each segment that is sealed. */
  onSealed: ((checkpoint: LogCheckpoint) => void) | undefined;

  constructor(directory: string, project: ProjectReference, keys: KeyProvider, counts: LogCounts, options: LogOptions = {}) {
    this.projectId = project.projectId;
    this.keyId = project.keyId;
    this.customerId = project.customerId;
    this.#directory = directory;
    this.#keys = keys;
    this.#disk = options.disk ?? systemDisk;
    this.#rollBytes = options.rollBytes ?? SEGMENT_ROLL_BYTES;
    this.#sealAfterMs = options.sealAfterMs ?? SEAL_AFTER_MS;
    this.#onRecovered = options.onRecovered;
    this.#onFailed = options.onFailed;
    this.#counts = counts;
  }

  /** Where the log stands on disk; undefined until something is written to it. */
  get checkpoint(): LogCheckpoint | undefined {
    return this.#checkpoint && { ...this.#checkpoint, amendments: this.#amendments };
  }

  /** Says which version of what is rewritten and removed there is now. */
  amended(version: number): void {
    this.#amendments = version;
  }

  /** Takes one publish; `done` is called in the order of arrival. */
  append(arrival: Arrival | ConnectionNote, done: Done): void {
    if (this.#closed) return done(new StoreError('STORE_CLOSED', 'the broker is stopping'));
    this.#waiting.add({ arrival, done });
    this.#wake();
  }

  /** Before anything is appended: a segment that a killed writer left without its seal is pinned by a new one. */
  async recover(): Promise<void> {
    this.#end ??= await this.#recover();
    if (!this.#end.sealed) this.#writer ??= await this.#begin(this.#end);
  }

  /** Refuses everything with `error` from now on, forgetting the keys, until called with undefined. */
  refuse(error: Error | undefined): void {
    this.#refusal = error;
    if (!error) return;
    this.#release?.();
    this.#wake();
  }

  /** Keeps what comes waiting, keys and segment as they are, until called with false, refused, or closed. */
  hold(held: boolean): void {
    if (!held) this.#release?.();
    else this.#held ??= new Promise((resolve) => (this.#release = () => { this.#held = this.#release = undefined; resolve(); }));
  }

  /** Ends the open segment, if anything is stored in it, in turn with what else is to be done; what comes next begins another. */
  async endSegment(): Promise<void> {
    if (!this.#ageTimer) return;
    this.#isOld = true;
    this.#wake();
    await this.#running;
  }

  /** Waits for what was taken, then seals the open segment. */
  async close(): Promise<void> {
    if (this.#held) this.refuse(new StoreError('STORE_CLOSED', 'the broker is stopping'));
    while (this.#running) await this.#running;
    this.#closed = true;
    const writer = this.#takeWriter();
    this.#end = undefined;
    if (writer) await this.#seal(writer, LOOK_AT_STOP_MS);
  }

  /** The open segment, which nothing is appended to any more. */
  #takeWriter(): SegmentWriter | undefined {
    const writer = this.#writer;
    this.#writer = undefined;
    clearTimeout(this.#ageTimer);
    this.#ageTimer = undefined;
    this.#isOld = false;
    return writer;
  }

  async #seal(writer: SegmentWriter, lookMs: number): Promise<void> {
    await writer.seal(lookMs);
    this.#written(writer);
    this.onSealed?.(this.checkpoint!);
  }

  #written({ file, position }: SegmentWriter): void {
    const { records, chain } = position;
    this.#checkpoint = { projectId: this.projectId, segmentId: file.segmentId, ordinal: file.ordinal, records, chainHex: chain.toString('hex') };
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#hasWork) this.#wake(); // it came between the last look and now
    });
  }

  get #hasWork(): boolean {
    return this.#waiting.length > 0 || (this.#refusal !== undefined && this.#writer !== undefined) || this.#isOld;
  }

  async #run(): Promise<void> {
    do {
      await this.#waiting.gather();
      await this.#held;
      const refusal = this.#failure ?? this.#refusal;
      if (refusal) await this.#failAll(refusal);
      else {
        await this.#commitNext();
        await this.#rollIfDue();
      }
    } while (this.#hasWork);
  }

  async #commitNext(): Promise<void> {
    const group = this.#waiting.takeGroup();
    let answers: Answer[];
    try {
      answers = await this.#commit(group);
    } catch (error) {
      return this.#failWith(error as Error, group);
    }
    for (const [index, { done }] of group.entries()) done(answers[index]);
  }

  async #failWith(error: Error, group: readonly Waiting[] = []): Promise<void> {
    if (isFatal(error)) this.#fail(error);
    await this.#failAll(error, group);
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#onFailed?.(error);
  }

  async #commit(group: readonly Waiting[]): Promise<Answer[]> {
    this.#end ??= await this.#recover();
    const { seen } = this.#end;
    if (!this.#writer && group.some(({ arrival }) => !arrival.batch || !seen.has(arrival.batch))) {
      // Before anything of this group counts as seen: the new segment's snapshot must not vouch for it.
      this.#writer = await this.#begin(this.#end);
    }
    const { fresh, answers } = sift(group.map(({ arrival }) => arrival), seen);
    if (fresh.length > 0) {
      const room = this.#roomFor(maxGroupLength(fresh));
      await this.#writer!.append(room.subarray(0, encodeGroup(fresh, room)));
      this.#written(this.#writer!);
      this.#startAge();
      this.#counts.commits += 1;
    }
    const [published, batches] = [group.filter(({ arrival }) => arrival.batch).length, fresh.filter(({ batch }) => batch)];
    this.#counts.stored += batches.length;
    this.#counts.duplicates += published - answers.filter((error) => error).length - batches.length;
    for (const { payload } of batches) this.#counts.storedBytes += payload.length;
    return answers;
  }

  /** Everything waiting fails with `error`; the log is read anew before anything else is taken. */
  async #failAll(error: Error, first: readonly Waiting[] = []): Promise<void> {
    const writer = this.#takeWriter();
    this.#end = undefined;
    // Refused while all was well: the segment is ended as at a stop. After a fault it is left as it is.
    if (error === this.#refusal && writer) await this.#seal(writer, 0).catch((fault: unknown) => this.#fail(fault as Error));
    else await writer?.abandon();
    const failed = [...first, ...this.#waiting.takeAll()]; // also what came meanwhile: it is behind what failed
    for (const { done } of failed) done(error);
  }

  /** Memory that is filled anew for each group. */
  #roomFor(bytes: number): Buffer {
    if (this.#room.length < bytes) this.#room = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
    return this.#room;
  }

  async #begin(end: LogEnd): Promise<SegmentWriter> {
    await makeDurableDirectory(this.#directory);
    return SegmentWriter.create(
      this.#disk,
      {
        directory: this.#directory,
        projectId: this.projectId,
        keyId: this.keyId,
        customerId: this.customerId,
        ordinal: end.ordinal + 1,
        previous: end.position,
        snapshot: Buffer.from(JSON.stringify(end.seen.snapshot())),
      },
      this.#keys,
    );
  }

  /** From a segment's first group on: one in which nothing is stored yet does not age. */
  #startAge(): void {
    this.#ageTimer ??= setTimeout(() => void this.endSegment(), this.#sealAfterMs).unref();
  }

  async #rollIfDue(): Promise<void> {
    if (!this.#writer || (this.#writer.bytes < this.#rollBytes && !this.#isOld)) return;
    const [writer, { ordinal, seen }] = [this.#takeWriter()!, this.#end!];
    try {
      await this.#seal(writer, loopHasTime() ? LOOK_AT_ROLL_MS : 0);
      this.#end = { ordinal: ordinal + 1, position: writer.position, seen, sealed: true };
    } catch (error) {
      await this.#failWith(error as Error);
    }
  }

  /** Reads where the log ends, and puts right what a killed writer left: what is not on disk yet must not be vouched for. */
  async #recover(): Promise<LogEnd> {
    const { end, amendments, mending, recovery } = await examineLog(this.#directory, this.projectId, this.#keys);
    this.#amendments = amendments;
    await mend(this.#disk, mending);
    if (recovery) this.#onRecovered?.(recovery);
    return end;
  }
}

/** A fault of disk or file that only a restart can mend: the broker stops instead of going on in doubt. */
export function isFatal(error: Error): boolean {
  return error instanceof StoreError && error.code === 'STORE_FAILED';
}
