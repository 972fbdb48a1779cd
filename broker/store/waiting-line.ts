/** What came to a log and waits for the disk, in the order of arrival, and how much of it goes into one commit. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Arrival, ConnectionNote, Done } from './arrival.ts';
import { MAX_ENTRY_HEADER_BYTES } from './group.ts';

/** Plaintext of one commit: large enough for a sync's worth of data, well below a record's limit. */
const MAX_GROUP_BYTES = 4 * 2 ** 20;

/** The longest that a group is kept open for more, and how long it is then: enough for a sync to be worth it. */
const MAX_GATHER_MS = 2;
const GATHERED_BYTES = 256 * 2 ** 10;

export interface Waiting {
  readonly arrival: Arrival | ConnectionNote;
  readonly done: Done;
}

export class WaitingLine {
  #waiting: Waiting[] = [];
  /** Of their payloads. */
  #bytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#bytes += waiting.arrival.payload.length;
  }

  /**
   * Lets what is on its way join the group: until a turn of the event loop brings nothing more, since a sync costs much the same
   * whatever it makes durable. A group that is long enough is not kept open: what comes while it is being synced fills the next
   * one, so that neither disk nor broker waits for the other.
   */
  async gather(): Promise<void> {
    const endMs = performance.now() + MAX_GATHER_MS;
    for (let before = 0; before < this.#waiting.length && this.#bytes < GATHERED_BYTES && performance.now() < endMs; ) {
      before = this.#waiting.length;
      await nextTurn();
    }
  }

  /** Takes the first out, as many as a group holds. */
  takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { arrival } of this.#waiting) {
      bytes += MAX_ENTRY_HEADER_BYTES + arrival.payload.length;
      if (count > 0 && bytes > MAX_GROUP_BYTES) break;
      count += 1;
    }
    return this.#take(count);
  }

  takeAll(): Waiting[] {
    return this.#take(this.#waiting.length);
  }

  #take(count: number): Waiting[] {
    const taken = this.#waiting.splice(0, count);
    for (const { arrival } of taken) this.#bytes -= arrival.payload.length;
    return taken;
  }
}
