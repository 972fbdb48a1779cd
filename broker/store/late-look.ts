/**
 * Looks into parts of an open segment that were written when there was no time for it, once there is: reads them back from the file,
 * with the keys that the writer has. So a sealed segment's index says of all parts what they hold. Nothing waits for it, it takes at
 * most a moment of the event loop at a time, and half of its time (leisure.ts).
 */
import { open } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { openRecord, RecordError } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import { decodeGroup } from './group.ts';
import { loopHasTime } from './leisure.ts';
import type { SegmentKeys } from './segment-format.ts';
import { noFindings, type Findings, type IndexBuilder, type Part } from './segment-index.ts';

/** The longest that the event loop is kept at a time, but for a single batch. */
const SLICE_MS = 0.5;
/** When there is no time it is asked again after so long. */
const PAUSE_MS = 100;
/** No chain is followed. */
const NO_CHAIN = Buffer.alloc(32);

export class LateLook {
  readonly #path: string;
  readonly #keys: SegmentKeys;
  readonly #index: IndexBuilder;
  readonly #ending = new AbortController();
  /** Once it ends: when the last moment is. */
  #endMs = 0;
  #running: Promise<void> | undefined;

  constructor(path: string, keys: SegmentKeys, index: IndexBuilder) {
    this.#path = path;
    this.#keys = keys;
    this.#index = index;
  }

  /** To be called when something may have been left. Returns at once. */
  wake(): void {
    if (!this.#ending.signal.aborted && this.#index.left(false)) this.#running ??= this.#lookAtRest();
  }

  /** No more is written: looks at the rest at once, for `forMs` at most. */
  async finish(forMs: number): Promise<void> {
    this.#endMs = performance.now() + forMs;
    this.#ending.abort();
    await this.#running;
    await this.#lookAtRest();
  }

  /** The keys are about to be forgotten. */
  stop(): void {
    this.#endMs = 0;
    this.#ending.abort();
  }

  async #lookAtRest(): Promise<void> {
    try {
      for (let part = this.#next(); part && (await this.#hasTime()); part = this.#next()) {
        const found = await this.#lookInto(part);
        if (found !== undefined) this.#index.settle(found);
      }
    } finally {
      this.#running = undefined;
    }
  }

  #next(): Part | undefined {
    return this.#index.left(this.#ending.signal.aborted);
  }

  /** Waits until there is time; false when it is over. Whoever was waiting for anything asks again before keys are used. */
  async #hasTime(): Promise<boolean> {
    const { signal } = this.#ending;
    while (!signal.aborted && !loopHasTime()) await delay(PAUSE_MS, undefined, { signal, ref: false }).catch(() => undefined);
    return !signal.aborted || performance.now() < this.#endMs;
  }

  /** Null when the part cannot be read, or does not decode: whoever reads it is told. Undefined when the time is over. */
  async #lookInto(part: Part): Promise<Findings | null | undefined> {
    try {
      const bytes = await readBytes(this.#path, part);
      if (!(await this.#hasTime())) return undefined;
      if (bytes.length < part.bytes) return null;
      const found = noFindings();
      let sliceMs = performance.now();
      for (let at = 0, number = part.record; at < bytes.length; number++) {
        const record = openRecord(bytes.subarray(at), number, this.#keys, NO_CHAIN);
        at += record.bytes;
        for (const entry of decodeGroup(record.plaintext)) {
          if (!this.#index.look(found, entry)) return null;
          if (performance.now() - sliceMs < SLICE_MS) continue;
          await nextTurn();
          if (!(await this.#hasTime())) return undefined;
          sliceMs = performance.now();
        }
      }
      return found;
    } catch (error) {
      if (error instanceof RecordError || error instanceof StoreError || 'syscall' in (error as Error)) return null;
      throw error;
    }
  }
}

async function readBytes(path: string, { offset, bytes }: Part): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
