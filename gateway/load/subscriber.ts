/**
 * What one client's subscriptions brought: per stream which numbers came, so that loss, duplicates and order are known
 * message by message. What the broker need not deliver is told apart, filter by filter: before the subscription, after its
 * end, and while a session that ends with its connection was away.
 */
import { Ranges } from './streams.ts';
import { matchesFilter, sharedFilter } from './topics.ts';

/** Streams that one client keeps apart; messages of more are counted as unchecked. */
const MAX_STREAMS_HEARD = 1_000_000;

interface Heard {
  readonly topic: string;
  /** When the subscription began that first brought it; Infinity where that is not known. */
  readonly sinceUs: number;
  readonly came: Ranges;
  /** Numbers that need not come: [from, to) pairs. */
  readonly excused: number[];
  /** The subscription is another since the last one came. */
  isStale: boolean;
}

/** A filter that was subscribed to. */
interface Asked {
  /** When it began, or began anew after the broker had forgotten it. */
  sinceUs: number;
  /** away: the broker has forgotten it, until the client is back; ended: the client has unsubscribed. */
  state: 'stands' | 'away' | 'ended';
}

export type Arrival = 'new' | 'reordered' | 'duplicate' | 'unchecked';

export interface FilterData {
  readonly filter: string;
  /** When it began, or began anew after the broker had forgotten it. */
  readonly sinceUs: number;
  /** It ended before the run did, and no session keeps it. */
  readonly isOver: boolean;
}

export interface SubscriptionData {
  readonly client: number;
  readonly filters: readonly FilterData[];
  readonly heard: readonly { readonly key: number; readonly sinceUs: number; readonly came: readonly number[]; readonly excused: readonly number[] }[];
}

export class Subscriber {
  readonly #client: number;
  readonly #asked = new Map<string, Asked>();
  readonly #heard = new Map<number, Heard>();

  constructor(client: number, filters: readonly string[], sinceUs: number) {
    this.#client = client;
    this.widen(filters, sinceUs);
  }

  /** The broker has forgotten it: what comes until it is made anew need not be delivered. */
  interrupt(): void {
    for (const asked of this.#asked.values()) if (asked.state === 'stands') asked.state = 'away';
    for (const heard of this.#heard.values()) heard.isStale = true;
  }

  /** It stands again. */
  renew(nowUs: number): void {
    for (const [filter, { state }] of this.#asked) if (state === 'away') this.#asked.set(filter, { sinceUs: nowUs, state: 'stands' });
  }

  /** It asks for these, too. What was heard of streams so far stays known. */
  widen(filters: readonly string[], nowUs: number): void {
    for (const filter of filters) if (this.#asked.get(filter)?.state !== 'stands') this.#asked.set(filter, { sinceUs: nowUs, state: 'stands' });
  }

  /** It asks for these no more. */
  narrow(filters: readonly string[]): void {
    for (const filter of filters) {
      const asked = this.#asked.get(filter);
      if (asked) asked.state = 'ended';
    }
    for (const heard of this.#heard.values()) if (this.#sinceUs(heard.topic) === Infinity) heard.isStale = true;
  }

  /** Since when it has been asking for a topic; Infinity when it does not now. */
  #sinceUs(topic: string): number {
    let sinceUs = Infinity;
    for (const [filter, asked] of this.#asked) if (asked.state === 'stands' && asked.sinceUs < sinceUs && matchesFilter(sharedFilter(filter).filter, topic)) sinceUs = asked.sinceUs;
    return sinceUs;
  }

  take(key: number, sequence: number, topic: string): Arrival {
    let heard = this.#heard.get(key);
    if (!heard) {
      if (this.#heard.size >= MAX_STREAMS_HEARD) return 'unchecked';
      this.#heard.set(key, (heard = { topic, sinceUs: this.#sinceUs(topic), came: new Ranges(), excused: [], isStale: false }));
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
      filters: [...this.#asked].map(([filter, { sinceUs, state }]) => ({ filter, sinceUs, isOver: state !== 'stands' })),
      heard: [...this.#heard].map(([key, { sinceUs, came, excused }]) => ({ key, sinceUs, came: came.toData(), excused })),
    };
  }
}
