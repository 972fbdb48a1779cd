import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority, type Authority } from './authority.ts';
import { checkCertificate } from './check.ts';
import { AUDIT_BYTES_MAX } from './claim-audit.ts';
import { claimIdentity } from './claim-identity.ts';
import { ClaimOffice, resetClaimed } from './claim-office.ts';
import { claimPaths, createClaim, listClaims, oneClaimPaths, readHandout, type Claim } from './claim.ts';
import { describeCertificate } from './describe.ts';
import { peerIdentity } from './identity.ts';
import { issueIdentity } from './issue.ts';
import { DAY_MS } from './profiles.ts';
import { createRequest, signRequest } from './request.ts';
import { revokeCertificates } from './revocation.ts';

const nowMs = Date.UTC(2026, 4, 6, 7, 8, 9);
const HOUR_MS = 3_600_000;
const PROJECT = 'plant-1';
const idOf = (index: number): string => `00112233445566${(index + 16).toString(16)}`;

let root: string;
let authority: Authority;
let claim: Claim & { readonly handout: string };

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-claim-'));
  authority = await createAuthority(root, { nowMs });
  claim = await make(3);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const make = (quota: number, lifetimeMs = HOUR_MS): ReturnType<typeof createClaim> => createClaim(authority, { projectId: PROJECT, quota, lifetimeMs }, nowMs);
const requestFor = async (gatewayId: string): Promise<string> => (await createRequest({ role: 'gateway', projectId: PROJECT, gatewayId })).requestPem;

async function ask(gatewayId: string, requestPem?: string, office = new ClaimOffice(root), atMs = nowMs, claimId = claim.claimId): Promise<string> {
  return office.grant({ claimId, projectId: PROJECT, gatewayId, requestPem: requestPem ?? (await requestFor(gatewayId)) }, atMs);
}

