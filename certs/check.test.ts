import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createAuthority, type Authority } from './authority.ts';
import { assembleCertificate, commonNameDer, signCertificate, tbsCertificateDer, timeDer } from './certificate-builder.ts';
import { FINDINGS, type FindingId } from './check-catalogue.ts';
import { checkCertificate, checkCertificates } from './check.ts';
import { TAG, bitString, contextPrimitive, nullValue, octetString, oid, sequence, set, tlv, utf8String } from './der.ts';
import { authorityKeyIdentifier, basicConstraints, extKeyUsage, keyUsage, subjectAltName, subjectKeyIdentifier, type Extension } from './extensions.ts';
import { issueIdentity } from './issue.ts';
import { KEY_TYPES, signWith, signatureSchemeOf, spkiDer, type KeyType } from './key-pair.ts';
import { certificatesIn } from './pem.ts';
import { DAY_MS } from './profiles.ts';

const nowMs = Date.UTC(2026, 4, 6);
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 });
const p192 = generateKeyPairSync('ec', { namedCurve: 'prime192v1' });
const rsaExponent3 = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
const urn = 'urn:thrum:project:plant-1:gateway:0011223344556677';
let root: string;
let authority: Authority;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-check-'));
  authority = await createAuthority(root, { nowMs });
});
afterAll(() => rm(root, { recursive: true, force: true }));

type Fields = Parameters<typeof signCertificate>[0];

const spki = spkiDer(keys.publicKey);
const identifiers = [subjectKeyIdentifier(spki), authorityKeyIdentifier(Buffer.alloc(20, 7))];
const pointer: Extension = { oid: '2.5.29.31', critical: false, valueDer: sequence() };
const usages = [keyUsage(['digitalSignature']), extKeyUsage(['serverAuth'])];
const names = subjectAltName([{ type: 'dns', value: 'broker.example' }]);
const leaf = [basicConstraints({ ca: false }), ...usages, names, ...identifiers, pointer];
const authorityExtensions = [basicConstraints({ ca: true }), keyUsage(['keyCertSign', 'cRLSign']), ...identifiers, pointer];

/** A server's certificate without fault, but for what is said. */
function made(fields: Partial<Fields>, signer: KeyObject = keys.privateKey): Buffer {
  const good: Fields = {
    serial: Buffer.from('5a0f3c96a1d2e4b87c6f8091a2b3c4d5', 'hex'),
    issuerDer: commonNameDer('issuer'),
    subjectDer: commonNameDer('broker.example'),
    notBeforeMs: nowMs - 1000,
    notAfterMs: nowMs + 90 * DAY_MS,
    spkiDer: spki,
    extensions: leaf,
  };
  return signCertificate({ ...good, ...fields }, signer);
}

/** The extensions of a good leaf with those of the same kind replaced. */
function withExtensions(...replaced: Extension[]): Partial<Fields> {
  const oids = new Set(replaced.map((extension) => extension.oid));
  return { extensions: [...leaf.filter((extension) => !oids.has(extension.oid)), ...replaced] };
}

function without(...oids: string[]): Partial<Fields> {
  return { extensions: leaf.filter((extension) => !oids.includes(extension.oid)) };
}

/** With octets of the signed part exchanged, whatever that does to the signature: nobody verifies it here. */
function rewritten(from: Buffer, to: Buffer, fields: Partial<Fields> = {}): Buffer {
  const der = made(fields);
  const at = der.indexOf(from);
  expect(at).toBeGreaterThan(0);
  expect(from.length).toBe(to.length);
  return Buffer.concat([der.subarray(0, at), to, der.subarray(at + from.length)]);
}

function withAlgorithms(inner: Buffer, outer: Buffer): Buffer {
  const scheme = signatureSchemeOf(keys.privateKey);
  const tbs = tbsCertificateDer({
    serial: Buffer.from('5a0f3c96a1d2e4b87c6f8091a2b3c4d5', 'hex'),
    signatureAlgorithmDer: inner,
    issuerDer: commonNameDer('issuer'),
    subjectDer: commonNameDer('broker.example'),
    notBeforeMs: nowMs,
    notAfterMs: nowMs + DAY_MS,
    spkiDer: spki,
    extensions: leaf,
  });
  return assembleCertificate(tbs, outer, signWith(keys.privateKey, scheme, tbs));
}

