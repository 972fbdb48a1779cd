import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasMosquitto, mutualTls, startMosquitto, startOwnBroker } from './brokers.ts';
import { makeFolder } from './cli.ts';
import { countersOfGroup, load, type Loaded } from './load-reports.ts';

const NOW = Date.now(); // eslint-disable-line no-restricted-properties -- certificates must be valid now

let folder: string;
let own: string;
let mosquittos: readonly string[] = [];
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = await makeFolder();
  const home = join(folder, 'home');
  const broker = await startOwnBroker(home);
  stops.push(broker.stop);
  own = broker.url;
  if (!hasMosquitto) return;
  const listener = await mutualTls(home, NOW);
  const mosquitto = await startMosquitto(folder, [listener, listener]);
  stops.push(mosquitto.stop);
  mosquittos = mosquitto.ports.map((port) => `mqtts://localhost:${port}`);
});

afterAll(async () => {
  for (const stop of stops) await stop();
  await rm(folder, { recursive: true, force: true });
});

/** A scenario that comes with thrum, in small; its own conditions hold. Timings of a busy machine are not what is tested. */
async function run(name: string, urls: readonly string[], ...settings: string[]): Promise<Loaded> {
  const loaded = await load(['--home', join(folder, 'home'), '--workers', '1', '--scenario', name, ...urls.flatMap((url) => ['--url', url]), ...settings.flatMap((setting) => ['--set', setting])]);
  const missed = loaded.report.assertions.filter(({ text, outcome }) => outcome !== 'met' && !/p\d|rate/.test(text));
  expect({ missed, ended: loaded.report.ended }).toEqual({ missed: [], ended: 'done' });
  return loaded;
}

it('connect-storm connects everybody once', async () => {
  const { counters } = await run('connect-storm', [own], 'clients=10', 'rate=50/s', 'hold=100ms');
  expect(counters).toMatchObject({ connects: 10, connected: 10, disconnected: 10, closed: 0 });
});

it('reconnect-storm has everybody back, and publishing', async () => {
  const { counters } = await run('reconnect-storm', [own, own], 'clients=4', 'rate=50/s', 'prove=200ms');
  expect(counters).toMatchObject({ connected: 8, cut: 4, sent: 4, acknowledged: 4 });
});

it('certificates lets in who should be, and refuses each of the other cohorts', async () => {
  const { report } = await run('certificates', [own], 'clients=3', 'rate=20/s');
  expect(countersOfGroup(report, 'connect', 'valid')).toMatchObject({ connected: 3, refusedAsExpected: 0 });
  for (const cohort of ['expired', 'strangers', 'wrong-role']) expect(countersOfGroup(report, 'connect', cohort)).toMatchObject({ connects: 3, connected: 0, refusedAsExpected: 3, unexpectedlyAccepted: 0 });
});

it.skipIf(!hasMosquitto)('certificates tells by which alert a broker on OpenSSL refuses each cohort (needs mosquitto)', async () => {
  const alerts = { expired: 'certificate_expired', stranger: 'unknown_ca', wrongRole: 'unsupported_certificate' };
  const { report } = await run('certificates', [mosquittos[0]!], 'clients=2', 'rate=20/s', ...Object.entries(alerts).map(([cohort, alert]) => `${cohort}=tls.alert.${alert}`));
  expect(report.total.errors).toEqual(Object.fromEntries(Object.values(alerts).map((alert) => [`expected.tls.alert.${alert}`, 2])));
});

it('session-resumption counts resumed handshakes apart', async () => {
  const { report } = await run('session-resumption', [own], 'clients=2', 'rate=20/s', 'rounds=2', 'stay=300ms');
  const times = (stage: number, kind: string): number => Object.entries(report.stages[stage]!.measures.handshakes).reduce((sum, [key, n]) => (key.includes(`, ${kind}, `) ? sum + n : sum), 0);
  expect([times(0, 'full'), times(0, 'resumed'), times(1, 'full'), times(1, 'resumed')]).toEqual([4, 0, 2, 2]);
});

