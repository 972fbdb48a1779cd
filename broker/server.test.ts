/** The broker as clients and attackers meet it: over real TLS, with a real sink behind it or one that holds answers back. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { connect as connectMqtt, type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAuthority, issueIdentity, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { arrivalOf, GATEWAY, makeHome, makeProject, NOW_MS, payloadOf, storedNames, storeFiles, type TestHome } from './broker.fixture.ts';
import { BROKER_LIMITS } from './limits.ts';
import type { PublishTarget } from './mqtt-service.ts';
import { startBroker, type Broker } from './server.ts';
import type { Sink } from './sink.ts';
import type { Arrival, Done } from './store/arrival.ts';

type Credentials = Pick<IssuedIdentity, 'certificatePem' | 'keyPem'>;

// Node's TLS goes by the real clock, so certificates are issued around the real now.
const nowMs = new Date().getTime();

let home: TestHome;
let authority: Authority;
let server: IssuedIdentity;
let gateway: IssuedIdentity;
let operator: IssuedIdentity;
let projectId: string;
let keyId: string;
let prefix: string;

let broker: Broker;
let sink: Sink;
let refused: Error[];
const clients: MqttClient[] = [];
const sockets: TLSSocket[] = [];

beforeAll(async () => {
  home = await makeHome();
  authority = await createAuthority(join(home.root, 'certs'), { nowMs });
  server = await issueIdentity(authority, { role: 'server' }, nowMs);
  operator = await issueIdentity(authority, { role: 'operator', name: 'ann' }, nowMs);
});
beforeEach(async () => {
  ({ projectId, keyId } = await makeProject(home, `Project ${expect.getState().currentTestName?.length} ${process.hrtime.bigint()}`));
  prefix = `thrum/${projectId}/${GATEWAY}/`;
  gateway = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId: GATEWAY }, nowMs);
  refused = [];
  sink = await home.openSink();
  broker = await start(sink);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  for (const socket of sockets.splice(0)) socket.destroy();
  await broker.close();
  await sink.close();
});
afterAll(() => home.remove());

function start(target: PublishTarget): Promise<Broker> {
  return startBroker({
    host: '127.0.0.1',
    port: 0,
    certificatePem: server.certificatePem,
    keyPem: server.keyPem,
    authorityPem: authority.certificatePem,
    target,
    now: () => NOW_MS,
    onRefused: (error) => refused.push(error),
  });
}

async function restartWith(target: PublishTarget): Promise<void> {
  await broker.close();
  broker = await start(target);
}

/** A client of the mqtt package; not connected yet. */
function mqttClient(who: Credentials | undefined, clientId: string, more: Partial<IClientOptions> = {}): MqttClient {
  const client = connectMqtt({
    protocol: 'mqtts', host: '127.0.0.1', port: broker.port, ca: authority.certificatePem,
    ...(who && { cert: who.certificatePem, key: who.keyPem }),
    clientId, reconnectPeriod: 0, protocolVersion: 4, ...more,
  });
  clients.push(client);
  return client;
}

/** Resolves to 'connected', or to the CONNACK code or error with which the client is refused. */
function outcome(client: MqttClient): Promise<unknown> {
  return new Promise((resolve) => {
    client.once('connect', () => resolve('connected'));
    client.on('error', (error) => resolve('code' in error ? error.code : error.message));
    client.once('close', () => resolve('closed'));
  });
}

async function connected(who: Credentials = gateway, clientId = GATEWAY, more: Partial<IClientOptions> = {}): Promise<MqttClient> {
  const client = mqttClient(who, clientId, more);
  expect(await outcome(client)).toBe('connected');
  return client;
}

function gone(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()));
}

function messageOf(client: MqttClient): Promise<[string, Buffer]> {
  return new Promise((resolve) => client.once('message', (topic, bytes) => resolve([topic, bytes])));
}

/** A TLS socket that speaks MQTT by hand. */
async function rawClient(who: Credentials = gateway, clientId = GATEWAY, will?: { topic: string; payload: string }): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port: broker.port, ca: authority.certificatePem, cert: who.certificatePem, key: who.keyPem });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length >> 8, value.length & 255]), Buffer.from(value)]);
  const flags = will ? 0x06 : 0x02;
  socket.write(packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, flags, 0, 0]), text(clientId), ...(will ? [text(will.topic), text(will.payload)] : [])])));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect([...answer.subarray(0, 4)]).toEqual([0x20, 2, 0, 0]);
  return socket;
}

