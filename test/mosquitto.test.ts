import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { createAuthority, issueIdentity, loadAuthority } from '../certs/mod.ts';
import { decodeBatch } from '../frame/mod.ts';
import { freePort, thrum, withFolder } from './cli.ts';

const NOW = Date.now(); // eslint-disable-line no-restricted-properties -- certificates must be valid now
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;
const installed = ['mosquitto', 'mosquitto_sub'].every((name) => spawnSync('sh', ['-c', `command -v ${name}`], { env: { PATH } }).status === 0);

async function startMosquitto(folder: string, port: number, files: { ca: string; cert: string; key: string }): Promise<ChildProcess> {
  const config = join(folder, 'mosquitto.conf');
  await writeFile(config, [`listener ${port} 127.0.0.1`, `cafile ${files.ca}`, `certfile ${files.cert}`, `keyfile ${files.key}`, 'require_certificate true', 'use_identity_as_username true', 'user root', ''].join('\n'));
  const child = spawn('mosquitto', ['-c', config, '-v'], { env: { PATH }, stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = createInterface({ input: child.stderr });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.includes('running')) resolve();
    });
    child.once('exit', () => reject(new Error('mosquitto did not start')));
  });
  return child;
}

it.skipIf(!installed && process.env['CI'] !== 'true')('streams a fleet to mosquitto over mutual TLS, every message acknowledged (needs mosquitto)', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const certs = join(folder, 'certs');
    await createAuthority(certs, { nowMs: NOW });
    const authority = await loadAuthority(certs);
    const server = await issueIdentity(authority, { role: 'server' }, NOW);
    const client = await issueIdentity(authority, { role: 'operator', name: 'fleet' }, NOW);
    const ca = join(certs, 'ca', 'cert.pem');
    const port = await freePort();
    const mosquitto = await startMosquitto(folder, port, { ca, cert: server.certificatePath, key: server.keyPath });
    try {
      const tls = ['--cafile', ca, '--cert', client.certificatePath, '--key', client.keyPath];
      const listener = spawn('mosquitto_sub', ['-h', 'localhost', '-p', String(port), ...tls, '-q', '1', '-t', 'thrum/test/+/data', '-t', 'thrum/test/+/event', '-F', '%x'], { env: { PATH } });
      const heard: string[] = [];
      createInterface({ input: listener.stdout }).on('line', (line) => heard.push(line));
      const args = ['fleet', '--home', join(folder, 'home'), '--url', `mqtts://localhost:${port}`, '--ca', ca, '--cert', client.certificatePath, '--key', client.keyPath];
      const { exitCode, stdout, stderr } = await thrum([...args, '--project', 'test', '--duration', '3s', '--json', '--sites', '1', '--gateways', '3', '--sensors', '9', '--machines', '3', '--capture-samples', '1024']);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      const report = JSON.parse(stdout) as { produced: number };
      expect(report).toMatchObject({ allAcknowledged: true, queuedBatches: 0 });
      listener.kill();
      await once(listener, 'close');
      const messages = heard.flatMap((hex) => decodeBatch(Buffer.from(hex, 'hex')).messages);
      expect(messages.length).toBe(report.produced);
    } finally {
      mosquitto.kill();
      await once(mosquitto, 'exit');
    }
  });
});

it.skipIf(!installed && process.env['CI'] !== 'true')('says why, with exit code 3, when mosquitto refuses the client certificate (needs mosquitto)', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
    await createAuthority(ours, { nowMs: NOW });
    await createAuthority(theirs, { nowMs: NOW });
    const server = await issueIdentity(await loadAuthority(ours), { role: 'server' }, NOW);
    const stranger = await issueIdentity(await loadAuthority(theirs), { role: 'operator', name: 'fleet' }, NOW);
    const port = await freePort();
    const ca = join(ours, 'ca', 'cert.pem');
    const mosquitto = await startMosquitto(folder, port, { ca, cert: server.certificatePath, key: server.keyPath });
    try {
      const fleet = spawn(process.execPath, [new URL('../dist/cli/main.js', import.meta.url).pathname, 'fleet', '--home', join(folder, 'home'), '--url', `mqtts://localhost:${port}`, '--ca', ca, '--cert', stranger.certificatePath, '--key', stranger.keyPath, '--verbose', '--sites', '1', '--gateways', '1', '--sensors', '1', '--machines', '1']);
      let said = '';
      let heard: () => void = () => undefined;
      const refused = new Promise<void>((resolve) => (heard = resolve));
      fleet.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (/disconnected: .*(unknown ca|alert)/i.test(said)) heard();
      });
      await refused;
      fleet.kill('SIGINT');
      await once(fleet, 'close');
      expect(fleet.exitCode).toBe(3);
      expect(said).toMatch(/unknown ca|alert/i);
    } finally {
      mosquitto.kill();
      await once(mosquitto, 'exit');
    }
  });
});

if (process.env['CI'] === 'true') {
  it('finds mosquitto where it must be installed', () => {
    expect(execFileSync('sh', ['-c', 'mosquitto -h || true'], { env: { PATH } }).toString()).toContain('mosquitto version');
  });
}
