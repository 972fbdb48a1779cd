import { X509Certificate, createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createAuthority, loadAuthority, type Authority } from './authority.ts';
import { certificatePem, commonNameDer, randomSerial, signCertificate } from './certificate-builder.ts';
import { peerIdentity, type PeerIdentity } from './identity.ts';
import { issueIdentity, type IssuedIdentity } from './issue.ts';
import { rotateIssuing } from './issuing.ts';
import { KEY_TYPES, generateKeyPair, privateKeyPem, spkiDer } from './key-pair.ts';
import { certificateBlocks } from './pem.ts';
import { identityProfile } from './profiles.ts';

// Node's TLS goes by the real clock, so these certificates are issued around the real now.
const nowMs = new Date().getTime();
const gateway = { role: 'gateway', projectId: 'plant-1', gatewayId: '0011223344556677' } as const;

let root: string;
let authority: Authority;
let stranger: Authority;
let server: Server;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-tls-'));
  authority = await createAuthority(root, { nowMs });
  stranger = await createAuthority(join(root, 'stranger'), { nowMs });
  const { certificatePem, keyPem } = await issueIdentity(authority, { role: 'server' }, nowMs);
  server = await listen(certificatePem, keyPem);
});
afterAll(async () => {
  server.close();
  await rm(root, { recursive: true, force: true });
});

async function listen(cert: string, key: string): Promise<Server> {
  const ca = authority.certificatePem;
  const options = { cert, key, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;
  const listening = createServer(options).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return listening;
}

/** What the server makes of a client: an identity, or the code of the error it refuses it with. */
async function greet(
  client: Pick<IssuedIdentity, 'certificatePem' | 'keyPem'> | undefined,
  options: { to?: Server; version?: 'TLSv1.2' | 'TLSv1.3' } = {},
): Promise<PeerIdentity | string | undefined> {
  const to = options.to ?? server;
  const verdict = new Promise<PeerIdentity | string | undefined>((resolve) => {
    const accepted = (socket: TLSSocket): void => {
      to.off('tlsClientError', refused);
      resolve(peerIdentity(socket.getPeerX509Certificate()!));
      socket.destroy();
    };
    const refused = (error: NodeJS.ErrnoException, socket: TLSSocket): void => {
      to.off('secureConnection', accepted);
      // Node's types call it an Error; for a certificate that does not verify it is OpenSSL's code.
      resolve((socket.authorizationError as unknown as string | null) ?? error.code);
    };
    to.once('secureConnection', accepted);
    to.once('tlsClientError', refused);
  });
  const socket = connect({
    port: (to.address() as AddressInfo).port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.certificatePem,
    ...(client && { cert: client.certificatePem, key: client.keyPem }),
    ...(options.version && { minVersion: options.version, maxVersion: options.version }),
  });
  socket.on('error', () => socket.destroy());
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const result = await verdict;
  socket.destroy();
  await closed;
  return result;
}

describe('over TLS, a server that asks for certificates', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('accepts a gateway and knows it, with %s', async (version) => {
    expect(await greet(await issueIdentity(authority, gateway, nowMs), { version })).toEqual(gateway);
  });

  it('accepts an operator and knows it', async () => {
    const operator = await issueIdentity(authority, { role: 'operator', name: 'ada' }, nowMs);
    expect(await greet(operator)).toEqual({ role: 'operator', name: 'ada' });
  });

  it('accepts who was signed before the intermediate was replaced, and who was signed after', async () => {
    const home = join(root, 'rotated');
    await cp(join(root, 'ca'), join(home, 'ca'), { recursive: true });
    const before = await issueIdentity(await loadAuthority(home), gateway, nowMs);
    await rotateIssuing(home, { nowMs });
    const after = await issueIdentity(await loadAuthority(home), gateway, nowMs);
    expect(after.certificatePem.slice(-500)).not.toBe(before.certificatePem.slice(-500));
    for (const client of [before, after]) expect(await greet(client)).toEqual(gateway);
  });

  it('refuses who does not send the intermediate, which it does not know', async () => {
    const client = await issueIdentity(authority, gateway, nowMs);
    const [leaf] = certificateBlocks(client.certificatePem, 1);
    expect(await greet({ certificatePem: leaf!, keyPem: client.keyPem })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('refuses who has none', async () => {
    expect(await greet(undefined)).toBe('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
  });

  it('refuses the certificate of a server', async () => {
    expect(await greet(await issueIdentity(authority, { role: 'server' }, nowMs))).toBe('INVALID_PURPOSE');
  });

  it('refuses a certificate that is over, and one that has not begun', async () => {
    const dayMs = 86_400_000;
    const over = { ...gateway, notBeforeMs: nowMs - 3 * dayMs, lifetimeDays: 1 };
    expect(await greet(await issueIdentity(authority, over, nowMs))).toBe('CERT_HAS_EXPIRED');
    const early = { ...gateway, notBeforeMs: nowMs + dayMs };
    expect(await greet(await issueIdentity(authority, early, nowMs))).toBe('CERT_NOT_YET_VALID');
  });

  it('refuses the certificate of another authority with the same name', async () => {
    expect(await greet(await issueIdentity(stranger, gateway, nowMs))).toBe('UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
  });

  it('refuses a certificate that a gateway signed as if it were an authority', async () => {
    const parent = await issueIdentity(authority, gateway, nowMs);
    const child = await generateKeyPair('ec-p256');
    const request = { role: 'operator', name: 'root' } as const;
    const der = signCertificate(
      {
        serial: randomSerial(),
        issuerDer: commonNameDer(gateway.gatewayId),
        subjectDer: commonNameDer(request.name),
        notBeforeMs: nowMs - 1000,
        notAfterMs: nowMs + 3_600_000,
        spkiDer: spkiDer(child.publicKey),
        extensions: identityProfile(request).extensions,
      },
      createPrivateKey(parent.keyPem),
    );
    const chain = {
      certificatePem: certificatePem(der) + parent.certificatePem,
      keyPem: privateKeyPem(child.privateKey),
    };
    // Node has no name for OpenSSL's "key usage does not include certificate signing".
    expect(await greet(chain)).toMatch(/^(UNSPECIFIED|INVALID_CA)$/);
  });

  it.each(KEY_TYPES.filter((type) => type !== 'rsa-4096'))('works with keys of type %s on both sides', async (keyType) => {
    const own = await issueIdentity(authority, { role: 'server', keyType }, nowMs);
    const to = await listen(own.certificatePem, own.keyPem);
    expect(await greet(await issueIdentity(authority, { ...gateway, keyType }, nowMs), { to })).toEqual(gateway);
    to.close();
  });
});

describe('over TLS, a client', () => {
  it('finds the server under each of its names and under no other', async () => {
    const { certificatePem: pem } = await issueIdentity(authority, { role: 'server' }, nowMs);
    const certificate = new X509Certificate(pem);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(certificate.checkHost('other.example')).toBeUndefined();
  });

  it('refuses a server that shows the certificate of a gateway', async () => {
    const { certificatePem: cert, keyPem } = await issueIdentity(authority, gateway, nowMs);
    const to = await listen(cert, keyPem);
    to.on('tlsClientError', () => undefined);
    const port = (to.address() as AddressInfo).port;
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificatePem });
    const error = await new Promise((resolve) => socket.once('error', resolve));
    expect(error).toMatchObject({ code: 'INVALID_PURPOSE' });
    to.close();
  });
});
