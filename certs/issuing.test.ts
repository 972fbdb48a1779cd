import { X509Certificate } from 'node:crypto';
import { cp, mkdtemp, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createAuthority, loadAuthority } from './authority.ts';
import { makeEarlierAuthority } from './authority.fixture.ts';
import { describeCertificate } from './describe.ts';
import { issueIdentity } from './issue.ts';
import { readSigners, rotateIssuing } from './issuing.ts';
import { KEY_TYPES } from './key-pair.ts';
import { findIdentity } from './list.ts';
import { certificateBlocks } from './pem.ts';
import { DAY_MS } from './profiles.ts';

const nowMs = Date.UTC(2026, 4, 6, 7, 8, 9);
const gateway = { role: 'gateway', projectId: 'plant-1', gatewayId: '0011223344556677' } as const;
let root: string;
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'thrum-issuing-'))));
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the intermediate of an authority', () => {
  it('signs the identities, and their files hold the chain without the root', async () => {
    const authority = await createAuthority(root, { nowMs });
    const { certificatePem } = await issueIdentity(authority, gateway, nowMs);
    const [leaf, intermediate, ...more] = certificateBlocks(certificatePem, 9).map((block) => new X509Certificate(block));
    const anchor = new X509Certificate(authority.certificatePem);
    expect(leaf!.checkIssued(intermediate!) && leaf!.verify(intermediate!.publicKey)).toBe(true);
    expect(intermediate!.checkIssued(anchor) && intermediate!.verify(anchor.publicKey)).toBe(true);
    expect(more).toEqual([]);
  });

  it('lasts five years, has a name of its own, and may have no authority below it', async () => {
    const { issuingPem } = await createAuthority(root, { nowMs });
    expect(describeCertificate(issuingPem)).toMatchObject({
      subject: [{ type: 'CN', value: expect.stringMatching(/^thrum issuing authority [0-9a-f]{16}$/) as string }],
      issuer: [{ type: 'CN', value: 'thrum certificate authority' }],
      notBefore: '2026-05-06T07:03:09.000Z',
      notAfter: '2031-05-06T07:08:09.000Z',
      keyUsage: ['keyCertSign', 'cRLSign'],
      basicConstraints: { ca: true, pathLength: 0 },
    });
  });

  it.runIf(process.platform !== 'win32')('lies in private files', async () => {
    await createAuthority(root, { nowMs });
    for (const [path, mode] of [['', 0o700], ['cert.pem', 0o600], ['key.pem', 0o600]] as const) {
      expect((await stat(join(root, 'ca', 'issuing', path))).mode & 0o777, path).toBe(mode);
    }
  });

  it.each(KEY_TYPES.filter((type) => type !== 'rsa-4096'))('may have a key of type %s, as the root', async (keyType) => {
    const authority = await createAuthority(root, { nowMs, keyType });
    expect([authority.certificatePem, authority.issuingPem].map((pem) => describeCertificate(pem).keyType)).toEqual([keyType, keyType]);
    await issueIdentity(authority, gateway, nowMs);
    expect(await findIdentity(root, gateway, nowMs)).toBeDefined();
  });

  it('goes on issuing while the key of the root is elsewhere', async () => {
    await createAuthority(root, { nowMs });
    await rename(join(root, 'ca', 'key.pem'), join(root, 'offline.pem'));
    const identity = await issueIdentity(await loadAuthority(root), gateway, nowMs);
    expect(await findIdentity(root, gateway, nowMs)).toEqual(identity);
    expect(await readSigners(root)).toHaveLength(1);
    await expect(rotateIssuing(root, { nowMs })).rejects.toMatchObject({ code: 'CERTS_NO_ROOT_KEY' });
  });

  it('is refused when another root has signed it', async () => {
    await createAuthority(root, { nowMs });
    await createAuthority(join(root, 'other'), { nowMs });
    await cp(join(root, 'other', 'ca', 'issuing'), join(root, 'ca', 'issuing'), { recursive: true });
    await expect(loadAuthority(root)).rejects.toThrow(/issuing.cert\.pem was not signed by the root/);
  });
});

