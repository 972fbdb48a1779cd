import { describe, expect, it } from 'vitest';
import { judgeDeliveries } from './deliveries.ts';
import { broker, started, withBroker } from './worker.fixture.ts';

withBroker();

describe('what a worker’s clients subscribe to', () => {
  it('counts a connection that is lost while it subscribes as one failure, not as two', async () => {
    broker.aedes.authorizeSubscribe = (client) => client.conn.destroy();
    const worker = await started('[connect, { subscribe: { filters: t } }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connected: 1, subscribeFailed: 1, closed: 1 });
    expect([...worker.measures.errors.values()]).toEqual([1]);
  });

  it('counts an UNSUBSCRIBE that comes to nothing', async () => {
    broker.aedes.on('unsubscribe', () => broker.cutAll());
    const worker = await started('[connect, { subscribe: { filters: t } }, { unsubscribe: t }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ subscribed: 1, closed: 1, subscribeFailed: 1 });
  });

  it('subscribes in turn when a life subscribes while its lost connection gets its subscriptions back', async () => {
    let asked = 0;
    broker.aedes.authorizeSubscribe = (_client, subscription, done) => void setTimeout(() => done(null, subscription), ++asked > 2 ? 80 : 0);
    broker.aedes.once('subscribe', () => setTimeout(broker.cutAll, 20));
    const worker = await started('[{ connect: { tries: 5 } }, { subscribe: [a, b] }, { wait: 60ms }, { subscribe: c }, { wait: 100ms }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connected: 2, closed: 1, subscribed: 3, subscribeFailed: 0 });
    const { subscriptions } = await worker.finished();
    expect(subscriptions).toMatchObject([{ filters: [{ filter: 'a', isOver: false }, { filter: 'b', isOver: false }, { filter: 'c', isOver: false }] }]);
  });

  it('neither times nor calls a duplicate what the broker had retained', async () => {
    const worker = await started('[connect, { publish: { topic: t, count: 1, retain: true } }, { subscribe: t }, { wait: 50ms }, { subscribe: t }, { wait: 50ms }]');
    await worker.stage();
    await worker.finish();
    expect(worker.counters).toMatchObject({ received: 2, duplicates: 0, unchecked: 0, foreign: 0 });
    expect(worker.measures.has('delivery')).toBe(false);
  });

  it('keeps a connection that waits for its SUBACK when its stage ends, and counts no failure', async () => {
    let isAsked = (): void => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    let allow = (): void => undefined;
    broker.aedes.authorizeSubscribe = (_client, subscription, done) => {
      allow = () => done(null, subscription);
      isAsked();
    };
    const worker = await started('[connect, { subscribe: t }]');
    const stage = worker.stage();
    await asked;
    await worker.endStage();
    await stage;
    const answered = new Promise((resolve) => broker.aedes.once('subscribe', resolve));
    allow();
    await answered;
    await new Promise(setImmediate);
    expect(broker.sockets.size).toBe(1);
    await worker.finish();
    expect(worker.counters).toMatchObject({ connected: 1, subscribed: 0, subscribeFailed: 0, closed: 0, cut: 0 });
    expect([...worker.measures.errors]).toEqual([]);
  });

  it('subscribes to a filter once, however often a life repeats', async () => {
    let subscribes = 0;
    broker.aedes.on('subscribe', () => (subscribes += 1));
    const worker = await started('[connect, { subscribe: [t] }, disconnect]', ', repeat: 4');
    await worker.stage();
    expect(worker.counters.connected).toBe(4);
    expect(subscribes).toBeLessThanOrEqual(7); // again after each connect, and by its step
    expect(worker.counters).toMatchObject({ subscribeFailed: 0, connectFailed: 0 });
  });

  it('expects nothing of what was published while a client that was connected connected anew', async () => {
    broker.aedes.authenticate = (_client, _user, _password, done) => void setTimeout(() => done(null, true), 60);
    const worker = await started('[connect, { subscribe: t }, { wait: 150ms }, connect, { wait: 250ms }]', '', '', { sender: '[connect, { wait: 50ms }, { publish: { topic: t, rate: 200/s, for: 300ms } }]' });
    await worker.stage();
    const { streams, subscriptions } = await worker.finished();
    const { lost, expected } = judgeDeliveries(streams, subscriptions);
    expect(worker.counters).toMatchObject({ cut: 1, closed: 0, acknowledged: 60 });
    expect(expected).toBe(worker.counters.received);
    expect(lost).toBe(0);
    expect(worker.counters.received).toBeLessThan(60);
  });

  it('reads the new connection of a slow consumer that was connected and connects anew', async () => {
    broker.aedes.authenticate = (_client, _user, _password, done) => void setTimeout(() => done(null, true), 60);
    const worker = await started('[connect, { wait: 80ms }, connect]', '', ', reading: { on: 100ms, off: 1m }');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connects: 2, connected: 2, cut: 1 });
  });

  it('subscribes on a new connection to all that it has not unsubscribed from', async () => {
    const asked: string[][] = [];
    broker.aedes.on('subscribe', (subscriptions) => asked.push(subscriptions.map(({ topic }) => topic)));
    const worker = await started('[connect, { subscribe: [a, b] }, { unsubscribe: a }, cut, connect]');
    await worker.stage();
    const { subscriptions } = await worker.finished();
    expect(asked).toEqual([['a', 'b'], ['b']]);
    expect(subscriptions).toMatchObject([{ filters: [{ filter: 'a', isOver: true }, { filter: 'b', isOver: false }] }]);
  });

  it('has a filter of its own for each client, in SUBSCRIBE, UNSUBSCRIBE and what it expects', async () => {
    const asked: string[] = [];
    broker.aedes.on('subscribe', (subscriptions) => asked.push(...subscriptions.map(({ topic }) => `+${topic}`)));
    broker.aedes.on('unsubscribe', (topics) => asked.push(...topics.map((topic) => `-${topic}`)));
    const worker = await started('[connect, { subscribe: "{group}/{n}/{client}" }, { unsubscribe: "{group}/{n}/{client}" }]');
    await worker.stage();
    const { subscriptions } = await worker.finished();
    expect(asked).toEqual(['+c/0/c-0', '-c/0/c-0']);
    expect(subscriptions).toMatchObject([{ filters: [{ filter: 'c/0/c-0' }] }]);
  });

  it('tells of no stream whose messages do not say which they are, also on a topic on which others do', async () => {
    const worker = await started('[connect, { publish: { topic: t, count: 2, payload: fixed, size: 16B } }, { publish: { topic: t, count: 3 } }, { publish: { topic: t, count: 4, payload: { template: x } } }]'.replaceAll('count', 'rate: 1000/s, count'));
    await worker.stage();
    const { streams } = await worker.finished();
    expect(worker.counters).toMatchObject({ sent: 9, acknowledged: 9 });
    expect(streams).toMatchObject([{ topic: 't', sent: 3, unacknowledged: [] }]);
  });
});
