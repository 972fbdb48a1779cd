/**
 * What was published, and what came of it: the numbers of each stream (a client's messages on one topic), kept exactly in
 * ranges so that loss, duplicates and order can be judged message by message.
 */

/** Whole numbers as ranges, sorted: mostly one. */
export class Ranges {
  /** from, to (exclusive), from, to … */
  readonly #bounds: number[] = [];

  /** Adds a number. Returns false when it was there. */
  add(value: number): boolean {
    const bounds = this.#bounds;
    const last = bounds.length - 1;
    if (last > 0 && bounds[last] === value) {
      bounds[last] = value + 1;
      return true;
    }
    let at = bounds.length; // the range before it begins at at − 2
    while (at > 0 && bounds[at - 2]! > value) at -= 2;
    if (at > 0 && value < bounds[at - 1]!) return false;
    const joinsBefore = at > 0 && bounds[at - 1] === value;
    const joinsAfter = at < bounds.length && bounds[at] === value + 1;
    if (joinsBefore && joinsAfter) bounds.splice(at - 1, 2);
    else if (joinsBefore) bounds[at - 1] = value + 1;
    else if (joinsAfter) bounds[at] = value;
    else bounds.splice(at, 0, value, value + 1);
    return true;
  }

  has(value: number): boolean {
    const bounds = this.#bounds;
    for (let at = bounds.length - 2; at >= 0; at -= 2) if (bounds[at]! <= value) return value < bounds[at + 1]!;
    return false;
  }

  /** One more than the highest; 0 when empty. */
  get end(): number {
    return this.#bounds.at(-1) ?? 0;
  }

  get size(): number {
    let size = 0;
    for (let at = 0; at < this.#bounds.length; at += 2) size += this.#bounds[at + 1]! - this.#bounds[at]!;
    return size;
  }

  toData(): number[] {
    return [...this.#bounds];
  }
}

/** Ranges (from, to, from, to …) in any order, overlapping or not, as sorted ones that do neither overlap nor touch. */
export function unionOf(bounds: readonly number[]): number[] {
  const starts = Array.from({ length: bounds.length / 2 }, (_, i) => 2 * i).sort((a, b) => bounds[a]! - bounds[b]!);
  const union: number[] = [];
  for (const at of starts) {
    const from = bounds[at]!;
    const to = bounds[at + 1]!;
    if (to <= from) continue;
    if (union.length > 0 && from <= union.at(-1)!) union[union.length - 1] = Math.max(union.at(-1)!, to);
    else union.push(from, to);
  }
  return union;
}

/** How many numbers of [from, to) are in ranges that do not overlap. */
export function countWithin(bounds: readonly number[], from: number, to: number): number {
  let count = 0;
  for (let at = 0; at < bounds.length; at += 2) count += Math.max(0, Math.min(bounds[at + 1]!, to) - Math.max(bounds[at]!, from));
  return count;
}

/** More numbers than a stream ever has. */
const MOST_NUMBERS = 2 ** 28;

/** One message of a client: which of its streams, and which number. */
export function ticketOf(stream: number, sequence: number): number {
  return stream * MOST_NUMBERS + sequence;
}

export function messageOf(ticket: number): { readonly stream: number; readonly sequence: number } {
  const stream = Math.floor(ticket / MOST_NUMBERS);
  return { stream, sequence: ticket - stream * MOST_NUMBERS };
}

/** A client's messages on one topic; those that carry a stamp and those that do not are streams of their own. */
export interface Stream {
  readonly key: number;
  /** Within its client. */
  readonly index: number;
  readonly topic: string;
  /** Its messages say which they are: only then can be known which of them came. */
  readonly isStamped: boolean;
  /** When its first message could be due, µs since 1970; 0: not yet. */
  beganUs: number;
  next: number;
  sent: number;
  /** Of those sent with QoS 0, how many the system has not taken yet: they are in flight. */
  unwritten: number;
  /** Numbers that were sent and not acknowledged. */
  readonly unacknowledged: Ranges;
}

/** Plain data of a stream in the end. */
export interface StreamData {
  readonly key: number;
  readonly topic: string;
  readonly beganUs: number;
  readonly sent: number;
  readonly unacknowledged: readonly number[];
}

export function streamData({ key, topic, beganUs, sent, unacknowledged }: Stream): StreamData {
  return { key, topic, beganUs, sent, unacknowledged: unacknowledged.toData() };
}
