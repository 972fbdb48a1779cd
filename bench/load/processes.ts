/** The processes that the benchmark of load tests starts: brokers, the bare client, and `thrum load` itself. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readReport, type LoadReport } from '../../gateway/load/report/mod.ts';

const MAIN = new URL('../../cli/main.js', import.meta.url).pathname;

/** A home with an authority, a server's and a gateway's identity, and a project. */
export interface Home {
  readonly path: string;
  readonly authority: string;
  readonly server: { readonly certificate: string; readonly key: string };
  readonly gateway: { readonly certificate: string; readonly key: string };
}

/** A broker that runs. */
export interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

/** Runs `thrum …args` to its end and gives what it printed. Throws Error with what it said when it fails. */
export async function thrum(args: readonly string[], allowed: readonly number[] = [0]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, CI: 'true' } });
  const texts = Promise.all([read(child.stdout), read(child.stderr), once(child, 'close')]);
  const [stdout, stderr] = await texts;
  if (!allowed.includes(child.exitCode ?? -1)) throw new Error(`thrum ${args.join(' ')} ended with ${child.exitCode ?? 'a signal'}: ${stderr}${stdout}`);
  return stdout;
}

/** Runs `thrum load` and gives its report; what an assertion or a search says is in it. */
export async function load(folder: string, args: readonly string[]): Promise<LoadReport> {
  const out = join(folder, 'report.json');
  await thrum(['load', ...args, '--quiet', '--json', '--out', out], [0, 1]);
  const report = readReport(await readFile(out, 'utf8'), out);
  await rm(out);
  return report;
}

export async function makeHome(path: string): Promise<Home> {
  await thrum(['certs', 'init', '--home', path]);
  await thrum(['project', 'create', 'demo', '--home', path]);
  const server = JSON.parse(await thrum(['certs', 'issue', 'server', '--home', path, '--json'])) as { certificatePath: string; keyPath: string };
  const gateway = JSON.parse(await thrum(['certs', 'issue', 'gateway', '--project', 'demo', '--gateway', '70b3d5e75e00abcd', '--home', path, '--json'])) as typeof server;
  return {
    path,
    authority: join(path, 'certs', 'ca', 'cert.pem'),
    server: { certificate: server.certificatePath, key: server.keyPath },
    gateway: { certificate: gateway.certificatePath, key: gateway.keyPath },
  };
}

/** The broker that only acknowledges. */
export async function startSink({ server, authority }: Home): Promise<Running> {
  const child = spawn(process.execPath, [new URL('./sink.js', import.meta.url).pathname, server.certificate, server.key, authority], { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = Number(await firstLine(child));
  return { port, stop: () => stop(child, () => child.stdin.end()) };
}

/** Our own broker with its durable, encrypted sink; in the end it tells how many batches it stored. */
export async function startOwnBroker({ path }: Home): Promise<Running & { stored(): Promise<number> }> {
  const child = spawn(process.execPath, [MAIN, 'broker', '--home', path, '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  await once(reader, 'line');
  const { port } = JSON.parse(lines[0]!) as { port: number };
  const end = (): Promise<void> => stop(child, () => child.kill('SIGTERM'));
  const closed = once(reader, 'close');
  const stored = async (): Promise<number> => {
    await Promise.all([end(), closed]);
    return (JSON.parse(lines.at(-1)!) as { stored: number }).stored;
  };
  return { port, stop: end, stored };
}

/** Mosquitto with mutual TLS and nothing on disk; undefined where it is not installed. */
export async function startMosquitto({ server, authority }: Home, folder: string): Promise<Running | undefined> {
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`, `cafile ${authority}`, `certfile ${server.certificate}`, `keyfile ${server.key}`, 'require_certificate true',
    'allow_anonymous true', 'persistence false', 'max_queued_messages 0', 'max_inflight_messages 0', 'user root', 'log_type none',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
  const started = await Promise.race([once(child, 'error').then(() => false), new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 500))]);
  return started ? { port, stop: () => stop(child, () => child.kill('SIGTERM')) } : undefined;
}

/** CPU in ms and resident bytes per connection of bare sockets. */
export async function bareClient({ gateway, authority }: Home, port: number, clients: number, perS: number): Promise<{ readonly cpuMs: number; readonly bytes: number }> {
  const script = new URL('./bare-client.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, String(port), gateway.certificate, gateway.key, authority, String(clients), String(perS)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = await Promise.all([read(child.stdout), once(child, 'close')]);
  return JSON.parse(text) as { cpuMs: number; bytes: number };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function read(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return line;
}

async function stop(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  ask();
  await exited;
}
