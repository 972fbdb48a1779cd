import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { parse } from 'yaml';
import { clockOrigin, startClock } from './clock.ts';
import { Measures } from './measures.ts';
import { INTERVAL_MS, type FromWorker } from './run-plan.ts';
import type { Scenario } from './scenario.ts';
import { parseScenario } from './scenario/mod.ts';
import { Worker } from './worker.ts';

/** As long as a scenario's may be, of characters with three bytes. */
const LONG_TOPIC = '€'.repeat(1_024);

let aedes: Aedes;
let server: Server;
let port: number;
let connects = 0;
/** Whether the broker wants the n-th connection, from 1. */
let takes: (n: number) => boolean;
const sockets = new Set<Socket>();
const workers: Driven[] = [];

beforeEach(async () => {
  aedes = await Aedes.createBroker();
  connects = 0;
  takes = () => true;
  server = createServer((socket) => {
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    if (!takes(++connects)) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    aedes.handle(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.finish();
  for (const socket of sockets) socket.destroy();
  server.close();
  aedes.close();
});

/** A worker in this process, told what a run tells it. */
class Driven {
  readonly measures = new Measures();
  readonly heard: FromWorker[] = [];
  readonly #worker: Worker;
  readonly #origin = clockOrigin(1_790_000_000_000);
  readonly #now = startClock(this.#origin);
  #isFinished = false;

  constructor(scenario: Scenario) {
    const settings = { authorityPem: undefined, authorityDirectory: undefined, projectId: 'p', workers: 1, shard: { index: 1, of: 1 } };
    this.#worker = new Worker({ scenario, settings, part: 0, parts: 1, origin: this.#origin, runEpoch: 1_790_000_000 }, (message) => this.#hear(message), () => 1); // the longest waits
    workers.push(this);
  }

  #hear(message: FromWorker): void {
    this.heard.push(message);
    if (message.kind === 'tick') for (const [, data] of message.groups) this.measures.add(data);
  }

  get counters(): Measures['counters'] {
    return this.measures.counters;
  }

  prepare(): Promise<void> {
    return this.#worker.take({ kind: 'prepare', plan: {} as never });
  }

  /** Resolves when the stage is done. */
  stage(stage = 0): Promise<void> {
    return this.#worker.take({ kind: 'start-stage', stage, startUs: this.#now() });
  }

  endStage(): Promise<void> {
    return this.#worker.take({ kind: 'end-stage' });
  }

  async finish(): Promise<void> {
    if (!this.#isFinished) await this.#worker.take({ kind: 'finish' });
    this.#isFinished = true;
  }
}

function scenarioOf(steps: string, more = ''): Scenario {
  const text = `{ name: t, brokers: { b: "mqtt://127.0.0.1:${port}" }, clients: { c: { count: 1, id: "c-{n}" } }, settle: 1s, stages: [{ name: s, groups: [{ clients: c, do: ${steps} ${more}}] }] }`;
  return parseScenario(parse(text) as object);
}

async function started(steps: string, more?: string): Promise<Driven> {
  const worker = new Driven(scenarioOf(steps, more));
  await worker.prepare();
  return worker;
}

const cutAll = (): void => {
  for (const socket of sockets) socket.destroy();
};

describe('a worker', () => {
  it('counts a connection that is lost while it subscribes as one failure, not as two', async () => {
    aedes.authorizeSubscribe = (client) => client.conn.destroy();
    const worker = await started('[connect, { subscribe: { filters: t } }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connected: 1, subscribeFailed: 1, closed: 1 });
    expect([...worker.measures.errors.values()]).toEqual([1]);
  });

  it('counts an UNSUBSCRIBE that comes to nothing', async () => {
    aedes.on('unsubscribe', () => cutAll());
    const worker = await started('[connect, { subscribe: { filters: t } }, { unsubscribe: t }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ subscribed: 1, closed: 1, subscribeFailed: 1 });
  });

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
    aedes.on('clientReady', cutAll);
    const worker = await started('[connect, { wait: 100ms }, { publish: { topic: t, count: 5, rate: 10/s } }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ closed: 1, sent: 0 });
    expect(worker.counters.due).toBe(worker.counters.unsent);
  });

  it('makes a lost connection anew and sends what fell due meanwhile', async () => {
    const worker = await started('[{ connect: { tries: 5 } }, { publish: { topic: t, count: 30, rate: 100/s } }]');
    let isCut = false;
    aedes.on('publish', ({ topic }) => {
      if (topic === 't' && !isCut) {
        isCut = true;
        cutAll();
      }
    });
    await worker.stage();
    expect(worker.counters).toMatchObject({ connected: 2, closed: 1, due: 30, sent: 30, unsent: 0 });
    expect(worker.counters.acknowledged + worker.counters.failed).toBe(30);
  });

  it('makes no connection anew for a client that leaves meanwhile', async () => {
    takes = (n) => n !== 2;
    aedes.once('clientReady', cutAll);
    const worker = await started('[{ connect: { tries: 9 } }, { wait: 60ms }, disconnect, { wait: 400ms }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connects: 2, connected: 1, connectFailed: 1 });
    expect(sockets.size).toBe(0);
  });

  it('has one connection for a client that connects itself while its lost one is being made anew', async () => {
    takes = (n) => n !== 2;
    aedes.once('clientReady', cutAll);
    const worker = await started('[{ connect: { tries: 9 } }, { wait: 60ms }, connect, { wait: 400ms }]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ connects: 3, connected: 2, connectFailed: 1, cut: 0 });
    expect(sockets.size).toBe(1);
  });

  it('connects a client once, though it connects itself while a broker keeps its other attempt waiting', async () => {
    const worker = await started('[{ connect: { tries: 9 } }, { wait: 60ms }, connect, { wait: 100ms }]');
    aedes.once('clientReady', cutAll);
    let asked = 0;
    aedes.authenticate = (_client, _user, _password, done) => {
      if (++asked !== 2) done(null, true);
    };
    await worker.stage();
    const { connects: begun, connected, connectFailed, connectsAbandoned } = worker.counters;
    expect({ begun, connected, connectFailed, connectsAbandoned }).toEqual({ begun: 3, connected: 2, connectFailed: 0, connectsAbandoned: 1 });
    expect(sockets.size).toBe(1);
  });

  it('tries again what fails at once and repeats for ever, now and then, until its stage ends', async () => {
    takes = () => false;
    const worker = await started('[connect]', ', repeat: forever');
    const stage = worker.stage();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(connects).toBe(1);
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
      sockets.add(socket);
      socket.on('error', () => undefined).once('data', () => {
        socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
        socket.once('data', () => socket.write(Buffer.from([first, 3, 0, 1, code])));
      });
    }).listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    port = (refusing.address() as AddressInfo).port;
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
    new WebSocketServer({ server: http }).on('connection', (webSocket) => aedes.handle(createWebSocketStream(webSocket)));
    await once(http, 'listening');
    const broker = { transport, host: '127.0.0.1', port: transport === 'tcp' ? port : (http.address() as AddressInfo).port, path: '/mqtt' };
    const scenario = scenarioOf(`[connect, { subscribe: "${LONG_TOPIC}" }, { publish: { topic: "${LONG_TOPIC}", payload: fixed, size: 16MiB, count: 1, rate: 100/s } }, { wait: 1s }, disconnect]`);
    const worker = new Driven({ ...scenario, brokers: new Map([['b', broker]]) });
    await worker.prepare();
    await worker.stage();
    await worker.finish();
    http.close();
    expect(Object.fromEntries(worker.measures.errors)).toEqual({});
    expect(worker.counters).toMatchObject({ acknowledged: 1, received: 1, corrupted: 0, bytesReceived: 16 * 1024 * 1024, closed: 0 });
  });

  it('ends whatever a client waits for when its stage ends', async () => {
    const silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    port = (silent.address() as AddressInfo).port;
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

  it('subscribes to a filter once, however often a life repeats', async () => {
    let subscribes = 0;
    aedes.on('subscribe', () => (subscribes += 1));
    const worker = await started('[connect, { subscribe: [t] }, disconnect]', ', repeat: 4');
    await worker.stage();
    expect(worker.counters.connected).toBe(4);
    expect(subscribes).toBeLessThanOrEqual(7); // again after each connect, and by its step
    expect(worker.counters).toMatchObject({ subscribeFailed: 0, connectFailed: 0 });
  });

  it('ends the wait for a certificate that never comes with its stage, and counts no failure', async () => {
    const worker = await started('[connect, rotate]');
    aedes.on('publish', ({ topic }) => topic.endsWith('/cert/request') && void worker.endStage());
    await worker.stage();
    expect(worker.counters).toMatchObject({ connected: 1, rotated: 0, identityFailed: 0, cut: 1 });
  });

  it('ends the wait for a certificate with the connection', async () => {
    aedes.on('publish', ({ topic }) => topic.endsWith('/cert/request') && cutAll());
    const worker = await started('[connect, rotate]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ closed: 1, identityFailed: 1 });
    expect([...worker.measures.errors.keys()].sort()).toEqual(['closed', 'identity.closed']);
  });

  it('counts a certificate that is none as a failed renewal', async () => {
    aedes.on('publish', ({ topic }) => {
      if (topic.endsWith('/cert/request')) aedes.publish({ cmd: 'publish', topic: topic.replace(/request$/, 'issued'), payload: 'no certificate', qos: 1, retain: false, dup: false }, () => undefined);
    });
    const worker = await started('[connect, rotate]');
    await worker.stage();
    expect(worker.counters).toMatchObject({ rotated: 0, identityFailed: 1 });
    expect(worker.measures.errors.get('identity.garbage')).toBe(1);
  });

  it('counts the end of a connection that is being made anew when the run ends', async () => {
    aedes.once('clientReady', cutAll);
    let asked = 0;
    aedes.authenticate = (_client, _user, _password, done) => {
      if (++asked === 1) done(null, true);
    };
    const worker = await started('[{ connect: { tries: 9 } }, { wait: 100ms }]');
    await worker.stage();
    await worker.finish();
    expect(worker.counters).toMatchObject({ connects: 2, connected: 1, connectsAbandoned: 1, connectFailed: 0 });
  });

  it('calls messages with QoS 0 in flight that the system has not taken when the run ends', async () => {
    const deaf = createServer((socket) => {
      sockets.add(socket);
      socket.once('data', () => void socket.pause().write(Buffer.from([0x20, 2, 0, 0]))).on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    port = (deaf.address() as AddressInfo).port;
    const worker = await started('[connect, { publish: { topic: t, qos: 0, size: 64KiB, payload: fixed, rate: 1000/s, for: 10s } }]');
    const stage = worker.stage();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await worker.endStage();
    await stage;
    await worker.finish();
    deaf.close();
    const { due, sent, unsent, acknowledged, failed } = worker.counters;
    const { inFlightNow } = worker.heard.findLast(({ kind }) => kind === 'tick') as FromWorker & { kind: 'tick' };
    expect(inFlightNow).toBeGreaterThan(0);
    expect(due).toBe(sent + unsent);
    expect(sent).toBe(acknowledged + inFlightNow + failed);
  });
});
