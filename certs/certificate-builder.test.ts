import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import forge from 'node-forge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createAuthority, type Authority } from './authority.ts';
import { randomSerial, timeDer } from './certificate-builder.ts';
import { unsignedInteger } from './der.ts';
import { keyUsage } from './extensions.ts';
import { bytesToIp, ipToBytes } from './ip-address.ts';
import { issueIdentity } from './issue.ts';
import { KEY_TYPES } from './key-pair.ts';
import { authorityPaths } from './layout.ts';
import type { IdentityRequest } from './profiles.ts';

const nowMs = Date.UTC(2026, 4, 6);
const requests: IdentityRequest[] = [
  { role: 'server', dnsNames: ['localhost', '*.plant.example'], ipAddresses: ['127.0.0.1', '2001:db8::1'] },
  { role: 'gateway', projectId: 'plant-1', gatewayId: '0011223344556677' },
  { role: 'operator', name: 'ada' },
];
const openssl = spawnSync('openssl', ['version']).status === 0;
let root: string;
let rsaAuthority: Authority;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-build-'));
  rsaAuthority = await createAuthority(join(root, 'rsa'), { nowMs, keyType: 'rsa-2048' });
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe.skipIf(!openssl)('openssl verify -x509_strict', () => {
  it.each(KEY_TYPES)('accepts every profile with keys of type %s', { timeout: 120_000 }, async (keyType) => {
    const directory = join(root, keyType);
    const authority = await createAuthority(directory, { nowMs, keyType });
    const ca = authorityPaths(directory).certificatePath;
    const at = String(nowMs / 1000);
    for (const request of requests) {
      const { certificatePath, role } = await issueIdentity(authority, { ...request, keyType }, nowMs);
      const purpose = role === 'server' ? 'sslserver' : 'sslclient';
      const common = ['verify', '-x509_strict', '-check_ss_sig', '-attime', at, '-CAfile', ca, '-untrusted', certificatePath, '-purpose'];
      expect(spawnSync('openssl', [...common, purpose, certificatePath], { encoding: 'utf8' })).toMatchObject({
        status: 0,
        stdout: `${certificatePath}: OK\n`,
      });
      const wrong = role === 'server' ? 'sslclient' : 'sslserver';
      expect(spawnSync('openssl', [...common, wrong, certificatePath]).status).not.toBe(0);
    }
  });

  it('knows the names we wrote', async () => {
    const { certificatePath } = await issueIdentity(rsaAuthority, requests[0]!, nowMs);
    const args = ['x509', '-in', certificatePath, '-noout', '-ext', 'subjectAltName,keyUsage,basicConstraints'];
    const { stdout } = spawnSync('openssl', args, { encoding: 'utf8' });
    expect(stdout).toContain('DNS:localhost, DNS:*.plant.example, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1');
    expect(stdout).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(stdout).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
  });
});

describe('a certificate we built', () => {
  it('is read by node-forge, which verifies its RSA chain', async () => {
    const identity = await issueIdentity(rsaAuthority, { ...requests[1]!, keyType: 'rsa-2048' }, nowMs);
    const ca = forge.pki.certificateFromPem(rsaAuthority.certificatePem, false, true);
    const leaf = forge.pki.certificateFromPem(identity.certificatePem, false, true);
    expect(leaf.serialNumber).toBe(identity.serial);
    expect(leaf.validity.notBefore.getTime()).toBe(nowMs - 300_000);
    const issuing = forge.pki.certificateFromPem(rsaAuthority.issuingPem, false, true);
    expect(ca.verify(issuing) && issuing.verify(leaf)).toBe(true);
    expect(leaf.getExtension('extKeyUsage')).toMatchObject({ clientAuth: true, critical: false });
    expect(leaf.getExtension('keyUsage')).toMatchObject({ digitalSignature: true, keyEncipherment: false, critical: true });
    const validityCheckDate = new Date(nowMs);
    const store = forge.pki.createCaStore([ca]);
    expect(forge.pki.verifyCertificateChain(store, [leaf, issuing], { validityCheckDate })).toBe(true);
  });

  it('is read by node:crypto, which verifies its signature and issuer', async () => {
    const identity = await issueIdentity(rsaAuthority, requests[1]!, nowMs);
    const leaf = new X509Certificate(identity.certificatePem);
    const ca = new X509Certificate(rsaAuthority.issuingPem);
    expect(leaf.serialNumber.toLowerCase()).toBe(identity.serial);
    expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.subjectAltName).toBe('URI:urn:thrum:project:plant-1:gateway:0011223344556677');
    expect([leaf.ca, ca.ca]).toEqual([false, true]);
    leaf.raw[leaf.raw.length - 1]! ^= 1;
    expect(new X509Certificate(leaf.raw).verify(ca.publicKey)).toBe(false);
  });
});

describe('the fields of a certificate', () => {
  it('write time as UTCTime through 2049 and as GeneralizedTime from 2050', () => {
    expect(timeDer(Date.UTC(2049, 11, 31, 23, 59, 59, 999)).toString('latin1')).toBe('\x17\x0d491231235959Z');
    expect(timeDer(Date.UTC(2050, 0, 1)).toString('latin1')).toBe('\x18\x0f20500101000000Z');
    expect(timeDer(Date.UTC(1950, 0, 1)).toString('latin1')).toBe('\x17\x0d500101000000Z');
    expect(() => timeDer(Date.UTC(1949, 11, 31))).toThrow(/1950/);
    expect(() => timeDer(Number.NaN)).toThrow(/1950/);
  });

  it('have serial numbers that are positive, never repeated, and at most 20 octets', () => {
    const serials = Array.from({ length: 1000 }, () => randomSerial());
    for (const serial of serials) expect(serial.length <= 20 && serial[0]! >= 0x40 && serial[0]! < 0x80).toBe(true);
    expect(new Set(serials.map((serial) => serial.toString('hex'))).size).toBe(1000);
  });

  it('write integers in the shortest form that is not negative', () => {
    expect(unsignedInteger(Uint8Array.of(0, 0, 1)).toString('hex')).toBe('020101');
    expect(unsignedInteger(Uint8Array.of(0x80)).toString('hex')).toBe('02020080');
    expect(unsignedInteger(Uint8Array.of()).toString('hex')).toBe('020100');
  });

  it('write key usage without trailing zero bits', () => {
    expect(Buffer.from(keyUsage(['digitalSignature']).valueDer).toString('hex')).toBe('03020780');
    expect(Buffer.from(keyUsage(['keyCertSign', 'cRLSign']).valueDer).toString('hex')).toBe('03020106');
    expect(Buffer.from(keyUsage(['decipherOnly']).valueDer).toString('hex')).toBe('0303070080');
  });

  it.each([
    ['10.0.0.255', '0a0000ff', '10.0.0.255'],
    ['::', '00000000000000000000000000000000', '::'],
    ['1::', '00010000000000000000000000000000', '1::'],
    ['::ffff:1.2.3.4', '00000000000000000000ffff01020304', '::ffff:102:304'],
    ['2001:0DB8:1:2:3:4:5:6', '20010db8000100020003000400050006', '2001:db8:1:2:3:4:5:6'],
  ])('write the address %s as octets and back', (text, hex, canonical) => {
    expect(ipToBytes(text)?.toString('hex')).toBe(hex);
    expect(bytesToIp(Buffer.from(hex, 'hex'))).toBe(canonical);
  });
});
