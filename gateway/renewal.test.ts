/** A gateway that renews its identity while it measures, and one that has none yet, against a real broker over real TLS. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority, createClaim, issueIdentity, readHandout, signRequest, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { decodeBatch, type ZoneEvent } from '../frame/mod.ts';
import { Gateway } from './gateway.ts';
import { IdentityStore } from './identity-store.ts';
import { provision } from './provision.ts';
import { nextRenewalMs, renewalTimeMs } from './renewal.ts';
import { eventually, TinyBroker, type Received } from './tiny-broker.fixture.ts';

const nowMs = new Date().getTime(); // Node's TLS goes by the real clock
const DAY_MS = 86_400_000;
const OWNER = { projectId: 'plant-1', gatewayId: '0011223344556677' };
const PREFIX = `thrum/${OWNER.projectId}/${OWNER.gatewayId}/`;
const never = new AbortController().signal;

let root: string;
let authority: Authority;
let server: IssuedIdentity;
let first: IssuedIdentity;
let broker: TinyBroker;
let directory: string;
let folders = 0;
let renewals: (string | undefined)[];
let nowIs: number;
const gateways = new Set<Gateway>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-renewal-'));
  authority = await createAuthority(root, { nowMs });
  server = await issueIdentity(authority, { role: 'server' }, nowMs);
  first = await issueIdentity(authority, { role: 'gateway', ...OWNER }, nowMs);
});
beforeEach(async () => {
  broker = await TinyBroker.listen(server, authority.certificatePem);
  directory = join(root, `gateway-${(folders += 1)}`);
  renewals = [];
  nowIs = nowMs;
});
afterEach(async () => {
  for (const gateway of gateways) await gateway.stop();
  gateways.clear();
  await broker.close();
});
afterAll(() => rm(root, { recursive: true, force: true }));

const openStore = (): Promise<IdentityStore> =>
  IdentityStore.open(join(directory, 'identity'), OWNER, { certificatePem: first.certificatePem, keyPem: first.keyPem, retire: () => Promise.resolve() });

async function open(store: IdentityStore): Promise<Gateway> {
  const gateway = await Gateway.open({
    identity: { ...OWNER, ...store.toTry() }, store, sensors: 1, directory,
    target: { host: '127.0.0.1', port: broker.port, authorityPem: authority.certificatePem },
    backoff: { baseMs: 1, capMs: 10 }, random: () => 0.5, now: () => nowIs, stopping: never,
    onAcknowledged: () => undefined, onState: () => undefined, onFatal: () => undefined,
    onRenewal: (error) => renewals.push(error?.message),
  });
  gateways.add(gateway);
  return gateway;
}

/** Answers requests as a broker with an authority does: `answer` gives the certificate, or a refusal. */
function answering(answer: (requestPem: string) => Promise<string>): { readonly requests: string[] } {
  const requests: string[] = [];
  broker.verdict = (packet: Received) => {
    const match = /^(.*\/(?:cert|claim))\/request$/.exec(packet.topic);
    if (match) {
      const requestPem = packet.payload.toString();
      requests.push(requestPem);
      answer(requestPem).then(
        (pem) => broker.say(`${match[1]!}/issued`, pem),
        (error: unknown) => broker.say(`${match[1]!}/refused`, JSON.stringify({ code: 'CODE', message: (error as Error).message })),
      );
    }
    return 'take';
  };
  return { requests };
}

const sign = async (requestPem: string): Promise<string> => (await signRequest(authority, requestPem, { role: 'gateway', ...OWNER }, nowMs)).certificatePem;
const shown = (): string[] => [...broker.sockets].map((socket) => socket.getPeerX509Certificate()!.serialNumber);
const event = (sequence: number): ZoneEvent => ({
  kind: 'event', sensorId: '0200000000000010', bootEpoch: 0, sequence, timeMs: nowMs, event: 'zone-change', from: 'A', to: 'B', velocityRmsMmPerS: 3,
});

