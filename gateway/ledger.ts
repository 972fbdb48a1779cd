/**
 * What was produced, to be held against what was stored: a digest of every message as its sensor meant it, taken before
 * it was encoded, and a mark when it was read back. 13 bytes a message, so a long run can be checked whole.
 */
import { createHash, type Hash } from 'node:crypto';
import { asSent, frameToJson, type SensorMessage } from '../frame/mod.ts';

/** Messages that one ledger holds: 130 MB. */
export const MAX_LEDGER_MESSAGES = 10_000_000;

/** How produced and stored compare. All were stored exactly once when only `storedOnce` and `earlier` are above 0. */
export interface Reconciliation {
  readonly produced: number;
  readonly storedOnce: number;
  readonly missing: number;
  /** Copies beyond the first. */
  readonly duplicated: number;
  /** Stored under a produced message's number, but not as it was produced; that message itself is missing. */
  readonly altered: number;
  /** Stored, but produced before this ledger began. */
  readonly earlier: number;
}

/** The messages of one kind, sensor and boot epoch, in the order of their sequence numbers. */
class Stream {
  #sequences = new Uint32Array(16);
  #digests = new BigUint64Array(16);
  #marks = new Uint8Array(16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(sequence: number, digest: bigint): void {
    if (this.#length === this.#sequences.length) this.#grow();
    this.#sequences[this.#length] = sequence;
    this.#digests[this.#length] = digest;
    this.#length += 1;
  }

  /** Index of a sequence number, -1 when it was not produced here. */
  indexOf(sequence: number): number {
    let low = 0;
    let high = this.#length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#sequences[middle]!;
      if (found === sequence) return middle;
      if (found < sequence) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  digestAt(index: number): bigint {
    return this.#digests[index]!;
  }

  /** Times that the message at `index` was marked, at most 255. */
  mark(index: number): number {
    return (this.#marks[index] = Math.min(255, this.#marks[index]! + 1));
  }

  countMarked(times: number): number {
    let count = 0;
    for (let i = 0; i < this.#length; i++) if (this.#marks[i] === times) count += 1;
    return count;
  }

  #grow(): void {
    const size = this.#sequences.length * 2;
    const grown = { sequences: new Uint32Array(size), digests: new BigUint64Array(size), marks: new Uint8Array(size) };
    grown.sequences.set(this.#sequences);
    grown.digests.set(this.#digests);
    grown.marks.set(this.#marks);
    this.#sequences = grown.sequences;
    this.#digests = grown.digests;
    this.#marks = grown.marks;
  }
}

export class Ledger {
  readonly #streams = new Map<string, Stream>();
  #produced = 0;
  #altered = 0;
  #duplicated = 0;
  #earlier = 0;

  /** True when no more can be noted. */
  get full(): boolean {
    return this.#produced >= MAX_LEDGER_MESSAGES;
  }

  /** Notes a message as its sensor produced it. Sequence numbers of one stream must grow. */
  produced(message: SensorMessage): void {
    const key = keyOf(message);
    let stream = this.#streams.get(key);
    if (!stream) this.#streams.set(key, (stream = new Stream()));
    stream.append(message.sequence, digestOf(asSent(message)));
    this.#produced += 1;
  }

  /** Marks a message that was read back from the store. */
  stored(message: SensorMessage): void {
    const stream = this.#streams.get(keyOf(message));
    const index = stream ? stream.indexOf(message.sequence) : -1;
    if (!stream || index < 0) this.#earlier += 1;
    else if (stream.digestAt(index) !== digestOf(message)) this.#altered += 1;
    else if (stream.mark(index) > 1) this.#duplicated += 1;
  }

  reconcile(): Reconciliation {
    const streams = [...this.#streams.values()];
    const missing = streams.reduce((sum, stream) => sum + stream.countMarked(0), 0);
    const storedOnce = streams.reduce((sum, stream) => sum + stream.countMarked(1), 0);
    return { produced: this.#produced, storedOnce, missing, duplicated: this.#duplicated, altered: this.#altered, earlier: this.#earlier };
  }
}

function keyOf({ kind, sensorId, bootEpoch }: SensorMessage): string {
  return `${kind}/${sensorId}/${bootEpoch}`;
}

/** 64 bits of SHA-256 over all fields, samples included. Independent of the frame's bytes. */
function digestOf(message: SensorMessage): bigint {
  const hash = createHash('sha256');
  if (message.kind === 'waveform') addWaveform(hash, message);
  else hash.update(JSON.stringify(frameToJson(message)));
  return hash.digest().readBigUInt64LE(0);
}

function addWaveform(hash: Hash, { axes, ...rest }: Extract<SensorMessage, { kind: 'waveform' }>): void {
  hash.update(JSON.stringify({ ...rest, axes: axes.length }));
  for (const axis of axes) hash.update(new Uint8Array(axis.buffer, axis.byteOffset, axis.byteLength));
}
