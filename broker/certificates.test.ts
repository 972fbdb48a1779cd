/** Certificates over MQTT: what the broker answers to gateways and to those who have a claim, over real TLS. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectMqtt, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CertsError, ClaimOffice, createAuthority, createClaim, createRequest, issueIdentity, readHandout, signRequest, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { GATEWAY, makeHome, makeProject, payloadOf, type TestHome } from './broker.fixture.ts';
import type { CertificateIssuer } from './certificate-desk.ts';
import { startBroker, type Broker } from './server.ts';

const nowMs = new Date().getTime(); // Node's TLS goes by the real clock
const OTHER = '00124b0000000002';
const HOUR_MS = 3_600_000;

interface Credentials { readonly certificatePem: string; readonly keyPem: string }

let home: TestHome;
let authority: Authority;
let server: IssuedIdentity;
let gateway: IssuedIdentity;
let claim: Credentials & { readonly claimId: string };
let projectId: string;
let broker: Broker | undefined;
let refused: string[];
let asked: string[];
const clients: MqttClient[] = [];

beforeAll(async () => {
  home = await makeHome();
  const certs = join(home.root, 'certs');
  authority = await createAuthority(certs, { nowMs });
  server = await issueIdentity(authority, { role: 'server' }, nowMs);
  ({ projectId } = await makeProject(home));
  gateway = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId: GATEWAY }, nowMs);
  const made = await createClaim(authority, { projectId, quota: 100, lifetimeMs: HOUR_MS }, nowMs);
  claim = { ...(await readHandout(made.handout)), claimId: made.claimId };
});
beforeEach(() => {
  refused = [];
  asked = [];
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true);
  await broker?.close();
  broker = undefined;
});
afterAll(() => home.remove());

/** Signs for gateways, and asks the office for those who have a claim. */
function signing(): CertificateIssuer {
  const office = new ClaimOffice(join(home.root, 'certs'));
  return async ({ gatewayId, requestPem, claimId }) => {
    asked.push(gatewayId);
    if (claimId !== undefined) return office.grant({ claimId, projectId, gatewayId, requestPem }, nowMs);
    return (await signRequest(authority, requestPem, { role: 'gateway', projectId, gatewayId }, nowMs)).certificatePem;
  };
}

async function start(issuer?: CertificateIssuer): Promise<void> {
  broker = await startBroker({
    host: '127.0.0.1', port: 0, certificatePem: server.certificatePem, keyPem: server.keyPem, authorityPem: authority.certificatePem,
    target: { admit: () => Promise.resolve(), publish: (_project, _arrival, done) => done() },
    now: () => nowMs,
    onRefused: (error) => refused.push(error.message),
    ...(issuer && { issuer }),
  });
}

async function connected(who: Credentials, clientId: string): Promise<MqttClient> {
  const client = connectMqtt({
    protocol: 'mqtts', host: '127.0.0.1', port: broker!.port, ca: authority.certificatePem, cert: who.certificatePem, key: who.keyPem, clientId, reconnectPeriod: 0, protocolVersion: 4,
  });
  clients.push(client);
  client.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('close', () => reject(new Error('closed')));
  });
  return client;
}

const closed = (client: MqttClient): Promise<void> => new Promise((resolve) => client.once('close', () => resolve()));

/** What comes back for a request: `[issued or refused, payload]`. */
async function answerTo(client: MqttClient, gatewayId: string, requestPem: string | Buffer, channel: 'cert' | 'claim' = 'cert'): Promise<[string, string]> {
  const prefix = `thrum/${projectId}/${gatewayId}/${channel}`;
  await client.subscribeAsync([`${prefix}/issued`, `${prefix}/refused`], { qos: 1 });
  const answer = new Promise<[string, string]>((resolve) => client.once('message', (topic, payload) => resolve([topic.slice(prefix.length + 1), payload.toString()])));
  await client.publishAsync(`${prefix}/request`, requestPem, { qos: 1 });
  return answer;
}

const requestFor = async (gatewayId = GATEWAY): Promise<{ requestPem: string; keyPem: string }> => createRequest({ role: 'gateway', projectId, gatewayId });

