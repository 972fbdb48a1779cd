import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority, issueIdentity, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { asSent, decodeBatch, type SensorMessage } from '../frame/mod.ts';
import { createReplaySensor, createSensor, planFleet, type Sensor } from '../sensors/mod.ts';
import { Fleet, LAST_TIME_MS, type FleetOptions } from './fleet.ts';
import { eventually, TinyBroker } from './tiny-broker.fixture.ts';

const nowMs = new Date().getTime(); // Node's TLS goes by the real clock
const START_MS = Date.UTC(2026, 0, 1);
const INTERVAL_MS = 600_000;
const PLAN = planFleet({
  seed: 7, sites: 1, gateways: 2, sensors: 5, machines: 3, faultShare: 0.4, intervalMs: INTERVAL_MS, waveformEvery: 3,
  startMs: START_MS, captureSamples: 64,
});
const never = new AbortController().signal;

let root: string;
let authority: Authority;
let serverIdentity: IssuedIdentity;
const identities = new Map<string, IssuedIdentity>();
let broker: TinyBroker;
let produced: SensorMessage[];
let folders = 0;
const fleets = new Set<Fleet>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-fleet-'));
  authority = await createAuthority(root, { nowMs });
  serverIdentity = await issueIdentity(authority, { role: 'server' }, nowMs);
  for (const { gatewayId } of PLAN.gateways) {
    identities.set(gatewayId, await issueIdentity(authority, { role: 'gateway', projectId: 'plant-1', gatewayId }, nowMs));
  }
});
beforeEach(async () => {
  broker = await TinyBroker.listen(serverIdentity, authority.certificatePem);
  produced = [];
});
afterEach(async () => {
  for (const fleet of fleets) await fleet.close();
  fleets.clear();
  await broker.close();
});
afterAll(() => rm(root, { recursive: true, force: true }));

const folder = (): string => join(root, `gateways-${(folders += 1)}`);

function membersOf(sensors?: readonly Sensor[]): FleetOptions['members'] {
  return PLAN.gateways.slice(0, sensors ? 1 : 2).map((gateway) => ({
    identity: { gatewayId: gateway.gatewayId, projectId: 'plant-1', ...identities.get(gateway.gatewayId)! },
    sensors: sensors ?? gateway.sensors.map(createSensor),
  }));
}

async function start(directory: string, more: Partial<FleetOptions> = {}): Promise<Fleet> {
  const fleet = await Fleet.start({
    members: membersOf(),
    target: { host: '127.0.0.1', port: broker.port, authorityPem: authority.certificatePem },
    directory,
    startMs: START_MS,
    speed: Infinity,
    simulateMs: 4 * INTERVAL_MS,
    backoff: { baseMs: 1, capMs: 10 },
    random: () => 0.5,
    now: () => new Date().getTime(),
    onProduced: (message) => produced.push(message),
    ...more,
  });
  fleets.add(fleet);
  return fleet;
}

/** Runs a fleet to its end, drains and closes it. */
async function runWhole(directory: string, more: Partial<FleetOptions> = {}): Promise<void> {
  const fleet = await start(directory, more);
  await fleet.run();
  expect(await fleet.drain(never)).toBe(true);
  await fleet.close();
}

const name = ({ kind, sensorId, bootEpoch, sequence }: SensorMessage): string => `${sensorId}/${bootEpoch}/${sequence}/${kind}`;
const byName = (messages: readonly SensorMessage[]): SensorMessage[] =>
  [...messages].sort((a, b) => (name(a) < name(b) ? -1 : 1));

function received(): SensorMessage[] {
  return [...broker.payloads('data'), ...broker.payloads('event')].flatMap((payload) => [...decodeBatch(payload).messages]);
}

/** Sequence numbers of each sensor's measurements, in the order of production. */
function sequences(messages: readonly SensorMessage[]): number[][] {
  const all = new Map<string, number[]>();
  for (const { kind, sensorId, sequence } of messages) {
    if (kind === 'measurement') all.set(sensorId, [...(all.get(sensorId) ?? []), sequence]);
  }
  return [...all.values()];
}

