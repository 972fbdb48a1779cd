import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueIdentity, loadAuthority } from '../certs/mod.ts';
import { hasMosquitto, MOSQUITTO_PATH, mutualTls, startMosquitto, startOwnBroker } from './brokers.ts';
import { freePort, makeFolder, start, thrum } from './cli.ts';
import { load, type Loaded } from './load-reports.ts';

const NOW = Date.now(); // eslint-disable-line no-restricted-properties -- certificates must be valid now
const SMALL = ['--clients', '4', '--connect-rate', '100/s', '--duration', '500ms', '--workers', '1'];

let folder: string;
let home: string;
let ownUrl: string;
let urls = { mqtts: '', wss: '', mqtt: '', ws: '' };
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = await makeFolder();
  home = join(folder, 'home');
  const broker = await startOwnBroker(home);
  stops.push(broker.stop);
  ownUrl = broker.url;
  if (!hasMosquitto) return;
  const secure = await mutualTls(home, NOW);
  const { ports, stop } = await startMosquitto(folder, [secure, ['protocol websockets', ...secure], ['allow_anonymous true'], ['protocol websockets', 'allow_anonymous true']]);
  stops.push(stop);
  const [mqtts, wss, mqtt, ws] = ports;
  urls = { mqtts: `mqtts://localhost:${mqtts}`, wss: `wss://localhost:${wss}/mqtt`, mqtt: `mqtt://localhost:${mqtt}`, ws: `ws://localhost:${ws}/mqtt` };
});

afterAll(async () => {
  for (const stop of stops) await stop();
  await rm(folder, { recursive: true, force: true });
});

const small = (url: string, ...args: string[]): Promise<Loaded> => load(['--home', home, ...SMALL, '--url', url, ...args]);
const ALL_IN = { connected: 4, connectFailed: 0, failed: 0, unsent: 0, closed: 0 };

describe('a load test against thrum’s own broker', () => {
  it('publishes frames that are stored, heard by operators, and judged', async () => {
    const { counters, exitCode } = await small(ownUrl, '--subscribers', '1', '--rate', '40/s', '--assert', 'lost==0', '--assert', 'duplicates==0');
    expect(counters).toMatchObject({ connected: 5, acknowledged: 20, received: 20, expectedDeliveries: 20, lost: 0 });
    expect(exitCode).toBe(0);
  });

  it('gets identities by claim and renews them, and says why a second claim is refused', async () => {
    const claimed = JSON.parse((await thrum(['certs', 'claim', '--home', home, '--project', 'demo', '--quota', '9', '--hours', '1', '--json'])).stdout) as { handout: string };
    const scenario = join(folder, 'life.yaml');
    const steps = [`claim: ${claimed.handout}`, 'connect', 'rotate', 'disconnect', 'connect', 'publish: { count: 1 }', 'disconnect'];
    await writeFile(scenario, ['name: life', 'clients:', '  gateways: { count: 2 }', 'stages:', '  - name: life', '    groups:', '      - clients: gateways', '        do:', ...steps.map((step) => `          - ${step}`)].join('\n'));
    const args = ['--home', home, '--workers', '1', '--scenario', scenario, '--url', ownUrl];
    expect((await load(args)).counters).toMatchObject({ claimed: 2, rotated: 2, connected: 4, acknowledged: 2, identityFailed: 0 });
    const again = await load(args);
    expect(again.counters).toMatchObject({ claimed: 0, identityFailed: 2 });
    expect(again.report.total.errors).toEqual({ 'identity.refused.CLAIM_TAKEN': 2 });
  });

  it('shows Prometheus its figures while it runs, and writes each kind of report', async () => {
    const file = (name: string): string => join(folder, name);
    const outputs = ['--out', file('a.json'), '--html', file('a.html'), '--csv', file('a.csv'), '--junit', file('a.xml')];
    const run = start(['load', '--home', home, ...SMALL, '--duration', '3s', '--url', ownUrl, '--prometheus', '0', '--assert', 'failed>0', ...outputs]);
    const url = /http:\S+/.exec(await run.firstLine)![0];
    expect(await (await fetch(url)).text()).toContain('thrum_load_');
    const { exitCode, stdout } = await run.exited;
    expect(exitCode).toBe(1);
    expect(stdout).toContain('Not passed: 1 of 1 assertions failed.');
    expect(JSON.parse(await readFile(file('a.json'), 'utf8'))).toMatchObject({ ended: 'done', assertions: [{ text: 'failed>0', outcome: 'failed' }] });
    expect(await readFile(file('a.html'), 'utf8')).toMatch(/^<!doctype html>/i);
    expect(await readFile(file('a.csv'), 'utf8')).toContain('steady');
    expect(await readFile(file('a.xml'), 'utf8')).toContain('failures="1"');
  });
});

