import { X509Certificate, createPrivateKey } from 'node:crypto';
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createAuthority, loadAuthority, type Authority } from './authority.ts';
import { describeCertificate } from './describe.ts';
import { issueIdentity } from './issue.ts';
import { KEY_TYPES } from './key-pair.ts';
import { DAY_MS, type IdentityRequest } from './profiles.ts';

const posix = process.platform !== 'win32';
const nowMs = Date.UTC(2026, 4, 6, 7, 8, 9);
const gateway = { role: 'gateway', projectId: 'plant-1', gatewayId: '0011223344556677' } as const;

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe('an authority', () => {
  let root: string;
  beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'thrum-ca-'))));
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('is created with private files and can be loaded again to issue', async () => {
    const directory = join(root, 'home', 'certs');
    const created = await createAuthority(directory, { nowMs });
    const loaded = await loadAuthority(directory);
    expect(loaded.certificatePem).toBe(created.certificatePem);
    if (posix) {
      expect(await modeOf(join(directory, 'ca'))).toBe(0o700);
      expect(await modeOf(join(directory, 'ca', 'key.pem'))).toBe(0o600);
      expect(await modeOf(join(directory, 'ca', 'cert.pem'))).toBe(0o600);
    }
    const identity = await issueIdentity(loaded, gateway, nowMs);
    const issuer = new X509Certificate(created.issuingPem);
    expect(new X509Certificate(identity.certificatePem).verify(issuer.publicKey)).toBe(true);
  });

  it('lasts ten years, signs certificates and lists, and has one rank of authorities below it', async () => {
    const { certificatePem } = await createAuthority(root, { nowMs, commonName: 'Prüfstand CA' });
    expect(describeCertificate(certificatePem)).toMatchObject({
      subject: [{ type: 'CN', value: 'Prüfstand CA' }],
      issuer: [{ type: 'CN', value: 'Prüfstand CA' }],
      notBefore: '2026-05-06T07:03:09.000Z',
      notAfter: '2036-05-03T07:08:09.000Z',
      keyUsage: ['keyCertSign', 'cRLSign'],
      extendedKeyUsage: null,
      basicConstraints: { ca: true, pathLength: 1 },
      identity: null,
    });
  });

  it('is never overwritten, also when two are created at once', async () => {
    const results = await Promise.allSettled([createAuthority(root, { nowMs }), createAuthority(root, { nowMs })]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const before = await readFile(join(root, 'ca', 'key.pem'));
    await expect(createAuthority(root, { nowMs })).rejects.toMatchObject({ code: 'CERTS_EXISTS' });
    expect(await readFile(join(root, 'ca', 'key.pem'))).toEqual(before);
    expect(await readdir(root)).toEqual(['ca']);
  });

  it('that is not there is reported as such', async () => {
    await expect(loadAuthority(join(root, 'none'))).rejects.toMatchObject({ code: 'CERTS_NO_AUTHORITY' });
  });

  it.runIf(posix)('is refused when others may read its key', async () => {
    await createAuthority(root, { nowMs });
    await chmod(join(root, 'ca', 'key.pem'), 0o640);
    await expect(loadAuthority(root)).rejects.toMatchObject({ code: 'CERTS_KEY_EXPOSED' });
  });

  it('is refused when a file of it is not what it should be, naming the file', async () => {
    await createAuthority(root, { nowMs });
    const other = await createAuthority(join(root, 'other'), { nowMs });
    const keyPath = join(root, 'ca', 'key.pem');
    await writeFile(keyPath, await readFile(join(root, 'other', 'ca', 'key.pem')));
    await expect(loadAuthority(root)).rejects.toMatchObject({ code: 'CERTS_KEY_MISMATCH' });
    await writeFile(keyPath, 'no key');
    await expect(loadAuthority(root)).rejects.toThrow(keyPath);
    const leaf = await issueIdentity(other, gateway, nowMs);
    await writeFile(join(root, 'ca', 'cert.pem'), leaf.certificatePem);
    await expect(loadAuthority(root)).rejects.toThrow(/cert.pem is not the certificate of an authority/);
  });

  it('does not show its private key, and cannot be made up', async () => {
    const authority = await createAuthority(root, { nowMs });
    expect(JSON.stringify(authority) + inspect(authority, { showHidden: true, depth: 9 })).not.toContain('PRIVATE');
    await expect(issueIdentity({ ...authority }, gateway, nowMs)).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST' });
  });

  it.each(['', ' x', 'a\0b', 'a\nb', 'x'.repeat(65), '\ud800', 'a\u202eb'])('cannot be named %j', async (commonName) => {
    await expect(createAuthority(root, { nowMs, commonName })).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST' });
    expect(await readdir(root)).toEqual([]);
  });
});