const algorithm = (id: string): Buffer => sequence(oid(id), nullValue());
const sha1 = algorithm('1.2.840.113549.1.1.5');
const rawNames = (...members: Buffer[]): Extension => ({ oid: '2.5.29.17', critical: false, valueDer: sequence(...members) });
const dns = (...values: string[]): Partial<Fields> => withExtensions(subjectAltName(['broker.example', ...values].map((value) => ({ type: 'dns', value }))));
const name = (type: string, value: string): Buffer => set(sequence(oid(type), utf8String(value)));
const client = (extension: Extension, commonName = '0011223344556677'): Partial<Fields> => ({ ...withExtensions(extKeyUsage(['clientAuth']), extension), subjectDer: commonNameDer(commonName) });
const own = subjectAltName([{ type: 'uri', value: urn }]);
const authorityWith = (...replaced: Extension[]): Partial<Fields> => {
  const oids = new Set(replaced.map((extension) => extension.oid));
  return { extensions: [...authorityExtensions.filter((extension) => !oids.has(extension.oid)), ...replaced] };
};
const utc = timeDer(nowMs - 1000);

/** For each finding a certificate that has it. */
const WRONG: readonly [FindingId, () => Buffer][] = [
  ['malformed', () => made({}).subarray(0, 100)],
  ['version-not-3', () => made({ version: 1 })],
  ['serial-not-positive', () => made({ serial: Uint8Array.of(0) })],
  ['serial-not-positive', () => rewritten(Buffer.from('5a0f3c96', 'hex'), Buffer.from('9a0f3c96', 'hex'))],
  ['serial-too-long', () => made({ serial: Buffer.from('5a0f3c96a1d2e4b87c6f8091a2b3c4d55a0f3c96a1', 'hex') })],
  ['serial-encoding', () => rewritten(Buffer.from('5a0f3c96', 'hex'), Buffer.from('000f3c96', 'hex'))],
  ['serial-low-entropy', () => made({ serial: Uint8Array.of(1, 2, 3) })],
  ['serial-low-entropy', () => made({ serial: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 7) })],
  ['signature-algorithm-differs', () => withAlgorithms(algorithm('1.2.840.113549.1.1.11'), algorithm('1.2.840.113549.1.1.12'))],
  ['signature-algorithm-weak', () => withAlgorithms(sha1, sha1)],
  ['signature-algorithm-weak', () => withAlgorithms(algorithm('1.2.840.113549.1.1.4'), algorithm('1.2.840.113549.1.1.4'))],
  ['signature-algorithm-weak-on-root', () => made({ ...authorityWith(), subjectDer: commonNameDer('issuer'), signatureAlgorithmDer: sha1 })],
  ['signature-algorithm-unknown', () => withAlgorithms(algorithm('1.2.3.4'), algorithm('1.2.3.4'))],
  ['unique-identifier', () => made({ spkiDer: Buffer.concat([spki, contextPrimitive(1, Uint8Array.of(0, 1))]) })],
  ['issuer-empty', () => made({ issuerDer: sequence() })],
  ['validity-encoding', () => rewritten(utc, Buffer.from(utc.toString('latin1').replace('Z', '1'), 'latin1'))],
  ['validity-encoding', () => rewritten(timeDer(Date.UTC(2050, 0, 1)), tlv(TAG.generalizedTime, Buffer.from('20270101000000Z')), { notAfterMs: Date.UTC(2050, 0, 1) })],
  ['validity-order', () => made({ notAfterMs: nowMs - 2 * DAY_MS })],
  ['not-yet-valid', () => made({ notBeforeMs: nowMs + DAY_MS })],
  ['expired', () => made({ notBeforeMs: nowMs - 2 * DAY_MS, notAfterMs: nowMs - DAY_MS })],
  ['lifetime-long', () => made({ notAfterMs: nowMs + 400 * DAY_MS })],
  ['key-unreadable', () => made({ spkiDer: sequence(sequence(oid('1.2.3')), bitString(Uint8Array.of(1))) })],
  ['key-weak', () => made({ spkiDer: spkiDer(rsa1024.publicKey) })],
  ['key-weak', () => made({ spkiDer: spkiDer(p192.publicKey) })],
  ['key-weak', () => made({ spkiDer: spkiDer(rsaExponent3.publicKey) })],
  ['extension-duplicate', () => made({ extensions: [...leaf, names] })],
  ['extension-unknown-critical', () => made({ extensions: [...leaf, { oid: '1.2.3.4', critical: true, valueDer: nullValue() }] })],
  ['extension-malformed', () => made(withExtensions({ ...keyUsage(['digitalSignature']), valueDer: nullValue() }))],
  ['basic-constraints-not-critical', () => made(authorityWith({ ...basicConstraints({ ca: true }), critical: false }))],
  ['path-length-without-ca', () => made(withExtensions(basicConstraints({ ca: false, pathLength: 1 })))],
  ['key-usage-missing', () => made(without('2.5.29.15'))],
  ['key-usage-missing-on-ca', () => made({ extensions: authorityExtensions.filter((one) => one.oid !== '2.5.29.15') })],
  ['key-usage-not-critical', () => made(withExtensions({ ...keyUsage(['digitalSignature']), critical: false }))],
  ['key-usage-empty', () => made(withExtensions({ ...keyUsage(['digitalSignature']), valueDer: bitString(Uint8Array.of(0), 7) }))],
  ['key-usage-cert-sign-without-ca', () => made(withExtensions(keyUsage(['digitalSignature', 'keyCertSign'])))],
  ['key-usage-ca-without-cert-sign', () => made(authorityWith(keyUsage(['cRLSign'])))],
  ['key-usage-without-signature', () => made(withExtensions(keyUsage(['keyAgreement'])))],
  ['key-usage-unfit-key', () => made(withExtensions(keyUsage(['digitalSignature', 'keyEncipherment'])))],
  ['extended-key-usage-missing', () => made(without('2.5.29.37'))],
  ['extended-key-usage-empty', () => made(withExtensions(extKeyUsage([])))],
  ['extended-key-usage-any', () => made(withExtensions(extKeyUsage(['any'])))],
  ['extended-key-usage-both', () => made(withExtensions(extKeyUsage(['serverAuth', 'clientAuth'])))],
  ['subject-key-id-missing', () => made(without('2.5.29.14'))],
  ['subject-key-id-missing-on-ca', () => made({ extensions: authorityExtensions.filter((one) => one.oid !== '2.5.29.14') })],
  ['authority-key-id-missing', () => made(without('2.5.29.35'))],
  ['key-id-critical', () => made(withExtensions({ ...subjectKeyIdentifier(spki), critical: true }))],
  ['no-revocation-pointer', () => made(without('2.5.29.31'))],
  ['self-signed-leaf', () => made({ issuerDer: commonNameDer('broker.example') })],
  ['subject-empty-on-ca', () => made({ ...authorityWith(), subjectDer: sequence() })],
  ['subject-empty-without-names', () => made({ ...without('2.5.29.17'), subjectDer: sequence() })],
  ['common-name-too-long', () => made({ subjectDer: commonNameDer('x'.repeat(65)) })],
  ['common-name-repeated', () => made({ subjectDer: sequence(name('2.5.4.3', 'broker.example'), name('2.5.4.3', 'broker.example')) })],
  ['common-name-not-in-names', () => made({ subjectDer: commonNameDer('other.example') })],
  ['name-control-character', () => made({ subjectDer: commonNameDer('broker.example\0.evil.example') })],
  ['names-missing', () => made(without('2.5.29.17'))],
  ['names-empty', () => made(withExtensions(rawNames()))],
  ['names-not-critical', () => made({ subjectDer: sequence() })],
  ['names-critical', () => made(withExtensions({ ...names, critical: true }))],
  ['dns-name-syntax', () => made(dns('a b'))],
  ['dns-name-syntax', () => made(dns('a..example'))],
  ['dns-name-syntax', () => made(dns(`${'a'.repeat(64)}.example`))],
  ['dns-name-is-address', () => made(dns('10.0.0.1'))],
  ['dns-name-wildcard', () => made(dns('a*.broker.example'))],
  ['dns-name-wildcard', () => made(dns('*.example'))],
  ['ip-address-length', () => made(withExtensions(rawNames(contextPrimitive(2, Buffer.from('broker.example')), contextPrimitive(7, Buffer.alloc(5)))))],
  ['uri-not-absolute', () => made(withExtensions(subjectAltName([{ type: 'dns', value: 'broker.example' }, { type: 'uri', value: '/path' }])))],
  ['email-syntax', () => made(withExtensions(subjectAltName([{ type: 'dns', value: 'broker.example' }, { type: 'email', value: 'nobody' }])))],
  ['thrum-identity', () => made(client(own, 'somebody'))],
  ['thrum-usage', () => made({ ...withExtensions(own), subjectDer: commonNameDer('0011223344556677') })],
  ['thrum-names', () => made(client(subjectAltName([{ type: 'uri', value: urn }, { type: 'dns', value: 'a.example' }])))],
  ['thrum-lifetime', () => made({ ...client(own), notAfterMs: nowMs + 3651 * DAY_MS })],
  ['thrum-key', () => made({ ...client(own), spkiDer: spkiDer(generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).publicKey) })],
];