describe('a fleet', () => {
  it('runs to its simulated end, and delivers exactly what it said it produced', async () => {
    const fleet = await start(folder());
    await fleet.run();
    expect(await fleet.drain(never)).toBe(true);
    const progress = fleet.progress();
    expect(progress).toMatchObject({ gateways: 2, connected: 2, produced: produced.length, acknowledged: produced.length, queuedBatches: 0 });
    expect(progress.measurements + progress.waveforms + progress.alarms).toBe(produced.length);
    expect(progress.simulatedMs).toBeLessThanOrEqual(START_MS + 4 * INTERVAL_MS);
    expect(progress.latencyUs.count).toBeGreaterThan(0);
    expect(byName(received())).toEqual(byName(produced.map((message) => asSent(message))));
    expect(sequences(produced)).toEqual(Array.from({ length: 5 }, () => [0, 1, 2, 3]));
  });

  it('goes on after a close where its queues say: numbers, simulated time, and what was not delivered', async () => {
    const directory = folder();
    const unreachable = { host: '127.0.0.1', port: 1, authorityPem: authority.certificatePem };
    const first = await start(directory, { target: unreachable });
    await first.run();
    const { queuedBatches } = first.progress();
    expect(queuedBatches).toBeGreaterThan(0);
    await first.close();
    const latest = Math.max(...produced.map(({ timeMs }) => timeMs));

    const second = await start(directory, { simulateMs: 2 * INTERVAL_MS });
    expect(second.progress().simulatedMs).toBe(latest);
    await second.run();
    expect(await second.drain(never)).toBe(true);
    for (const numbers of sequences(produced)) expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(Math.max(...produced.map(({ timeMs }) => timeMs))).toBe(latest + 2 * INTERVAL_MS);
    expect(byName(received())).toEqual(byName(produced.map((message) => asSent(message))));
  });

  it('says the same at any speed', async () => {
    const runs: SensorMessage[][] = [];
    for (const speed of [Infinity, 1e6, 3e7]) {
      produced = [];
      await runWhole(folder(), { speed });
      runs.push(byName(produced));
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
  });

  it('measures until it is stopped, and keeps what it measured', async () => {
    const onProduced = (message: SensorMessage): void => {
      if (produced.push(message) >= 50) fleet.stop();
    };
    const fleet: Fleet = await start(folder(), { simulateMs: Infinity, onProduced });
    await fleet.run();
    expect(await fleet.drain(never)).toBe(true);
    expect(byName(received())).toEqual(byName(produced.map((message) => asSent(message))));
    fleet.stop();
    await fleet.run();
  });

  it.each([Infinity, 1e9])('ends when simulated time can be told no more, at speed %d', async (speed) => {
    const startMs = LAST_TIME_MS - 3 * INTERVAL_MS;
    const late = PLAN.gateways[0]!.sensors.map((spec) => ({ ...createSensor(spec), dueTimeMs: (sequence: number) => startMs + sequence * INTERVAL_MS }));
    const fleet = await start(folder(), { members: membersOf(late), startMs, speed, simulateMs: Infinity });
    await fleet.run();
    expect(await fleet.drain(never)).toBe(true);
    expect(sequences(produced)).toEqual(late.map(() => [0, 1, 2, 3]));
    expect(fleet.progress().simulatedMs).toBeLessThanOrEqual(LAST_TIME_MS);
  });

  it('stops at once while it waits for simulated time', async () => {
    const fleet = await start(folder(), { speed: 1e-6, simulateMs: Infinity });
    const running = fleet.run();
    await eventually('connected', () => fleet.progress().connected === 2);
    fleet.stop();
    await running;
    expect(produced).toEqual([]);
  });

  it('says when it could not deliver all, and keeps it', async () => {
    broker.verdict = ({ topic }) => (topic.endsWith('status') ? 'take' : 'hold');
    const fleet = await start(folder());
    await fleet.run();
    const patience = new AbortController();
    const drained = fleet.drain(patience.signal);
    patience.abort();
    expect(await drained).toBe(false);
    expect(fleet.progress().queuedBatches).toBeGreaterThan(0);
    broker.verdict = () => 'take';
    broker.release();
    expect(await fleet.drain(never)).toBe(true);
  });

  it('plays a recording to its end once, and begins it again as switched off and on', async () => {
    const recording = { axes: [Int16Array.from({ length: 300 }, (_, index) => index * 7)], sampleRateHz: 12_000 };
    const replay = createReplaySensor({
      sensorId: '0200000000000001', name: 'replay', seed: 1, recording, fullScaleG: 8, captureSamples: 128, startMs: START_MS, intervalMs: 1000,
    });
    const directory = folder();
    for (const bootEpoch of [0, 1, 2]) {
      produced = [];
      await runWhole(directory, { members: membersOf([replay]), simulateMs: Infinity });
      expect(sequences(produced)).toEqual([[0, 1, 2]]);
      expect(new Set(produced.map((message) => message.bootEpoch))).toEqual(new Set([bootEpoch]));
    }
  });

  it('hands on the failure of a sensor, whole and once', async () => {
    const failure = new Error('the accelerometer fell off');
    const good = membersOf()[0]!.sensors;
    const broken: Sensor = { ...good[0]!, sensorId: '0200000000000001', measure: () => { throw failure; } };
    const fleet = await start(folder(), { members: membersOf([...good, broken]), simulateMs: Infinity });
    await expect(fleet.run()).rejects.toBe(failure);
    expect(await fleet.drain(never)).toBe(true);
  });

  it('has folders that tell nothing of its gateways', async () => {
    const directory = folder();
    await runWhole(directory);
    const names = await readdir(directory);
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{32}$/);
    for (const { gatewayId } of PLAN.gateways) expect(names.join()).not.toContain(gatewayId);
  });
});

describe('starting a fleet', () => {
  it('is refused while another has its queues, and leaves none open', async () => {
    const directory = folder();
    const members = membersOf();
    const second = await start(directory, { members: [members[1]!] });
    await expect(start(directory)).rejects.toMatchObject({ code: 'LOCK_HELD' });
    await second.close();
    await runWhole(directory);
  });

  it('is refused as a whole for an identity that is none, and leaves no queue open', async () => {
    const directory = folder();
    const [good, bad] = membersOf();
    const members = [good!, { ...bad!, identity: { ...bad!.identity, keyPem: 'no key' } }];
    await expect(start(directory, { members })).rejects.toMatchObject({
      code: 'GATEWAY_IDENTITY', message: expect.stringContaining(bad!.identity.gatewayId) as unknown,
    });
    await runWhole(directory);
  });
});
