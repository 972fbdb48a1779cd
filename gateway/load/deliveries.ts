/**
 * In the end: what subscribers should have got, held against what they did. A message is lost when it was acknowledged, a
 * subscription that stood when its stream began asks for its topic, and no subscriber of that subscription ever saw it.
 */
import { Ranges, type StreamData } from './streams.ts';
import type { SubscriptionData } from './subscriber.ts';
import { matchesFilter, sharedFilter } from './topics.ts';

export interface Deliveries {
  readonly expected: number;
  readonly lost: number;
}

/** Who hears together: a subscriber alone, or all of a shared subscription. */
interface Audience {
  readonly filters: readonly string[];
  readonly members: SubscriptionData[];
}

export function judgeDeliveries(streams: readonly StreamData[], subscriptions: readonly SubscriptionData[]): Deliveries {
  let expected = 0;
  let lost = 0;
  for (const { filters, members } of audiencesOf(subscriptions)) {
    const heard = heardBy(members);
    const sinceUs = Math.min(...members.map((member) => member.sinceUs));
    const isOver = members.every((member) => member.isOver);
    for (const stream of streams) {
      if (!filters.some((filter) => matchesFilter(filter, stream.topic))) continue;
      const outcome = judgeStream(stream, heard.get(stream.key), stream.beganUs >= sinceUs, isOver);
      expected += outcome.expected;
      lost += outcome.lost;
    }
  }
  return { expected, lost };
}

function audiencesOf(subscriptions: readonly SubscriptionData[]): Audience[] {
  const shared = new Map<string, Audience>();
  const alone: Audience[] = [];
  for (const subscription of subscriptions) {
    const own: string[] = [];
    for (const written of subscription.filters) {
      const { group, filter } = sharedFilter(written);
      if (group === '') {
        own.push(filter);
        continue;
      }
      const audience = shared.get(written) ?? { filters: [filter], members: [] };
      audience.members.push(subscription);
      shared.set(written, audience);
    }
    if (own.length > 0) alone.push({ filters: own, members: [subscription] });
  }
  return [...alone, ...shared.values()];
}

type Heard = Map<number, SubscriptionData['heard'][number][]>;

function heardBy(members: readonly SubscriptionData[]): Heard {
  const heard: Heard = new Map();
  for (const member of members) {
    for (const one of member.heard) {
      const together = heard.get(one.key);
      if (together) together.push(one);
      else heard.set(one.key, [one]);
    }
  }
  return heard;
}

function judgeStream(stream: StreamData, heard: Heard extends Map<number, infer H> ? H | undefined : never, fromTheBeginning: boolean, isOver: boolean): Deliveries {
  // Of a stream that had begun before, and of which nothing was heard, nothing can be said.
  if (!heard) {
    if (!fromTheBeginning || isOver) return { expected: 0, lost: 0 };
    const expected = stream.sent - lengthOf(stream.unacknowledged);
    return { expected, lost: expected };
  }
  const came = new Ranges();
  for (const one of heard) addAll(came, one.came);
  const from = fromTheBeginning ? 0 : Math.min(...heard.map((one) => one.came[0]!));
  const to = isOver ? came.end : stream.sent;
  const excused = [...stream.unacknowledged, ...heard.flatMap((one) => one.excused)];
  let lost = 0;
  let gapFrom = from;
  for (const [start, end] of [...pairs(came.toData()), [to, to] as const]) {
    lost += missing(gapFrom, Math.min(start, to), excused);
    gapFrom = Math.max(gapFrom, end);
  }
  return { expected: came.size + lost, lost };
}

/** Numbers in [from, to) that are in none of the excused ranges. */
function missing(from: number, to: number, excused: readonly number[]): number {
  if (to <= from) return 0;
  const covered = new Ranges();
  for (const [start, end] of pairs(excused)) for (let value = Math.max(start, from); value < Math.min(end, to); value++) covered.add(value);
  return to - from - covered.size;
}

function addAll(ranges: Ranges, bounds: readonly number[]): void {
  for (const [start, end] of pairs(bounds)) for (let value = start; value < end; value++) ranges.add(value);
}

function pairs(bounds: readonly number[]): (readonly [from: number, to: number])[] {
  return Array.from({ length: bounds.length / 2 }, (_, i) => [bounds[2 * i]!, bounds[2 * i + 1]!] as const);
}

function lengthOf(bounds: readonly number[]): number {
  return pairs(bounds).reduce((sum, [from, to]) => sum + to - from, 0);
}