describe('a check', () => {
  it.each(WRONG)('finds %s', (id, build) => {
    const findings = checkCertificate(build(), nowMs);
    expect(findings.map((found) => found.id)).toContain(id);
    const { severity, source } = FINDINGS[id];
    expect(findings.find((found) => found.id === id)).toMatchObject({ severity, source, sentence: expect.stringMatching(/^[\x20-\x7e]+$/) as string });
  });

  it('finds nothing in a certificate without fault', () => {
    expect(checkCertificate(made({}), nowMs)).toEqual([]);
    expect(checkCertificate(made({ ...authorityWith() }), nowMs)).toEqual([]);
    expect(checkCertificate(made({ ...client(own) }), nowMs)).toEqual([]);
  });

  it('finds serial numbers that repeat or count among several of one issuer', () => {
    const other = { subjectDer: commonNameDer('broker.example') };
    const [, second, third] = checkCertificates(
      [made({}), made({ subjectDer: sequence(name('2.5.4.10', 'x'), name('2.5.4.3', 'broker.example')) }), made({ ...other, serial: Buffer.from('5a0f3c96a1d2e4b87c6f8091a2b3c4d6', 'hex') })],
      nowMs,
    );
    expect([...second!, ...third!].map(({ id }) => id).sort()).toEqual(['serial-repeated', 'serial-sequential']);
    expect(checkCertificates([made({}), made({}), made({ issuerDer: commonNameDer('another') })], nowMs)).toEqual([[], [], []]);
  });

  it('has a test for each thing that it can find', () => {
    const tested = new Set<string>([...WRONG.map(([id]) => id), 'serial-repeated', 'serial-sequential']);
    expect(Object.keys(FINDINGS).filter((id) => !tested.has(id))).toEqual([]);
  });

  it('is described in full in the documentation', async () => {
    const text = await readFile(new URL('../docs/certificates.md', import.meta.url), 'utf8');
    for (const [id, { severity, source }] of Object.entries(FINDINGS)) {
      const row = text.split('\n').find((line) => line.startsWith(`| \`${id}\` | ${severity} | `));
      expect(row?.endsWith(` | ${source} |`), id).toBe(true);
    }
  });
});

