import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAuthority, issueIdentity, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { decodeBatch, type Measurement, type SensorMessage, type Waveform, type ZoneEvent } from '../frame/mod.ts';
import type { FirmwareState } from '../sensors/mod.ts';
import { GatewayError } from './errors.ts';
import { Gateway, GATEWAY_LIMITS } from './gateway.ts';
import { Spool } from './spool.ts';
import { eventually, TinyBroker } from './tiny-broker.fixture.ts';

const nowMs = new Date().getTime(); // Node's TLS goes by the real clock
const GATEWAY = '0011223344556677';
const never = new AbortController().signal;

let root: string;
let authority: Authority;
let serverIdentity: IssuedIdentity;
let gatewayIdentity: IssuedIdentity;
let broker: TinyBroker;
let stopping: AbortController;
let fatal: Error[];
let acknowledged: number;
let folders = 0;
const gateways = new Set<Gateway>();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-gateway-'));
  authority = await createAuthority(root, { nowMs });
  serverIdentity = await issueIdentity(authority, { role: 'server' }, nowMs);
  gatewayIdentity = await issueIdentity(authority, { role: 'gateway', projectId: 'plant-1', gatewayId: GATEWAY }, nowMs);
});
beforeEach(async () => {
  broker = await TinyBroker.listen(serverIdentity, authority.certificatePem);
  stopping = new AbortController();
  fatal = [];
  acknowledged = 0;
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const gateway of gateways) await gateway.stop();
  gateways.clear();
  await broker.close();
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function open(directory = join(root, `queue-${(folders += 1)}`)): Promise<Gateway> {
  const gateway = await Gateway.open({
    identity: { gatewayId: GATEWAY, projectId: 'plant-1', ...gatewayIdentity },
    sensors: 1_000,
    target: { host: '127.0.0.1', port: broker.port, authorityPem: authority.certificatePem },
    directory,
    backoff: { baseMs: 1, capMs: 10 },
    random: () => 0.5,
    now: () => nowMs,
    stopping: stopping.signal,
    onAcknowledged: (messages) => (acknowledged += messages),
    onState: () => undefined,
    onFatal: (error) => fatal.push(error),
  });
  gateways.add(gateway);
  return gateway;
}

const sensorOf = (index: number): string => `02000000000000${(index + 16).toString(16)}`;
const header = (index: number, sequence: number) => ({ sensorId: sensorOf(index), bootEpoch: 0, sequence, timeMs: nowMs });
const state = (sequence: number): FirmwareState => ({ bootEpoch: 0, sequence, zone: 'A' });

function measurement(index: number, sequence: number): Measurement {
  const axes = { x: 1, y: 2, z: 3 };
  const band = { rms: axes, totalRms: 3.7, totalAbsMax: 5, totalAbsMin: 0, totalCrestFactor: 1.3 };
  return {
    kind: 'measurement', ...header(index, sequence), accelerationRmsG: axes, accelerationG: band, velocityMmPerS: band,
    temperatureC: 20, batteryPercent: 100, rssiDbm: -60,
  };
}

function alarm(index: number, sequence: number): ZoneEvent {
  return { kind: 'event', ...header(index, sequence), event: 'zone-change', from: 'A', to: 'B', velocityRmsMmPerS: 3 };
}

/** A waveform that does not compress: about 390 kB. */
function noise(index: number, sequence: number): Waveform {
  let seed = 1 + index * 1000 + sequence;
  const axis = (): Int16Array => Int16Array.from({ length: 65_536 }, () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) >>> 16);
  return {
    kind: 'waveform', ...header(index, sequence), captureId: sequence, firstSample: 0, totalSamples: 65_536, sampleRateHz: 26_667,
    fullScaleG: 8, axes: [axis(), axis(), axis()],
  };
}

const take = (gateway: Gateway, message: SensorMessage): Promise<void> =>
  gateway.take(message.sensorId, [message], state(message.sequence + 1));

/** What a promise has come to; it is watched from here on, so a rejection is never unhandled. */
function watch(promise: Promise<void>): { outcome: 'pending' | 'kept' | Error; readonly done: Promise<void> } {
  const watched = { outcome: 'pending' as 'pending' | 'kept' | Error, done: Promise.resolve() };
  watched.done = promise.then(
    () => { watched.outcome = 'kept'; },
    (error: unknown) => { watched.outcome = error as Error; },
  );
  return watched;
}