function packet(first: number, body: Buffer): Buffer {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

/** A PUBLISH with QoS 1, or 2, as bytes. */
function publishPacket(id: number, payload: Buffer, flags = 0x32): Buffer {
  const topic = Buffer.from(`${prefix}data`);
  return packet(flags, Buffer.concat([Buffer.from([0, topic.length]), topic, Buffer.from([id >> 8, id & 255]), payload]));
}

/** The packet ids of the PUBACKs in what a raw client got. */
function pubacksIn(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, n) => (bytes[4 * n] === 0x40 ? bytes.readUInt16BE(4 * n + 2) : -1));
}

/** A target that answers when told to. */
class Holding implements PublishTarget {
  readonly held: { readonly arrival: Arrival; readonly done: Done }[] = [];
  dispatched = 0;
  admit(): Promise<void> { return Promise.resolve(); }
  publish(_project: string, arrival: Arrival, done: Done): void {
    this.dispatched += 1;
    this.held.push({ arrival, done });
  }
  release(error?: Error): void {
    for (const { done } of this.held.splice(0)) done(error);
  }
}

describe('who is let in', () => {
  it('is a gateway with its own certificate and client id', async () => {
    const client = await connected();
    expect(broker.connections()).toBe(1);
    await client.endAsync();
  });

  it('is nobody without a certificate', async () => {
    expect(await outcome(mqttClient(undefined, GATEWAY))).not.toBe('connected');
    await vi.waitFor(() => expect(refused.length).toBeGreaterThan(0));
  });

  it('is nobody of another authority that has the same name', async () => {
    const impostor = await createAuthority(join(home.root, `impostor-${projectId}`), { nowMs });
    const forged = await issueIdentity(impostor, { role: 'gateway', projectId, gatewayId: GATEWAY }, nowMs);
    expect(await outcome(mqttClient(forged, GATEWAY))).not.toBe('connected');
  });

  it('is nobody whose certificate has expired, or is not valid yet', async () => {
    const day = 86_400_000;
    const late = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId: GATEWAY, lifetimeDays: 1, notBeforeMs: nowMs - 2 * day }, nowMs);
    const early = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId: GATEWAY, notBeforeMs: nowMs + day }, nowMs);
    expect(await outcome(mqttClient(late, GATEWAY))).not.toBe('connected');
    expect(await outcome(mqttClient(early, GATEWAY))).not.toBe('connected');
  });

  it('is no server', async () => {
    expect(await outcome(mqttClient(server, GATEWAY))).not.toBe('connected');
  });

  it.each(['00124b0000000002', 'operator-ann', '', 'x'.repeat(500)])('is no gateway that calls itself %j', async (clientId) => {
    const client = mqttClient(gateway, clientId, { clean: true });
    expect(await outcome(client)).toBe(2);
    expect(broker.connections()).toBe(0);
  });

  it('is no operator in a gateway’s place', async () => {
    expect(await outcome(mqttClient(operator, GATEWAY))).toBe(2);
    expect(await outcome(mqttClient(operator, 'operator-ann'))).toBe('connected');
  });

  it('is no gateway of a project that does not exist', async () => {
    const stray = await issueIdentity(authority, { role: 'gateway', projectId: 'p-0000000000000000', gatewayId: GATEWAY }, nowMs);
    expect(await outcome(mqttClient(stray, GATEWAY))).toBe(3);
    expect(home.fatal).toEqual([]);
  });

  it('is told that the service is unavailable (3) while the project’s key is disabled', async () => {
    await home.keys.disableKey(keyId);
    expect(await outcome(mqttClient(gateway, GATEWAY))).toBe(3);
    await home.keys.enableKey(keyId);
    expect(await outcome(mqttClient(gateway, GATEWAY))).toBe('connected');
  });

  it.each([
    ['another gateway’s status', () => `thrum/${projectId}/00124b0000000002/status`],
    ['its own data', () => `${prefix}data`],
    ['$SYS', () => '$SYS/x'],
  ])('is nobody whose last will is %s', async (_what, topic) => {
    const client = mqttClient(gateway, GATEWAY, { will: { topic: topic(), payload: Buffer.from('x'), qos: 0, retain: false } });
    expect(await outcome(client)).not.toBe('connected');
    expect(refused).toContainEqual(expect.objectContaining({ code: 'ADMISSION_TOPIC' }));
  });
});

