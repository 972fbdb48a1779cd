import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../tiny-broker.fixture.ts';
import { kindOf, notedClient, type Noted } from './scripted.fixture.ts';
import type { ConnectOptions } from './client.ts';

let aedes: Aedes;
let server: Server;
let options: ConnectOptions;
let noted: Noted;
const sockets = new Set<Socket>();

beforeEach(async () => {
  aedes = await Aedes.createBroker();
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    aedes.handle(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  options = { broker: { transport: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port, path: '/' }, context: undefined, verify: true, session: undefined, keepsSession: false, localAddress: undefined, timeoutMs: 5_000 };
  noted = notedClient();
});

afterEach(() => {
  noted.client.cut();
  for (const socket of sockets) socket.destroy();
  server.close();
  aedes.close();
});

/** Kinds of how SUBSCRIBE of two filters, SUBSCRIBE of one and UNSUBSCRIBE end that are begun at once. */
function threeAtOnce(): Promise<string>[] {
  const { client } = noted;
  return [client.subscribe(['a', 'b'], 1), client.subscribe(['c'], 0), client.unsubscribe(['a'])].map(kindOf);
}

describe('requests of a client', () => {
  it('that are made at once each get the answer that is theirs', async () => {
    const asked: string[] = [];
    aedes.on('subscribe', (subscriptions) => asked.push(subscriptions.map(({ topic }) => topic).join()));
    aedes.on('unsubscribe', (topics) => asked.push(`-${topics.join()}`));
    await noted.client.connect(options);
    expect(await Promise.all(threeAtOnce())).toEqual(['none', 'none', 'none']);
    expect(asked).toEqual(['a,b', 'c', '-a']);
    expect(noted.closed).toEqual([]);
  });

  it('that are refused let the next have their turn', async () => {
    aedes.authorizeSubscribe = (_, subscription, done) => done(null, subscription.topic === 'a' ? null : subscription);
    await noted.client.connect(options);
    expect(await Promise.all(threeAtOnce())).toEqual(['mqtt.suback.128', 'none', 'none']);
  });

  it('all end with the connection', async () => {
    aedes.authorizeSubscribe = (client) => client.conn.destroy();
    await noted.client.connect(options);
    expect(await Promise.all(threeAtOnce())).toEqual(['closed.suback', 'closed.suback', 'closed.suback']);
    expect(noted.closed).toEqual(['closed.suback']);
    await noted.client.connect(options);
    expect(await kindOf(noted.client.unsubscribe(['c']))).toBe('none');
  });

  it('can be abandoned: the connection stays, the answer that still comes is no garbage, and the next request waits for it', async () => {
    const allow: (() => void)[] = [];
    aedes.authorizeSubscribe = (_, subscription, done) => (subscription.topic === 'c' ? done(null, subscription) : void allow.push(() => done(null, subscription)));
    await noted.client.connect(options);
    const steps = [noted.client.subscribe(['a'], 1), noted.client.unsubscribe(['b'])].map(kindOf);
    noted.client.abandon('abandoned');
    expect(await Promise.all(steps)).toEqual(['abandoned', 'abandoned']);
    const next = kindOf(noted.client.subscribe(['c'], 1));
    await eventually('the broker has heard of the first', () => allow.length === 1);
    allow[0]!();
    expect(await next).toBe('none');
    expect([noted.closed, noted.client.connected]).toEqual([[], true]);
  });

  it('to connect that are made at once leave one connection, and whoever asked first hears of it', async () => {
    const first = kindOf(noted.client.connect(options));
    await noted.client.connect(options);
    expect(await first).toBe('abandoned');
    await eventually('one connection', () => sockets.size === 1);
    expect(noted.client.connected).toBe(true);
  });
});
