/**
 * Runs cases against a device: each has a listener of its own and, where a command is given, a process of its own, several
 * at once; a device that connects by itself meets them one after another on one port. First comes the honest server: a
 * device that cannot even connect there is not said to have refused a liar.
 */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, isIP, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { Evidence, fail, notRun, type CaseInfo, type CaseResult, type HandshakeReport, type Verdict } from '../model.ts';
import { DEVICE_ID, type Bait } from './bait.ts';
import type { CaseContext, ClientCase } from './case.ts';
import { fillIn } from './command-line.ts';
import { DeviceConnection, within } from './connection.ts';
import { Device } from './device.ts';
import { Inbox } from './inbox.ts';
import { CONTROL_ID } from './tls-cases.ts';

/** Connections that a case keeps waiting; more are turned away. */
const WAITING_CONNECTIONS_MAX = 64;
/** After its device has ended, a case still takes connections for so long: they may be under way. */
const AFTER_END_MS = 250;

export interface ClientTest {
  readonly cases: readonly ClientCase[];
  readonly bait: Bait;
  /** Words that start the device, with placeholders; without it the device connects by itself. */
  readonly command?: readonly string[];
  /** Address to listen on. */
  readonly address: string;
  /** 0: a free one; for a device that connects by itself the one it knows. */
  readonly port: number;
  readonly parallel: number;
  /** For a case, in ms; cases that watch retries have `slowLimitMs`. */
  readonly limitMs: number;
  readonly slowLimitMs: number;
  /** Folder for what devices write; each gets an empty one below it. */
  readonly directory: string;
  readonly target: string;
  /** A clock that only goes forward, in ms. */
  readonly now: () => number;
  readonly onListening: (port: number) => void;
  readonly onStart: (info: CaseInfo) => void;
  readonly onResult: (result: CaseResult) => void;
  readonly signal: AbortSignal;
}

/** Runs all cases; the report has them in the catalogue's order. Rejects when a port cannot be listened on. */
export async function testClient(test: ClientTest): Promise<HandshakeReport> {
  const startedAtMs = test.now();
  await mkdir(test.directory, { recursive: true, mode: 0o700 });
  const results = new Map<string, CaseResult>();
  const shared = test.command ? undefined : await listen(test.address, test.port);
  shared?.on('connection', (socket) => {
    if (shared.listenerCount('connection') === 1) socket.destroy(); // between two cases
  });
  if (shared) test.onListening((shared.address() as AddressInfo).port);
  const keep = (result: CaseResult): void => {
    results.set(result.info.id, result);
    test.onResult(result);
  };
  const control = test.cases.find(({ info }) => info.id === CONTROL_ID);
  if (control) keep(await runCase(test, control, shared));
  const reachable = control === undefined || results.get(CONTROL_ID)!.outcome === 'pass';
  const queue = test.cases.filter((one) => one !== control).sort((a, b) => Number(b.pace === 'slow') - Number(a.pace === 'slow'));
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (test.signal.aborted) keep(idle(next, 'interrupted'));
      else keep(reachable ? await runCase(test, next, shared) : idle(next, `the device does not connect to an honest server either (${CONTROL_ID}), so nothing it refuses says anything`));
    }
  };
  await Promise.all(Array.from({ length: shared ? 1 : test.parallel }, work));
  shared?.close();
  return {
    format: 'thrum handshake report',
    version: 1,
    subject: 'client',
    target: test.target,
    startedAt: new Date(test.bait.nowMs).toISOString(),
    durationMs: Math.round(test.now() - startedAtMs),
    facts: {},
    results: test.cases.map(({ info }) => results.get(info.id)!),
  };
}

function idle({ info }: ClientCase, reason: string): CaseResult {
  return { info, ...notRun(reason), evidence: [], durationMs: 0 };
}