describe('a gateway', () => {
  it('renews at two thirds of its identity’s life, and loses nothing that it measures meanwhile', async () => {
    answering(sign);
    const gateway = await open(await openStore());
    gateway.start();
    await eventually('connected', () => gateway.connected);
    nowIs = nowMs + 200 * DAY_MS;
    gateway.renew(); // the clock of this test jumps: have it look
    for (let sequence = 0; sequence < 40; sequence++) await gateway.take('0200000000000010', [event(sequence)], { bootEpoch: 0, sequence: sequence + 1, zone: 'A' });
    await eventually('renewed', () => renewals.includes(undefined));
    await gateway.drained(never);
    const arrived = new Set(broker.payloads('event').flatMap((payload) => decodeBatch(payload).messages.map(({ sequence }) => sequence)));
    expect([...arrived].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, sequence) => sequence));
    await eventually('the old connection is gone', () => broker.sockets.size === 1);
    expect(shown()[0]).not.toBe(new X509Certificate(first.certificatePem).serialNumber);
  });

  it('asks by itself when the time has come, and not before', async () => {
    const [from, to] = [Date.parse(new X509Certificate(first.certificatePem).validFrom) + 300_000, Date.parse(new X509Certificate(first.certificatePem).validTo)];
    expect([0, 0.999].map((random) => Math.round((12 * (renewalTimeMs(first, () => random) - from)) / (to - from)))).toEqual([8, 9]);
    const { requests } = answering(sign);
    nowIs = from + 0.8 * (to - from);
    const gateway = await open(await openStore());
    gateway.start();
    await eventually('renewed', () => renewals.length > 0);
    expect([requests.length, renewals]).toEqual([1, [undefined]]);
  });

  it('does not ask again at once when its clock is so far ahead that what was just issued seems old', () => {
    const [from, to] = [nowMs, Date.parse(new X509Certificate(first.certificatePem).validTo)];
    expect(nextRenewalMs(first, from, () => 0.5)).toBe(renewalTimeMs(first, () => 0.5));
    for (const ahead of [0.8, 1.5]) {
      const clock = from + ahead * (to - from);
      expect(Math.round((to - from) / (nextRenewalMs(first, clock, () => 0.5) - clock))).toBe(30);
    }
  });

  it('keeps its identity when it is refused, says why, and goes on measuring', async () => {
    answering(() => Promise.reject(new Error('not today')));
    const gateway = await open(await openStore());
    gateway.start();
    gateway.renew();
    await eventually('refused', () => renewals.length > 0);
    expect(renewals[0]).toBe('the broker gives no certificate: not today (CODE)');
    await gateway.take('0200000000000010', [event(0)], { bootEpoch: 0, sequence: 1, zone: 'A' });
    await gateway.drained(never);
    expect(shown()).toEqual([new X509Certificate(first.certificatePem).serialNumber]);
  });

  it('goes back to its identity when the new one is not let in', async () => {
    const stranger = await createAuthority(join(directory, 'stranger'), { nowMs });
    answering(async (requestPem) => (await signRequest(stranger, requestPem, { role: 'gateway', ...OWNER }, nowMs)).certificatePem);
    const store = await openStore();
    const gateway = await open(store);
    gateway.start();
    gateway.renew();
    await eventually('tried both', () => store.triesOfCandidate >= 2 && gateway.connected);
    expect(shown()).toEqual([new X509Certificate(first.certificatePem).serialNumber]);
    expect(renewals).not.toContain(undefined);
    await gateway.take('0200000000000010', [event(0)], { bootEpoch: 0, sequence: 1, zone: 'A' });
    await gateway.drained(never);
  });

  it('that was stopped while it waited for the answer asks again with the same key, and ends with one identity', async () => {
    const hung = answering(() => new Promise(() => undefined));
    const killed = await open(await openStore());
    killed.start();
    killed.renew();
    await eventually('asked', () => hung.requests.length > 0);
    await killed.stop();
    expect(renewals).toEqual([]);
    const { requests } = answering(sign);
    const gateway = await open(await openStore());
    gateway.start();
    gateway.renew();
    await eventually('renewed', () => renewals.includes(undefined));
    expect(requests).toEqual(hung.requests);
    expect(await readdir(join(directory, 'identity'))).toEqual(['000001']);
  });
});

describe('a device without an identity', () => {
  it('gets one with a claim, tries again while nobody answers, and goes on with its key after a kill', async () => {
    const made = await createClaim(authority, { projectId: OWNER.projectId, quota: 1, lifetimeMs: 3_600_000 }, nowMs);
    const claim = await readHandout(made.handout);
    const troubles: string[] = [];
    const device = (store: IdentityStore, signal: AbortSignal): Promise<void> =>
      provision({
        ...OWNER, store, claim, signal, target: { host: '127.0.0.1', port: broker.port, authorityPem: claim.authorityPem },
        backoff: { baseMs: 1, capMs: 5 }, random: () => 0.5, now: () => nowMs, onTrouble: ({ message }) => troubles.push(message),
      });
    const kill = new AbortController();
    const hung = answering(() => new Promise(() => undefined));
    const killed = device(await IdentityStore.open(directory, OWNER), kill.signal);
    await eventually('asked', () => hung.requests.length === 1);
    broker.cut();
    await eventually('asked again', () => hung.requests.length === 2);
    kill.abort(new Error('killed'));
    await expect(killed).rejects.toThrow('killed');
    expect(troubles).toContain('no certificate came: the connection was closed');

    const { requests } = answering(sign);
    const store = await IdentityStore.open(directory, OWNER);
    await device(store, never);
    expect(new Set([...hung.requests, ...requests]).size).toBe(1);
    expect(new X509Certificate(store.current!.certificatePem).subject).toBe(`CN=${OWNER.gatewayId}`);
    expect(broker.received.filter(({ topic }) => topic !== `${PREFIX}claim/request`)).toEqual([]);
  });

  it('gives up when it is refused', async () => {
    const claim = await readHandout((await createClaim(authority, { projectId: OWNER.projectId, quota: 1, lifetimeMs: 3_600_000 }, nowMs)).handout);
    answering(() => Promise.reject(new Error('taken')));
    const store = await IdentityStore.open(directory, OWNER);
    const refused = provision({
      ...OWNER, store, claim, signal: never, target: { host: '127.0.0.1', port: broker.port, authorityPem: claim.authorityPem },
      backoff: { baseMs: 1, capMs: 5 }, random: () => 0.5, now: () => nowMs, onTrouble: () => undefined,
    });
    await expect(refused).rejects.toMatchObject({ code: 'GATEWAY_REFUSED' });
    expect(store.current).toBeUndefined();
  });
});