const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber.toLowerCase();
const signed = (): Promise<string[]> => readdir(join(root, 'signed'));
async function audit(): Promise<string[]> {
  const lines = (await readFile(claimPaths(root).audit, 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as Record<string, string>);
  return lines.map(({ gatewayId, outcome, reason }) => `${gatewayId!.slice(-2)} ${outcome}${outcome === 'refused' ? ` ${reason!.split(':')[0]}` : ''}`);
}

describe('a claim', () => {
  it('is a certificate for clients, short-lived, that is nobody’s identity', async () => {
    const { certificatePem, keyPem, authorityPem } = await readHandout(claim.handout);
    const certificate = new X509Certificate(certificatePem);
    expect(claimIdentity(certificate)).toEqual({ role: 'claim', projectId: PROJECT, claimId: claim.claimId });
    expect(peerIdentity(certificate)).toBeUndefined();
    expect(checkCertificate(certificate.raw, nowMs).filter(({ severity }) => severity !== 'info')).toEqual([]);
    expect(describeCertificate(certificatePem)).toMatchObject({
      subject: [{ type: 'CN', value: claim.claimId }],
      sans: [{ type: 'uri', value: `urn:thrum:project:${PROJECT}:claim:${claim.claimId}` }],
      extendedKeyUsage: ['clientAuth'],
      notAfter: new Date(nowMs + HOUR_MS).toISOString(),
    });
    expect([keyPem.includes('PRIVATE'), authorityPem]).toEqual([true, authority.certificatePem]);
    for (const name of await readdir(claim.handout)) expect((await stat(join(claim.handout, name))).mode & 0o777).toBe(0o600);
    const gateway = await issueIdentity(authority, { role: 'gateway', projectId: PROJECT, gatewayId: idOf(1) }, nowMs);
    expect(claimIdentity(new X509Certificate(gateway.certificatePem))).toBeUndefined();
  });

  it.each([
    ['key.pem', 'an empty key', '', 'CERTS_UNREADABLE'],
    ['key.pem', 'another claim’s key', undefined, 'CERTS_KEY_MISMATCH'],
    ['cert.pem', 'no certificate', 'nothing', 'CERTS_UNREADABLE'],
    ['ca.pem', 'no root', 'nothing', 'CERTS_UNREADABLE'],
  ])('is not taken from a folder whose %s is %s', async (name, _, text, code) => {
    await writeFile(join(claim.handout, name), text ?? (await readHandout((await make(1)).handout)).keyPem);
    await expect(readHandout(claim.handout)).rejects.toMatchObject({ code, message: expect.stringContaining(name) as string });
  });

  it.each<[string, number, number]>([
    ['a quota of nothing', 0, HOUR_MS], ['a quota of too much', 10_001, HOUR_MS], ['a quota that is no number', Number.NaN, HOUR_MS],
    ['more than a week', 1, 7 * DAY_MS + 1], ['no time', 1, 0], ['for ever', 1, Infinity],
  ])('is refused for %s', async (_, quota, lifetimeMs) => {
    await expect(make(quota, lifetimeMs)).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST' });
    expect(await listClaims(root)).toHaveLength(1);
  });
});

describe('by a claim', () => {
  it('a gateway id gets one identity, whichever claim is used and however often', async () => {
    const request = await requestFor(idOf(1));
    const given = await ask(idOf(1), request);
    expect(peerIdentity(new X509Certificate(given))).toEqual({ role: 'gateway', projectId: PROJECT, gatewayId: idOf(1) });
    expect(await ask(idOf(1), request)).toBe(given);
    await expect(ask(idOf(1))).rejects.toMatchObject({ code: 'CLAIM_TAKEN' });
    const another = await make(5);
    await expect(ask(idOf(1), undefined, undefined, nowMs, another.claimId)).rejects.toMatchObject({ code: 'CLAIM_TAKEN' });
    expect(await ask(idOf(1), request, undefined, nowMs, another.claimId)).toBe(given);
    expect((await listClaims(root)).map(({ used }) => used).sort()).toEqual([0, 1]);
    expect(await audit()).toEqual(['11 issued', '11 repeated', '11 refused CLAIM_TAKEN', '11 refused CLAIM_TAKEN', '11 repeated']);
  });

  it('nobody gets the identity of a gateway that an operator has issued', async () => {
    await issueIdentity(authority, { role: 'gateway', projectId: PROJECT, gatewayId: idOf(1) }, nowMs);
    await expect(ask(idOf(1))).rejects.toMatchObject({ code: 'CLAIM_TAKEN' });
    expect(await signed().catch(() => [])).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>, number]>([
    ['was revoked', () => revokeCertificates(root, { target: idOf(1), reason: 'keyCompromise' }, nowMs), nowMs],
    ['is over', () => Promise.resolve(), nowMs + 2 * 60_000],
  ])('nobody gets the identity of a gateway whose own %s, until an operator resets it', async (_, end, atMs) => {
    await issueIdentity(authority, { role: 'gateway', projectId: PROJECT, gatewayId: idOf(1), lifetimeDays: 60_000 / DAY_MS }, nowMs);
    await end();
    await expect(ask(idOf(1), undefined, undefined, atMs)).rejects.toMatchObject({ code: 'CLAIM_TAKEN' });
    await resetClaimed(root, { projectId: PROJECT, gatewayId: idOf(1) }, atMs);
    await ask(idOf(1), undefined, undefined, atMs);
    await expect(ask(idOf(1), undefined, undefined, atMs)).rejects.toMatchObject({ code: 'CLAIM_TAKEN' });
    await expect(resetClaimed(root, { projectId: 'plant-2', gatewayId: idOf(1) }, atMs)).rejects.toMatchObject({ code: 'CERTS_UNKNOWN' });
  });

  it('no more identities are given than its quota, by two offices at once', async () => {
    const offices = [new ClaimOffice(root), new ClaimOffice(root)];
    const results = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((index) => ask(idOf(index), undefined, offices[index % 2])));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CLAIM_QUOTA' });
    expect(await signed()).toHaveLength(3);
    expect((await audit()).filter((line) => line.endsWith('issued'))).toHaveLength(3);
  });

  it('one identity is given when one id asks many times at once with different keys', async () => {
    const offices = [new ClaimOffice(root), new ClaimOffice(root)];
    const results = await Promise.allSettled([0, 1, 2, 3].map((index) => ask(idOf(1), undefined, offices[index % 2])));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await signed()).toHaveLength(1);
  });

  it('nothing is given when it is over, revoked, another project’s, or never was', async () => {
    await expect(ask(idOf(1), undefined, undefined, nowMs + 2 * HOUR_MS)).rejects.toMatchObject({ code: 'CLAIM_EXPIRED' });
    await expect(ask(idOf(1), undefined, undefined, nowMs, '0123456789ab')).rejects.toMatchObject({ code: 'CLAIM_UNKNOWN' });
    await expect(ask(idOf(1), undefined, undefined, nowMs, '../../ca')).rejects.toMatchObject({ code: 'CLAIM_UNKNOWN' });
    const elsewhere = new ClaimOffice(root).grant({ claimId: claim.claimId, projectId: 'plant-2', gatewayId: idOf(1), requestPem: await requestFor(idOf(1)) }, nowMs);
    await expect(elsewhere).rejects.toMatchObject({ code: 'CLAIM_UNKNOWN' });
    await revokeCertificates(root, { target: claim.claimId, reason: 'cessationOfOperation' }, nowMs);
    await expect(ask(idOf(1))).rejects.toMatchObject({ code: 'CLAIM_REVOKED' });
    expect(await signed().catch(() => [])).toEqual([]);
  });

  it('nothing is given for a request that asks for more, and that is on record', async () => {
    await expect(ask(idOf(1), await requestFor(idOf(2)))).rejects.toMatchObject({ code: 'CERTS_CSR_REFUSED' });
    await expect(ask(idOf(1), 'nothing')).rejects.toMatchObject({ code: 'CERTS_CSR_REFUSED' });
    expect(await audit()).toEqual(['11 refused CERTS_CSR_REFUSED', '11 refused CERTS_CSR_REFUSED']);
  });

  it('a gateway that was reset gets another identity; the earlier one is revoked and still counts', async () => {
    const first = await ask(idOf(1));
    expect((await resetClaimed(root, { projectId: PROJECT, gatewayId: idOf(1) }, nowMs)).map(({ serial }) => serial)).toEqual([serialOf(first)]);
    const second = await ask(idOf(1));
    expect(serialOf(second)).not.toBe(serialOf(first));
    expect((await listClaims(root))[0]!.used).toBe(2);
    await expect(resetClaimed(root, { projectId: PROJECT, gatewayId: idOf(9) }, nowMs)).rejects.toMatchObject({ code: 'CERTS_UNKNOWN' });
    expect(await audit()).toEqual(['11 issued', '11 reset', '11 issued']);
  });

  it('nothing is given when it cannot be recorded', async () => {
    await writeFile(claimPaths(root).audit, '', { mode: 0o600 });
    await truncate(claimPaths(root).audit, AUDIT_BYTES_MAX);
    await expect(ask(idOf(1))).rejects.toMatchObject({ code: 'CERTS_LIMIT', message: expect.stringContaining('move it away') as string });
  });
});

