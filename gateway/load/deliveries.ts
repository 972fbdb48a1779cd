/**
 * In the end: what subscribers should have got, held against what they did. A message is lost when it was acknowledged, a
 * subscription that stood when its stream began asks for its topic, and no subscriber of that subscription ever saw it. Only
 * streams whose messages say which they are can be judged. A message that a shared subscription brought to more than one of
 * its members is a duplicate.
 */
import { countWithin, unionOf, type StreamData } from './streams.ts';
import type { FilterData, SubscriptionData } from './subscriber.ts';
import { matchesFilter, sharedFilter } from './topics.ts';

export interface Deliveries {
  readonly expected: number;
  readonly lost: number;
  /** Among members of shared subscriptions; what came to one of them twice is not in it. */
  readonly duplicates: number;
}

/** Who hears together: a subscriber alone, or all of a shared subscription. */
interface Audience {
  /** Each filter, without its group, and how it stood with those who have it. */
  readonly asked: { readonly filter: string; readonly standing: FilterData[] }[];
  readonly members: SubscriptionData[];
  readonly isShared: boolean;
}

export function judgeDeliveries(streams: readonly StreamData[], subscriptions: readonly SubscriptionData[]): Deliveries {
  let expected = 0;
  let lost = 0;
  let duplicates = 0;
  const byTopic = streamsByTopic(streams);
  for (const { asked, members, isShared } of audiencesOf(subscriptions)) {
    const heard = heardBy(members);
    for (const [topic, standing] of askedFor(asked, byTopic)) {
      const isOver = standing.every((one) => one.isOver);
      const sinceUs = lowest(standing.filter((one) => isOver || !one.isOver).map((one) => one.sinceUs));
      for (const stream of byTopic.get(topic)!) {
        const came = heard.get(stream.key);
        const outcome = judgeStream(stream, came, sinceUs, isOver);
        if (isShared && came) duplicates += duplicatesAmong(came, topic);
        expected += outcome.expected;
        lost += outcome.lost;
      }
    }
  }
  return { expected, lost, duplicates };
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

/** Topics of streams that the filters ask for, and how those stood that do. A filter without + and # names its topic: thousands of clients have one each. */
function askedFor(asked: Audience['asked'], byTopic: ReadonlyMap<string, unknown>): Map<string, readonly FilterData[]> {
  const topics = new Map<string, readonly FilterData[]>();
  const add = (topic: string, standing: readonly FilterData[]): void => {
    const before = topics.get(topic);
    topics.set(topic, before ? [...before, ...standing] : standing);
  };
  for (const { filter, standing } of asked) {
    if (!/[+#]/.test(filter)) {
      if (byTopic.has(filter)) add(filter, standing);
    } else for (const topic of byTopic.keys()) if (matchesFilter(filter, topic)) add(topic, standing);
  }
  return topics;
}

function audiencesOf(subscriptions: readonly SubscriptionData[]): Audience[] {
  const shared = new Map<string, Audience>();
  const alone: Audience[] = [];
  for (const subscription of subscriptions) {
    const own: Audience['asked'] = [];
    for (const one of subscription.filters) {
      const { group, filter } = sharedFilter(one.filter);
      if (group === '') {
        own.push({ filter, standing: [one] });
        continue;
      }
      const audience = shared.get(one.filter) ?? { asked: [{ filter, standing: [] }], members: [], isShared: true };
      audience.asked[0]!.standing.push(one);
      audience.members.push(subscription);
      shared.set(one.filter, audience);
    }
    if (own.length > 0) alone.push({ asked: own, members: [subscription], isShared: false });
  }
  return [...alone, ...shared.values()];
}

type HeardOfStream = SubscriptionData['heard'][number] & { readonly by: SubscriptionData };

function heardBy(members: readonly SubscriptionData[]): Map<number, HeardOfStream[]> {
  const heard = new Map<number, HeardOfStream[]>();
  for (const member of members) {
    for (const came of member.heard) {
      const one = { ...came, by: member };
      const together = heard.get(one.key);
      if (together) together.push(one);
      else heard.set(one.key, [one]);
    }
  }
  return heard;
}

/** `sinceUs`: when who stands now began to. */
function judgeStream(stream: StreamData, heard: readonly HeardOfStream[] = [], sinceUs: number, isOver: boolean): Omit<Deliveries, 'duplicates'> {
  const came = unionOf(heard.flatMap((one) => one.came));
  const fromTheBeginning = stream.beganUs >= sinceUs || heard.some((one) => stream.beganUs >= one.sinceUs);
  // Of a stream that had begun before, nothing is known until its first message came; of a subscription that is over, nothing after its last.
  if (came.length === 0 && (!fromTheBeginning || isOver)) return { expected: 0, lost: 0 };
  const from = fromTheBeginning ? 0 : came[0]!;
  const to = isOver ? came.at(-1)! : Math.max(stream.sent, from);
  const accountedFor = unionOf([...came, ...stream.unacknowledged, ...heard.flatMap((one) => one.excused)]);
  const lost = to - from - countWithin(accountedFor, from, to);
  return { expected: sizeOf(came) + lost, lost };
}

/** Each message of a shared subscription is for one member. Whoever has another filter for the topic may rightly get it again, and is left out. */
function duplicatesAmong(heard: readonly HeardOfStream[], topic: string): number {
  const own = heard.filter(({ by: { filters } }) => filters.length === 1 || filters.filter(({ filter }) => matchesFilter(sharedFilter(filter).filter, topic)).length === 1);
  const came = own.flatMap((one) => one.came);
  return sizeOf(came) - sizeOf(unionOf(came));
}

/** Of ranges, each for itself. */
function sizeOf(bounds: readonly number[]): number {
  return countWithin(bounds, 0, Infinity);
}

function lowest(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Infinity);
}