describe('what a gateway may say', () => {
  async function expectCut(publish: (client: MqttClient) => void, code: string): Promise<void> {
    const client = await connected();
    client.on('error', () => undefined);
    const closed = gone(client);
    publish(client);
    await closed;
    expect(refused).toContainEqual(expect.objectContaining({ code }));
    expect(await storeFiles(home, projectId).catch(() => [])).toEqual([]);
  }
  type Wrong = [what: string, code: string, topic: () => string, payload: Buffer, options: { qos?: 0; retain?: true }];
  const payload = payloadOf(0);

  it.each([
    ['under another gateway’s prefix', 'ADMISSION_TOPIC', () => `thrum/${projectId}/00124b0000000002/data`, payload, {}],
    ['under another project’s prefix', 'ADMISSION_TOPIC', () => `thrum/p-0000000000000000/${GATEWAY}/data`, payload, {}],
    ['on a topic that only begins like its own', 'ADMISSION_TOPIC', () => `${prefix}data/more`, payload, {}],
    ['commands to itself', 'ADMISSION_TOPIC', () => `${prefix}cmd`, payload, {}],
    ['on $SYS', 'ADMISSION_TOPIC', () => '$SYS/broker', payload, {}],
    ['another gateway’s batch', 'ADMISSION_PAYLOAD', () => `${prefix}data`, payloadOf(0, 1, '00124b0000000002'), {}],
    ['what is no frame', 'ADMISSION_PAYLOAD', () => `${prefix}data`, Buffer.from('garbage'), {}],
    ['nothing', 'ADMISSION_PAYLOAD', () => `${prefix}data`, Buffer.alloc(0), {}],
    ['a frame with a flipped bit', 'ADMISSION_PAYLOAD', () => `${prefix}event`, Buffer.from(payload.map((byte, at) => (at === 9 ? byte ^ 1 : byte))), {}],
    ['data with QoS 0', 'ADMISSION_QOS', () => `${prefix}data`, payload, { qos: 0 }],
    ['retained data', 'ADMISSION_QOS', () => `${prefix}data`, payload, { retain: true }],
    ['a status that asks to be stored', 'ADMISSION_QOS', () => `${prefix}status`, Buffer.from('online'), {}],
    ['a status of 2 kB', 'ADMISSION_SIZE', () => `${prefix}status`, Buffer.alloc(2048), { qos: 0 }],
  ] satisfies Wrong[])('is not: %s; the connection is closed and nothing is stored', async (_what, code, topic, bytes, options) => {
    await expectCut((client) => client.publish(topic(), bytes, { qos: 1, ...options }), code);
  });

  it('is no packet that claims 200 MB: it is cut off at the claim', async () => {
    const socket = await rawClient();
    const closed = once(socket, 'close');
    socket.write(Buffer.from([0x32, 0x80, 0x84, 0xaf, 0x5f, 0, 0]));
    await closed;
    expect(refused).toContainEqual(expect.objectContaining({ code: 'ADMISSION_SIZE' }));
  });

  it('is no packet with a length of five bytes', async () => {
    const socket = await rawClient();
    const closed = once(socket, 'close');
    socket.write(Buffer.from([0x32, 0xff, 0xff, 0xff, 0xff, 0x01]));
    await closed;
  });

  it('is nothing before CONNECT', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: broker.port, ca: authority.certificatePem, cert: gateway.certificatePem, key: gateway.keyPem });
    sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    const closed = once(socket, 'close');
    socket.resume();
    socket.write(publishPacket(1, payload));
    await closed;
    expect(await storeFiles(home, projectId).catch(() => [])).toEqual([]);
  });
});