describe('an authority that is killed', () => {
  it('after it signed gives the same certificate to the same key, and counts it', async () => {
    const request = await requestFor(idOf(1));
    const { certificatePem } = await signRequest(authority, request, { role: 'gateway', projectId: PROJECT, gatewayId: idOf(1) }, nowMs);
    expect(await ask(idOf(1), request)).toBe(certificatePem);
    await expect(ask(idOf(1))).rejects.toMatchObject({ code: 'CLAIM_TAKEN' });
    expect((await listClaims(root))[0]!.used).toBe(1);
    expect(await signed()).toHaveLength(1);
  });

  it('after it counted, before it answered, gives the same certificate', async () => {
    const request = await requestFor(idOf(1));
    const given = await ask(idOf(1), request);
    expect(await readdir(oneClaimPaths(root, claim.claimId).granted)).toHaveLength(1);
    expect(await ask(idOf(1), request, new ClaimOffice(root))).toBe(given);
    expect((await listClaims(root))[0]!.used).toBe(1);
  });

  it('within a line of its record, or with the lock held, goes on', async () => {
    await writeFile(claimPaths(root).audit, '{"time":"2026-', { mode: 0o600 });
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    await writeFile(claimPaths(root).lock, JSON.stringify({ pid: dead.pid, startedAt: '1' }), { mode: 0o600 });
    await ask(idOf(1));
    expect((await readFile(claimPaths(root).audit, 'utf8')).split('\n')[1]).toContain('"issued"');
  });
});
