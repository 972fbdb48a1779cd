/** What came to a log and waits for the disk, in the order of arrival, and how much of it goes into one commit. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Arrival, ConnectionNote, Done } from './arrival.ts';
import { MAX_ENTRY_HEADER_BYTES } from './group.ts';

/** Plaintext of one commit: large enough for a sync's worth of data, well below a record's limit. */
const MAX_GROUP_BYTES = 4 * 2 ** 20;

/** The longest that a group is kept open for more. */
const MAX_GATHER_MS = 2;

export interface Waiting {
  readonly arrival: Arrival | ConnectionNote;
  readonly done: Done;
}

export class WaitingLine {
  #waiting: Waiting[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /**
   * Lets what is on its way join the group: until a turn of the event loop brings nothing more. A sync costs the same
   * whatever it makes durable, and while clients wait for their acknowledgements nothing else comes.
   */
  async gather(): Promise<void> {
    const endMs = performance.now() + MAX_GATHER_MS;
    for (let before = 0; before < this.#waiting.length && performance.now() < endMs; ) {
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
    return this.#waiting.splice(0, count);
  }

  takeAll(): Waiting[] {
    return this.#waiting.splice(0);
  }
}