it('spikes publishes what base and spikes add up to', async () => {
  const { counters } = await run('spikes', [own], 'clients=4', 'duration=1s', 'base=50/s');
  expect(counters).toMatchObject({ due: 50, acknowledged: 50, unsent: 0 });
});

it('find-rate finds a rate', async () => {
  const { report } = await run('find-rate', [own], 'clients=4', 'from=20/s', 'to=21/s', 'trial=1s', 'p99=5s');
  expect(report.searches).toMatchObject([{ ratePerS: 21, missedAtPerS: null }]);
});

it('soak publishes at its pace', async () => {
  const { counters } = await run('soak', [own], 'clients=4', 'every=250ms', 'duration=1s');
  expect(counters).toMatchObject({ sent: 16, acknowledged: 16, closed: 0 });
});

it('fan-in delivers everything to every listener', async () => {
  const { counters } = await run('fan-in', [own], 'clients=4', 'listeners=2', 'rate=100/s', 'duration=500ms');
  expect(counters).toMatchObject({ acknowledged: 50, received: 100, expectedDeliveries: 100, lost: 0, duplicates: 0, reordered: 0, corrupted: 0, unchecked: 0 });
});

it('slow-consumers has slow ones that do not read, and judges the quick ones alone', async () => {
  const { report, counters } = await run('slow-consumers', [own], 'quick=2', 'slow=2', 'rate=100/s', 'duration=1s');
  expect(countersOfGroup(report, 'publish', 'quick')).toMatchObject({ received: 200, unchecked: 0 });
  expect(countersOfGroup(report, 'publish', 'slow').received).toBeLessThan(100);
  expect(report.stages[1]!.groups.find(({ clients }) => clients === 'slow')!.measures.latenciesUs.delivery).toBeUndefined();
  expect(counters).toMatchObject({ expectedDeliveries: 200, lost: 0 });
});

it.skipIf(!hasMosquitto)('reconnect-storm goes to the standby broker (needs mosquitto)', async () => {
  const { report, counters } = await run('reconnect-storm', mosquittos, 'clients=2', 'rate=50/s', 'prove=200ms');
  expect(counters).toMatchObject({ connected: 4, acknowledged: 2 });
  expect(report.brokers).toMatchObject([{ name: 'main', certificate: { verified: true } }, { name: 'standby', certificate: { verified: true } }]);
});

it.skipIf(!hasMosquitto)('fan-out delivers each message to everybody (needs mosquitto)', async () => {
  const { counters } = await run('fan-out', [mosquittos[0]!], 'subscribers=5', 'rate=20/s', 'duration=500ms');
  expect(counters).toMatchObject({ sent: 10, received: 50, expectedDeliveries: 50, lost: 0, duplicates: 0, corrupted: 0 });
});

it.skipIf(!hasMosquitto)('shared-subscriptions delivers each message to one of the workers (needs mosquitto)', async () => {
  const { counters } = await run('shared-subscriptions', [mosquittos[0]!], 'workers=3', 'clients=5', 'rate=100/s', 'duration=500ms');
  expect(counters).toMatchObject({ acknowledged: 50, received: 50, expectedDeliveries: 50, lost: 0, duplicates: 0 });
});

it.skipIf(!hasMosquitto)('telemetry-with-commands delivers both ways (needs mosquitto)', async () => {
  const { report, counters } = await run('telemetry-with-commands', [mosquittos[0]!], 'clients=4', 'every=250ms', 'duration=1s');
  expect(countersOfGroup(report, 'work', 'back-end').received).toBe(16);
  expect(countersOfGroup(report, 'work', 'devices').received).toBe(1 + 4); // one command for one device, one for all
  expect(counters).toMatchObject({ connectFailed: 0, expectedDeliveries: 16 + 1 + 4, lost: 0, duplicates: 0 });
});