it('a load test without a broker reports refused connects, and has not passed', async () => {
  const { exitCode, counters, report } = await small(`mqtts://localhost:${await freePort()}`);
  expect(exitCode).toBe(1);
  expect(counters).toMatchObject({ connectFailed: 4, sent: 0 });
  expect(report.total.errors).toEqual({ 'tcp.refused': 4 });
});

async function mosquittoSub(args: readonly string[]): Promise<string> {
  const child = spawn('mosquitto_sub', args, { env: { PATH: MOSQUITTO_PATH }, stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await once(child, 'close');
  return said;
}

describe.skipIf(!hasMosquitto)('options of a load test, against mosquitto (needs mosquitto)', () => {
  it('MQTT 5, QoS 2, retained, of a size, by a group for the key exchange, kinds of keys in turn, from several addresses', async () => {
    const { counters, report } = await small(urls.mqtts, '--mqtt-version', '5', '--qos', '2', '--retain', '--payload', 'fixed', '--size', '1KiB', '--rate', '40/s', '--topic', 'q2/{n}', '--subscribers', '1', '--groups', 'P-256', '--key-type', 'ec-p256', '--key-type', 'rsa-2048', '--local-address', '127.0.0.2-127.0.0.5');
    expect(counters).toMatchObject({ ...ALL_IN, connected: 5, acknowledged: 20, received: 20, bytesReceived: 20 * 1024, lost: 0, duplicates: 0, corrupted: 0 });
    const kinds = Object.entries(report.total.handshakes);
    expect(kinds.every(([kind]) => kind.includes('prime256v1'))).toBe(true);
    expect(kinds.map(([kind, times]) => [kind.includes('rsa-2048'), times])).toEqual(expect.arrayContaining([[true, 2], [false, 3]]));
  });

  it('QoS 0, random, over TLS 1.2 with a cipher, in a closed loop, certificates from a manifest', async () => {
    const authority = await loadAuthority(join(home, 'certs'));
    const lines: string[] = [];
    for (const n of [0, 1, 2, 3]) {
      const { certificatePath, keyPath } = await issueIdentity(authority, { role: 'operator', name: `m${n}` }, NOW);
      lines.push(`m-${n},${certificatePath},${keyPath}`);
    }
    const manifest = join(folder, 'manifest.csv');
    await writeFile(manifest, lines.join('\n'));
    const cipher = 'ECDHE-ECDSA-AES128-GCM-SHA256';
    const { counters, report } = await small(urls.mqtts, '--manifest', manifest, '--client-id', 'm-{n}', '--qos', '0', '--payload', 'random', '--topic', 'q0/{client}', '--tls-max', '1.2', '--ciphers', cipher, '--closed-loop', '--window', '1');
    expect(counters).toMatchObject(ALL_IN);
    expect(counters.sent).toBeGreaterThan(100);
    expect(Object.keys(report.total.handshakes)).toEqual([expect.stringMatching(`^TLSv1.2, full, .*${cipher}, ec-p256`)]);
  });

  it.each([[16, 0], [28, 20]])('bytes of %i, too short for a stamp below 28: what cannot be told apart is not called lost', async (size, judged) => {
    const { counters, report } = await small(urls.mqtts, '--payload', 'fixed', '--size', `${size}B`, '--rate', '40/s', '--topic', 'short/{n}', '--subscribers', '1', '--assert', 'lost==0');
    expect(counters).toMatchObject({ ...ALL_IN, connected: 5, acknowledged: 20, received: 20, unchecked: 20 - judged, expectedDeliveries: judged, lost: 0 });
    expect(report.assertions).toMatchObject([{ text: 'lost==0', outcome: judged === 0 ? 'unknown' : 'met' }]);
  });

  it('templates over WebSocket with TLS at rates of its own finding, one certificate for all', async () => {
    const { certificatePath, keyPath } = await issueIdentity(await loadAuthority(join(home, 'certs')), { role: 'operator', name: 'shared' }, NOW);
    const { counters } = await small(urls.wss, '--cert', certificatePath, '--key', keyPath, '--client-id', 'w-{n}', '--payload', 'template:{"client":"{client}","n":{sequence}}', '--topic', 'ws/{n}', '--subscribers', '1', '--rate', 'auto', '--connect-rate', 'auto');
    expect(counters).toMatchObject({ ...ALL_IN, connected: 5, expectedDeliveries: 0, lost: 0 });
    expect(counters.unchecked).toBe(counters.received);
    expect(counters.received).toBe(counters.acknowledged);
  });

  it.each(['mqtt', 'ws'] as const)('a ramp in steps, over %s', async (transport) => {
    const { counters, report } = await small(urls[transport], '--rate', '20/s', '--ramp-to', '60/s', '--steps', '2');
    expect(counters).toMatchObject({ ...ALL_IN, due: 20, acknowledged: 20 });
    expect(report.total.handshakes).toEqual({});
  });

  it('clients without a certificate, refused by alert', async () => {
    const { report, exitCode } = await small(urls.mqtts, '--anonymous');
    expect(report.total.errors).toEqual({ 'tls.alert.certificate_required': 4 });
    expect(exitCode).toBe(1);
  });

  it('a broker that is not of the authority is not believed, unless told so', async () => {
    const other = join(folder, 'other');
    await thrum(['certs', 'init', '--home', other]);
    const ca = join(other, 'certs', 'ca', 'cert.pem');
    const { report } = await small(urls.mqtts, '--ca', ca);
    expect(Object.entries(report.total.errors)).toEqual([[expect.stringMatching(/^tls\.verify\./), 4]]);
    const { counters, report: believed } = await small(urls.mqtts, '--ca', ca, '--insecure');
    expect(counters).toMatchObject(ALL_IN);
    expect(believed.brokers).toMatchObject([{ certificate: { verified: false } }]);
  });

  it('mosquitto_sub hears as many frames as were published, and they decode', async () => {
    const { certificatePath, keyPath } = await issueIdentity(await loadAuthority(join(home, 'certs')), { role: 'operator', name: 'listener' }, NOW);
    // A session that is kept: what is published after its subscription stands waits for it.
    const session = ['-h', 'localhost', '-p', new URL(urls.mqtts).port, '--cafile', join(home, 'certs', 'ca', 'cert.pem'), '--cert', certificatePath, '--key', keyPath, '-i', 'listener', '-c', '-q', '1', '-t', 'thrum/+/+/data'];
    await mosquittoSub([...session, '-E']);
    const { counters } = await small(urls.mqtts, '--rate', '100/s', '--subscribers', '1');
    const heard = (await mosquittoSub([...session, '-F', '%x', '-W', '2'])).split('\n').filter((line) => line !== '');
    expect(counters).toMatchObject({ acknowledged: 50, received: 50, lost: 0 });
    expect(heard).toHaveLength(50);
    const frame = join(folder, 'frame.bin');
    await writeFile(frame, Buffer.from(heard[7]!, 'hex'));
    expect(await thrum(['frame', 'inspect', frame])).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
