/** The client tester against other people's clients and our own gateway: the careful pass, the careless are caught. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { CaseResult, Outcome } from '../certs/handshake/model.ts';
import { MAIN, start, thrum, withFolder } from './cli.ts';

const inCi = process.env['CI'] === 'true';
const mosquitto = spawnSync('sh', ['-c', 'command -v mosquitto_pub mosquitto_sub']).status === 0;
const python = ['/usr/bin/python3', 'python3'].find((one) => spawnSync(one, ['-c', 'import paho.mqtt.client']).status === 0);
const PAHO = `${python ?? 'python3'} ${new URL('devices/paho-device.py', import.meta.url).pathname} {host} {port} {ca}`;
const PUBLISHER = 'mosquitto_pub -h {host} -p {port} --cafile {ca} -q 1 -t x -m y';
const SUBSCRIBER = 'mosquitto_sub -h {host} -p {port} --cafile {ca} -q 1 -c -i listener -t x';
const GATEWAY = `'${process.execPath}' '${MAIN}' gateway --url {url} --ca {ca} --cert {cert} --key {key} --home {dir}/home --project test --sites 1 --gateways 1 --sensors 1 --machines 1 --capture-samples 256 --quiet`;

interface Tested {
  readonly exitCode: number | null;
  readonly stderr: string;
  readonly outcomes: Readonly<Record<string, Outcome>>;
  readonly results: readonly CaseResult[];
}

async function test(exec: string, cases: readonly string[], more: readonly string[] = []): Promise<Tested> {
  const chosen = cases.flatMap((one) => ['--case', one]);
  const { exitCode, stdout, stderr } = await thrum(['handshake', 'client', '--exec', exec, '--json', '--quiet', ...chosen, ...more]);
  const { results } = JSON.parse(stdout) as { results: CaseResult[] };
  return { exitCode, stderr, results, outcomes: Object.fromEntries(results.map(({ info, outcome }) => [info.id.replace(/^(tls|mqtt)-server\./, ''), outcome])) };
}

const CONNECT = 'tls-server.connect';
const IDENTITY = ['name.other', 'name.cn-and-other-san', 'cert.expired', 'cert.unknown-ca', 'cert.self-signed', 'cert.not-a-ca'];
const WIRE = ['tls-1.2.signature', 'tls-1.2.finished', 'tls-1.3.signature', 'tls-1.3.no-certificate', 'weak-cipher.null', 'ssl-3'];
const tls = (names: readonly string[]): string[] => [CONNECT, ...names.map((name) => `tls-server.${name}`)];
const all = (names: readonly string[], outcome: Outcome): Record<string, Outcome> => ({ connect: 'pass', ...Object.fromEntries(names.map((name) => [name, outcome])) });

it.skipIf(!mosquitto && !inCi)('finds nothing against mosquitto_pub, which refuses what it should (needs mosquitto)', { timeout: 60_000 }, async () => {
  const { exitCode, outcomes } = await test(PUBLISHER, tls([...IDENTITY, ...WIRE]));
  expect(outcomes).toEqual(all([...IDENTITY, ...WIRE], 'pass'));
  expect(exitCode).toBe(0);
});

it.skipIf(!mosquitto && !inCi)('catches mosquitto_pub --insecure by the names it believes (needs mosquitto)', { timeout: 60_000 }, async () => {
  const { exitCode, outcomes } = await test(`${PUBLISHER} --insecure`, tls(IDENTITY));
  expect(outcomes).toEqual({ ...all(IDENTITY, 'pass'), 'name.other': 'fail', 'name.cn-and-other-san': 'fail' });
  expect(exitCode).toBe(1);
});

it.skipIf(!python && !inCi)('finds nothing against paho for Python, and notices that it looks at a revocation list (needs paho)', { timeout: 60_000 }, async () => {
  const { exitCode, outcomes } = await test(`${PAHO} revocation {crl}`, tls([...IDENTITY, 'cert.revoked-crl']));
  expect(outcomes).toEqual(all([...IDENTITY, 'cert.revoked-crl'], 'pass'));
  expect(exitCode).toBe(0);
});

it.skipIf(!python && !inCi)('catches paho for Python when it takes any name, or any certificate (needs paho)', { timeout: 60_000 }, async () => {
  const anyName = await test(`${PAHO} any-name`, tls(IDENTITY));
  expect(anyName.outcomes).toEqual({ ...all(IDENTITY, 'pass'), 'name.other': 'fail', 'name.cn-and-other-san': 'fail' });
  const anything = await test(`${PAHO} any-certificate`, tls(IDENTITY));
  expect(anything.outcomes).toEqual(all(IDENTITY, 'fail'));
  expect([anyName.exitCode, anything.exitCode]).toEqual([1, 1]);
});

it.skipIf(!mosquitto && !inCi).concurrent('judges what mosquitto_sub does when sessions break (needs mosquitto)', { timeout: 60_000 }, async () => {
  // Not whether its waits differ: on a busy machine they do, whatever it means to do. certs/handshake/client/reconnects.test.ts judges waits.
  const names = ['connect', 'subscribe', 'puback', 'max-fragments', 'session.expired', 'disconnect.pause', 'refused.password', 'lie.reserved-type'];
  const { exitCode, outcomes } = await test(SUBSCRIBER, names.map((name) => `mqtt-server.${name}`), ['--parallel', '8', '--timeout', '20s']);
  expect(outcomes).toEqual(Object.fromEntries(names.map((name) => [name, 'pass'])));
  expect(exitCode).toBe(0);
});

it.concurrent('has nothing against our own gateway', { timeout: 90_000 }, async () => {
  const names = ['tls-server.name.other', 'tls-server.cert.rsa-1024', 'tls-server.weak-cipher.static-rsa', 'tls-server.reset.connect', 'mqtt-server.no-puback.reconnect', 'mqtt-server.puback.wrong-id', 'mqtt-server.disconnect.pause', 'mqtt-server.refused.unauthorized', 'mqtt-server.lie.topic-wildcard', 'mqtt-server.lie.before-connack'];
  const { exitCode, results } = await test(GATEWAY, [CONNECT, ...names], ['--parallel', '3']);
  expect(results.filter(({ outcome }) => outcome !== 'pass').map(({ info, outcome, reason }) => `${info.id} ${outcome}: ${reason}`)).toEqual([]);
  expect(exitCode).toBe(0);
});

it('says that nothing can be told of a client that does not even come to an honest server', async () => {
  const { exitCode, results } = await test(`'${process.execPath}' -e 'process.exit(7)'`, tls(['name.other']));
  expect(results.map(({ outcome }) => outcome)).toEqual(['not-run', 'not-run']);
  expect(results[0]!.reason).toContain('exit code 7');
  expect(results[1]!.reason).toContain('does not connect to an honest server either');
  expect(exitCode).toBe(1);
});

it.skipIf(!mosquitto && !inCi)('waits for a device that connects by itself, which trusts what it is given (needs mosquitto)', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const tester = start(['handshake', 'client', '--port', '0', '--out', folder, '--case', CONNECT, '--case', 'tls-server.cert.expired', '--json']);
    const port = /localhost:(\d+)/.exec(await tester.firstLine)![1]!;
    expect((await readdir(folder)).sort()).toEqual(['ca.pem', 'crl.pem', 'device.key', 'device.pem']);
    const device = ['-h', 'localhost', '-p', port, '--cafile', join(folder, 'ca.pem'), '--cert', join(folder, 'device.pem'), '--key', join(folder, 'device.key'), '-q', '1', '-t', 'x', '-m', 'y'];
    while (tester.child.exitCode === null) await once(spawn('mosquitto_pub', device, { stdio: 'ignore' }), 'exit');
    const { stdout, exitCode } = await tester.exited;
    expect((JSON.parse(stdout) as { results: CaseResult[] }).results.map(({ outcome }) => outcome)).toEqual(['pass', 'pass']);
    expect(exitCode).toBe(0);
  });
});

it('refuses a command with an open quote, half an authority, one that is none, before anything is started', async () => {
  await withFolder(async (folder) => {
    await writeFile(join(folder, 'no.pem'), 'nothing');
    for (const [args, words] of [
      [['--exec', "client '{host}"], 'open \''],
      [['--exec', 'client', '--ca', 'ca.pem'], '--ca-key'],
      [['--exec', 'client', '--ca', join(folder, 'no.pem'), '--ca-key', join(folder, 'no.pem')], 'no PEM certificate'],
    ] as const) {
      const { exitCode, stdout, stderr } = await thrum(['handshake', 'client', ...args]);
      expect({ args, exitCode, stdout }).toEqual({ args, exitCode: 2, stdout: '' });
      expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(words)]);
    }
  });
});

if (inCi) {
  it('finds the clients that must be installed', () => {
    expect({ mosquitto, paho: python !== undefined }).toEqual({ mosquitto: true, paho: true });
  });
}

it('lists every case', async () => {
  const { stdout } = await thrum(['handshake', 'client', '--list', '--json']);
  const listed = (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
  const document = await readFile(new URL('../docs/handshake-client-cases.md', import.meta.url), 'utf8');
  expect(listed.filter((id) => !document.includes(`\`${id}\``))).toEqual([]);
});