describe('what may be listened to', () => {
  it.each([
    ['everything', '#'], ['the broker', '$SYS/#'], ['all gateways', 'thrum/#'], ['one level of each', '+/+/+/+'],
    ['other commands', 'thrum/p-0000000000000000/00124b0000000001/cmd'],
  ])('by a gateway is not %s', async (_what, filter) => {
    const client = await connected();
    const [granted] = await client.subscribeAsync(filter, { qos: 1 }).catch((error: unknown) => [{ qos: (error as { code?: number }).code ?? 128 }]);
    expect(granted?.qos).toBe(128);
  });

  it('by a gateway is its own commands', async () => {
    const client = await connected();
    expect(await client.subscribeAsync(`${prefix}cmd`, { qos: 1 })).toEqual([expect.objectContaining({ qos: 1 })]);
  });

  it('by an operator is what gateways say, and never more than listening', async () => {
    const listener = await connected(operator, 'operator-ann');
    await listener.subscribeAsync('thrum/#', { qos: 0 });
    const heard = messageOf(listener);
    const client = await connected();
    await client.publishAsync(`${prefix}data`, payloadOf(0), { qos: 1 });
    const [topic, bytes] = await heard;
    expect(topic).toBe(`${prefix}data`);
    expect(bytes.equals(payloadOf(0))).toBe(true);
    listener.on('error', () => undefined);
    const closed = gone(listener);
    listener.publish(`${prefix}data`, payloadOf(1), { qos: 1 });
    await closed;
    expect(refused).toContainEqual(expect.objectContaining({ code: 'ADMISSION_TOPIC' }));
    expect(sink.counts.stored).toBe(1);
  });

  it('by an operator is a gateway’s last will when its connection is cut', async () => {
    const listener = await connected(operator, 'operator-ann');
    await listener.subscribeAsync(`${prefix}status`);
    const socket = await rawClient(gateway, GATEWAY, { topic: `${prefix}status`, payload: 'offline' });
    const heard = messageOf(listener);
    socket.destroy();
    expect((await heard)[1].toString()).toBe('offline');
  });

  it('is not kept for those who are gone', async () => {
    const listener = await connected(operator, 'operator-ann', { clean: false });
    await listener.subscribeAsync('thrum/#', { qos: 1 });
    await listener.endAsync();
    const again = mqttClient(operator, 'operator-ann', { clean: false });
    const sessionPresent = await new Promise((resolve) => again.once('connect', (answer) => resolve(answer.sessionPresent)));
    expect(sessionPresent).toBe(false);
  });
});

describe('a PUBACK', () => {
  it('comes only after the target has answered', async () => {
    const target = new Holding();
    await restartWith(target);
    const socket = await rawClient();
    const got: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => got.push(chunk));
    socket.write(publishPacket(7, payloadOf(0)));
    await vi.waitFor(() => expect(target.dispatched).toBe(1));
    const other = await connected(operator, 'operator-ann');
    await other.subscribeAsync('thrum/#'); // its answer shows that the broker had the time
    expect(got).toEqual([]);
    target.release();
    await vi.waitFor(() => expect(pubacksIn(Buffer.concat(got))).toEqual([7]));
  });

  it('means that the bytes are in the segment file, while the broker is still open', async () => {
    const client = await connected();
    for (let sequence = 0; sequence < 10; sequence++) {
      await client.publishAsync(`${prefix}${sequence % 2 ? 'data' : 'event'}`, payloadOf(sequence), { qos: 1 });
      expect(await storedNames(home, projectId)).toHaveLength(sequence + 1);
    }
  });

  it('comes in the order of the publishes, and each batch is stored once however often it is sent', async () => {
    const socket = await rawClient();
    const got: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => got.push(chunk));
    socket.write(Buffer.concat(Array.from({ length: 600 }, (_, n) => publishPacket(n + 1, payloadOf(n % 300)))));
    await vi.waitFor(() => expect(Buffer.concat(got)).toHaveLength(2400), { timeout: 20_000 });
    expect(pubacksIn(Buffer.concat(got))).toEqual(Array.from({ length: 600 }, (_, n) => n + 1));
    expect(await storedNames(home, projectId)).toHaveLength(300);
  });

  it('is not given when the target refuses: the connection is closed', async () => {
    const target = new Holding();
    await restartWith(target);
    const socket = await rawClient();
    const got: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => got.push(chunk));
    socket.write(Buffer.concat([publishPacket(1, payloadOf(0)), publishPacket(2, payloadOf(1))]));
    await vi.waitFor(() => expect(target.dispatched).toBe(2));
    const closed = once(socket, 'close');
    target.release(new Error('the disk is gone'));
    await closed;
    expect(got).toEqual([]);
  });

  it('of QoS 2 stands for one stored batch, though the publish came twice in one chunk', async () => {
    const socket = await rawClient();
    const got: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => got.push(chunk));
    socket.write(Buffer.concat([publishPacket(5, payloadOf(0), 0x34), publishPacket(5, payloadOf(0), 0x3c)]));
    await vi.waitFor(() => expect(Buffer.concat(got)).toHaveLength(8));
    expect(await storedNames(home, projectId)).toHaveLength(1);
    expect(sink.counts).toMatchObject({ stored: 1, duplicates: 1 });
  });
});