describe('a gateway', () => {
  it('is given a certificate for its new key, with which it can connect', async () => {
    await start(signing());
    const { requestPem, keyPem } = await requestFor();
    const [kind, certificatePem] = await answerTo(await connected(gateway, GATEWAY), GATEWAY, requestPem);
    expect(kind).toBe('issued');
    await connected({ certificatePem, keyPem }, GATEWAY);
    expect(refused).toEqual([]);
  });

  it('is told why not: no authority, another’s name, no request, too many, a fault that is not its own', async () => {
    await start();
    const { requestPem } = await requestFor();
    const code = ([kind, payload]: [string, string]): string => `${kind} ${(JSON.parse(payload) as { code: string }).code}`;
    expect(code(await answerTo(await connected(gateway, GATEWAY), GATEWAY, requestPem))).toBe('refused NO_AUTHORITY');
    await broker!.close();

    await start(signing());
    const client = await connected(gateway, GATEWAY);
    expect(code(await answerTo(client, GATEWAY, (await requestFor(OTHER)).requestPem))).toBe('refused CERTS_CSR_REFUSED');
    expect(code(await answerTo(client, GATEWAY, 'nothing'))).toBe('refused CERTS_CSR_REFUSED');
    for (let count = 3; count <= 6; count++) expect((await answerTo(client, GATEWAY, requestPem))[0]).toBe('issued');
    expect(code(await answerTo(client, GATEWAY, requestPem))).toBe('refused TOO_MANY');
    await broker!.close();

    await start(() => Promise.reject(new CertsError('CERTS_WRITE_FAILED', '/secret/place cannot be written')));
    const [kind, payload] = await answerTo(await connected(gateway, GATEWAY), GATEWAY, requestPem);
    expect([kind, payload]).toEqual(['refused', JSON.stringify({ code: 'NOT_NOW', message: 'the authority cannot sign now: ask again later' })]);
    expect(refused).toContainEqual(expect.stringContaining('/secret/place'));
  });

  it.each<[string, (prefix: string) => { topic: string; payload: Buffer; qos: 0 | 1; retain?: boolean }]>([
    ['without an answer to its PUBLISH', (prefix) => ({ topic: `${prefix}cert/request`, payload: Buffer.from('x'), qos: 0 })],
    ['for ever', (prefix) => ({ topic: `${prefix}cert/request`, payload: Buffer.from('x'), qos: 1, retain: true })],
    ['at length', (prefix) => ({ topic: `${prefix}cert/request`, payload: Buffer.alloc(8193), qos: 1 })],
    ['for another gateway', (prefix) => ({ topic: `${prefix.replace(GATEWAY, OTHER)}cert/request`, payload: Buffer.from('x'), qos: 1 })],
    ['by the way of claims', (prefix) => ({ topic: `${prefix}claim/request`, payload: Buffer.from('x'), qos: 1 })],
    ['as if it were the authority', (prefix) => ({ topic: `${prefix}cert/issued`, payload: Buffer.from('x'), qos: 1 })],
  ])('that asks %s is disconnected', async (_, make) => {
    await start(signing());
    const client = await connected(gateway, GATEWAY);
    const { topic, payload, qos, retain = false } = make(`thrum/${projectId}/${GATEWAY}/`);
    const gone = closed(client);
    client.publish(topic, payload, { qos, retain });
    await gone;
    expect(asked).toEqual([]);
  });

  it('hears its own answers only', async () => {
    await start(signing());
    const client = await connected(gateway, GATEWAY);
    for (const topic of [`thrum/${projectId}/${OTHER}/cert/issued`, `thrum/${projectId}/+/cert/issued`, `thrum/${projectId}/${GATEWAY}/cert/+`, `thrum/${projectId}/${GATEWAY}/claim/issued`]) {
      const granted = await client.subscribeAsync(topic, { qos: 1 }).then(([one]) => one!.qos, () => 128);
      expect(granted).toBe(128);
    }
  });
});

describe('who has a claim', () => {
  it('gets one identity for its gateway id, and the same again for the same key only', async () => {
    await start(signing());
    const { requestPem, keyPem } = await requestFor(OTHER);
    const [kind, certificatePem] = await answerTo(await connected(claim, OTHER), OTHER, requestPem, 'claim');
    expect(kind).toBe('issued');
    expect(await answerTo(await connected(claim, OTHER), OTHER, requestPem, 'claim')).toEqual(['issued', certificatePem]);
    const [, payload] = await answerTo(await connected(claim, OTHER), OTHER, (await requestFor(OTHER)).requestPem, 'claim');
    expect(JSON.parse(payload)).toMatchObject({ code: 'CLAIM_TAKEN' });
    const own = await connected({ certificatePem, keyPem }, OTHER);
    await own.publishAsync(`thrum/${projectId}/${OTHER}/data`, payloadOf(1, 1, OTHER), { qos: 1 });
  });

  it('does not take the place of the gateway that it calls itself, nor its identity', async () => {
    await start(signing());
    const real = await connected(gateway, GATEWAY);
    const thief = await connected(claim, GATEWAY);
    const [, payload] = await answerTo(thief, GATEWAY, (await requestFor()).requestPem, 'claim');
    expect(JSON.parse(payload)).toMatchObject({ code: 'CLAIM_TAKEN' });
    await real.publishAsync(`thrum/${projectId}/${GATEWAY}/data`, payloadOf(1), { qos: 1 });
    expect(broker!.connections()).toBe(2);
  });

  it('may not be called anything but a gateway id', async () => {
    await start(signing());
    for (const clientId of ['operator-eve', '00124B0000000003', '']) await expect(connected(claim, clientId)).rejects.toThrow('closed');
  });

  const prefix = (): string => `thrum/${projectId}/${OTHER}/`;
  it.each<[string, (client: MqttClient) => void]>([
    ['measures', (client) => client.publish(`${prefix()}data`, payloadOf(1, 1, OTHER), { qos: 1 })],
    ['has a status', (client) => client.publish(`${prefix()}status`, 'online')],
    ['asks for another', (client) => client.publish(`thrum/${projectId}/${GATEWAY}/claim/request`, 'x', { qos: 1 })],
    ['renews', (client) => client.publish(`${prefix()}cert/request`, 'x', { qos: 1 })],
    ['listens to commands', (client) => client.subscribe(`${prefix()}cmd`)],
    ['listens to all', (client) => client.subscribe('#')],
  ])('is disconnected when it %s', async (_, act) => {
    await start(signing());
    const client = await connected(claim, OTHER);
    const gone = closed(client);
    act(client);
    await gone;
    expect(asked).toEqual([]);
  });

  it('leaves a line for each ask, without secrets', async () => {
    const lines = (await readFile(join(home.root, 'certs', 'claims', '.audit.ndjson'), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, string>);
    expect(lines.map(({ gatewayId, outcome }) => `${gatewayId} ${outcome}`)).toEqual([`${OTHER} issued`, `${OTHER} repeated`, `${OTHER} refused`, `${GATEWAY} refused`]);
    expect(JSON.stringify(lines)).not.toMatch(/PRIVATE|BEGIN/);
  });
});
