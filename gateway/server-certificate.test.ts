import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { certificatePem, commonNameDer, randomSerial } from '../certs/certificate-builder.ts';
import { sequence, smallInteger } from '../certs/der.ts';
import { basicConstraints, extKeyUsage, keyUsage, subjectAltName, type Extension } from '../certs/extensions.ts';
import { Bait, REVOKED_SERIAL, identityOf, pemOf, type ServerIdentity } from '../certs/handshake/client/bait.ts';
import { ocspAnswerDer, revocationListDer } from '../certs/handshake/client/revocation.ts';
import { ecKeys } from '../certs/handshake/forged-certificate.ts';
import { privateKeyPem } from '../certs/key-pair.ts';
import { readCrls } from '../certs/mod.ts';
import { connectToBroker } from './broker-connection.ts';
import type { ServerRevocation } from './server-certificate.ts';

const nowMs = new Date().getTime(); // Node's TLS goes by the real clock
const DAY_MS = 86_400_000;
const MUST_STAPLE: Extension = { oid: '1.3.6.1.5.5.7.1.24', critical: false, valueDer: sequence(smallInteger(5)) };

let directory: string;
let bait: Bait;
let credentials: { certificatePem: string; keyPem: string };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thrum-server-certificate-'));
  bait = await Bait.make({ directory, nowMs, host: 'localhost' });
  credentials = { certificatePem: await readFile(bait.files.cert, 'utf8'), keyPem: await readFile(bait.files.key, 'utf8') };
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Scene {
  readonly staple?: Buffer;
  readonly revocation?: ServerRevocation;
  readonly version?: 'TLSv1.2' | 'TLSv1.3';
}

/** What becomes of a connection to a server with this identity: `connected`, or why not; nothing of MQTT may come in that case. */
async function meet({ chain, privateKey }: ServerIdentity, { staple, revocation, version = 'TLSv1.3' }: Scene = {}): Promise<string> {
  let received = 0;
  const server = createServer({ cert: chain.map(certificatePem).join(''), key: privateKeyPem(privateKey), minVersion: version, maxVersion: version }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length;
      socket.write(Buffer.from([0x20, 2, 0, 0]));
    });
  });
  server.on('tlsClientError', () => undefined);
  if (staple) server.on('OCSPRequest', (_certificate: Buffer, _issuer: Buffer, answer: (error: null, der: Buffer) => void) => answer(null, staple));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connectToBroker({ target: { host: 'localhost', port, authorityPem: bait.rootPem, ...(revocation && { revocation }) }, credentials, now: () => nowMs, mqtt: { clientId: 'gateway' } });
  const outcome = await new Promise<string>((resolve) => {
    client.once('connect', () => resolve('connected'));
    client.once('error', (error) => resolve(error.message));
  });
  await client.endAsync(true);
  server.close();
  await once(server, 'close');
  expect(received > 0).toBe(outcome === 'connected');
  return outcome;
}

const server = (...extensions: readonly Extension[]): ServerIdentity => identityOf(bait.server({ extensions: [...extensions, subjectAltName([bait.hostName])] }));
const listed = (...serials: readonly Uint8Array[]): string => pemOf('X509 CRL', revocationListDer(bait.root, serials, nowMs));
const revocation = (pem: string, withoutList: ServerRevocation['withoutList'] = 'refuse'): ServerRevocation => ({ lists: () => readCrls(pem, 'test'), withoutList });

it('believes a server by its alternative names, never by its common name, and takes wildcards for one whole label', async () => {
  expect(await meet(identityOf(bait.server()))).toBe('connected');
  expect(await meet(identityOf(bait.server({ subjectDer: commonNameDer('localhost') }, [])))).toContain('for other names');
  expect(await meet(identityOf(bait.server({}, [{ type: 'dns', value: 'l*' }])))).toContain('for other names');
});