describe('an issued identity', () => {
  let root: string;
  let authority: Authority;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'thrum-issue-'));
    authority = await createAuthority(root, { nowMs });
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it('lies in files of its own, private, under a name that says nothing', async () => {
    const identity = await issueIdentity(authority, gateway, nowMs);
    expect(identity.serial).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(identity.directory).toBe(join(root, 'gateways', identity.serial));
    expect(await readFile(identity.certificatePath, 'utf8')).toBe(identity.certificatePem);
    expect(await readFile(identity.keyPath, 'utf8')).toBe(identity.keyPem);
    if (!posix) return;
    expect(await modeOf(identity.directory)).toBe(0o700);
    expect(await modeOf(identity.keyPath)).toBe(0o600);
    expect(await modeOf(identity.certificatePath)).toBe(0o600);
  });

  it('of a gateway names it twice, may be a client only, and lasts a year', async () => {
    const { certificatePem, serial } = await issueIdentity(authority, gateway, nowMs);
    expect(describeCertificate(certificatePem)).toMatchObject({
      subject: [{ type: 'CN', value: '0011223344556677' }],
      serial,
      notBefore: '2026-05-06T07:03:09.000Z',
      notAfter: '2027-05-06T07:08:09.000Z',
      keyType: 'ec-p256',
      signatureAlgorithm: 'ecdsa-sha256',
      sans: [{ type: 'uri', value: 'urn:thrum:project:plant-1:gateway:0011223344556677' }],
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['clientAuth'],
      basicConstraints: { ca: false },
    });
  });

  it('of a server is for this machine unless it says otherwise, may be a server only, and lasts 397 days', async () => {
    const local = describeCertificate((await issueIdentity(authority, { role: 'server' }, nowMs)).certificatePem);
    expect(local.sans.map(({ value }) => value)).toEqual(['localhost', '127.0.0.1', '::1']);
    expect(local.extendedKeyUsage).toEqual(['serverAuth']);
    expect(Date.parse(local.notAfter) - nowMs).toBe(397 * DAY_MS);
    const request = { role: 'server', dnsNames: ['*.Plant.example'], ipAddresses: ['2001:DB8:0:0::1'] } as const;
    const named = describeCertificate((await issueIdentity(authority, request, nowMs)).certificatePem);
    expect(named.sans.map(({ value }) => value)).toEqual(['*.plant.example', '2001:db8::1']);
  });

  it('of an operator carries the name', async () => {
    const { certificatePem } = await issueIdentity(authority, { role: 'operator', name: 'ada@plant-1' }, nowMs);
    expect(describeCertificate(certificatePem).sans).toEqual([{ type: 'uri', value: 'urn:thrum:operator:ada@plant-1' }]);
  });

  it('never outlives its authority, and none is issued after it', async () => {
    const lateMs = nowMs + 1825 * DAY_MS;
    const late = describeCertificate((await issueIdentity(authority, gateway, lateMs)).certificatePem);
    expect(late.notAfter).toBe('2031-05-06T07:08:09.000Z');
    await expect(issueIdentity(authority, gateway, lateMs + 2 * DAY_MS)).rejects.toMatchObject({
      code: 'CERTS_AUTHORITY_EXPIRED',
    });
  });

  it('collides with no other when many are issued at once', async () => {
    const directory = await mkdtemp(join(root, 'many-'));
    const crowd = await createAuthority(directory, { nowMs });
    const all = await Promise.all(Array.from({ length: 40 }, () => issueIdentity(crowd, gateway, nowMs)));
    expect(new Set(all.map(({ serial }) => serial)).size).toBe(40);
    expect(await readdir(join(directory, 'gateways'))).toHaveLength(40);
  });

  it.each(KEY_TYPES)('may have a key of type %s, which is the one in its file', async (keyType) => {
    const identity = await issueIdentity(authority, { ...gateway, keyType }, nowMs);
    const certificate = new X509Certificate(identity.certificatePem);
    expect(describeCertificate(identity.certificatePem).keyType).toBe(keyType);
    expect(certificate.checkPrivateKey(createPrivateKey(await readFile(identity.keyPath)))).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a project in capitals', { ...gateway, projectId: 'Plant' }],
    ['a project that walks up the tree', { ...gateway, projectId: '../x' }],
    ['a project of 61 characters', { ...gateway, projectId: 'x'.repeat(61) }],
    ['a gateway id in capitals', { ...gateway, gatewayId: '00112233445566AA' }],
    ['a gateway id with a newline after it', { ...gateway, gatewayId: `${gateway.gatewayId}\n` }],
    ['a gateway id that is a number', { ...gateway, gatewayId: 1122334455667788 }],
    ['an operator with NUL in the name', { role: 'operator', name: 'ada\0' }],
    ['an operator with a colon in the name', { role: 'operator', name: 'a:b' }],
    ['an operator without a name', { role: 'operator', name: '' }],
    ['a server without names', { role: 'server', dnsNames: [] }],
    ['a DNS name with NUL', { role: 'server', dnsNames: ['good.example\0.bad.example'] }],
    ['a DNS name that hides another name', { role: 'server', dnsNames: ['a, URI:urn:thrum:operator:root'] }],
    ['a DNS name that is an address', { role: 'server', dnsNames: ['127.0.0.1'] }],
    ['a wildcard for a whole domain', { role: 'server', dnsNames: ['*.example'] }],
    ['an address with a zone', { role: 'server', ipAddresses: ['fe80::1%eth0'] }],
    ['101 names', { role: 'server', dnsNames: Array<string>(101).fill('a.example') }],
    ['a lifetime of nothing', { ...gateway, lifetimeDays: 0 }],
    ['a lifetime that is over before it can be used', { ...gateway, lifetimeDays: 59 / 86_400 }],
    ['a lifetime without end', { ...gateway, lifetimeDays: Infinity }],
    ['a start that is no time', { ...gateway, notBeforeMs: Number.NaN }],
    ['a start before certificates can tell', { ...gateway, notBeforeMs: Date.UTC(1949, 0) }],
    ['an unknown role', { role: 'root' }],
    ['an unknown key type', { ...gateway, keyType: 'rsa-512' }],
  ])('is refused for %s', async (_, request) => {
    await expect(issueIdentity(authority, request as IdentityRequest, nowMs)).rejects.toMatchObject({
      code: 'CERTS_BAD_REQUEST',
    });
  });
});
