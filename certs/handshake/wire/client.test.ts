import { once } from 'node:events';
import { createServer, type Server, type TlsOptions, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { certificatePem } from '../../certificate-builder.ts';
import { privateKeyPem } from '../../key-pair.ts';
import {
  authorityExtensions,
  commonNameDer,
  ecKeys,
  endEntityExtensions,
  forgeCertificate,
  rsaKeys,
  type ForgedCertificate,
} from '../forged-certificate.ts';
import { Evidence } from '../model.ts';
import { goodHello } from './client-hello.ts';
import { openTls, type ClientSettings, type TlsClient } from './client.ts';
import { GROUP, VERSION } from './names.ts';
import { suiteIds } from './suites.ts';

const validity = { notBeforeMs: Date.UTC(2020, 0, 1), notAfterMs: Date.UTC(2099, 0, 1) };
const root = forgeCertificate({ subjectDer: commonNameDer('root'), ...validity, extensions: authorityExtensions() });
const leaf = (name: string, usage: 'serverAuth' | 'clientAuth', keys = ecKeys('P-256')): ForgedCertificate =>
  forgeCertificate({ subjectDer: commonNameDer(name), issuer: root, keys, ...validity, extensions: endEntityExtensions(usage) });
const ecServer = leaf('localhost', 'serverAuth');
const rsaServer = leaf('localhost', 'serverAuth', rsaKeys(2048));
const device = leaf('device', 'clientAuth');
const rsaDevice = leaf('device', 'clientAuth', rsaKeys(2048));
const rsaCredentials = { chain: [rsaDevice.der], key: rsaDevice.privateKey };

let server: Server | undefined;
afterEach(async () => {
  server?.close();
  if (server) await once(server, 'close');
  server = undefined;
});

/** A server that answers every chunk with `hello <subject of the peer>`. */
async function listen(identity: ForgedCertificate, options: TlsOptions = {}): Promise<number> {
  const started = createServer({
    cert: certificatePem(identity.der),
    key: privateKeyPem(identity.privateKey),
    ca: certificatePem(root.der),
    requestCert: true,
    rejectUnauthorized: true,
    ...options,
  });
  started.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => {
      const subject = socket.getPeerX509Certificate()?.subject ?? 'nobody';
      socket.write(`hello ${subject}${socket.isSessionReused() ? ' (resumed)' : ''}`);
    });
  });
  started.listen(0, '127.0.0.1');
  await once(started, 'listening');
  server = started;
  return (started.address() as { port: number }).port;
}

const both = [VERSION.tls13, VERSION.tls12];
async function talk(port: number, settings: Partial<ClientSettings> = {}): Promise<{ client: TlsClient; answer: string }> {
  const client = await openTls('127.0.0.1', port, new Evidence(() => performance.now()), {
    hello: goodHello(both),
    credentials: { chain: [device.der], key: device.privateKey },
    timeoutMs: 5_000,
    ...settings,
  });
  await client.handshake();
  await client.write(Buffer.from('hi'));
  const answer = (await client.read(5_000)).toString();
  client.transport.destroy();
  return { client, answer };
}

describe('a TLS client made for tests', () => {
  it.each([
    ['TLS 1.3', [VERSION.tls13], ecServer, 0x1301],
    ['TLS 1.3', [VERSION.tls13], rsaServer, 0x1302],
    ['TLS 1.3', [VERSION.tls13], ecServer, 0x1303],
    ['TLS 1.2', [VERSION.tls12], ecServer, 0xc02b],
    ['TLS 1.2', [VERSION.tls12], ecServer, 0xc02c],
    ['TLS 1.2', [VERSION.tls12], ecServer, 0xcca9],
    ['TLS 1.2', [VERSION.tls12], rsaServer, 0xc02f],
    ['TLS 1.2', [VERSION.tls12], rsaServer, 0xcca8],
    ['TLS 1.2', [VERSION.tls12], rsaServer, 0x9e],
    ['TLS 1.2', [VERSION.tls12], rsaServer, 0x9d],
  ])('shows a certificate and talks over %s (%#)', async (_name, versions, identity, suite) => {
    const port = await listen(identity, { ciphers: 'ALL:@SECLEVEL=0', dhparam: 'auto' });
    const { client, answer } = await talk(port, { hello: { ...goodHello(versions), suites: [suite] } });
    expect(answer).toBe('hello CN=device');
    expect(client.suite?.id).toBe(suite);
    expect(client.leaf.subject).toBe('CN=localhost');
  });

  it.each([
    ['X25519', GROUP.x25519],
    ['P-256', GROUP.p256],
    ['P-384', GROUP.p384],
  ])('agrees on keys in group %s, in both versions', async (ecdhCurve, group) => {
    const port = await listen(rsaServer, { ecdhCurve });
    for (const version of both) {
      const { client } = await talk(port, {
        hello: { ...goodHello([version]), groups: [group, GROUP.p256] },
        credentials: rsaCredentials,
        shareGroups: [group],
      });
      expect(client.group).toBe(group);
    }
  });

  it('tries again with another group when the server asks for it', async () => {
    const port = await listen(ecServer, { ecdhCurve: 'P-384' });
    const { client } = await talk(port);
    expect(client.retried).toBe('once');
    expect(client.group).toBe(GROUP.p384);
  });

  it.each(both)('resumes a session of version %i by ticket', async (version) => {
    const port = await listen(ecServer);
    const hello = version === VERSION.tls12 ? { ...goodHello([version]), ticket: Buffer.alloc(0) } : goodHello([version]);
    const first = await talk(port, { hello });
    const session = first.client.sessions.at(-1)!;
    const again = goodHello([version]);
    const resuming = session.version === VERSION.tls12 ? { ...again, sessionId: Buffer.alloc(32, 7), ticket: session.ticket! } : again;
    const { client, answer } = await talk(port, { hello: resuming, resume: session });
    expect(client.isResumed).toBe(true);
    expect(answer).toContain('(resumed)');
  });

  it('is refused by name: the alert that the server sends', async () => {
    const port = await listen(ecServer);
    for (const version of both) {
      await expect(talk(port, { hello: goodHello([version]), credentials: { chain: [], key: device.privateKey } })).rejects.toMatchObject({
        code: 'PEER_ALERT',
        alert: version === VERSION.tls13 ? 116 : 40,
      });
    }
  });

  it.each(both)('can lie in its CertificateVerify and in its Finished, in version %i', async (version) => {
    const port = await listen(ecServer);
    const hello = goodHello([version]);
    const flip = (bytes: Buffer): Buffer => Buffer.from(bytes.map((octet, index) => (index === bytes.length - 1 ? octet ^ 1 : octet)));
    const lies = [
      { proof: (honest: { scheme: number; signature: Buffer }) => ({ ...honest, signature: flip(honest.signature) }) },
      { finished: flip },
      { proof: () => 'omitted' as const },
    ];
    const alerts: (number | undefined)[] = [];
    for (const deviations of lies) {
      alerts.push(
        await talk(port, { hello, deviations }).then(
          () => -1,
          (error: unknown) => (error as { alert?: number }).alert,
        ),
      );
    }
    expect(alerts).toEqual(version === VERSION.tls13 ? [51, 51, 10] : [51, 51, 10]);
  });

  it('sends its ClientHello in small fragments', async () => {
    const port = await listen(ecServer);
    expect((await talk(port, { helloFragmentBytes: 50 })).answer).toBe('hello CN=device');
  });

  it('reads what a suite list says by its names', () => {
    expect(suiteIds(({ name }) => name.includes('NULL')).length).toBeGreaterThan(4);
  });
});
