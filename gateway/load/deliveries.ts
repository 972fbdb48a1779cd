/**
 * In the end: what subscribers should have got, held against what they did. A message is lost when it was acknowledged, a
 * subscription that stood when its stream began asks for its topic, and no subscriber of that subscription ever saw it. Only
 * streams whose messages say which they are can be judged.
 */
import { countWithin, unionOf, type StreamData } from './streams.ts';
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
  const byTopic = streamsByTopic(streams);
  for (const { filters, members } of audiencesOf(subscriptions)) {
    const heard = heardBy(members);
    const isOver = members.every((member) => member.isOver);
    const sinceUs = lowest(members.filter((member) => isOver || !member.isOver).map((member) => member.sinceUs));
    for (const stream of askedFor(filters, byTopic)) {
      const outcome = judgeStream(stream, heard.get(stream.key), sinceUs, isOver);
      expected += outcome.expected;
      lost += outcome.lost;
    }
  }
  return { expected, lost };
}

function streamsByTopic(streams: readonly StreamData[]): ReadonlyMap<string, readonly StreamData[]> {
  const byTopic = new Map<string, StreamData[]>();
  for (const stream of streams) {
    const together = byTopic.get(stream.topic);
    if (together) together.push(stream);
    else byTopic.set(stream.topic, [stream]);
  }
  return byTopic;
}

/** Streams that one of the filters asks for, each once. A filter without + and # names its topic: thousands of clients have one each. */
function askedFor(filters: readonly string[], byTopic: ReadonlyMap<string, readonly StreamData[]>): StreamData[] {
  const topics = new Set<string>();
  for (const filter of filters) {
    if (!/[+#]/.test(filter)) topics.add(filter);
    else for (const topic of byTopic.keys()) if (matchesFilter(filter, topic)) topics.add(topic);
  }
  return [...topics].flatMap((topic) => byTopic.get(topic) ?? []);
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

type HeardOfStream = SubscriptionData['heard'][number];

function heardBy(members: readonly SubscriptionData[]): Map<number, HeardOfStream[]> {
  const heard = new Map<number, HeardOfStream[]>();
  for (const member of members) {
    for (const one of member.heard) {
      const together = heard.get(one.key);
      if (together) together.push(one);
      else heard.set(one.key, [one]);
    }
  }
  return heard;
}

/** `sinceUs`: when who stands now began to. */
function judgeStream(stream: StreamData, heard: readonly HeardOfStream[] = [], sinceUs: number, isOver: boolean): Deliveries {
  const came = unionOf(heard.flatMap((one) => one.came));
  const fromTheBeginning = stream.beganUs >= sinceUs || heard.some((one) => stream.beganUs >= one.sinceUs);
  // Of a stream that had begun before, nothing is known until its first message came; of a subscription that is over, nothing after its last.
  if (came.length === 0 && (!fromTheBeginning || isOver)) return { expected: 0, lost: 0 };
  const from = fromTheBeginning ? 0 : came[0]!;
  const to = isOver ? came.at(-1)! : Math.max(stream.sent, from);
  const accountedFor = unionOf([...came, ...stream.unacknowledged, ...heard.flatMap((one) => one.excused)]);
  const lost = to - from - countWithin(accountedFor, from, to);
  return { expected: countWithin(came, 0, Infinity) + lost, lost };
}

function lowest(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Infinity);
}
