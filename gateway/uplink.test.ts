import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createPlainServer, type AddressInfo, type Server } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority, issueIdentity, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import type { SpooledBatch } from './spool-format.ts';
import { Spool } from './spool.ts';
import { eventually, TinyBroker } from './tiny-broker.fixture.ts';
import { Uplink, type UplinkOptions } from './uplink.ts';

const nowMs = new Date().getTime(); // Node's TLS goes by the real clock
const PROJECT = 'plant-1';
const GATEWAY = '0011223344556677';
const PREFIX = `thrum/${PROJECT}/${GATEWAY}/`;
const SOON = { baseMs: 1, capMs: 4 };
const NEVER = { baseMs: 1e9, capMs: 1e9 };

let root: string;
let authority: Authority;
let serverIdentity: IssuedIdentity;
let gatewayIdentity: IssuedIdentity;
let broker: TinyBroker;
let spool: Spool;
let folders = 0;
const uplinks = new Set<Uplink>();
const closers: (() => void)[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-uplink-'));
  authority = await createAuthority(root, { nowMs });
  serverIdentity = await issueIdentity(authority, { role: 'server' }, nowMs);
  gatewayIdentity = await issueIdentity(authority, { role: 'gateway', projectId: PROJECT, gatewayId: GATEWAY }, nowMs);
});
beforeEach(async () => {
  broker = await TinyBroker.listen(serverIdentity, authority.certificatePem);
  spool = await Spool.open(join(root, `queue-${(folders += 1)}`), nowMs);
});
afterEach(async () => {
  for (const uplink of uplinks) await uplink.stop();
  uplinks.clear();
  for (const close of closers.splice(0)) close();
  await spool.close();
  await broker.close();
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Watched {
  readonly uplink: Uplink;
  readonly acknowledged: SpooledBatch[];
  readonly states: { connected: boolean; reason: string }[];
}

function uplinkTo(port: number, more: Partial<UplinkOptions> = {}): Watched {
  const acknowledged: SpooledBatch[] = [];
  const states: Watched['states'] = [];
  const uplink = new Uplink({
    target: { host: '127.0.0.1', port, authorityPem: authority.certificatePem },
    projectId: PROJECT,
    gatewayId: GATEWAY,
    credentials: () => gatewayIdentity,
    spool,
    backoff: SOON,
    random: () => 0.5,
    now: () => nowMs,
    onAcknowledged: (batch) => acknowledged.push(batch),
    onState: (connected, reason) => states.push({ connected, reason }),
    ...more,
  });
  uplinks.add(uplink);
  return { uplink, acknowledged, states };
}

async function fill(count: number): Promise<string[]> {
  for (let index = 0; index < count; index++) {
    await spool.put('data', (bootEpoch, sequence) => Buffer.from(`${bootEpoch}/${sequence}`), {});
  }
  return spool.pending.map(({ frame }) => frame.toString());
}

const sent = (): string[] => broker.payloads('data').map(String);

/** A TLS server that speaks just enough MQTT to admit a client, and leaves the rest to `onPublish`. */
async function rawBroker(onPublish: (socket: TLSSocket, count: number) => void): Promise<{ port: number; sockets: TLSSocket[]; counts: number[] }> {
  const sockets: TLSSocket[] = [];
  const counts: number[] = [];
  const { certificatePem: cert, keyPem: key } = serverIdentity;
  const server = createServer({ cert, key, ca: authority.certificatePem, requestCert: true, allowHalfOpen: true }, (socket) => {
    const index = sockets.push(socket) - 1;
    counts[index] = 0;
    let bytes = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let end = packetEnd(bytes); end > 0; end = packetEnd(bytes)) {
        const type = bytes[0]! >> 4;
        const qos = (bytes[0]! >> 1) & 3;
        bytes = bytes.subarray(end);
        if (type === 1) socket.write(Buffer.from([0x20, 2, 0, 0]));
        if (type === 3 && qos === 1) onPublish(socket, (counts[index]! += 1));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: portOf(server), sockets, counts };
}

/** Where the first packet ends; 0 while it is not whole (MQTT 3.1.1 §2.2.3). */
function packetEnd(bytes: Buffer): number {
  let length = 0;
  for (let at = 1; at < bytes.length && at < 5; at++) {
    length |= (bytes[at]! & 0x7f) << (7 * (at - 1));
    if (bytes[at]! < 0x80) return at + 1 + length <= bytes.length ? at + 1 + length : 0;
  }
  return 0;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createPlainServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

describe('an uplink with a broker', () => {
  it('sends the batches in order, and forgets each only when it is acknowledged', async () => {
    const expected = await fill(100);
    broker.verdict = ({ topic }) => (topic.endsWith('data') ? 'hold' : 'take');
    const { uplink, acknowledged, states } = uplinkTo(broker.port);
    uplink.start();
    await eventually('the first batch', () => sent().length > 0);
    expect(spool.pending).toHaveLength(100);
    broker.verdict = () => 'take';
    broker.release();
    await eventually('all acknowledged', () => spool.pending.length === 0);
    expect(sent()).toEqual(expected);
    expect(acknowledged.map(({ frame }) => frame.toString())).toEqual(expected);
    expect(states).toEqual([{ connected: true, reason: '' }]);
    expect(broker.connects).toBe(1);
  });

  it('sends what is put later when told, under the topic of its channel', async () => {
    const { uplink } = uplinkTo(broker.port);
    uplink.start();
    await eventually('connected', () => uplink.connected);
    await spool.put('event', () => Buffer.from('alarm'), {});
    uplink.pump();
    await eventually('acknowledged', () => spool.pending.length === 0);
    expect(broker.received.at(-1)).toMatchObject({ topic: `${PREFIX}event`, payload: Buffer.from('alarm'), qos: 1 });
  });

  it('says online and offline, retained, when it comes and goes', async () => {
    const { uplink } = uplinkTo(broker.port);
    uplink.start();
    await eventually('online', () => broker.payloads('status').length === 1);
    await uplink.stop();
    await eventually('offline', () => broker.payloads('status').length === 2);
    const statuses = broker.received.map(({ topic, payload, retain }) => [topic, payload.toString(), retain]);
    expect(statuses).toEqual([[`${PREFIX}status`, 'online', true], [`${PREFIX}status`, 'offline', true]]);
  });

  it('is said to be offline, retained, by its last will when it is cut', async () => {
    const { uplink, states } = uplinkTo(broker.port, { backoff: NEVER });
    uplink.start();
    await eventually('online', () => broker.payloads('status').length === 1);
    broker.cut();
    await eventually('the will', () => broker.payloads('status').length === 2);
    expect(broker.received.at(-1)).toMatchObject({ topic: `${PREFIX}status`, payload: Buffer.from('offline'), retain: true });
    await eventually('noticed', () => states.length === 2);
    expect(states[1]).toMatchObject({ connected: false });
    expect(states[1]!.reason).not.toBe('');
  });

  it('resends what was not acknowledged, under the same number, after each of many cuts', async () => {
    const expected = await fill(60);
    let count = 0;
    broker.verdict = ({ topic }) => {
      if (!topic.endsWith('data') || (count += 1) % 7 !== 0) return 'take';
      setImmediate(() => broker.cut());
      return 'hold';
    };
    const { uplink, acknowledged, states } = uplinkTo(broker.port);
    uplink.start();
    await eventually('all acknowledged', () => spool.pending.length === 0);
    expect(broker.connects).toBeGreaterThan(3);
    expect(acknowledged.map(({ frame }) => frame.toString()).sort()).toEqual([...expected].sort());
    expect(new Set(sent())).toEqual(new Set(expected));
    expect(sent().length).toBeGreaterThan(expected.length);
    const changes = states.map(({ connected }) => connected);
    expect(changes).toEqual(changes.map((_, index) => index % 2 === 0));
  });

  it('never has more than 16 publishes in flight', async () => {
    await fill(40);
    const raw = await rawBroker(() => undefined);
    const { uplink } = uplinkTo(raw.port);
    uplink.start();
    await eventually('a window', () => raw.counts[0] === 16);
    uplink.pump();
    const ended = new Promise<void>((resolve) => raw.sockets[0]!.once('end', resolve).once('close', () => resolve()));
    await uplink.stop(); // gives the broker a second: nothing more may come
    await ended;
    expect(raw.counts).toEqual([16]);
    expect(spool.pending).toHaveLength(40);
  });

  it('gets over a broker that talks nonsense while batches come in all the time', async () => {
    await fill(3);
    const raw = await rawBroker((socket, count) => {
      if (count === 3) socket.write(Buffer.from([0x00, 0x00, 0xff, 0xff]));
    });
    const { uplink, states } = uplinkTo(raw.port, { backoff: NEVER });
    uplink.start();
    while (states.length < 2) {
      uplink.pump();
      await new Promise(setImmediate);
    }
    expect(states[1]).toMatchObject({ connected: false });
    expect(spool.pending).toHaveLength(3);
  });
});

describe('an uplink that is not let in', () => {
  it('tries again after a wait each time, never at once, and delivers when it is admitted', async () => {
    const expected = await fill(5);
    broker.returnCode = 3;
    const waits: number[] = [];
    const random = (): number => {
      waits.push(broker.connects);
      return 0.5;
    };
    const { uplink, states } = uplinkTo(broker.port, { random });
    uplink.start();
    await eventually('five tries', () => broker.connects >= 5);
    expect(waits.length).toBeGreaterThanOrEqual(4);
    expect(waits.length).toBeLessThanOrEqual(broker.connects);
    expect(states).toEqual([{ connected: false, reason: 'Connection refused: Server unavailable' }]);
    expect(sent()).toEqual([]);
    broker.returnCode = 0;
    await eventually('all acknowledged', () => spool.pending.length === 0);
    expect(sent()).toEqual(expected);
    expect(states.at(-1)).toEqual({ connected: true, reason: '' });
  });

  it('waits longer with each try that no batch came of, also when it was admitted in between', async () => {
    await fill(1);
    broker.verdict = ({ topic }) => (topic.endsWith('data') ? 'drop' : 'take');
    const waits: number[] = [];
    const attempts = { baseMs: 1, get capMs(): number {
      waits.push(broker.connects);
      return 2;
    } };
    const { uplink } = uplinkTo(broker.port, { backoff: attempts });
    uplink.start();
    await eventually('tries', () => broker.connects >= 6);
    await uplink.stop();
    expect(waits.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
  });

  it('finds a broker that comes up late', async () => {
    const port = await closedPort();
    await fill(2);
    const { uplink, states } = uplinkTo(port);
    uplink.start();
    await eventually('refused', () => states.length > 0);
    expect(states[0]!.connected).toBe(false);
    expect(states[0]!.reason).toContain('ECONNREFUSED');
    const late = await TinyBroker.listen(serverIdentity, authority.certificatePem, port);
    await eventually('all acknowledged', () => spool.pending.length === 0);
    await uplink.stop();
    await late.close();
  });

  it.each([
    ['of another authority', async () => issueIdentity(await createAuthority(join(root, 'stranger'), { nowMs }), { role: 'server' }, nowMs), /certificate/],
    ['for another host', () => issueIdentity(authority, { role: 'server', dnsNames: ['elsewhere.example'] }, nowMs), /for other names/],
    ['of a gateway', () => Promise.resolve(gatewayIdentity), /purpose/],
  ])('tells nothing to a broker with a certificate %s', async (_, issue, reason) => {
    await fill(1);
    const impostor = await TinyBroker.listen(await issue(), authority.certificatePem);
    const { uplink, states } = uplinkTo(impostor.port, { backoff: { baseMs: 1, capMs: 1 } });
    uplink.start();
    await eventually('refused', () => states.length > 0);
    await uplink.stop();
    expect(states[0]).toMatchObject({ connected: false, reason: expect.stringMatching(reason) as unknown });
    await impostor.close();
    expect(impostor.received).toEqual([]);
    expect(impostor.connects).toBe(0);
    expect(spool.pending).toHaveLength(1);
  });
});

describe('stopping an uplink', () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

  it('needs no connection', async () => {
    const before = timers();
    const { uplink } = uplinkTo(broker.port);
    await uplink.stop();
    const waiting = uplinkTo(await closedPort(), { backoff: NEVER });
    waiting.uplink.start();
    await eventually('refused', () => waiting.states.length > 0);
    await waiting.uplink.stop();
    await eventually('no timer is left', () => timers() <= before);
    expect(broker.connects).toBe(0);
  });

  it('while it connects leaves neither socket nor timer', async () => {
    const before = timers();
    const accepted: { destroyed: boolean }[] = [];
    const silent = createPlainServer((socket) => {
      accepted.push(socket);
      socket.on('error', () => undefined).resume();
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { uplink } = uplinkTo(portOf(silent));
    uplink.start();
    await eventually('accepted', () => accepted.length === 1);
    await uplink.stop();
    await eventually('closed', () => accepted[0]!.destroyed);
    await eventually('no timer is left', () => timers() <= before);
    silent.close();
    expect(accepted).toHaveLength(1);
  });

  it('waits for what is in flight to be acknowledged', async () => {
    await fill(1);
    broker.verdict = ({ topic }) => (topic.endsWith('data') ? 'hold' : 'take');
    const { uplink } = uplinkTo(broker.port);
    uplink.start();
    await eventually('in flight', () => sent().length === 1);
    const stopped = uplink.stop();
    broker.release();
    await stopped;
    expect(spool.pending).toEqual([]);
    await eventually('goodbye', () => broker.payloads('status').map(String).join() === 'online,offline');
    await eventually('closed', () => broker.sockets.size === 0);
  });

  it('ends although the broker never answers the goodbye', async () => {
    const raw = await rawBroker(() => undefined);
    const { uplink } = uplinkTo(raw.port);
    uplink.start();
    await eventually('connected', () => uplink.connected);
    await uplink.stop();
    expect(uplink.connected).toBe(false);
  });

  it('twice is as good as once, and says that it is no longer connected', async () => {
    const { uplink, states } = uplinkTo(broker.port);
    uplink.start();
    await eventually('connected', () => uplink.connected);
    await Promise.all([uplink.stop(), uplink.stop()]);
    await uplink.stop();
    expect(uplink.connected).toBe(false);
    expect(states.map(({ connected }) => connected)).toEqual([true, false]);
    await eventually('closed', () => broker.sockets.size === 0);
    expect(broker.connects).toBe(1);
  });
});