describe('what we issue', () => {
  it.each(KEY_TYPES.filter((type) => type !== 'rsa-4096'))('is without error or warning, with keys of type %s', async (keyType: KeyType) => {
    const requests = [{ role: 'server' }, { role: 'gateway', projectId: 'plant-1', gatewayId: '0011223344556677' }, { role: 'operator', name: 'ada' }] as const;
    const ders = certificatesIn(Buffer.from(authority.certificatePem), 'root');
    for (const request of requests) {
      const { certificatePem } = await issueIdentity(authority, { ...request, keyType }, nowMs);
      ders.push(...certificatesIn(Buffer.from(certificatePem), 'identity'));
    }
    const found = checkCertificates(ders, nowMs).flat().map(({ id }) => id);
    expect(new Set(found)).toEqual(new Set(['no-revocation-pointer']));
  });
});

describe('hostile bytes', () => {
  it('give findings, whichever bit is flipped and wherever they are cut off', () => {
    const der = made({});
    for (let at = 0; at < der.length; at++) {
      const flipped = Buffer.from(der);
      flipped[at]! ^= 1 << (at % 8);
      checkCertificate(flipped, nowMs);
      expect(checkCertificate(der.subarray(0, at), nowMs)[0]?.id).toBe('malformed');
    }
  });

  it('are taken apart in bounded time, also with thousands of names', () => {
    const many = Array.from({ length: 4000 }, (_, index) => ({ type: 'dns', value: `-${index}.example` }) as const);
    expect(checkCertificate(made(withExtensions(subjectAltName(many))), nowMs).length).toBeLessThan(1100);
    const more = Array.from({ length: 5000 }, () => contextPrimitive(2, Buffer.from('a')));
    expect(checkCertificate(made(withExtensions(rawNames(...more))), nowMs).map(({ id }) => id)).toContain('extension-malformed');
    expect(checkCertificate(octetString(Buffer.alloc(1_000_000)), nowMs)[0]?.id).toBe('malformed');
  });
});
