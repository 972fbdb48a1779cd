import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeDeliveries, type Deliveries } from './deliveries.ts';
import { Ranges, type StreamData } from './streams.ts';
import { Subscriber, type SubscriptionData } from './subscriber.ts';

/** A stream whose messages 0 … sent − 1 left one each µs from when it began. */
function streamOf(key: number, topic: string, beganUs: number, sent: number, unacknowledged: readonly number[] = []): StreamData {
  const ranges = new Ranges();
  for (const number of unacknowledged) ranges.add(number);
  return { key, topic, beganUs, sent, unacknowledged: ranges.toData() };
}

function heardBy(subscriber: Subscriber, key: number, numbers: readonly number[], topic = 't/1'): Subscriber {
  for (const number of numbers) subscriber.take(key, number, topic);
  return subscriber;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const outcomeOf = (streams: readonly StreamData[], ...subscribers: readonly Subscriber[]): Deliveries => judgeDeliveries(streams, subscribers.map((one) => one.toData()));
const judged = (...args: Parameters<typeof outcomeOf>): Omit<Deliveries, 'duplicates'> => {
  const { expected, lost } = outcomeOf(...args);
  return { expected, lost };
};

describe('deliveries', () => {
  const stream = streamOf(1, 't/1', 100, 10);

  it('are complete when every acknowledged message came, and lost when one did not', () => {
    expect(judged([stream], heardBy(new Subscriber(0, ['t/+'], 50), 1, upTo(10)))).toEqual({ expected: 10, lost: 0 });
    expect(judged([stream], heardBy(new Subscriber(0, ['t/+'], 50), 1, [0, 1, 2, 4, 9]))).toEqual({ expected: 10, lost: 5 });
    expect(judged([stream], new Subscriber(0, ['#'], 50))).toEqual({ expected: 10, lost: 10 });
  });

  it('are expected of each subscriber that asks, and of no other', () => {
    expect(judged([stream], new Subscriber(0, ['x/+'], 50), heardBy(new Subscriber(1, ['t/1', '#'], 50), 1, upTo(10)))).toEqual({ expected: 10, lost: 0 });
    expect(judged([stream], heardBy(new Subscriber(0, ['#'], 50), 1, upTo(9)), heardBy(new Subscriber(1, ['t/#'], 50), 1, upTo(10)))).toEqual({ expected: 20, lost: 1 });
  });

  it('are judged in a moment for thousands of clients that each ask for a topic of their own', () => {
    const many = upTo(10_000);
    const streams = many.map((n) => streamOf(n, `a/b/${n}/data`, 100, 1));
    const began = performance.now();
    expect(judged(streams, ...many.map((n) => new Subscriber(n, [`a/b/${n}/command`], 50)))).toEqual({ expected: 0, lost: 0 });
    expect(performance.now() - began).toBeLessThan(1_000); // pair by pair it took 44 s
  });

  it('are not expected of messages that were never acknowledged', () => {
    expect(judged([streamOf(1, 't', 100, 10, [3, 4, 9])], heardBy(new Subscriber(0, ['t'], 50), 1, [0, 1, 2, 5, 6, 7, 8], 't'))).toEqual({ expected: 7, lost: 0 });
  });

  it('are not expected before the subscription', () => {
    expect(judged([stream], heardBy(new Subscriber(0, ['t/1'], 105), 1, [6, 7, 9]))).toEqual({ expected: 4, lost: 1 });
    expect(judged([stream], new Subscriber(0, ['t/1'], 105))).toEqual({ expected: 0, lost: 0 });
  });

  it('are not expected while the broker had forgotten the subscription, also of streams that began meanwhile', () => {
    const subscriber = heardBy(new Subscriber(0, ['#'], 50), 1, [0, 1, 2]);
    subscriber.interrupt();
    subscriber.renew(107);
    heardBy(subscriber, 1, [7, 9]);
    heardBy(subscriber, 2, [4, 5], 'u'); // began at 103, away
    heardBy(subscriber, 3, [1], 'v'); // began after
    const streams = [stream, streamOf(2, 'u', 103, 6), streamOf(3, 'v', 108, 2)];
    expect(judged(streams, subscriber)).toEqual({ expected: 3 + 2 + 1 + 2 + 2, lost: 2 });
  });

  it('are expected of a filter until it is unsubscribed, and of the others as before', () => {
    const streams = [stream, streamOf(2, 'u', 100, 10)];
    const subscriber = heardBy(heardBy(new Subscriber(0, ['t/1', 'u'], 50), 1, [0, 1, 3]), 2, [0, 1, 3], 'u');
    subscriber.narrow(['t/1']);
    heardBy(subscriber, 2, [4, 5, 6, 7, 8, 9], 'u');
    expect(judged(streams, subscriber)).toEqual({ expected: 4 + 10, lost: 1 + 1 });
    subscriber.interrupt();
    subscriber.renew(120); // the one that was unsubscribed stays so
    expect(subscriber.toData().filters).toEqual([{ filter: 't/1', sinceUs: 50, isOver: true }, { filter: 'u', sinceUs: 120, isOver: false }]);
    expect(judged(streams, subscriber)).toEqual({ expected: 4 + 10, lost: 1 + 1 });
  });

  it('are expected of a stream as long as one of two filters asks for it', () => {
    const subscriber = heardBy(new Subscriber(0, ['t/1', '#'], 50), 1, [0, 1]);
    subscriber.narrow(['t/1']);
    heardBy(subscriber, 1, [3]);
    expect(judged([stream], subscriber)).toEqual({ expected: 10, lost: 7 });
  });

  it('of a filter that was subscribed to again are expected from then on', () => {
    const subscriber = heardBy(new Subscriber(0, ['t/1'], 50), 1, [0, 1, 2]);
    subscriber.narrow(['t/1']);
    subscriber.widen(['t/1'], 106);
    heardBy(subscriber, 1, [6, 7, 9]);
    expect(judged([stream], subscriber)).toEqual({ expected: 3 + 4, lost: 1 });
  });

  it('are expected from the beginning of what a filter asked for all along, though another came later', () => {
    const subscriber = new Subscriber(0, ['t/1'], 50);
    subscriber.widen(['u'], 105);
    expect(judged([stream, streamOf(2, 'u', 100, 10)], subscriber)).toEqual({ expected: 10, lost: 10 });
  });

  it('of a shared subscription may come to any of its members', () => {
    const members = [heardBy(new Subscriber(0, ['$share/g/t/+'], 50), 1, [0, 2, 4, 6]), heardBy(new Subscriber(1, ['$share/g/t/+'], 60), 1, [1, 3, 5, 7])];
    expect(judged([stream], ...members)).toEqual({ expected: 10, lost: 2 });
  });

  it('of a shared subscription that come to more than one of its members are duplicates', () => {
    const shared = (client: number, numbers: readonly number[], ...more: string[]): Subscriber => heardBy(new Subscriber(client, ['$share/g/t/+', ...more], 50), 1, numbers);
    expect(outcomeOf([stream], shared(0, upTo(10)), shared(1, upTo(10)), shared(2, [3, 4]))).toEqual({ expected: 10, lost: 0, duplicates: 12 });
    expect(outcomeOf([stream], shared(0, [0, 2, 4, 6, 8]), shared(1, [1, 3, 5, 7, 9]))).toMatchObject({ duplicates: 0 });
  });

  it('of a shared subscription are none to members that ask for the topic by another filter too', () => {
    const members = ['t/1', '$share/h/#', 'x'].map((more, client) => heardBy(new Subscriber(client, ['$share/g/t/+', more], 50), 1, upTo(10)));
    expect(outcomeOf([stream], ...members)).toMatchObject({ lost: 0, duplicates: 0 });
    expect(outcomeOf([stream], ...members, heardBy(new Subscriber(3, ['$share/g/t/+'], 50), 1, [9]))).toMatchObject({ lost: 0, duplicates: 1 });
  });

  it('are expected once of a subscriber that subscribes to the same again, and what it missed before stays lost', () => {
    const subscriber = heardBy(new Subscriber(0, ['t/1'], 50), 1, [0, 2, 3]);
    subscriber.interrupt();
    subscriber.widen(['t/1'], 106);
    heardBy(subscriber, 1, [6, 7, 8, 9]);
    expect(subscriber.toData().filters).toEqual([{ filter: 't/1', sinceUs: 106, isOver: false }]);
    expect(judged([stream], subscriber)).toEqual({ expected: 8, lost: 1 });
  });

  it('are found lost exactly, of any streams and subscriptions that stood from the beginning', () => {
    const filters = ['t/0', 't/1', 't/+', '#', '$share/a/#', '$share/a/t/1', '$share/b/#'];
    const asks = (filter: string, topic: string): boolean => filter.endsWith('#') || filter.endsWith('+') || filter.endsWith(topic);
    fc.assert(
      fc.property(
        fc.array(fc.record({ topic: fc.constantFrom('t/0', 't/1', 't/2'), sent: fc.integer({ min: 1, max: 30 }), unacknowledged: fc.array(fc.nat(29)) }), { maxLength: 4 }),
        fc.array(fc.constantFrom(...filters), { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(fc.nat(9)),
        (written, subscribed, chances) => {
          const streams = written.map(({ topic, sent, unacknowledged }, key) => streamOf(key, topic, 100, sent, unacknowledged.filter((number) => number < sent)));
          const subscribers = subscribed.map((filter, client) => new Subscriber(client, [filter], 50));
          let expected = 0;
          let lost = 0;
          for (const audience of new Set(subscribed.map((filter, client) => (filter.startsWith('$') ? filter : `${client} ${filter}`)))) {
            const members = subscribers.filter((_, client) => [subscribed[client], `${client} ${subscribed[client]!}`].includes(audience));
            for (const [key, { topic, sent, unacknowledged }] of written.entries()) {
              if (!asks(audience, topic)) continue;
              for (let number = 0; number < sent; number++) {
                const isDropped = chances.next().value === 0;
                if (!isDropped) members[chances.next().value! % members.length]!.take(key, number, topic);
                if (isDropped && !unacknowledged.includes(number)) lost += 1;
                if (!isDropped || !unacknowledged.includes(number)) expected += 1;
              }
            }
          }
          expect(outcomeOf(streams, ...subscribers)).toEqual({ expected, lost, duplicates: 0 });
        },
      ),
    );
  });

  it('are never called lost when a broker delivers all that it must, whoever comes and goes', () => {
    const step = fc.record({ kind: fc.constantFrom('publish', 'publish', 'publish', 'begin', 'subscribe', 'cut', 'return', 'publish unacknowledged'), who: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (course, isShared) => {
        const streams: StreamData[] = [];
        const subscribers: { readonly subscriber: Subscriber; stands: boolean }[] = [];
        for (const [index, { kind, who }] of course.entries()) {
          const nowUs = 1_000 + index;
          const known = subscribers[who];
          if (kind === 'begin') streams.push(streamOf(streams.length, 't', nowUs, 0));
          else if (kind === 'subscribe') subscribers.push({ subscriber: new Subscriber(subscribers.length, [isShared ? '$share/g/t' : 't'], nowUs), stands: true });
          else if (kind === 'cut' && known) {
            known.stands = false;
            known.subscriber.interrupt();
          } else if (kind === 'return' && known) {
            known.stands = true;
            known.subscriber.renew(nowUs);
          } else if (kind.startsWith('publish') && streams[who]) {
            const { sent, unacknowledged, ...rest } = streams[who];
            const isAcknowledged = kind === 'publish';
            streams[who] = { ...rest, sent: sent + 1, unacknowledged: isAcknowledged ? unacknowledged : [...unacknowledged, sent, sent + 1] };
            const standing = subscribers.filter(({ stands }) => stands);
            const hears = isShared ? standing.slice(index % Math.max(1, standing.length)).slice(0, 1) : standing;
            if (isAcknowledged) for (const { subscriber } of hears) subscriber.take(who, sent, 't');
          }
        }
        const data: SubscriptionData[] = subscribers.map(({ subscriber }) => subscriber.toData());
        expect(judgeDeliveries(streams.filter(({ sent }) => sent > 0), data).lost).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are judged in no time, of millions of messages with thousands of gaps', () => {
    const gaps = upTo(20_000).flatMap((i) => [i * 100, i * 100 + 99]);
    const began = performance.now();
    const subscription = { client: 0, filters: [{ filter: '#', sinceUs: 0, isOver: false }], heard: [{ key: 1, sinceUs: 0, came: gaps, excused: [] }] };
    const unacknowledged = upTo(10_000).flatMap((i) => [i * 200 + 99, i * 200 + 100]);
    expect(judgeDeliveries([{ key: 1, topic: 't', beganUs: 1, sent: 2_000_000, unacknowledged }], [subscription])).toEqual({ expected: 1_990_000, lost: 10_000, duplicates: 0 });
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

describe('a subscriber', () => {
  it('tells new, late and repeated messages apart, each stream for itself', () => {
    const subscriber = new Subscriber(0, ['#'], 0);
    expect([0, 1, 3, 2, 3, 5, 5, 4].map((number) => subscriber.take(7, number, 't'))).toEqual(['new', 'new', 'new', 'reordered', 'duplicate', 'new', 'duplicate', 'reordered']);
    expect(subscriber.take(8, 0, 't')).toBe('new');
  });
});
