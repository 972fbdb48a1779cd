import { spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createAuthority, type Authority } from './authority.ts';
import { commonNameDer, pemOf } from './certificate-builder.ts';
import { TAG, nullValue, octetString, oid, sequence, set, tlv, utf8String } from './der.ts';
import { describeCertificate } from './describe.ts';
import { basicConstraints, extKeyUsage, keyUsage, subjectAltName, type Extension } from './extensions.ts';
import { KEY_TYPES, generateKeyPair, keyTypeOf } from './key-pair.ts';
import { findIdentity, listIdentities } from './list.ts';
import { createRequest, signRequest } from './request.ts';
import { requestDer, requestPem, type RequestParts } from './request.fixture.ts';

const nowMs = Date.UTC(2026, 4, 6);
const gateway = { role: 'gateway', projectId: 'plant-1', gatewayId: '0011223344556677' } as const;
const ownName = { type: 'uri', value: 'urn:thrum:project:plant-1:gateway:0011223344556677' } as const;
const openssl = spawnSync('openssl', ['version']).status === 0;
let root: string;
let authority: Authority;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-request-'));
  authority = await createAuthority(root, { nowMs });
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function refuses(pem: string, reason: RegExp): Promise<void> {
  const before = await readdir(join(root, 'signed')).catch(() => []);
  const error = await signRequest(authority, pem, gateway, nowMs).then(
    () => undefined,
    (fault: unknown) => fault as Error,
  );
  expect(error).toMatchObject({ code: 'CERTS_CSR_REFUSED', message: expect.stringMatching(reason) as string });
  expect(error!.message).not.toMatch(/[^\x20-\x7e]/);
  expect(await readdir(join(root, 'signed')).catch(() => [])).toEqual(before);
}