/** Takes waveforms, one sensor each, until the queue is full; the last ones wait for room. */
async function fillQueue(gateway: Gateway, waiting: number): Promise<ReturnType<typeof watch>[]> {
  let sequence = 0;
  while (gateway.queuedBytes < GATEWAY_LIMITS.queueBytes) await gateway.take(sensorOf(0), [alarm(0, sequence), noise(0, sequence)], state((sequence += 1)));
  const late = Array.from({ length: waiting }, (_, index) => watch(take(gateway, measurement(index + 1, 0))));
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  expect(late.map(({ outcome }) => outcome)).toEqual(late.map(() => 'pending'));
  return late;
}

const received = (channel: string): SensorMessage[] => broker.payloads(channel).flatMap((payload) => [...decodeBatch(payload).messages]);

describe('a gateway', () => {
  it('says that a message is taken only when it is on disk with its sensor’s state', async () => {
    const gateway = await open();
    const original = Spool.prototype.put; // eslint-disable-line @typescript-eslint/unbound-method
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const put = vi.spyOn(Spool.prototype, 'put').mockImplementation(async function (this: Spool, ...batch) {
      const kept = await original.apply(this, batch);
      await released;
      return kept;
    });
    const taken = watch(take(gateway, measurement(0, 0)));
    await eventually('put has written', () => put.mock.calls.length === 1 && gateway.queuedBatches === 1);
    expect(taken.outcome).toBe('pending');
    release();
    await taken.done;
    expect(taken.outcome).toBe('kept');
    expect(gateway.states).toEqual({ [sensorOf(0)]: state(1) });
    expect(gateway.queuedBatches).toBe(1);
  });

  it('lets the messages of several sensors share a batch, closed when it has lingered', async () => {
    const gateway = await open();
    await Promise.all([0, 1, 2].map((index) => take(gateway, measurement(index, 0))));
    expect(gateway.queuedBatches).toBe(1);
    gateway.start();
    await gateway.drained(never);
    expect(received('data')).toHaveLength(3);
    expect(acknowledged).toBe(3);
    expect(decodeBatch(broker.payloads('data')[0]!)).toMatchObject({ gatewayId: GATEWAY, sequence: 0 });
  });

  it('closes a batch at its number of messages, and before it grows past its size', async () => {
    const gateway = await open();
    const many = Array.from({ length: GATEWAY_LIMITS.batchMessages + 1 }, (_, sequence) => take(gateway, measurement(0, sequence)));
    const large = [take(gateway, noise(1, 0)), take(gateway, noise(2, 0))];
    await Promise.all([...many, ...large]);
    gateway.start();
    await gateway.drained(never);
    const sizes = broker.payloads('data').map((payload) => decodeBatch(payload).messages.length);
    expect(sizes).toEqual([GATEWAY_LIMITS.batchMessages, 1, 1, 1]);
  });

  it('sends events at once, on their own channel, after what was taken before', async () => {
    const gateway = await open();
    gateway.start();
    const before = take(gateway, measurement(0, 0));
    await take(gateway, alarm(1, 0));
    await before;
    await gateway.drained(never);
    expect(received('event')).toMatchObject([{ kind: 'event', sensorId: sensorOf(1) }]);
    expect(received('data')).toMatchObject([{ kind: 'measurement', sensorId: sensorOf(0) }]);
    const topics = broker.received.map(({ topic }) => topic.split('/').at(-1));
    expect(topics.indexOf('data')).toBeLessThan(topics.indexOf('event'));
  });

  it('goes on where it was after a stop without a connection', async () => {
    const directory = join(root, 'resumed');
    const first = await open(directory);
    await take(first, measurement(0, 0));
    await first.stop();
    const second = await open(directory);
    expect(second.queuedBatches).toBe(1);
    expect(second.states).toEqual({ [sensorOf(0)]: state(1) });
    await take(second, measurement(0, 1));
    second.start();
    await second.drained(never);
    expect(received('data').map(({ sequence }) => sequence)).toEqual([0, 1]);
  });
});

