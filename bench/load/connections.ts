/** What connections cost: CPU and memory beside bare sockets, and handshakes a second of several kinds. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Measures, type LoadReport } from '../../gateway/load/mod.ts';
import { isQuick } from '../quick.ts';
import { median } from '../statistics.ts';
import { bareClient, load, type Home } from './processes.ts';

export interface BenchContext {
  readonly home: Home;
  readonly folder: string;
  /** Of the broker that only acknowledges. */
  readonly port: number;
  readonly say: (line: string) => void;
}

const CLIENTS = isQuick ? 100 : 2_000;
const CROWD = isQuick ? 100 : 5_000;
const MANY = isQuick ? 100 : 10_000;
const PER_S = 250;
const PAIRS = isQuick ? 1 : 3;

/** Connects so many clients, holds them, and disconnects. */
function connectOnly({ home, folder, port }: BenchContext, clients: number, perS: number, identity: 'shared' | 'own', workers: number): Promise<LoadReport> {
  const shared = ['--cert', home.gateway.certificate, '--key', home.gateway.key];
  const args = ['--home', home.path, '--url', `mqtts://localhost:${port}`, '--clients', String(clients), '--connect-rate', `${perS}/s`, '--rate', '1/s', '--duration', '1s', '--workers', String(workers)];
  return load(folder, [...args, ...(identity === 'shared' ? shared : [])]);
}

function stageCpuMs({ series }: LoadReport, stage: string): number {
  return series.filter((point) => point.stage === stage).reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

/** CPU of a connection, in turns: bare, with a shared identity, with an identity each. */
export async function measureConnections(context: BenchContext): Promise<{ bareMs: number; sharedMs: number; ownMs: number; sharedRatio: number; ownRatio: number; prepareMs: number }> {
  const bare: number[] = [];
  const shared: number[] = [];
  const own: number[] = [];
  let prepareMs = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    bare.push((await bareClient(context.home, context.port, CLIENTS, PER_S)).cpuMs);
    shared.push(stageCpuMs(await connectOnly(context, CLIENTS, PER_S, 'shared', 1), 'connect') / CLIENTS);
    const report = await connectOnly(context, CLIENTS, PER_S, 'own', 1);
    own.push(stageCpuMs(report, 'connect') / CLIENTS);
    prepareMs = report.generator.prepareMs / CLIENTS;
    context.say(`CPU of a connection, pair ${pair + 1} of ${PAIRS}: bare ${bare.at(-1)!.toFixed(2)} ms, shared ${shared.at(-1)!.toFixed(2)} ms, own ${own.at(-1)!.toFixed(2)} ms`);
  }
  return {
    bareMs: median(bare), sharedMs: median(shared), ownMs: median(own), prepareMs,
    sharedRatio: median(shared.map((one, i) => one / bare[i]!)),
    ownRatio: median(own.map((one, i) => one / bare[i]!)),
  };
}

export interface CrowdFigures {
  readonly clients: number;
  readonly bareBytes: number;
  readonly sharedBytes: number;
  readonly ownBytes: number;
  readonly many: { readonly clients: number; readonly connected: number; readonly failed: number; readonly seconds: number };
}

export async function measureCrowd(context: BenchContext): Promise<CrowdFigures> {
  context.say(`memory of ${CROWD} clients …`);
  const { bytes: bareBytes } = await bareClient(context.home, context.port, CROWD, PER_S);
  const sharedBytes = (await connectOnly(context, CROWD, PER_S, 'shared', 1)).generator.bytesPerClient!;
  const ownBytes = (await connectOnly(context, CROWD, PER_S, 'own', 1)).generator.bytesPerClient!;
  context.say(`${MANY} clients from one command …`);
  const report = await connectOnly(context, MANY, PER_S, 'own', 2);
  const { connected = 0, connectFailed = 0 } = report.total.counters;
  return { clients: CROWD, bareBytes, sharedBytes, ownBytes, many: { clients: MANY, connected, failed: connectFailed, seconds: report.durationMs / 1000 } };
}

export interface HandshakeFigures {
  readonly name: string;
  readonly perS: number;
  /** Of the generator. */
  readonly cpuMs: number;
}

const KINDS = [
  { name: 'TLS 1.3, P-256, full', tls: '{ min: "1.3", max: "1.3" }', key: 'ec-p256' },
  { name: 'TLS 1.3, P-256, resumed', tls: '{ min: "1.3", max: "1.3", resume: true }', key: 'ec-p256' },
  { name: 'TLS 1.2, P-256, full', tls: '{ min: "1.2", max: "1.2" }', key: 'ec-p256' },
  { name: 'TLS 1.2, P-256, resumed', tls: '{ min: "1.2", max: "1.2", resume: true }', key: 'ec-p256' },
  { name: 'TLS 1.3, client RSA-2048, full', tls: '{ min: "1.3", max: "1.3" }', key: 'rsa-2048' },
  { name: 'TLS 1.3, client Ed25519, full', tls: '{ min: "1.3", max: "1.3" }', key: 'ed25519' },
] as const;

/** As many as go: 16 clients that connect and disconnect, again and again. */
export async function measureHandshakes(context: BenchContext): Promise<HandshakeFigures[]> {
  const figures: HandshakeFigures[] = [];
  for (const { name, tls, key } of isQuick ? KINDS.slice(0, 2) : KINDS) {
    const file = join(context.folder, 'handshakes.yaml');
    await writeFile(file, `
name: handshakes
clients:
  clients: { count: 16, tls: ${tls}, identity: { mint: { keyTypes: [${key}] } } }
stages:
  - name: storm
    limit: ${isQuick ? '500ms' : '6s'}
    groups:
      - { clients: clients, repeat: forever, do: [connect, disconnect] }
`);
    const report = await load(context.folder, ['--home', context.home.path, '--url', `mqtts://localhost:${context.port}`, '--scenario', file, '--workers', '1']);
    const stage = report.stages[0]!;
    const { connected } = Measures.of(stage.measures).counters;
    figures.push({ name, perS: connected / (stage.durationMs / 1000), cpuMs: stageCpuMs(report, 'storm') / connected });
    context.say(`${name}: ${Math.round(figures.at(-1)!.perS)}/s, ${Object.entries(report.total.handshakes).map(([kind, times]) => `${kind} × ${times}`).join('; ')}`);
  }
  return figures;
}