describe('a rotation', () => {
  it('puts a new intermediate in its place and keeps the old, whose identities stay good', async () => {
    const authority = await createAuthority(root, { nowMs });
    const before = await issueIdentity(authority, gateway, nowMs);
    const { serial, certificatePem } = await rotateIssuing(root, { nowMs: nowMs + 1000, keyType: 'ec-p384' });
    const after = await loadAuthority(root);
    expect(after.issuingPem).toBe(certificatePem);
    expect(after.certificatePem).toBe(authority.certificatePem);
    expect(await findIdentity(root, gateway, nowMs)).toEqual(before);
    const newer = await issueIdentity(after, gateway, nowMs + 2000);
    expect(await findIdentity(root, gateway, nowMs + 3000)).toEqual(newer);
    const signers = await readSigners(root);
    expect(signers.map((signer) => signer.certificatePem)).toEqual([authority.certificatePem, certificatePem, authority.issuingPem]);
    expect(signers[1]!.serial).toBe(serial);
  });

  it('may happen more than once, also at once', async () => {
    await createAuthority(root, { nowMs });
    await Promise.all([rotateIssuing(root, { nowMs }), rotateIssuing(root, { nowMs })]);
    expect(await readSigners(root)).toHaveLength(4);
    expect((await readdir(join(root, 'ca'))).sort()).toEqual(['cert.pem', 'issuing', 'key.pem', 'retired']);
  });

  it('that is killed at any step leaves one to sign with, and the next rotation tidies up', async () => {
    const authority = await createAuthority(root, { nowMs });
    const ca = join(root, 'ca');
    const killed = join(root, 'killed');
    await cp(ca, join(killed, 'ca'), { recursive: true });
    await rotateIssuing(root, { nowMs });
    const rotated = await loadAuthority(root);
    // Before the first rename: the next one lies ready, the old is in its place.
    await cp(join(ca, 'issuing'), join(killed, 'ca', 'issuing-next'), { recursive: true });
    expect((await loadAuthority(killed)).issuingPem).toBe(authority.issuingPem);
    // Between the renames: the old is retired, the next is not yet in its place.
    await cp(join(ca, 'retired'), join(killed, 'ca', 'retired'), { recursive: true });
    await rm(join(killed, 'ca', 'issuing'), { recursive: true });
    expect((await loadAuthority(killed)).issuingPem).toBe(rotated.issuingPem);
    await issueIdentity(await loadAuthority(killed), gateway, nowMs);
    await rotateIssuing(killed, { nowMs });
    const kept = (await readSigners(killed)).map((signer) => signer.certificatePem);
    expect(kept).toHaveLength(4);
    expect(kept).toEqual(expect.arrayContaining([authority.issuingPem, rotated.issuingPem, (await loadAuthority(killed)).issuingPem]));
    expect((await readdir(join(killed, 'ca'))).sort()).toEqual(['cert.pem', 'issuing', 'key.pem', 'retired']);
  });

  it('goes by the end of the root', async () => {
    await createAuthority(root, { nowMs });
    const { certificatePem } = await rotateIssuing(root, { nowMs: nowMs + 3000 * DAY_MS });
    expect(describeCertificate(certificatePem).notAfter).toBe('2036-05-03T07:08:09.000Z');
    await expect(rotateIssuing(root, { nowMs: nowMs + 3651 * DAY_MS })).rejects.toMatchObject({ code: 'CERTS_AUTHORITY_EXPIRED' });
    await expect(rotateIssuing(join(root, 'none'), { nowMs })).rejects.toMatchObject({ code: 'CERTS_NO_AUTHORITY' });
  });
});

describe('an authority of an earlier version', () => {
  it('goes on signing identities itself, and cannot have an intermediate', async () => {
    await makeEarlierAuthority(root, nowMs);
    const authority = await loadAuthority(root);
    expect(authority.issuingPem).toBe(authority.certificatePem);
    const identity = await issueIdentity(authority, gateway, nowMs);
    expect(certificateBlocks(identity.certificatePem, 9)).toHaveLength(1);
    expect(new X509Certificate(identity.certificatePem).verify(new X509Certificate(authority.certificatePem).publicKey)).toBe(true);
    expect(await findIdentity(root, gateway, nowMs)).toEqual(identity);
    await expect(rotateIssuing(root, { nowMs })).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST' });
    await rm(join(root, 'ca', 'key.pem'));
    await expect(loadAuthority(root)).rejects.toMatchObject({ code: 'CERTS_NO_AUTHORITY' });
    expect(await readFile(identity.certificatePath, 'utf8')).toBe(identity.certificatePem);
  });
});