describe('what is in flight', () => {
  it('of one client that sends a packet at a time is never more than the limit, and nothing is lost or reordered', { timeout: 60_000 }, async () => {
    const target = new Holding();
    await restartWith(target);
    const socket = await rawClient();
    socket.setNoDelay(true);
    const count = 3 * BROKER_LIMITS.inFlightPerClient;
    let acked = 0;
    socket.on('data', (chunk: Buffer) => (acked += chunk.length / 4));
    for (let n = 0; n < count; n++) await new Promise((resolve) => socket.write(publishPacket(n + 1, payloadOf(n)), resolve));
    await vi.waitFor(() => expect(target.dispatched).toBe(BROKER_LIMITS.inFlightPerClient), { timeout: 20_000 });
    const order: number[] = [];
    while (acked < count) {
      expect(target.held.length).toBeLessThanOrEqual(BROKER_LIMITS.inFlightPerClient);
      order.push(...target.held.map(({ arrival }) => arrival.batch.sequence));
      target.release();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(order).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  it('when a project is disconnected ends with it, and only its clients are cut', async () => {
    const listener = await connected(operator, 'operator-ann');
    const client = await connected();
    const closed = gone(client);
    broker.disconnectProject('p-0000000000000000');
    broker.disconnectProject(projectId);
    await closed;
    expect(listener.connected).toBe(true);
  });

  it('when the broker closes is stored or refused, each once, and nobody waits for ever', async () => {
    const client = await connected();
    client.on('error', () => undefined);
    const acked = new Set<number>();
    const answers = Array.from({ length: 1000 }, (_, n) =>
      new Promise<void>((resolve) => client.publish(`${prefix}data`, payloadOf(n), { qos: 1 }, (error) => {
        if (!error) acked.add(n);
        resolve();
      })));
    await vi.waitFor(() => expect(sink.counts.stored).toBeGreaterThan(0), { interval: 1 });
    await broker.close();
    await sink.close();
    client.end(true);
    await Promise.all(answers);
    const stored = await storedNames(home, projectId);
    expect(new Set(stored).size).toBe(stored.length);
    for (const n of acked) expect(stored).toContain(`${GATEWAY}/1/${n}`);
  });

  it('at the target when the broker closes is not acknowledged, and the target may still answer', async () => {
    const target = new Holding();
    await restartWith(target);
    const socket = await rawClient();
    socket.resume();
    socket.write(publishPacket(1, payloadOf(0)));
    await vi.waitFor(() => expect(target.dispatched).toBe(1));
    const closed = once(socket, 'close');
    await broker.close();
    await closed;
    target.release();
  });
});

describe('closing and starting', () => {
  it('does not wait for a client that never finishes its handshake', async () => {
    const idle = connectTcp(broker.port, '127.0.0.1');
    idle.on('error', () => undefined);
    await once(idle, 'connect');
    const closed = once(idle, 'close');
    idle.write(Buffer.from([0x16, 3, 1, 2])); // the beginning of a ClientHello
    await connected(); // the broker has taken the idle one by now
    await broker.close();
    await closed;
  });

  it('on a port that is taken gives the system’s error', async () => {
    const options = { certificatePem: server.certificatePem, keyPem: server.keyPem, authorityPem: authority.certificatePem, target: sink, now: () => NOW_MS };
    await expect(startBroker({ ...options, host: '127.0.0.1', port: broker.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(startBroker({ ...options, host: '127.0.0.1', port: 0, keyPem: 'no key' })).rejects.toThrow();
  });

  it('lets a gateway take over from its own dead connection', async () => {
    const first = await rawClient();
    const closed = once(first, 'close');
    const second = await connected();
    await closed;
    await second.publishAsync(`${prefix}data`, payloadOf(0), { qos: 1 });
    expect(broker.connections()).toBe(1);
  });

  it('says nothing secret when it refuses', async () => {
    const client = await connected();
    client.on('error', () => undefined);
    const closed = gone(client);
    client.publish(`${prefix}data`, Buffer.from('very secret'), { qos: 1 });
    await closed;
    for (const { message } of refused) expect(message).not.toContain('secret');
    expect((await readFile(gateway.keyPath, 'utf8')).length).toBeGreaterThan(0);
    for (const { message } of refused) expect(message).not.toContain('PRIVATE KEY');
  });
});

it('has a batch’s own gateway, epoch and number in what it hands to the target', async () => {
  const target = new Holding();
  await restartWith(target);
  const client = await connected();
  client.publish(`${prefix}event`, payloadOf(4, 2), { qos: 1 });
  await vi.waitFor(() => expect(target.held).toHaveLength(1));
  expect(target.held[0]!.arrival).toMatchObject({ ...arrivalOf(4, 2), channel: 'event', payload: expect.anything() as Buffer });
  target.release();
});
