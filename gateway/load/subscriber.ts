/**
 * What one client's subscriptions brought: per stream which numbers came, so that loss, duplicates and order are known
 * message by message. What the broker need not deliver is told apart: before the subscription, and while a session that
 * ends with its connection was away.
 */
import { Ranges } from './streams.ts';

/** Streams that one client keeps apart; messages of more are counted as unchecked. */
const MAX_STREAMS_HEARD = 1_000_000;

interface Heard {
  /** When the subscription began that first brought it; Infinity where that is not known. */
  readonly sinceUs: number;
  readonly came: Ranges;
  /** Numbers that need not come: [from, to) pairs. */
  readonly excused: number[];
  /** The subscription is another since the last one came. */
  isStale: boolean;
}

export type Arrival = 'new' | 'reordered' | 'duplicate' | 'unchecked';

export interface SubscriptionData {
  readonly client: number;
  readonly filters: readonly string[];
  /** When it began, or began anew after the broker had forgotten it. */
  readonly sinceUs: number;
  /** The subscription ended before the run did, and no session keeps it. */
  readonly isOver: boolean;
  readonly heard: readonly { readonly key: number; readonly sinceUs: number; readonly came: readonly number[]; readonly excused: readonly number[] }[];
}

export class Subscriber {
  readonly #filters: Set<string>;
  readonly #client: number;
  #sinceUs: number;
  readonly #heard = new Map<number, Heard>();
  #isOver = false;

  constructor(client: number, filters: readonly string[], sinceUs: number) {
    this.#client = client;
    this.#filters = new Set(filters);
    this.#sinceUs = sinceUs;
  }

  /** The broker has forgotten it: what comes until it is made anew need not be delivered. */
  interrupt(): void {
    this.#isOver = true;
    for (const heard of this.#heard.values()) heard.isStale = true;
  }

  /** It stands again. */
  renew(nowUs: number): void {
    if (this.#isOver) this.#sinceUs = nowUs;
    this.#isOver = false;
  }

  /** It asks for more, too. What was heard of streams so far stays known. */
  widen(filters: readonly string[], nowUs: number): void {
    this.renew(nowUs);
    if (filters.every((filter) => this.#filters.has(filter))) return;
    for (const filter of filters) this.#filters.add(filter);
    this.#sinceUs = nowUs;
  }

  take(key: number, sequence: number): Arrival {
    let heard = this.#heard.get(key);
    if (!heard) {
      if (this.#heard.size >= MAX_STREAMS_HEARD) return 'unchecked';
      this.#heard.set(key, (heard = { sinceUs: this.#isOver ? Infinity : this.#sinceUs, came: new Ranges(), excused: [], isStale: false }));
    }
    const { end } = heard.came;
    if (heard.isStale) {
      if (sequence > end) heard.excused.push(end, sequence);
      heard.isStale = false;
    }
    if (!heard.came.add(sequence)) return 'duplicate';
    return sequence < end ? 'reordered' : 'new';
  }

  toData(): SubscriptionData {
    return {
      client: this.#client,
      filters: [...this.#filters],
      sinceUs: this.#sinceUs,
      isOver: this.#isOver,
      heard: [...this.#heard].map(([key, { sinceUs, came, excused }]) => ({ key, sinceUs, came: came.toData(), excused })),
    };
  }
}
