/**
 * Publishes of one connection that wait for their acknowledgement: O(1) by message id, in any order. Ids go round from 1 to
 * 65,534; one that is still in flight, or whose slot is taken by another, is left out. Memory goes by how many are in flight,
 * also when a broker leaves some without an answer for ever.
 */

/** What is kept of a publish until it is acknowledged. */
export interface Waiting {
  readonly dueUs: number;
  /** Whatever the publisher knows it by. */
  readonly ticket: number;
}

const FIRST_SLOTS = 16;
/** 65,535 is kept for what is no publish. */
const MAX_ID = 65_534;
/** Each has an id. */
export const MOST_IN_FLIGHT = MAX_ID;
const MOST_SLOTS = 65_536;

export class InFlight {
  #ids: number[] = [];
  #dueUs: number[] = [];
  #tickets: number[] = [];
  #released: boolean[] = [];
  #mask = -1;
  #next = 1;
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** True when no further publish may be begun: all ids are in flight. */
  get isFull(): boolean {
    return this.#count === MOST_IN_FLIGHT;
  }

  /** Takes the next free message id for a publish. Not when full. */
  add(dueUs: number, ticket: number): number {
    // half of the slots are free, so the search is short, and ends
    if (this.#count * 2 > this.#mask && this.#mask < MOST_SLOTS - 1) this.#grow();
    let id = this.#next;
    while (this.#ids[id & this.#mask] !== 0) id = id === MAX_ID ? 1 : id + 1;
    const slot = id & this.#mask;
    this.#ids[slot] = id;
    this.#dueUs[slot] = dueUs;
    this.#tickets[slot] = ticket;
    this.#released[slot] = false;
    this.#count += 1;
    this.#next = id === MAX_ID ? 1 : id + 1;
    return id;
  }

  /** QoS 2: notes that PUBREL has been sent. Returns false for an id that is not in flight. */
  release(id: number): boolean {
    if (!this.has(id)) return false;
    this.#released[id & this.#mask] = true;
    return true;
  }

  has(id: number): boolean {
    return id !== 0 && this.#ids[id & this.#mask] === id;
  }

  isReleased(id: number): boolean {
    return this.has(id) && this.#released[id & this.#mask]!;
  }

  /** Lets go of an acknowledged publish and tells when it was due; undefined for an id that is not in flight. */
  take(id: number): Waiting | undefined {
    if (!this.has(id)) return undefined;
    const slot = id & this.#mask;
    this.#ids[slot] = 0;
    this.#count -= 1;
    return { dueUs: this.#dueUs[slot]!, ticket: this.#tickets[slot]! };
  }

  /** Lets go of all; their tickets, in no order. */
  clear(): number[] {
    const tickets = this.#ids.flatMap((id, slot) => (id === 0 ? [] : [this.#tickets[slot]!]));
    this.#ids.fill(0);
    this.#count = 0;
    return tickets;
  }

  #grow(): void {
    const slots = this.#mask < 0 ? FIRST_SLOTS : (this.#mask + 1) * 2;
    const old = { ids: this.#ids, dueUs: this.#dueUs, tickets: this.#tickets, released: this.#released };
    this.#ids = new Array<number>(slots).fill(0);
    this.#dueUs = new Array<number>(slots).fill(0);
    this.#tickets = new Array<number>(slots).fill(0);
    this.#released = new Array<boolean>(slots).fill(false);
    this.#mask = slots - 1;
    for (const [from, id] of old.ids.entries()) {
      if (id === 0) continue;
      const to = id & this.#mask;
      this.#ids[to] = id;
      this.#dueUs[to] = old.dueUs[from]!;
      this.#tickets[to] = old.tickets[from]!;
      this.#released[to] = old.released[from]!;
    }
  }
}
