import { X509Certificate, type KeyObject } from 'node:crypto';

import { beforeAll, describe, expect, it } from 'vitest';

import { certificatePem, commonNameDer, randomSerial, signCertificate } from './certificate-builder.ts';
import { describeCertificate } from './describe.ts';
import { basicConstraints, extKeyUsage, subjectAltName, type Extension, type SubjectAltName } from './extensions.ts';
import { peerIdentity } from './identity.ts';
import { generateKeyPair, spkiDer } from './key-pair.ts';

const nowMs = Date.UTC(2026, 4, 6);
const id = '0011223344556677';
const urn = `urn:thrum:project:plant-1:gateway:${id}`;
let privateKey: KeyObject;
let spki: Buffer;

beforeAll(async () => {
  const pair = await generateKeyPair('ec-p256');
  privateKey = pair.privateKey;
  spki = spkiDer(pair.publicKey);
});

function certificate(commonName: string, extensions: readonly Extension[], subjectDer = commonNameDer(commonName)) {
  const der = signCertificate(
    {
      serial: randomSerial(),
      issuerDer: commonNameDer('anyone'),
      subjectDer,
      notBeforeMs: nowMs,
      notAfterMs: nowMs + 1000,
      spkiDer: spki,
      extensions,
    },
    privateKey,
  );
  return new X509Certificate(der);
}

function client(commonName: string, names: readonly SubjectAltName[]): X509Certificate {
  return certificate(commonName, [basicConstraints({ ca: false }), extKeyUsage(['clientAuth']), subjectAltName(names)]);
}

describe('the identity in a certificate', () => {
  it('is a gateway when the URI and the common name agree', () => {
    const expected = { role: 'gateway', projectId: 'plant-1', gatewayId: id };
    expect(peerIdentity(client(id, [{ type: 'uri', value: urn }]))).toEqual(expected);
    expect(peerIdentity(client(id, [{ type: 'dns', value: 'x.example' }, { type: 'uri', value: urn }]))).toEqual(expected);
  });

  it('is none when they disagree', () => {
    expect(peerIdentity(client('0011223344556678', [{ type: 'uri', value: urn }]))).toBeUndefined();
    expect(peerIdentity(client('eve', [{ type: 'uri', value: 'urn:thrum:operator:ada' }]))).toBeUndefined();
  });

  it.each<[string, SubjectAltName[]]>([
    ['a DNS name that reads like a second name', [{ type: 'dns', value: `x, URI:${urn}` }]],
    ['an e-mail name that is the URN', [{ type: 'email', value: urn }]],
    ['a DNS name that is the URN', [{ type: 'dns', value: urn }]],
    ['a URI with a quote and the URN', [{ type: 'uri', value: `http://x", URI:${urn}` }]],
    ['the URN with NUL after it', [{ type: 'uri', value: `${urn}\0` }]],
    ['the URN with a newline after it', [{ type: 'uri', value: `${urn}\n` }]],
    ['the URN in capitals', [{ type: 'uri', value: urn.toUpperCase() }]],
    ['the URN of another kind', [{ type: 'uri', value: `urn:thrum:gateway:${id}` }]],
    ['two URNs', [{ type: 'uri', value: urn }, { type: 'uri', value: 'urn:thrum:operator:ada' }]],
    ['the same URN twice', [{ type: 'uri', value: urn }, { type: 'uri', value: urn }]],
    ['no names', []],
  ])('is none for %s', (_, names) => {
    expect(peerIdentity(client(id, names))).toBeUndefined();
  });

  it('is none when the certificate may also be a server, is an authority, or does not say', () => {
    const names = subjectAltName([{ type: 'uri', value: urn }]);
    const leaf = basicConstraints({ ca: false });
    expect(peerIdentity(certificate(id, [leaf, extKeyUsage(['clientAuth', 'serverAuth']), names]))).toBeUndefined();
    expect(peerIdentity(certificate(id, [leaf, extKeyUsage(['serverAuth']), names]))).toBeUndefined();
    expect(peerIdentity(certificate(id, [leaf, names]))).toBeUndefined();
    const ca = basicConstraints({ ca: true });
    expect(peerIdentity(certificate(id, [ca, extKeyUsage(['clientAuth']), names]))).toBeUndefined();
    expect(peerIdentity(certificate(id, []))).toBeUndefined();
  });

  it('is none when there are two common names, or an extension stands twice', () => {
    const leaf = [basicConstraints({ ca: false }), extKeyUsage(['clientAuth'])];
    const names = subjectAltName([{ type: 'uri', value: urn }]);
    const one = commonNameDer(id).subarray(2);
    const double = Buffer.concat([Uint8Array.of(0x30, one.length * 2), one, one]);
    expect(peerIdentity(certificate(id, [...leaf, names], double))).toBeUndefined();
    expect(peerIdentity(certificate(id, [...leaf, names, names]))).toBeUndefined();
  });

  it('is a server when it may be one and its common name is among its names', () => {
    const leaf = [basicConstraints({ ca: false }), extKeyUsage(['serverAuth'])];
    const names = subjectAltName([{ type: 'dns', value: 'a.example' }, { type: 'ip', value: '::1' }]);
    expect(peerIdentity(certificate('a.example', [...leaf, names]))).toEqual({ role: 'server', name: 'a.example' });
    expect(peerIdentity(certificate('::1', [...leaf, names]))).toEqual({ role: 'server', name: '::1' });
    expect(peerIdentity(certificate('b.example', [...leaf, names]))).toBeUndefined();
  });
});

describe('a description', () => {
  it('tells names apart that look alike in text', () => {
    const forged = client(id, [{ type: 'dns', value: `x, URI:${urn}` }]);
    expect(describeCertificate(certificatePem(forged.raw)).sans).toEqual([{ type: 'dns', value: `x, URI:${urn}` }]);
  });

  it('is of the first certificate of a chain, and survives JSON', () => {
    const chain = certificatePem(client(id, []).raw) + certificatePem(client('other', []).raw);
    const description = describeCertificate(chain);
    expect(description.subject).toEqual([{ type: 'CN', value: id }]);
    expect(JSON.parse(JSON.stringify(description))).toEqual(description);
  });

  it.each([
    ['nothing', ''],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['damaged text', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'],
    ['too much text', `-----BEGIN CERTIFICATE-----\n${'A'.repeat(2 ** 20)}`],
  ])('is refused for %s', (_, pem) => {
    expect(() => describeCertificate(pem)).toThrow(expect.objectContaining({ code: 'CERTS_BAD_PEM' }));
  });
});
