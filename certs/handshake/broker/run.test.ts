import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { certificatePem } from '../../certificate-builder.ts';
import { privateKeyPem } from '../../key-pair.ts';
import { authorityExtensions, commonNameDer, endEntityExtensions, forgeCertificate } from '../forged-certificate.ts';
import type { HandshakeReport, Outcome } from '../model.ts';
import { BROKER_CASES } from './catalogue.ts';
import { testBroker } from './run.ts';
import type { BrokerTarget, TestAuthority } from './target.ts';

const nowMs = new Date().getTime();
const validity = { notBeforeMs: nowMs - 3_600_000, notAfterMs: nowMs + 3_600_000 };
const root = forgeCertificate({ subjectDer: commonNameDer('root'), ...validity, extensions: authorityExtensions() });
const stranger = forgeCertificate({ subjectDer: commonNameDer('a stranger'), ...validity, extensions: authorityExtensions() });
const leaf = forgeCertificate({ subjectDer: commonNameDer('localhost'), issuer: root, ...validity, extensions: endEntityExtensions('serverAuth') });
const authorityOf = (signer: typeof root): TestAuthority => ({ ...signer, chain: [] });

let server: Server | undefined;
afterEach(async () => {
  server?.close();
  if (server) await once(server, 'close');
  server = undefined;
});

/** TLS that asks for certificates of the root, and says nothing behind. */
async function listen(): Promise<number> {
  const options = { cert: certificatePem(leaf.der), key: privateKeyPem(leaf.privateKey), ca: certificatePem(root.der) };
  server = createServer({ ...options, requestCert: true, rejectUnauthorized: true });
  server.on('secureConnection', (socket: TLSSocket) => socket.on('error', () => undefined).resume());
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function ask(target: Partial<BrokerTarget> & { port: number }, patterns: readonly string[], signal?: AbortSignal): Promise<HandshakeReport> {
  const cases = BROKER_CASES.filter(({ info }) => patterns.some((one) => (one.endsWith('.') ? info.id.startsWith(one) : info.id === one)));
  return testBroker({
    target: { host: '127.0.0.1', serverName: 'localhost', ...target },
    cases,
    monotonic: () => performance.now(),
    nowMs,
    timeoutMs: 2_000,
    patienceMs: 1_000,
    ...(signal ? { signal } : {}),
  });
}

const outcomes = ({ results }: HandshakeReport): Record<string, Outcome> => Object.fromEntries(results.map(({ info, outcome }) => [info.id, outcome]));

it('does not run what it has no authority, no identity or no MQTT for, and says what to give', async () => {
  const report = await ask({ port: await listen() }, ['client-certificate.expired', 'client-certificate.good', 'client-certificate.none', 'mqtt.takeover-by-itself']);
  expect(outcomes(report)).toEqual({
    'client-certificate.none': 'pass',
    'client-certificate.good': 'not-run',
    'client-certificate.expired': 'not-run',
    'mqtt.takeover-by-itself': 'not-run',
  });
  expect(report.results.find(({ info }) => info.id === 'client-certificate.expired')?.reason).toContain('--client-ca-key');
});

it('believes no refusal of others when the good identity itself is refused', async () => {
  const report = await ask({ port: await listen(), authority: authorityOf(stranger) }, ['client-certificate.expired', 'client-certificate.good']);
  expect(outcomes(report)).toEqual({ 'client-certificate.good': 'fail', 'client-certificate.expired': 'not-run' });
});

it('keeps evidence: what was sent, the alert by its name, the time', async () => {
  const report = await ask({ port: await listen(), authority: authorityOf(root) }, ['protocol.tls-1.0', 'client-certificate.good']);
  expect(outcomes(report)).toEqual({ 'protocol.tls-1.0': 'pass', 'client-certificate.good': 'pass' });
  const [old, good] = report.results;
  expect(old!.evidence.map(({ text }) => text)).toEqual([expect.stringMatching(/^ClientHello \(TLS 1.0; \d+ suites; SNI "localhost"\)$/), 'alert fatal protocol_version (70)']);
  expect(good!.evidence.map(({ text }) => text)).toContain('CertificateVerify (ecdsa_secp256r1_sha256)');
  expect(old!.evidence.every(({ atMs }, index, all) => index === 0 || atMs >= all[index - 1]!.atMs)).toBe(true);
  expect(report.facts['versions']).toBe('TLS 1.3, TLS 1.2');
});

it('says that nobody is there', async () => {
  const closed = createTcpServer();
  closed.listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  await expect(ask({ port }, ['protocol.'])).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
});

it('fails what does not speak TLS, without hanging', async () => {
  const plain = createTcpServer((socket) => socket.on('error', () => undefined).end('220 hello\r\n'));
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const report = await ask({ port: (plain.address() as AddressInfo).port }, ['protocol.tls-1.2', 'protocol.tls-1.3', 'protocol.tls-1.0']);
  plain.close();
  expect(outcomes(report)).toEqual({ 'protocol.tls-1.0': 'fail', 'protocol.tls-1.2': 'fail', 'protocol.tls-1.3': 'fail' });
  expect(report.results[1]!.reason).toContain('no TLS record');
});

it('stops when it is interrupted', async () => {
  const interrupt = new AbortController();
  interrupt.abort(new Error('enough'));
  await expect(ask({ port: await listen() }, ['protocol.'], interrupt.signal)).rejects.toThrow('enough');
});
