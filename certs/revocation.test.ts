import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeEarlierAuthority } from './authority.fixture.ts';
import { createAuthority, loadAuthority, type Authority } from './authority.ts';
import { readCrls } from './crl-reader.ts';
import { REVOCATION_REASONS, type RevocationReason } from './crl.ts';
import { issueIdentity, type IssuedIdentity } from './issue.ts';
import { rotateIssuing } from './issuing.ts';
import { DAY_MS } from './profiles.ts';
import { distrustOf, nameOfCertificate, publishRevocationLists, readRevocationLists, renewRevocationLists, type RevocationLists } from './revocation-lists.ts';
import { revocationPaths } from './revocation-record.ts';
import { revokeCertificates, revokedCertificates } from './revocation.ts';

const nowMs = new Date().getTime(); // openssl goes by the real clock
const GATEWAY = '0011223344556677';
const openssl = (...args: string[]): { status: number | null; text: string } => {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
};
const hasOpenssl = openssl('version').status === 0;

let root: string;
let authority: Authority;
let gateway: IssuedIdentity;
let operator: IssuedIdentity;
let files: ReturnType<typeof revocationPaths>;

async function make(keyType: 'ec-p256' | 'ec-p384' | 'ed25519' | 'rsa-2048' = 'ec-p256'): Promise<void> {
  root = await mkdtemp(join(tmpdir(), 'thrum-crl-'));
  files = revocationPaths(root);
  authority = await createAuthority(root, { nowMs, keyType });
  gateway = await issueIdentity(authority, { role: 'gateway', projectId: 'plant-1', gatewayId: GATEWAY }, nowMs);
  operator = await issueIdentity(authority, { role: 'operator', name: 'ann' }, nowMs);
}
afterEach(() => rm(root, { recursive: true, force: true }));

const revoke = (target: string, reason: RevocationReason = 'keyCompromise', atMs = nowMs, projectId?: string) =>
  revokeCertificates(root, { target, reason, ...(projectId === undefined ? {} : { projectId }) }, atMs);

async function revokes(identity: IssuedIdentity): Promise<boolean> {
  return distrustOf((await readRevocationLists(root))!, nameOfCertificate(new X509Certificate(identity.certificatePem)), nowMs) === 'revoked';
}

/** What openssl says of a certificate, with the lists of all authorities of its chain. */
function verify({ certificatePath }: IssuedIdentity): { status: number | null; text: string } {
  return openssl('verify', '-x509_strict', '-crl_check_all', '-CAfile', join(root, 'ca', 'cert.pem'), '-CRLfile', files.crl, '-untrusted', certificatePath, certificatePath);
}

/** The list of the authority that signs identities, among those published. */
function signing({ lists }: RevocationLists): RevocationLists['lists'][number] {
  const issuer = new X509Certificate(gateway.certificatePem);
  return lists.find(({ authority: { certificate } }) => issuer.checkIssued(certificate))!;
}