describe('a request', () => {
  it.each(KEY_TYPES.filter((type) => type !== 'rsa-4096'))('with a key of type %s is signed, and only the certificate is kept here', async (keyType) => {
    const { requestPem: pem, keyPem } = await createRequest({ ...gateway, keyType });
    const signed = await signRequest(authority, pem, { ...gateway, lifetimeDays: 30 }, nowMs);
    const certificate = new X509Certificate(signed.certificatePem);
    expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true);
    expect(signed.notes).toEqual([]);
    expect(describeCertificate(signed.certificatePem)).toMatchObject({
      serial: signed.serial,
      keyType,
      notAfter: '2026-06-05T00:00:00.000Z',
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['clientAuth'],
      basicConstraints: { ca: false },
      identity: gateway,
    });
    expect(await readFile(signed.certificatePath, 'utf8')).toBe(signed.certificatePem);
    expect(await readdir(join(root, 'signed', signed.serial))).toEqual(['cert.pem']);
  });

  it('that was signed is listed, and is no identity to be used here', async () => {
    const { requestPem: pem } = await createRequest(gateway);
    const { serial } = await signRequest(authority, pem, gateway, nowMs);
    const listed = (await listIdentities(root)).find((one) => one.serial === serial);
    expect(listed).toMatchObject({ role: 'gateway', subject: gateway.gatewayId, hasKey: false });
    expect(await findIdentity(root, gateway, nowMs)).toBeUndefined();
  });

  it('may ask for what its profile has, in part or whole, or for nothing', async () => {
    const whole: RequestParts = {
      subjectDer: commonNameDer(gateway.gatewayId),
      extensions: [basicConstraints({ ca: false }), keyUsage(['digitalSignature']), extKeyUsage(['clientAuth']), subjectAltName([ownName])],
    };
    for (const parts of [whole, {}, { extensions: [] }]) {
      const { certificatePem, notes } = await signRequest(authority, await requestPem(parts), gateway, nowMs);
      expect(describeCertificate(certificatePem)).toMatchObject({ identity: gateway });
      expect(notes).toEqual([]);
    }
    const server = { role: 'server', dnsNames: ['broker.example', 'other.example'], ipAddresses: ['10.0.0.1'] } as const;
    const pem = await requestPem({ extensions: [subjectAltName([{ type: 'dns', value: 'Broker.example' }, { type: 'ip', value: '10.0.0.1' }])] });
    expect(describeCertificate((await signRequest(authority, pem, server, nowMs)).certificatePem).sans).toHaveLength(3);
  });

  it('is told what was passed over', async () => {
    const password = sequence(oid('1.2.840.113549.1.9.7'), set(utf8String('hunter2')));
    const extension = { oid: '1.3.6.1.5.5.7.1.24', critical: false, valueDer: sequence() };
    const { notes, certificatePem } = await signRequest(authority, await requestPem({ attributes: [password], extensions: [extension] }), gateway, nowMs);
    expect(notes).toEqual(['the challenge password was ignored', 'the extension 1.3.6.1.5.5.7.1.24 was ignored']);
    expect(Buffer.from(new X509Certificate(certificatePem).raw).toString('latin1')).not.toContain('hunter2');
  });

  const unknown: Extension = { oid: '1.2.3.4', critical: true, valueDer: sequence() };
  it.each<[string, RequestParts, RegExp]>([
    ['for another gateway by its subject', { subjectDer: commonNameDer('0011223344556678') }, /has the subject "CN=0011223344556678"; leave it empty or use "CN=0011223344556677"/],
    ['with more in its subject', { subjectDer: sequence(...['a', gateway.gatewayId].map((name) => set(sequence(oid('2.5.4.3'), utf8String(name))))) }, /has the subject "CN=a, CN=00/],
    ['with an organisation', { subjectDer: sequence(set(sequence(oid('2.5.4.10'), utf8String('Ä\nB')))) }, /has the subject "O=\?\\nB"/],
    ['for another gateway by its name', { extensions: [subjectAltName([ownName, { type: 'uri', value: `${ownName.value.slice(0, -1)}8` }])] }, /asks for the name "uri:urn:thrum:project:plant-1:gateway:0011223344556678"/],
    ['for a DNS name', { extensions: [subjectAltName([{ type: 'dns', value: 'broker.example' }])] }, /asks for the name "dns:broker.example"/],
    ['to be an authority', { extensions: [basicConstraints({ ca: true })] }, /CA:TRUE/],
    ['for a path length', { extensions: [basicConstraints({ ca: false, pathLength: 3 })] }, /path length/],
    ['to sign certificates', { extensions: [keyUsage(['digitalSignature', 'keyCertSign'])] }, /key usage "keyCertSign"; its profile allows digitalSignature/],
    ['to be a server', { extensions: [extKeyUsage(['clientAuth', 'serverAuth'])] }, /extended key usage "serverAuth"; its profile allows clientAuth/],
    ['for a critical extension nobody knows', { extensions: [unknown] }, /critical extension 1\.2\.3\.4/],
    ['for one extension twice', { extensions: [subjectAltName([ownName]), subjectAltName([ownName])] }, /extension 2\.5\.29\.17 twice/],
    ['for an extension that is nonsense', { extensions: [{ oid: '2.5.29.15', critical: true, valueDer: nullValue() }] }, /damaged/],
    ['with extensions in two places', { extensions: [], attributes: [sequence(oid('1.2.840.113549.1.9.14'), set(sequence()))] }, /stands twice/],
  ])('is refused %s', async (_, parts, reason) => {
    await refuses(await requestPem(parts), reason);
  });

  it('is refused when its key is weak or of another kind', async () => {
    const pairs = [
      [generateKeyPairSync('rsa', { modulusLength: 1024 }), /only 1024 bits/],
      [generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }), /exponent 3,/],
      [generateKeyPairSync('rsa', { modulusLength: 2304 }), /type rsa-2304; use one of/],
      [generateKeyPairSync('ec', { namedCurve: 'prime192v1' }), /curve prime192v1/],
      [generateKeyPairSync('ec', { namedCurve: 'secp521r1' }), /type ec-secp521r1; use one of/],
    ] as const;
    for (const [{ privateKey, publicKey }, reason] of pairs) {
      await refuses(await requestPem({ keys: { keyType: keyTypeOf(publicKey) as 'rsa-2048', privateKey, publicKey } }), reason);
    }
  });

  it('is refused when another key signed it', async () => {
    const [one, other] = [await generateKeyPair('ec-p256'), await generateKeyPair('ec-p256')];
    await refuses(await requestPem({ keys: { ...one, privateKey: other.privateKey } }), /not signed with the key/);
    const rsa = await generateKeyPair('rsa-2048');
    await refuses(await requestPem({ keys: { ...one, privateKey: rsa.privateKey } }), /not signed with the key/);
  });
});

