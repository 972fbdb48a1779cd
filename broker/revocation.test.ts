/** A running broker and who is revoked meanwhile: over real TLS, with lists on a real disk. */
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { connect as connectMqtt, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createAuthority, issueIdentity, publishRevocationLists, readRevocationLists, revocationPaths, revokeCertificates, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { GATEWAY, makeHome, makeProject, type TestHome } from './broker.fixture.ts';
import { startBroker, type Broker } from './server.ts';

const nowMs = new Date().getTime(); // Node's TLS goes by the real clock
const OTHER = '00124b0000000002';
const DAY_MS = 86_400_000;

let home: TestHome;
let certs: string;
let authority: Authority;
let gateway: IssuedIdentity;
let other: IssuedIdentity;
let broker: Broker;
let refused: string[];
const closers: (() => void)[] = [];

beforeEach(async () => {
  home = await makeHome();
  certs = join(home.root, 'certs');
  const { projectId } = await makeProject(home);
  authority = await createAuthority(certs, { nowMs });
  gateway = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId: GATEWAY }, nowMs);
  other = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId: OTHER }, nowMs);
  await publishRevocationLists(certs, nowMs);
  broker = await start();
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await broker.close();
  await home.remove();
});

async function start(now = () => nowMs): Promise<Broker> {
  const server = await issueIdentity(authority, { role: 'server' }, nowMs);
  refused = [];
  return startBroker({
    host: '127.0.0.1', port: 0, certificatePem: server.certificatePem, keyPem: server.keyPem, authorityPem: authority.certificatePem,
    revocations: { path: revocationPaths(certs).crl, read: () => readRevocationLists(certs) },
    target: { admit: () => Promise.resolve(), publish: (_project, _arrival, done) => done() },
    now,
    onRefused: (error) => refused.push(error.message),
  });
}

const revoke = (identity: IssuedIdentity) => revokeCertificates(certs, { target: identity.serial, reason: 'keyCompromise' }, nowMs);

function client(who: IssuedIdentity, clientId: string, port = broker.port): MqttClient {
  const made = connectMqtt({
    protocol: 'mqtts', host: '127.0.0.1', port, ca: authority.certificatePem, cert: who.certificatePem, key: who.keyPem, clientId, reconnectPeriod: 0, protocolVersion: 4,
  });
  made.on('error', () => undefined);
  closers.push(() => made.end(true));
  return made;
}

/** 'connected', or 'closed' when it is not let in. */
const outcome = (made: MqttClient): Promise<string> =>
  new Promise((resolve) => {
    made.once('connect', () => resolve('connected'));
    made.once('close', () => resolve('closed'));
  });

const closed = (made: MqttClient): Promise<void> => new Promise((resolve) => made.once('close', () => resolve()));

it('cuts off who is revoked within two seconds, and nobody else', async () => {
  const [mine, theirs] = [client(gateway, GATEWAY), client(other, OTHER)];
  expect(await Promise.all([outcome(mine), outcome(theirs)])).toEqual(['connected', 'connected']);
  const gone = closed(mine);
  const startedAt = performance.now();
  await revoke(gateway);
  await gone;
  console.info(`revoked: the connection was closed after ${(performance.now() - startedAt).toFixed(0)} ms, of 2000`); // eslint-disable-line no-console
  expect(refused).toContain(`certificate ${gateway.serial} is revoked`);
  expect(theirs.connected).toBe(true);
  expect(await outcome(client(gateway, GATEWAY))).toBe('closed');
  expect(await outcome(client(other, OTHER))).toBe('connected');
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)('does not resume a session of who is revoked meanwhile (%s)', async (version) => {
  const open = (session?: Buffer): TLSSocket => {
    const socket = connectTls({
      host: '127.0.0.1', port: broker.port, ca: authority.certificatePem, cert: gateway.certificatePem, key: gateway.keyPem, maxVersion: version, minVersion: version, ...(session && { session }),
    });
    closers.push(() => socket.destroy());
    socket.on('error', () => undefined);
    return socket;
  };
  const first = open();
  const [session] = (await once(first, 'session')) as [Buffer];
  const again = open(session);
  await once(again, 'secureConnect');
  expect(again.isSessionReused()).toBe(true);
  const gone = new Promise<void>((resolve) => first.once('close', () => resolve()));
  await revoke(gateway);
  await gone;
  const late = open(session);
  let resumed = false;
  late.once('secureConnect', () => (resumed = late.isSessionReused()));
  await new Promise<void>((resolve) => late.once('close', () => resolve()));
  expect(resumed).toBe(false);
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)('does not let in a session that is resumed after its certificate’s end (%s)', async (version) => {
  await broker.close();
  let now = nowMs;
  broker = await start(() => now);
  const { projectId } = await makeProject(home, 'Mill 2');
  const brief = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId: GATEWAY, lifetimeDays: 1 }, nowMs);
  const open = (session?: Buffer): TLSSocket => {
    const socket = connectTls({
      host: '127.0.0.1', port: broker.port, ca: authority.certificatePem, cert: brief.certificatePem, key: brief.keyPem, maxVersion: version, minVersion: version, ...(session && { session }),
    });
    closers.push(() => socket.destroy());
    socket.on('error', () => undefined);
    return socket;
  };
  const [session] = (await once(open(), 'session')) as [Buffer];
  now = nowMs + 2 * DAY_MS;
  const late = open(session);
  await once(late, 'secureConnect');
  expect(late.isSessionReused()).toBe(true); // OpenSSL looks at no date then
  await once(late, 'close');
  expect(refused.at(-1)).toContain('expired');
});