describe('revoking', () => {
  beforeEach(() => make());

  it('puts a certificate on the list with the time and the reason, and leaves the others alone', async () => {
    expect(await revoke(gateway.serial)).toEqual([{ serial: gateway.serial, subject: GATEWAY, revokedMs: nowMs, reason: 'keyCompromise', before: false }]);
    const { crl } = signing((await readRevocationLists(root))!);
    expect([...crl.entries]).toEqual([[gateway.serial, { revokedMs: Math.floor(nowMs / 1000) * 1000, reason: 'keyCompromise' }]]);
    expect(await revokes(gateway)).toBe(true);
    expect(await revokes(operator)).toBe(false);
    expect((await revokedCertificates(root)).get(gateway.serial)?.reason).toBe('keyCompromise');
  });

  it('changes nothing the second time', async () => {
    await revoke(gateway.serial, 'superseded');
    expect(await revoke(gateway.serial, 'keyCompromise', nowMs + 5_000)).toEqual([
      { serial: gateway.serial, subject: GATEWAY, revokedMs: nowMs, reason: 'superseded', before: true },
    ]);
    expect(signing((await readRevocationLists(root))!).crl.entries.get(gateway.serial)?.reason).toBe('superseded');
  });

  it('takes a serial number as other tools print it', async () => {
    const printed = new X509Certificate(operator.certificatePem).serialNumber.replace(/(..)(?=.)/g, '$1:');
    expect((await revoke(printed))[0]).toMatchObject({ serial: operator.serial, subject: 'ann' });
  });

  it('takes all of a gateway’s certificates, of one project where several have the id', async () => {
    const again = await issueIdentity(authority, { role: 'gateway', projectId: 'plant-1', gatewayId: GATEWAY }, nowMs);
    const elsewhere = await issueIdentity(authority, { role: 'gateway', projectId: 'plant-2', gatewayId: GATEWAY }, nowMs);
    await expect(revoke(GATEWAY)).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST', message: expect.stringContaining('--project') as string });
    expect((await revoke(GATEWAY, 'cessationOfOperation', nowMs, 'plant-1')).map(({ serial }) => serial).sort()).toEqual([gateway.serial, again.serial].sort());
    expect(await revokes(elsewhere)).toBe(false);
  });

  it.each(['12'.repeat(16), '0011223344556678', '', '../ca', 'x'.repeat(10_000)])('refuses %.20j, which was never issued', async (target) => {
    await expect(revoke(target)).rejects.toMatchObject({ code: 'CERTS_UNKNOWN' });
    expect((await revokedCertificates(root)).size).toBe(0);
  });

  it('loses nothing when many revoke at once, and is private', async () => {
    const many = await Promise.all(Array.from({ length: 8 }, (_, index) => issueIdentity(authority, { role: 'operator', name: `bob${index}` }, nowMs)));
    await Promise.all(many.map(({ serial }) => revoke(serial)));
    for (const one of many) expect(await revokes(one)).toBe(true);
    for (const path of [files.record, files.crl]) expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('does not go by a record that is damaged', async () => {
    await revoke(gateway.serial);
    await writeFile(files.record, (await readFile(files.record, 'utf8')).slice(0, -20));
    await expect(revoke(operator.serial)).rejects.toMatchObject({ code: 'CERTS_UNREADABLE', message: expect.stringContaining('backup') as string });
  });
});

describe('an authority with intermediates', () => {
  beforeEach(() => make());

  it('publishes a list for each, and keeps the root’s while its key is elsewhere', async () => {
    const before = await publishRevocationLists(root, nowMs);
    expect(before).toMatchObject({ complete: true, lists: [{}, {}] });
    await rm(join(root, 'ca', 'key.pem'));
    const after = await publishRevocationLists(root, nowMs + 1_000);
    expect(after.complete).toBe(true);
    expect(after.lists[0]!.crl.pem).toBe(before.lists[0]!.crl.pem);
    expect(after.lists[1]!.crl.number).toBeGreaterThan(before.lists[1]!.crl.number);
    expect(after.lists.map(({ crl }) => Math.round((crl.nextUpdateMs - nowMs) / DAY_MS))).toEqual([365, 7]);
    if (hasOpenssl) expect(verify(gateway)).toMatchObject({ status: 0 });
  });

  it('is not served without the root’s list, or with an earlier one, once that names an intermediate and its key is elsewhere', async () => {
    const [, issuing] = (await publishRevocationLists(root, nowMs)).lists;
    const earlier = await readFile(files.crl);
    await rotateIssuing(root, { nowMs });
    await revoke(issuing!.authority.serial, 'cACompromise');
    await rm(join(root, 'ca', 'key.pem'));
    expect(await renewRevocationLists(root, nowMs)).toBe(false);
    const remedy = { code: 'CERTS_NO_AUTHORITY', message: expect.stringContaining(join('ca', 'key.pem')) as string };
    await writeFile(files.crl, earlier);
    await expect(renewRevocationLists(root, nowMs)).rejects.toMatchObject(remedy);
    await rm(files.crl);
    await expect(renewRevocationLists(root, nowMs)).rejects.toMatchObject(remedy);
  });

  it('says that it is incomplete where the root never had one', async () => {
    await rm(join(root, 'ca', 'key.pem'));
    expect(await publishRevocationLists(root, nowMs)).toMatchObject({ complete: false, lists: [{}] });
    await revoke(gateway.serial);
    expect(await revokes(gateway)).toBe(true);
  });

  it('revokes what an earlier intermediate has signed, and an intermediate with all that it signed', async () => {
    await rotateIssuing(root, { nowMs });
    const fresh = await issueIdentity(await loadAuthority(root), { role: 'operator', name: 'eve' }, nowMs);
    expect(await publishRevocationLists(root, nowMs)).toMatchObject({ complete: true, lists: [{}, {}, {}] });
    await revoke(gateway.serial);
    expect([await revokes(gateway), await revokes(operator), await revokes(fresh)]).toEqual([true, false, false]);
    const [, , earlier] = (await readRevocationLists(root))!.lists;
    await revoke(earlier!.authority.serial, 'cACompromise');
    expect([await revokes(operator), await revokes(fresh)]).toEqual([true, false]);
    if (!hasOpenssl) return;
    expect(verify(operator).text).toContain('certificate revoked');
    expect(verify(fresh)).toMatchObject({ status: 0 });
  });

  it('says which key is missing when the root’s is elsewhere', async () => {
    const [, issuing] = (await publishRevocationLists(root, nowMs)).lists;
    await rm(join(root, 'ca', 'key.pem'));
    await expect(revoke(issuing!.authority.serial, 'cACompromise')).rejects.toMatchObject({ code: 'CERTS_NO_AUTHORITY', message: expect.stringContaining(join('ca', 'key.pem')) as string });
  });

  it('of an earlier version signs the one list itself', async () => {
    const earlier = await mkdtemp(join(tmpdir(), 'thrum-crl-earlier-'));
    await makeEarlierAuthority(earlier, nowMs);
    const identity = await issueIdentity(await loadAuthority(earlier), { role: 'operator', name: 'old' }, nowMs);
    await revokeCertificates(earlier, { target: identity.serial, reason: 'superseded' }, nowMs);
    const lists = (await readRevocationLists(earlier))!;
    expect(lists).toMatchObject({ complete: true, lists: [{}] });
    expect(distrustOf(lists, nameOfCertificate(new X509Certificate(identity.certificatePem)), nowMs)).toBe('revoked');
    await rm(earlier, { recursive: true });
  });
});

describe('a list', () => {
  beforeEach(() => make());

  it('has a number that grows, also when list and record were lost', async () => {
    const first = signing(await publishRevocationLists(root, nowMs)).crl.number;
    const second = signing(await publishRevocationLists(root, nowMs)).crl.number;
    expect(second).toBeGreaterThan(first);
    await rm(files.crl);
    expect(signing(await publishRevocationLists(root, nowMs)).crl.number).toBeGreaterThan(second);
    await rm(files.crl);
    await rm(files.record);
    expect(signing(await publishRevocationLists(root, nowMs + 5_000)).crl.number).toBeGreaterThan(second);
  });

  it('is renewed at half its life, and when it does not say what the record says', async () => {
    expect(await renewRevocationLists(root, nowMs)).toBe(true);
    expect(await renewRevocationLists(root, nowMs + 3 * DAY_MS)).toBe(false);
    expect(await renewRevocationLists(root, nowMs + 4 * DAY_MS)).toBe(true);
    const before = await readFile(files.crl);
    await revoke(gateway.serial, 'keyCompromise', nowMs + 4 * DAY_MS);
    await writeFile(files.crl, before); // as if killed after the record was written
    expect(await renewRevocationLists(root, nowMs + 4 * DAY_MS)).toBe(true);
    expect(await revokes(gateway)).toBe(true);
  });

  it('that begins in the future, as when the clock was wrong, is renewed', async () => {
    await publishRevocationLists(root, nowMs + 2 * DAY_MS);
    expect(await renewRevocationLists(root, nowMs)).toBe(true);
    expect(signing((await readRevocationLists(root))!).crl.thisUpdateMs).toBeLessThan(nowMs);
    if (hasOpenssl) expect(verify(gateway)).toMatchObject({ status: 0 });
    expect(await renewRevocationLists(root, nowMs)).toBe(false);
  });

  it('names a certificate once more after its end, then no longer', async () => {
    const brief = await issueIdentity(authority, { role: 'operator', name: 'zoe', lifetimeDays: 1 }, nowMs);
    await revoke(brief.serial);
    const has = async (atMs: number): Promise<boolean> => signing(await publishRevocationLists(root, atMs)).crl.entries.has(brief.serial);
    expect([await has(nowMs + 2 * DAY_MS), await has(nowMs + 9 * DAY_MS)]).toEqual([true, false]);
  });

  it('that was damaged, cut, emptied or signed by another is not believed', async () => {
    await revoke(gateway.serial);
    const good = await readFile(files.crl, 'utf8');
    const impostor = await mkdtemp(join(tmpdir(), 'thrum-crl-impostor-'));
    await createAuthority(impostor, { nowMs });
    await publishRevocationLists(impostor, nowMs);
    const forged = await readFile(revocationPaths(impostor).crl, 'utf8');
    await rm(impostor, { recursive: true });
    const [one] = readCrls(good, 'test');
    const at = one!.pem.indexOf(one!.pem.split('\n')[3]!) + 7;
    const flipped = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
    for (const text of [flipped, good.slice(0, -40), '', forged, good + good, good.replace('X509 CRL', 'CERTIFICATE')]) {
      await writeFile(files.crl, text);
      await expect(readRevocationLists(root)).rejects.toMatchObject({ code: 'CERTS_BAD_CRL' });
    }
  });

  it('holds thousands and is read in one go', async () => {
    await publishRevocationLists(root, nowMs);
    const record = JSON.parse(await readFile(files.record, 'utf8')) as { revoked: object[]; crlNumbers: Record<string, number> };
    const issuer = signing((await readRevocationLists(root))!).crl.issuerKeyIdentifier;
    record.revoked = Array.from({ length: 10_000 }, (_, index) => ({
      issuer, serial: (0x4000_0000 + 7919 * ((index * 31) % 10_000)).toString(16), revokedMs: nowMs, reason: 'superseded', notAfterMs: nowMs + DAY_MS,
    }));
    await writeFile(files.record, JSON.stringify(record), { mode: 0o600 });
    const { crl } = signing(await publishRevocationLists(root, nowMs));
    const serials = [...crl.entries.keys()];
    expect(serials).toHaveLength(10_000);
    expect(serials).toEqual([...serials].sort());
  });
});

describe.skipIf(!hasOpenssl)('openssl', () => {
  it.each(['ec-p256', 'ec-p384', 'ed25519', 'rsa-2048'] as const)('accepts the lists of an authority with a key of type %s, and refuses who is on them', async (keyType) => {
    await make(keyType);
    await publishRevocationLists(root, nowMs);
    expect(verify(gateway)).toMatchObject({ status: 0 });
    await revoke(gateway.serial, 'cessationOfOperation');
    const { pem } = signing((await readRevocationLists(root))!).crl;
    await writeFile(join(root, 'one.pem'), pem);
    const { text } = openssl('crl', '-in', join(root, 'one.pem'), '-noout', '-text', '-crlnumber');
    expect(text).toMatch(/Version 2 \(0x1\)[^]*X509v3 Authority Key Identifier[^]*X509v3 CRL Number[^]*Cessation Of Operation/);
    expect(text).toContain(gateway.serial.toUpperCase());
    expect(verify(gateway).text).toContain('certificate revoked');
    expect(verify(operator)).toMatchObject({ status: 0 });
  });

  it.each(Object.keys(REVOCATION_REASONS) as RevocationReason[])('reads the reason %s', async (reason) => {
    await make();
    await revoke(gateway.serial, reason);
    await writeFile(join(root, 'one.pem'), signing((await readRevocationLists(root))!).crl.pem);
    const { text } = openssl('crl', '-in', join(root, 'one.pem'), '-noout', '-text');
    const words = reason.replace('cACompromise', 'CA Compromise').replace(/([A-Z](?=[a-z]))/g, ' $1').replace(/^./, (first) => first.toUpperCase()).replace(/ +/g, ' ').trim();
    if (reason === 'unspecified') expect(text).not.toContain('Reason Code');
    else expect(text).toContain(words);
  });
});
