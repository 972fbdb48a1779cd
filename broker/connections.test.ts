/** That gateways come and go is stored; and they are told how far the store has come, so that they can witness it. */
import { join } from 'node:path';
import { connect as connectMqtt, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createAuthority, issueIdentity, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { GATEWAY, makeHome, makeProject, payloadOf, type TestHome } from './broker.fixture.ts';
import type { CheckpointIntervals } from './checkpoints.ts';
import { startBroker, type Broker } from './server.ts';
import type { Sink, SinkOptions } from './sink.ts';
import { isConnection, readProject } from './store/read.ts';
import { openSegment, readSeal } from './store/segment-reader.ts';
import { localSource } from './store/segment-source.ts';
import { verifyProject } from './store/verify.ts';
import { parseCheckpoint, type LogCheckpoint } from './store/witness.ts';

// Node's TLS goes by the real clock, so certificates are issued around the real now.
const nowMs = new Date().getTime();

let home: TestHome;
let authority: Authority;
let identity: IssuedIdentity;
let projectId: string;
let sink: Sink;
let broker: Broker;
let server: IssuedIdentity;
let clock: number;

beforeEach(async () => {
  home = await makeHome();
  ({ projectId } = await makeProject(home));
  authority = await createAuthority(join(home.root, 'certs'), { nowMs });
  identity = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId: GATEWAY }, nowMs);
  server = await issueIdentity(authority, { role: 'server' }, nowMs);
  clock = nowMs;
});
/** Starts sink and broker as a home's are: gateways are told where the store stands, as often as it says. */
async function start(checkpoints: CheckpointIntervals, options: Partial<SinkOptions> = {}): Promise<void> {
  const { certificatePem, keyPem } = server;
  sink = await home.openSink({ ...options, onSealed: (checkpoint) => broker.tellSealed(checkpoint.projectId) });
  broker = await startBroker({ host: '127.0.0.1', port: 0, certificatePem, keyPem, authorityPem: authority.certificatePem, target: sink, now: () => clock++, checkpoints });
}
afterEach(async () => {
  await broker.close();
  await sink.close();
  await home.remove();
});

async function connected(): Promise<MqttClient> {
  const client = connectMqtt({
    protocol: 'mqtts', host: '127.0.0.1', port: broker.port, ca: authority.certificatePem, cert: identity.certificatePem, key: identity.keyPem, clientId: GATEWAY, reconnectPeriod: 0, protocolVersion: 4,
  });
  client.on('error', () => undefined);
  await new Promise((resolve) => client.once('connect', resolve));
  return client;
}

async function stored(): Promise<string[]> {
  const items: string[] = [];
  for await (const item of readProject(localSource(join(home.store, projectId)), projectId, home.keys)) {
    items.push(isConnection(item) ? `${item.gatewayId} ${item.connected ? 'came' : 'went'}` : `batch ${item.batch.sequence}`);
  }
  return items;
}

it('stores that a gateway came and went, between what it sent', async () => {
  await start({});
  const client = await connected();
  await client.publishAsync(`thrum/${projectId}/${GATEWAY}/data`, payloadOf(0), { qos: 1 });
  await client.endAsync();
  await vi.waitFor(async () => expect(await stored()).toEqual([`${GATEWAY} came`, 'batch 0', `${GATEWAY} went`]), { timeout: 5_000 });
  await sink.close();
  expect(await verifyProject(localSource(join(home.store, projectId)), projectId, home.keys, { inUse: false })).toMatchObject({ findings: [], batches: 1, connections: 2 });
});

it('says in turn that a gateway came and went, also when another connection of it takes the place of one', async () => {
  await start({});
  const first = await connected();
  const gone = new Promise<void>((resolve) => first.once('close', () => resolve()));
  const second = await connected();
  await gone;
  await second.publishAsync(`thrum/${projectId}/${GATEWAY}/data`, payloadOf(0), { qos: 1 });
  expect(await stored()).toEqual([`${GATEWAY} came`, `${GATEWAY} went`, `${GATEWAY} came`, 'batch 0']);
  await second.endAsync();
});

it('tells a gateway how far the store has come, which then witnesses that it was so', async () => {
  await start({ everyMs: 20 });
  const client = await connected();
  await client.subscribeAsync(`thrum/${projectId}/${GATEWAY}/checkpoint`);
  await client.publishAsync(`thrum/${projectId}/${GATEWAY}/data`, payloadOf(0), { qos: 1 });
  const seen = await new Promise<string>((resolve) => client.once('message', (_topic, payload) => resolve(payload.toString())));
  const checkpoint = parseCheckpoint(seen)!;
  expect(checkpoint).toMatchObject({ projectId, ordinal: 1, amendments: 0 });
  await client.endAsync();
  await broker.close();
  await sink.close();
  const verify = (more: object): ReturnType<typeof verifyProject> =>
    verifyProject(localSource(join(home.store, projectId)), projectId, home.keys, { inUse: false, witnesses: [{ ...checkpoint, from: 'the gateway', ...more }] });
  expect(await verify({})).toMatchObject({ findings: [], rollback: [] });
  expect(await verify({ chainHex: '00'.repeat(32) })).toMatchObject({ findings: [], rollback: [{ what: expect.stringContaining('went on otherwise') as string }] });
});

/** What a gateway is told of the store, and a way to wait for so much of it. */
async function listening(client: MqttClient): Promise<{ readonly told: LogCheckpoint[]; readonly until: (count: number) => Promise<void> }> {
  const told: LogCheckpoint[] = [];
  await client.subscribeAsync(`thrum/${projectId}/${GATEWAY}/checkpoint`);
  client.on('message', (_topic, payload) => told.push(parseCheckpoint(payload.toString())!));
  return { told, until: (count) => vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(count), { timeout: 10_000, interval: 5 }) };
}

it('tells a gateway when a segment was sealed, without waiting for the minute', async () => {
  await start({ afterSealMs: 50 }, { sealAfterMs: 50 });
  const client = await connected();
  const { told, until } = await listening(client);
  await client.publishAsync(`thrum/${projectId}/${GATEWAY}/data`, payloadOf(0), { qos: 1 });
  await until(1);
  const checkpoint = told[0]!;
  await client.endAsync();
  await broker.close();
  await sink.close();
  const source = localSource(join(home.store, projectId));
  const sealed = (await source.list()).find(({ ordinal }) => ordinal === checkpoint.ordinal)!;
  const segment = await openSegment(source, sealed, projectId, home.keys);
  const { records, chain } = (await readSeal(segment))!.position;
  expect(checkpoint).toMatchObject({ projectId, records, chainHex: chain.toString('hex') }); // seal included
});

it('tells of many seals at once, and only gateways of the project', async () => {
  await start({ afterSealMs: 100 });
  const client = await connected();
  const { told, until } = await listening(client);
  await client.publishAsync(`thrum/${projectId}/${GATEWAY}/data`, payloadOf(0), { qos: 1 });
  broker.tellSealed('p-0000000000000000');
  for (let seals = 0; seals < 100; seals++) broker.tellSealed(projectId);
  await until(1);
  for (let seals = 0; seals < 100; seals++) broker.tellSealed(projectId);
  await until(2);
  await client.publishAsync(`thrum/${projectId}/${GATEWAY}/data`, payloadOf(1), { qos: 1 }); // what was sent before its answer has come by now
  expect(told).toHaveLength(2);
  await client.endAsync();
});