describe('a hostile request', () => {
  it('is refused whatever bit of it is flipped, and wherever it is cut off', async () => {
    const der = await requestDer({ subjectDer: commonNameDer(gateway.gatewayId), extensions: [subjectAltName([ownName])] });
    for (let at = 0; at < der.length; at++) {
      const flipped = Buffer.from(der);
      flipped[at]! ^= 1 << (at % 8);
      await refuses(pemOf('CERTIFICATE REQUEST', flipped), /^the request /);
      await refuses(pemOf('CERTIFICATE REQUEST', der.subarray(0, at)), /^the request /);
    }
  });

  it('is refused when anything stands beside it', async () => {
    const der = await requestDer({});
    const pem = pemOf('CERTIFICATE REQUEST', der);
    await refuses(pem + pem, /one of 2 PEM blocks/);
    await refuses(pemOf('CERTIFICATE REQUEST', Buffer.concat([der, Buffer.of(0)])), /1 bytes too many/);
    await refuses(pem + (await createRequest(gateway)).keyPem, /private key; keep the key/);
    await refuses(pem.replace('\n', '\n!'), /is none/);
    await refuses(authority.certificatePem, /is none/);
    await refuses('', /is none/);
    const algorithm = tlv(TAG.sequence, Buffer.concat([oid('1.2.840.113549.1.1.5'), nullValue()]));
    const [info, , signature] = [der.subarray(0, 4), null, octetString(Buffer.of(0))];
    await refuses(pemOf('CERTIFICATE REQUEST', sequence(info, algorithm, signature)), /damaged/);
  });

  it('is refused unread when it is huge, and in bounded depth when it is nested', async () => {
    await refuses('A'.repeat(10_000_000), /longer than 65536/);
    let nested = Buffer.alloc(0);
    for (let depth = 0; depth < 1000; depth++) nested = Buffer.from(tlv(TAG.sequence, nested));
    await refuses(pemOf('CERTIFICATE REQUEST', nested), /damaged/);
    const many = Array.from({ length: 1000 }, (_, index) => ({ oid: `1.2.3.${index}`, critical: true, valueDer: sequence() }));
    await refuses(await requestPem({ extensions: many }), /critical extension/);
  });
});

describe.skipIf(!openssl)('openssl', () => {
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8', cwd: root });
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  };

  it.each([
    ['ec', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['rsa', ['-newkey', 'rsa:2048', '-sha384']],
    ['ed25519', ['-newkey', 'ed25519']],
  ])('makes requests that are signed, with keys of type %s', async (name, options) => {
    const names = ['-addext', `subjectAltName=URI:${ownName.value}`, '-addext', 'extendedKeyUsage=clientAuth', '-addext', 'keyUsage=critical,digitalSignature'];
    run('req', '-new', ...options, '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${gateway.gatewayId}`, ...names);
    const { certificatePath, notes } = await signRequest(authority, await readFile(join(root, `${name}.csr`), 'utf8'), gateway, nowMs);
    expect(notes).toEqual([]);
    const ca = join(root, 'ca', 'cert.pem');
    expect(run('verify', '-x509_strict', '-attime', String(nowMs / 1000), '-purpose', 'sslclient', '-CAfile', ca, '-untrusted', certificatePath, certificatePath)).toMatch(/OK\n$/);
    expect(run('x509', '-in', certificatePath, '-noout', '-pubkey')).toBe(run('pkey', '-in', `${name}.key`, '-pubout'));
  });

  it('makes requests with what its own configuration adds, which are refused where that is too much', async () => {
    run('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.csr', '-subj', `/CN=${gateway.gatewayId}`, '-addext', 'basicConstraints=critical,CA:TRUE');
    await refuses(await readFile(join(root, 'ca.csr'), 'utf8'), /CA:TRUE/);
    run('req', '-new', '-key', 'ca.key', '-sha1', '-out', 'sha1.csr', '-subj', `/CN=${gateway.gatewayId}`);
    await refuses(await readFile(join(root, 'sha1.csr'), 'utf8'), /signed with 1\.2\.840\.113549\.1\.1\.5/);
  });

  it('verifies the requests we make', async () => {
    for (const keyType of ['ec-p384', 'ed25519', 'rsa-2048'] as const) {
      const { requestPem: pem } = await createRequest({ ...gateway, keyType });
      const { status, stdout } = spawnSync('openssl', ['req', '-verify', '-noout', '-text'], { input: pem, encoding: 'utf8' });
      expect(status).toBe(0);
      expect(stdout).toContain(`URI:${ownName.value}`);
    }
  });
});