async function runCase(test: ClientTest, one: ClientCase, shared: Server | undefined): Promise<CaseResult> {
  test.onStart(one.info);
  const evidence = new Evidence(test.now);
  const host = hostFor(test, one);
  const finish = (verdict: Verdict): CaseResult => ({ info: one.info, ...verdict, evidence: evidence.steps, durationMs: Math.round(evidence.elapsedMs) });
  if (host === undefined) return finish(notRun(`only for a device that connects to ${one.host === 'ip' ? 'an IP address' : 'a DNS name'}`));
  const server = shared ?? (await listen(test.address, test.port));
  const inbox = new Inbox<DeviceConnection>();
  const open = new Set<DeviceConnection>();
  const onConnection = (socket: DeviceConnection['socket']): void => {
    if (inbox.size >= WAITING_CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    const connection = new DeviceConnection(socket, evidence);
    open.add(connection);
    inbox.push(connection);
  };
  server.on('connection', onConnection);
  const directory = await mkdtemp(join(test.directory, 'device-'));
  const device = test.command ? new Device(fillIn(test.command, placeholders(test.bait, host, server, directory)), directory) : undefined;
  void device?.exited.then(() => setTimeout(() => inbox.close(), AFTER_END_MS));
  const onAbort = (): void => inbox.close();
  test.signal.addEventListener('abort', onAbort);
  try {
    return finish(await one.serve(contextOf(test, one, host, { evidence, inbox, device })).then((verdict) => explained(verdict, device)));
  } finally {
    test.signal.removeEventListener('abort', onAbort);
    server.off('connection', onConnection);
    inbox.close();
    await device?.stop();
    if (device) evidence.note(`the device ${device.ending ?? ''}${device.lastWords === '' ? '' : `: ${device.lastWords}`}`);
    for (const connection of open) connection.destroy();
    if (server !== shared) server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Ends of a process that nobody asked for. */
const CRASH = /SIG(SEGV|ABRT|BUS|ILL|FPE)/;

/** Whatever a case says, a device that crashed failed; one that never came may have ended on its own. */
function explained(verdict: Verdict, device: Device | undefined): Verdict {
  if (device?.ending !== undefined && CRASH.test(device.ending)) return fail(`the device crashed: ${device.ending}`);
  if (verdict.outcome !== 'not-run' || device?.ending === undefined) return verdict;
  return notRun(`${verdict.reason}; the device ${device.ending}`);
}

function contextOf(test: ClientTest, one: ClientCase, host: string, { evidence, inbox, device }: { evidence: Evidence; inbox: Inbox<DeviceConnection>; device: Device | undefined }): CaseContext {
  const limitMs = one.pace === 'slow' ? test.slowLimitMs : test.limitMs;
  const leftMs = (): number => Math.max(0, limitMs - evidence.elapsedMs);
  return {
    bait: host === test.bait.host ? test.bait : test.bait.forHost(host),
    evidence,
    leftMs,
    nextConnection: (withinMs = Infinity) => inbox.next(Math.min(withinMs, leftMs())),
    deviceEnding: () => device?.ending,
    deviceEnded: async (withinMs) => (device ? ((await within(device.exited.then(() => true), Math.min(withinMs, leftMs()))) ?? false) : false),
  };
}

/** The host that a case's device connects to: as given, or where the case needs one, an address in place of a name. */
function hostFor(test: ClientTest, one: ClientCase): string | undefined {
  const given = test.bait.host;
  const kind = isIP(given) === 0 ? 'dns' : 'ip';
  if (one.host === undefined || one.host === kind) return given;
  return one.host === 'ip' && test.command && isIP(test.address) !== 0 ? test.address : undefined;
}

function placeholders({ files }: Bait, host: string, server: Server, directory: string): Parameters<typeof fillIn>[1] {
  const port = String((server.address() as AddressInfo).port);
  const url = `mqtts://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  return { host, port, ca: files.ca, cert: files.cert, key: files.key, crl: files.crl, client_id: DEVICE_ID, url, dir: directory };
}

async function listen(address: string, port: number): Promise<Server> {
  const server = createServer({ pauseOnConnect: false });
  server.listen(port, address);
  await once(server, 'listening');
  return server;
}
