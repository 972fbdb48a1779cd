import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAuthority, loadAuthority } from './authority.ts';
import { crlAuthorities } from './crl-authorities.ts';
import { holdLock } from './file-lock.ts';
import { issueIdentity, type IssuedIdentity } from './issue.ts';
import { rotateIssuing } from './issuing.ts';
import { signedPaths } from './layout.ts';
import { DAY_MS } from './profiles.ts';
import { renewIdentity } from './renew.ts';
import { createRequest } from './request.ts';
import { revocationPaths } from './revocation-record.ts';
import { revokeCertificates, revokedCertificates } from './revocation.ts';

const nowMs = Date.UTC(2026, 4, 6, 7, 8, 9);
const IDENTITY = { role: 'gateway', projectId: 'plant-1', gatewayId: '0011223344556677' } as const;

let root: string;
let gateway: IssuedIdentity;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-renew-'));
  gateway = await issueIdentity(await createAuthority(root, { nowMs }), IDENTITY, nowMs);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const renew = async (atMs = nowMs): Promise<string> =>
  (await renewIdentity(root, new X509Certificate(gateway.certificatePem), (await createRequest(IDENTITY)).requestPem, IDENTITY, atMs)).serial;

it('a gateway that is revoked by its id while it renews has no identity that is not revoked', async () => {
  const release = await holdLock(revocationPaths(root).lock, 'test'); // both are under way when one of them may begin
  const revoking = revokeCertificates(root, { target: IDENTITY.gatewayId, reason: 'keyCompromise' }, nowMs);
  const renewals = Promise.allSettled([renew(), renew(), renew(), renew()]);
  await release();
  await revoking;
  const given = (await renewals).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const revoked = await revokedCertificates(root);
  expect([gateway.serial, ...given].filter((serial) => !revoked.has(serial))).toEqual([]);
});

it('who is revoked gets no other identity', async () => {
  await revokeCertificates(root, { target: gateway.serial, reason: 'superseded' }, nowMs);
  await expect(renew()).rejects.toMatchObject({ code: 'CERTS_CSR_REFUSED', message: 'the request comes from who is revoked' });
  expect(await readdir(join(root, 'signed')).catch(() => [])).toEqual([]);
});

it('who was signed by an intermediate that is revoked gets none from the next', async () => {
  const [, issuing] = await crlAuthorities(root);
  await rotateIssuing(root, { nowMs });
  expect(new X509Certificate((await loadAuthority(root)).issuingPem).checkIssued(issuing!.certificate)).toBe(false);
  await revokeCertificates(root, { target: issuing!.serial, reason: 'cACompromise' }, nowMs);
  await expect(renew()).rejects.toMatchObject({ code: 'CERTS_CSR_REFUSED' });
});

it('the next identity lasts as long as the last was meant to, and not as long as an intermediate that is nearly over', async () => {
  const days = async (serial: string, atMs: number): Promise<number> => {
    const { validTo } = new X509Certificate(await readFile(signedPaths(root, serial).certificatePath));
    return Math.round((Date.parse(validTo) - atMs) / DAY_MS);
  };
  expect(await days(await renew(), nowMs)).toBe(365);
  gateway = await issueIdentity(await loadAuthority(root), { ...IDENTITY, lifetimeDays: 30 }, nowMs);
  expect(await days(await renew(), nowMs)).toBe(30);
  const lateMs = nowMs + (1826 - 5) * DAY_MS;
  gateway = await issueIdentity(await loadAuthority(root), IDENTITY, lateMs); // cut to five days
  await rotateIssuing(root, { nowMs: lateMs });
  expect(await days(await renew(lateMs), lateMs)).toBe(365);
});
