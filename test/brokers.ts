/** Brokers for tests that cross rooms: Mosquitto with mutual TLS, and thrum's own, with certificates of one home. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { issueIdentity, loadAuthority } from '../certs/mod.ts';
import { freePort, start } from './cli.ts';

export const MOSQUITTO_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;
/** In CI it must be there. */
export const hasMosquitto = process.env['CI'] === 'true' || ['mosquitto', 'mosquitto_sub'].every((name) => spawnSync('sh', ['-c', `command -v ${name}`], { env: { PATH: MOSQUITTO_PATH } }).status === 0);

export interface RunningBroker {
  readonly port: number;
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** thrum's own broker, in a home that is made if there is none. */
export async function startOwnBroker(home: string): Promise<RunningBroker> {
  const port = await freePort();
  const { child, firstLine } = start(['broker', '--home', home, '--port', String(port)]);
  await firstLine;
  return { port, url: `mqtts://localhost:${port}`, stop: () => end(child) };
}

/** Listeners of a Mosquitto: lines of its configuration that follow `listener PORT`. */
export type Listener = readonly string[];

/** Configuration of a listener that wants certificates of the home's authority. Makes a server identity in it. */
export async function mutualTls(home: string, nowMs: number): Promise<Listener> {
  const server = await issueIdentity(await loadAuthority(join(home, 'certs')), { role: 'server' }, nowMs);
  return [`cafile ${join(home, 'certs', 'ca', 'cert.pem')}`, `certfile ${server.certificatePath}`, `keyfile ${server.keyPath}`, 'require_certificate true', 'use_identity_as_username true'];
}

/** Ports are in the order of the listeners; `folder` holds its configuration. */
export async function startMosquitto(folder: string, listeners: readonly Listener[]): Promise<{ readonly ports: readonly number[]; readonly stop: () => Promise<void> }> {
  const ports = await Promise.all(listeners.map(() => freePort()));
  const config = join(folder, `mosquitto-${ports[0]}.conf`);
  const lines = ['per_listener_settings true', 'user root', 'max_queued_messages 0', 'max_inflight_messages 0', ...listeners.flatMap((lines, index) => [`listener ${ports[index]} 127.0.0.1`, ...lines])];
  await writeFile(config, `${lines.join('\n')}\n`);
  const child = spawn('mosquitto', ['-c', config, '-v'], { env: { PATH: MOSQUITTO_PATH }, stdio: ['ignore', 'ignore', 'pipe'] });
  const said = createInterface({ input: child.stderr });
  await new Promise<void>((resolve, reject) => {
    said.on('line', (line) => {
      if (line.includes('running')) resolve();
    });
    child.once('exit', () => reject(new Error('mosquitto did not start')));
  });
  return { ports, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGINT');
  await closed;
}