it('believes no authority, no certificate that may not sign, none that is not a server’s', async () => {
  expect(await meet(server())).toBe('connected');
  expect(await meet(server(basicConstraints({ ca: true }), keyUsage(['digitalSignature', 'keyCertSign'])))).toContain('of an authority');
  expect(await meet(server(keyUsage(['keyAgreement'])))).toContain('not for signing');
  expect(await meet(server(keyUsage(['digitalSignature']), extKeyUsage(['any'])))).toContain('unsuitable certificate purpose');
});

it('looks the whole chain up in the lists, anew at each connection', async () => {
  const intermediate = bait.intermediate({ keys: ecKeys('P-256'), serial: REVOKED_SERIAL });
  const below = identityOf(bait.server({ issuer: intermediate }), intermediate);
  const empty = pemOf('X509 CRL', revocationListDer(intermediate, [], nowMs));
  const honest = identityOf(bait.server());
  const revoked = identityOf(bait.server({ serial: REVOKED_SERIAL }));
  let pem = listed();
  const changing: ServerRevocation = { lists: () => readCrls(pem, 'test'), withoutList: 'refuse' };
  expect(await meet(revoked, { revocation: changing })).toBe('connected');
  pem = listed(REVOKED_SERIAL);
  expect(await meet(revoked, { revocation: changing })).toContain('its certificate is revoked');
  expect(await meet(honest, { revocation: changing })).toBe('connected');
  expect(await meet(below, { revocation: revocation(empty + listed()) })).toBe('connected');
  expect(await meet(below, { revocation: revocation(empty + listed(REVOKED_SERIAL)) })).toContain('certificate 2 of its chain is revoked');
});

it('refuses where the list is missing, over, unreadable or another’s', async () => {
  const honest = identityOf(bait.server());
  const stranger = bait.intermediate();
  const foreign = pemOf('X509 CRL', revocationListDer(stranger, [], nowMs));
  const namesake = pemOf('X509 CRL', revocationListDer({ ...stranger, subjectDer: bait.root.subjectDer, keyIdentifier: bait.root.keyIdentifier }, [], nowMs));
  const over = pemOf('X509 CRL', revocationListDer(bait.root, [], nowMs - 40 * DAY_MS));
  expect(await meet(honest, { revocation: revocation(foreign) })).toContain('no revocation list');
  expect(await meet(honest, { revocation: revocation(namesake) })).toContain('no revocation list');
  expect(await meet(honest, { revocation: revocation(foreign, 'accept') })).toBe('connected');
  expect(await meet(honest, { revocation: revocation(over) })).toContain('ended');
  expect(await meet(honest, { revocation: revocation('nothing') })).toContain('no whole revocation list');
});

it.each(['TLSv1.2', 'TLSv1.3'] as const)('goes by the OCSP answer that is stapled, in %s', async (version) => {
  const intermediate = bait.intermediate({ keys: ecKeys('P-256') });
  const serial = randomSerial();
  const identity = (...extensions: readonly Extension[]): ServerIdentity =>
    identityOf(bait.server({ issuer: intermediate, serial, extensions: [keyUsage(['digitalSignature']), subjectAltName([bait.hostName]), ...extensions] }), intermediate);
  const answer = (status: 'good' | 'revoked' | 'unknown', ofMs = nowMs): Buffer => ocspAnswerDer({ issuer: intermediate, serial, status, nowMs: ofMs });
  expect(await meet(identity(), { version, staple: answer('good') })).toBe('connected');
  expect(await meet(identity(MUST_STAPLE), { version, staple: answer('good') })).toBe('connected');
  expect(await meet(identity(), { version, staple: answer('revoked') })).toContain('by OCSP that its certificate is revoked');
  expect(await meet(identity(), { version, staple: answer('unknown') })).toContain('unknown');
  expect(await meet(identity(), { version, staple: answer('good', nowMs - 9 * DAY_MS) })).toContain('out of date');
  expect(await meet(identity(), { version, staple: Buffer.from('nothing') })).toContain('cannot be believed');
  expect(await meet(identity(MUST_STAPLE), { version })).toContain('must come with an OCSP answer');
});