it('catches a handshake that began before', async () => {
  const gate = await holdingProxy(broker.port);
  const slow = client(gateway, GATEWAY, gate.port);
  const end = outcome(slow);
  await gate.held; // the server has answered under the old list; what the client says next is held back
  const witness = client(gateway, GATEWAY);
  expect(await outcome(witness)).toBe('connected');
  const gone = closed(witness);
  await revoke(gateway);
  await gone; // the new list is in use
  gate.release();
  expect(await end).toBe('closed');
  await vi.waitFor(() => expect(refused.filter((line) => line === `certificate ${gateway.serial} is revoked`)).toHaveLength(2));
});

it('keeps the last good list when the next is damaged, foreign, older or gone, and says so once', async () => {
  const { crl } = revocationPaths(certs);
  const first = await readFile(crl);
  const mine = client(gateway, GATEWAY);
  await outcome(mine);
  const gone = closed(mine);
  await revoke(gateway);
  await gone;
  const good = await readFile(crl, 'utf8');
  const complaints = (): string[] => refused.filter((line) => line.includes('crl.pem'));

  await writeFile(crl, first);
  await vi.waitFor(() => expect(complaints()).toEqual([expect.stringMatching(/older than the last one.*it is not taken$/)]));
  await writeFile(crl, good.replace(/[A-Za-z0-9+/](?=[^-]{20,21}-----END)/, (letter) => (letter === 'A' ? 'B' : 'A')));
  await vi.waitFor(() => expect(complaints()).toHaveLength(2), 5_000);
  await writeFile(crl, 'nothing');
  await vi.waitFor(() => expect(complaints()).toHaveLength(3), 5_000);
  await rm(crl);
  await vi.waitFor(() => expect(complaints()).toHaveLength(4), 5_000);
  expect(new Set(complaints()).size).toBe(4);
  expect(await outcome(client(gateway, GATEWAY))).toBe('closed');
  expect(await outcome(client(other, OTHER))).toBe('connected');

  const theirs = client(other, OTHER);
  await outcome(theirs);
  const out = closed(theirs);
  await revoke(other); // writes a good one again
  await out;
});

it('lets nobody in once the list is past its time, and everybody again when it is renewed', async () => {
  await broker.close();
  broker = await start(() => nowMs + 400 * DAY_MS);
  expect(await outcome(client(gateway, GATEWAY))).toBe('closed');
  expect(refused.at(-1)).toContain('past its time');
  await broker.close();
  await publishRevocationLists(certs, nowMs - 400 * DAY_MS);
  broker = await start();
  expect(await outcome(client(gateway, GATEWAY))).toBe('closed'); // OpenSSL's own clock says so too
  await publishRevocationLists(certs, nowMs);
  await vi.waitFor(async () => expect(await outcome(client(gateway, GATEWAY))).toBe('connected'), 10_000);
});

it('does not start on a list that cannot be believed', async () => {
  await broker.close();
  await writeFile(revocationPaths(certs).crl, 'nothing');
  await expect(start()).rejects.toMatchObject({ code: 'CERTS_BAD_CRL' });
  await publishRevocationLists(certs, nowMs);
  broker = await start();
});

/** Between client and broker: lets the client's first words through and holds what follows until it is told to let go. */
async function holdingProxy(target: number): Promise<{ port: number; held: Promise<void>; release: () => void }> {
  let held: () => void = () => undefined;
  let release: () => void = () => undefined;
  const isHeld = new Promise<void>((resolve) => (held = resolve));
  const server: Server = createTcpServer((near: Socket) => {
    const far = connectTcp(target, '127.0.0.1');
    for (const socket of [near, far]) socket.on('error', () => undefined);
    far.pipe(near);
    near.on('close', () => far.destroy());
    near.once('data', (hello: Buffer) => {
      far.write(hello);
      const kept: Buffer[] = [];
      near.on('data', (chunk: Buffer) => {
        kept.push(chunk);
        held();
      });
      release = () => {
        for (const chunk of kept) far.write(chunk);
        near.pipe(far);
      };
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, held: isHeld, release: () => release() };
}
