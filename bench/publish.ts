/** QoS 1 publishes per second through mutual TLS, with the encrypting sink and without, in turns. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SensorMessage } from '../frame/mod.ts';
import { createSensor, planFleet } from '../sensors/mod.ts';
import { openPublisher, preparePackets, type BrokerAddress, type ClientIdentity, type Publisher } from './publisher.ts';
import { isQuick } from './quick.ts';
import { median } from './statistics.ts';

export interface PublishFigures {
  readonly payloadBytes: number;
  readonly sinkPerS: number;
  readonly noSinkPerS: number;
  /** Median over the pairs of rounds of sink / no sink. */
  readonly ratio: number;
}

interface Case {
  readonly payloadBytes: number;
  readonly perClient: number;
}

const CASES: readonly Case[] = [
  { payloadBytes: 256, perClient: 12_000 },
  { payloadBytes: 4096, perClient: 4_000 },
];
const PAIRS = isQuick ? 1 : 5;
const WINDOW = 64;
const messages = measurements(400);

/** Measures all cases; `say` hears of each round. */
export async function measurePublish(say: (line: string) => void): Promise<PublishFigures[]> {
  const folder = await mkdtemp(join(tmpdir(), 'thrum-bench-'));
  const brokers = { sink: await startProcess(join(folder, 'sink'), 'sink'), none: await startProcess(join(folder, 'none'), 'none') };
  try {
    const figures: PublishFigures[] = [];
    for (const one of CASES) figures.push(await measureCase(one, brokers, say));
    return figures;
  } finally {
    await brokers.sink.stop();
    await brokers.none.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

export interface BrokerProcess {
  readonly address: BrokerAddress;
  readonly clients: readonly { readonly identity: ClientIdentity; readonly publisher: Publisher }[];
  /** Batch numbers must never repeat: the store would know them. */
  nextSequence: number;
  stop(): Promise<void>;
}

/** A broker in a process of its own, and its clients, connected. */
export async function startProcess(home: string, mode: string): Promise<BrokerProcess> {
  const child = spawn(process.execPath, [new URL('./broker-process.js', import.meta.url).pathname, home, mode], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { clients: identities, ...address } = JSON.parse(line) as BrokerAddress & { clients: ClientIdentity[] };
  const clients = await Promise.all(identities.map(async (identity) => ({ identity, publisher: await openPublisher(identity, address) })));
  const stop = async (): Promise<void> => {
    for (const { publisher } of clients) publisher.close();
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  };
  return { address, clients, nextSequence: 0, stop };
}

async function measureCase({ payloadBytes, perClient }: Case, brokers: { sink: BrokerProcess; none: BrokerProcess }, say: (line: string) => void): Promise<PublishFigures> {
  const rates: { sink: number[]; none: number[] } = { sink: [], none: [] };
  for (let round = -1; round < PAIRS; round++) {
    const order = round % 2 === 0 ? (['sink', 'none'] as const) : (['none', 'sink'] as const);
    for (const mode of order) {
      const rate = await oneRound(brokers[mode], payloadBytes, perClient);
      if (round >= 0) rates[mode].push(rate); // the first pair warms up
    }
    if (round >= 0) say(`${payloadBytes} B, pair ${round + 1} of ${PAIRS}: ${Math.round(rates.sink.at(-1)!)}/s with the sink, ${Math.round(rates.none.at(-1)!)}/s without`);
  }
  const ratios = rates.sink.map((rate, i) => rate / rates.none[i]!);
  return { payloadBytes, sinkPerS: median(rates.sink), noSinkPerS: median(rates.none), ratio: median(ratios) };
}

async function oneRound(broker: BrokerProcess, payloadBytes: number, perClient: number): Promise<number> {
  const first = broker.nextSequence;
  broker.nextSequence += perClient;
  const prepared = broker.clients.map(({ identity, publisher }) => ({
    publisher,
    packets: preparePackets(identity, broker.address.projectId, messages, payloadBytes, first, perClient),
  }));
  const start = performance.now();
  await Promise.all(prepared.map(({ publisher, packets }) => publisher.send(packets, WINDOW)));
  return (perClient * broker.clients.length) / ((performance.now() - start) / 1000);
}

/** Measurements of a simulated sensor, more than fit into 4 kB. */
export function measurements(count: number): SensorMessage[] {
  const plan = planFleet({
    seed: 1, sites: 1, gateways: 1, sensors: 1, machines: 1, faultShare: 0, intervalMs: 3_600_000, waveformEvery: 0, captureSamples: 1024, startMs: Date.UTC(2026, 0, 1),
  });
  const sensor = createSensor(plan.gateways[0]!.sensors[0]!);
  return Array.from({ length: count }, (_, i) => sensor.measure({ ...sensor.initialState, sequence: 1000 + i }).messages[0]!);
}
