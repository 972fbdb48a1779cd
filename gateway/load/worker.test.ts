import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { INTERVAL_MS, type FromWorker } from './run-plan.ts';
import { broker, Driven, scenarioOf, started, withBroker } from './worker.fixture.ts';

/** As long as a scenario's may be, of characters with three bytes. */
const LONG_TOPIC = '€'.repeat(1_024);

withBroker();

describe('a worker', () => {
  it('lives a life to its end and tells all that it counted', async () => {
    const worker = await started('[connect, { publish: { topic: t, count: 20, rate: 1000/s } }, disconnect]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connects: 1, connected: 1, due: 20, sent: 20, acknowledged: 20, disconnected: 1 });
    expect(worker.heard.at(-1)!.kind).toBe('stage-done');
  });

  it('tells nothing of the time in which it waits for the first stage', async () => {
    const worker = await started('[connect]');
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS + 200));
    expect(worker.heard.map(({ kind }) => kind)).toEqual(['prepared']);
    await worker.stage();
    const ticks = worker.heard.filter((message) => message.kind === 'tick');
    expect(ticks.length).toBeGreaterThan(0);
    for (const { lengthMs } of ticks) expect(lengthMs).toBeLessThan(INTERVAL_MS);
  });

  it('ends at once a count that can never be sent, because the connection was lost while the client waited', async () => {
    broker.aedes.on('clientReady', broker.cutAll);
    const worker = await started('[connect, { wait: 100ms }, { publish: { topic: t, count: 5, rate: 10/s } }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ closed: 1, sent: 0 });
    expect(worker.counters.due).toBe(worker.counters.unsent);
  });

  it('makes a lost connection anew and sends what fell due meanwhile', async () => {
    const worker = await started('[{ connect: { tries: 5 } }, { publish: { topic: t, count: 30, rate: 100/s } }]');
    let isCut = false;
    broker.aedes.on('publish', ({ topic }) => {
      if (topic === 't' && !isCut) {
        isCut = true;
        broker.cutAll();
      }
    });
    await worker.stage();
    expect(worker.counters).toMatchObject({ connected: 2, closed: 1, due: 30, sent: 30, unsent: 0 });
    expect(worker.counters.acknowledged + worker.counters.failed).toBe(30);
  });

  it('makes no connection anew for a client that leaves meanwhile', async () => {
    broker.takes = (n) => n !== 2;
    broker.aedes.once('clientReady', broker.cutAll);
    const worker = await started('[{ connect: { tries: 9 } }, { wait: 60ms }, disconnect, { wait: 400ms }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connects: 2, connected: 1, connectFailed: 1 });
    expect(broker.sockets.size).toBe(0);
  });

  it('has one connection for a client that connects itself while its lost one is being made anew', async () => {
    broker.takes = (n) => n !== 2;
    broker.aedes.once('clientReady', broker.cutAll);
    const worker = await started('[{ connect: { tries: 9 } }, { wait: 60ms }, connect, { wait: 400ms }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connects: 3, connected: 2, connectFailed: 1, cut: 0 });
    expect(broker.sockets.size).toBe(1);
  });

  it('connects a client once, though it connects itself while a broker keeps its other attempt waiting', async () => {
    const worker = await started('[{ connect: { tries: 9 } }, { wait: 60ms }, connect, { wait: 100ms }]');
    broker.aedes.once('clientReady', broker.cutAll);
    let asked = 0;
    broker.aedes.authenticate = (_client, _user, _password, done) => {
      if (++asked !== 2) done(null, true);
    };
    await worker.stage();
    const { connects: begun, connected, connectFailed, connectsAbandoned } = worker.counters;
    expect({ begun, connected, connectFailed, connectsAbandoned }).toEqual({ begun: 3, connected: 2, connectFailed: 0, connectsAbandoned: 1 });
    expect(broker.sockets.size).toBe(1);
  });

  it('tries again what fails at once and repeats for ever, now and then, until its stage ends', async () => {
    broker.takes = () => false;
    const worker = await started('[connect]', ', repeat: forever');
    const stage = worker.stage();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(broker.connects).toBe(1);
    await worker.endStage();
    await stage;
    expect(worker.counters).toMatchObject({ connects: 1, connectFailed: 1 });
  });

  it('leaves others their turn in a life without end that waits for nothing', async () => {
    const scenario = scenarioOf('[connect]');
    const [stage] = scenario.stages;
    const worker = new Driven({ ...scenario, stages: [{ ...stage!, lives: [{ ...stage!.lives[0]!, steps: [{ kind: 'cut' }], repeat: Infinity }] }] });
    await worker.prepare();
    const done = worker.stage();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await worker.endStage();
    await done;
  });

  it.each([
    [1, 'puback', 0x40, 0x87],
    [2, 'pubrec', 0x50, 0x97],
  ])('counts by kind what a broker of MQTT 5 refuses with QoS %d', async (qos, name, first, code) => {
    const refusing = createServer((socket) => {
      broker.sockets.add(socket);
      socket.on('error', () => undefined).once('data', () => {
        socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
        socket.once('data', () => socket.write(Buffer.from([first, 3, 0, 1, code])));
      });
    }).listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    broker.port = (refusing.address() as AddressInfo).port;
    const { groups, ...scenario } = scenarioOf(`[connect, { publish: { topic: t, qos: ${qos}, count: 1, rate: 100/s } }]`);
    const worker = new Driven({ ...scenario, groups: new Map([['c', { ...groups.get('c')!, mqttVersion: 5 }]]) });
    await worker.prepare();
    await worker.stage();
    refusing.close();
    expect(worker.counters).toMatchObject({ due: 1, sent: 1, acknowledged: 0, failed: 1 });
    expect([...worker.measures.errors]).toEqual([[`mqtt.${name}.${code}`, 1]]);
  });

  it.each(['tcp', 'ws'] as const)('takes the longest message that it may publish, over %s', async (transport) => {
    const http = createHttpServer().listen(0, '127.0.0.1');
    new WebSocketServer({ server: http }).on('connection', (webSocket) => broker.aedes.handle(createWebSocketStream(webSocket)));
    await once(http, 'listening');
    const address = { transport, host: '127.0.0.1', port: transport === 'tcp' ? broker.port : (http.address() as AddressInfo).port, path: '/mqtt' };
    const scenario = scenarioOf(`[connect, { subscribe: "${LONG_TOPIC}" }, { publish: { topic: "${LONG_TOPIC}", payload: fixed, size: 16MiB, count: 1, rate: 100/s } }, { wait: 1s }, disconnect]`);
    const worker = new Driven({ ...scenario, brokers: new Map([['b', address]]) });
    await worker.prepare();
    await worker.stage();
    await worker.finish();
    http.close();
    expect(Object.fromEntries(worker.measures.errors)).toEqual({});
    expect(worker.counters).toMatchObject({ acknowledged: 1, received: 1, corrupted: 0, bytesReceived: 16 * 1024 * 1024, closed: 0 });
  });

  it('ends whatever a client waits for when its stage ends', async () => {
    const silent = createServer((socket) => broker.sockets.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    broker.port = (silent.address() as AddressInfo).port;
    const worker = await started('[connect]');
    const stage = worker.stage();
    await once(silent, 'connection');
    await worker.endStage();
    await stage;
    silent.close();
    expect(worker.counters).toMatchObject({ connects: 1, connectsAbandoned: 1, connectFailed: 0 });
  });

  it('says what is a fault of ours, also when it comes while lives still begin', async () => {
    const scenario = scenarioOf('[connect]', ', start: { spread: 1s }');
    const group = { ...scenario.groups.get('c')!, count: 50 };
    const worker = new Driven({ ...scenario, groups: new Map([['c', group]]), brokers: new Map() });
    await worker.prepare();
    await expect(worker.stage()).rejects.toThrow(TypeError);
  });

  it('ends the wait for a certificate that never comes with its stage, and counts no failure', async () => {
    const worker = await started('[connect, rotate]');
    broker.aedes.on('publish', ({ topic }) => topic.endsWith('/cert/request') && void worker.endStage());
    await worker.stage();
    expect(worker.counters).toMatchObject({ connected: 1, rotated: 0, identityFailed: 0, cut: 1 });
  });

  it('ends the wait for a certificate with the connection', async () => {
    broker.aedes.on('publish', ({ topic }) => topic.endsWith('/cert/request') && broker.cutAll());
    const worker = await started('[connect, rotate]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ closed: 1, identityFailed: 1 });
    expect([...worker.measures.errors.keys()].sort()).toEqual(['closed', 'identity.closed']);
  });

  it('counts a certificate that is none as a failed renewal', async () => {
    broker.aedes.on('publish', ({ topic }) => {
      if (topic.endsWith('/cert/request')) broker.aedes.publish({ cmd: 'publish', topic: topic.replace(/request$/, 'issued'), payload: 'no certificate', qos: 1, retain: false, dup: false }, () => undefined);
    });
    const worker = await started('[connect, rotate]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ rotated: 0, identityFailed: 1 });
    expect(worker.measures.errors.get('identity.garbage')).toBe(1);
  });

  it('counts the end of a connection that is being made anew when the run ends', async () => {
    broker.aedes.once('clientReady', broker.cutAll);
    let asked = 0;
    broker.aedes.authenticate = (_client, _user, _password, done) => {
      if (++asked === 1) done(null, true);
    };
    const worker = await started('[{ connect: { tries: 9 } }, { wait: 100ms }]');
    await worker.stage();
    await worker.finish();
    expect(worker.counters).toMatchObject({ connects: 2, connected: 1, connectsAbandoned: 1, connectFailed: 0 });
  });

  it('calls messages with QoS 0 in flight that the system has not taken when the run ends', async () => {
    const deaf = createServer((socket) => {
      broker.sockets.add(socket);
      socket.once('data', () => void socket.pause().write(Buffer.from([0x20, 2, 0, 0]))).on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    broker.port = (deaf.address() as AddressInfo).port;
    const worker = await started('[connect, { publish: { topic: t, qos: 0, size: 64KiB, payload: fixed, rate: 1000/s, for: 10s } }]');
    const stage = worker.stage();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await worker.endStage();
    await stage;
    const { streams } = await worker.finished();
    deaf.close();
    const { due, sent, unsent, acknowledged, failed } = worker.counters;
    const { inFlightNow } = worker.heard.findLast(({ kind }) => kind === 'tick') as FromWorker & { kind: 'tick' };
    expect(inFlightNow).toBeGreaterThan(0);
    expect(due).toBe(sent + unsent);
    expect(sent).toBe(acknowledged + inFlightNow + failed);
    expect(streams).toMatchObject([{ sent, unacknowledged: [sent - inFlightNow, sent] }]); // which nobody may call lost
  });
});