describe('a gateway whose queue is full', () => {
  it('lets its sensors wait, and takes from them when there is room: nothing is lost', async () => {
    const gateway = await open();
    const late = await fillQueue(gateway, 3);
    const queued = gateway.queuedBatches;
    expect(gateway.queuedBytes).toBeLessThan(GATEWAY_LIMITS.queueBytes + 512 * 1024);
    gateway.start();
    await Promise.all(late.map(({ done }) => done));
    await gateway.drained(never);
    expect(late.map(({ outcome }) => outcome)).toEqual(['kept', 'kept', 'kept']);
    expect(received('event')).toHaveLength(2 * queued);
    expect(received('data')).toHaveLength(3);
  });

  it('keeps what waits for room at once when no more will be measured', async () => {
    const gateway = await open();
    const late = await fillQueue(gateway, 2);
    const queued = gateway.queuedBatches;
    stopping.abort();
    await Promise.all(late.map(({ done }) => done));
    expect(late.map(({ outcome }) => outcome)).toEqual(['kept', 'kept']);
    expect(gateway.queuedBatches).toBe(queued + 1);
  });

  it('tells who waits for room when its disk fails', async () => {
    const gateway = await open();
    const late = await fillQueue(gateway, 0);
    expect(late).toEqual([]);
    const failure = new GatewayError('SPOOL_FAILED', 'the disk is full');
    vi.spyOn(Spool.prototype, 'put').mockRejectedValueOnce(failure);
    const room = vi.spyOn(Spool.prototype, 'pendingBytes', 'get').mockReturnValueOnce(0);
    const first = watch(take(gateway, measurement(1, 0)));
    room.mockRestore();
    const waiting = watch(take(gateway, measurement(2, 0)));
    gateway.flush();
    await Promise.all([first.done, waiting.done]);
    expect([first.outcome, waiting.outcome]).toEqual([failure, failure]);
  });

  it('lets nobody hang when it is stopped', async () => {
    const gateway = await open();
    const late = await fillQueue(gateway, 2);
    await gateway.stop();
    await Promise.all(late.map(({ done }) => done));
    for (const { outcome } of late) expect(outcome).toMatchObject({ code: 'GATEWAY_STOPPED' });
  });
});

describe('stopping a gateway', () => {
  it('keeps what it is taking, and takes nothing after', async () => {
    const directory = join(root, 'stopped');
    const gateway = await open(directory);
    const taken = watch(take(gateway, measurement(0, 0)));
    await Promise.resolve();
    const stopped = gateway.stop();
    const late = watch(take(gateway, measurement(1, 0)));
    await Promise.all([stopped, gateway.stop(), taken.done, late.done]);
    expect(late.outcome).toMatchObject({ code: 'GATEWAY_STOPPED' });
    const again = await open(directory);
    expect(again.queuedBatches).toBe(taken.outcome === 'kept' ? 1 : 0);
    expect(Object.keys(again.states)).toEqual(taken.outcome === 'kept' ? [sensorOf(0)] : []);
  });

  it('ends a wait for the queue to drain', async () => {
    const gateway = await open();
    await take(gateway, measurement(0, 0));
    const drained = watch(gateway.drained(never));
    await gateway.stop();
    await drained.done;
    expect(drained.outcome).toMatchObject({ code: 'GATEWAY_STOPPED' });
  });

  it('is complete for each who asks only when the queue is free for another', async () => {
    const directory = join(root, 'freed');
    const gateway = await open(directory);
    gateway.start();
    await eventually('connected', () => gateway.connected);
    void gateway.stop();
    await gateway.stop();
    await (await open(directory)).stop();
  });
});

describe('waiting for a gateway to drain', () => {
  it('ends when it is told to, and leaves no listener behind', async () => {
    const gateway = await open();
    const patience = new AbortController();
    const added = vi.spyOn(patience.signal, 'addEventListener');
    const removed = vi.spyOn(patience.signal, 'removeEventListener');
    for (let sequence = 0; sequence < 40; sequence++) await take(gateway, alarm(0, sequence));
    gateway.start();
    await gateway.drained(patience.signal);
    expect(added.mock.calls.length).toBe(1);
    expect(removed.mock.calls.length).toBe(1);
    broker.verdict = () => 'hold';
    await take(gateway, alarm(0, 40));
    const drained = watch(gateway.drained(patience.signal));
    patience.abort();
    await drained.done;
    expect(drained.outcome).toMatchObject({ name: 'AbortError' });
  });
});

describe('a gateway whose disk fails', () => {
  it('rejects what it was taking and all that comes, and says so once', async () => {
    const gateway = await open();
    const failure = new GatewayError('SPOOL_FAILED', 'the disk is full');
    vi.spyOn(Spool.prototype, 'put').mockRejectedValueOnce(failure);
    const taking = [0, 1].map((index) => watch(take(gateway, measurement(index, 0))));
    await Promise.all(taking.map(({ done }) => done));
    expect(taking.map(({ outcome }) => outcome)).toEqual([failure, failure]);
    expect(fatal).toEqual([failure]);
    await expect(take(gateway, measurement(2, 0))).rejects.toBe(failure);
    expect(gateway.states).toEqual({});
  });
});
