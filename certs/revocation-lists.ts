/**
 * The published lists of a directory, `ca/crl.pem`: read and checked, written anew. Promises: a list that the authority
 * did not sign is never believed; a published file holds a list of every authority that has ever had one, so a verifier
 * that checks whole chains finds what it needs.
 */

import { readFile } from 'node:fs/promises';
import type { X509Certificate } from 'node:crypto';

import { readCertificate } from './certificate-reader.ts';
import { crlAuthorities, crlSigningKey, hasIssued, type CrlAuthority } from './crl-authorities.ts';
import { readCrls, verifyCrl, type Crl } from './crl-reader.ts';
import { signCrl } from './crl.ts';
import { CertsError, systemCode } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import { writePrivateFile } from './private-file.ts';
import { readRevocationRecord, revocationPaths, writeRevocationRecord, type RevocationRecord } from './revocation-record.ts';

/** Lists begin five minutes back, as certificates do, for clocks that run slow. */
const SKEW_MS = 300_000;

/** One list, checked, and whose it is. */
export interface PublishedCrl {
  readonly crl: Crl;
  readonly authority: CrlAuthority;
}

/** The lists of a directory at one moment. */
export interface RevocationLists {
  readonly lists: readonly PublishedCrl[];
  /** True when each authority has its list, so that OpenSSL, which wants one for every certificate of a chain, can go by them. */
  readonly complete: boolean;
}

/**
 * Reads `ca/crl.pem` and checks each list's signature; undefined when there is no such file.
 * Throws CERTS_BAD_CRL for a list that is damaged, foreign or stands twice, CERTS_UNREADABLE.
 */
export async function readRevocationLists(directory: string): Promise<RevocationLists | undefined> {
  const { crl: path } = revocationPaths(directory);
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new CertsError('CERTS_UNREADABLE', `${path} cannot be read (${systemCode(cause)})`, { cause });
  }
  const crls = readCrls(pem, path);
  const authorities = await crlAuthorities(directory);
  const lists = crls.map((crl) => {
    const authority = authorities.find((one) => verifyCrl(crl, one));
    if (authority === undefined) throw new CertsError('CERTS_BAD_CRL', `${path} holds a revocation list that none of this home's authorities has signed`);
    return { crl, authority };
  });
  if (new Set(lists.map(({ authority }) => authority)).size !== lists.length) {
    throw new CertsError('CERTS_BAD_CRL', `${path} holds two revocation lists of one authority`);
  }
  return { lists, complete: lists.length === authorities.length };
}

/** What a list calls a certificate. */
export interface CertificateName {
  readonly issuerDer: Buffer;
  readonly serial: string;
}

/** Throws Error for a certificate that cannot be decoded. */
export function nameOfCertificate(certificate: X509Certificate): CertificateName {
  const { issuerDer, serial } = readCertificate(certificate);
  return { issuerDer, serial };
}

/** Why a certificate is not to be trusted: it, or its authority, is revoked, or the list that would say so is over. */
export type Distrust = 'revoked' | 'list expired';

/** What the lists say against a certificate at a time; undefined when nothing. */
export function distrustOf({ lists }: RevocationLists, { issuerDer, serial }: CertificateName, nowMs: number): Distrust | undefined {
  for (const { crl, authority } of lists) {
    if (!crl.issuerDer.equals(issuerDer)) continue;
    if (crl.entries.has(serial) || isRevokedAuthority(lists, authority)) return 'revoked';
    if (crl.nextUpdateMs <= nowMs) return 'list expired';
  }
  return undefined;
}

/**
 * Signs the lists anew, of each authority that may and whose key is at hand; of the others the last one is kept. Returns what is
 * published now. Throws CERTS_NO_AUTHORITY, LOCK_HELD, CERTS_WRITE_FAILED.
 */
export async function publishRevocationLists(directory: string, nowMs: number): Promise<RevocationLists> {
  return withFileLock(revocationPaths(directory).lock, async () => publishLocked(directory, await readRevocationRecord(directory), nowMs));
}

/** As {@link publishRevocationLists}, for who holds the lock, from a record that is written by this too. */
export async function publishLocked(directory: string, record: RevocationRecord, nowMs: number): Promise<RevocationLists> {
  const last = await lastGood(directory);
  const crlNumbers: Record<string, number> = { ...record.crlNumbers };
  const pems: string[] = [];
  for (const authority of await crlAuthorities(directory)) {
    const issuer = authority.keyIdentifier.toString('hex');
    const previous = last.find(({ crl }) => crl.issuerKeyIdentifier === issuer)?.crl;
    const key = authority.maySign ? await crlSigningKey(authority) : undefined;
    if (key === undefined) {
      if (previous !== undefined) pems.push(previous.pem);
      continue;
    }
    // Seconds since 1970 where that is more: so that it grows also after an older copy of the record was restored.
    const number = Math.max((crlNumbers[issuer] ?? 0) + 1, (previous?.number ?? 0) + 1, Math.floor(nowMs / 1000));
    crlNumbers[issuer] = number;
    pems.push(signCrl({
      issuerDer: authority.subjectDer,
      issuerKeyIdentifier: authority.keyIdentifier,
      number,
      thisUpdateMs: nowMs - SKEW_MS,
      nextUpdateMs: nowMs + authority.lifetimeMs,
      // Named once more after its end (RFC 5280, section 3.3), then no longer.
      entries: record.revoked.filter((one) => one.issuer === issuer && one.notAfterMs + authority.lifetimeMs > nowMs),
    }, key));
  }
  await writeRevocationRecord(directory, { ...record, crlNumbers });
  if (pems.length > 0) await writePrivateFile(revocationPaths(directory).crl, pems.join(''));
  return (await readRevocationLists(directory)) ?? { lists: [], complete: false };
}

/**
 * Publishes the lists where that is due: there are none, one can be renewed and has less than half its time left, begins in
 * the future, or does not name what the record says is revoked, as after a crash. True when it did. Throws
 * CERTS_NO_AUTHORITY also when one does not name that and its key is elsewhere: who is revoked would be let in.
 */
export async function renewRevocationLists(directory: string, nowMs: number): Promise<boolean> {
  const lists = await readRevocationLists(directory).catch((error: unknown) => {
    if (error instanceof CertsError && error.code === 'CERTS_BAD_CRL') return undefined; // it is written anew
    throw error;
  });
  const { revoked } = await readRevocationRecord(directory);
  let isDue = false;
  let lacking: CrlAuthority | undefined;
  for (const authority of await crlAuthorities(directory)) {
    const issuer = authority.keyIdentifier.toString('hex');
    const crl = lists?.lists.find((one) => one.crl.issuerKeyIdentifier === issuer)?.crl;
    const behind = revoked.some((one) => one.issuer === issuer && one.notAfterMs > nowMs && crl?.entries.has(one.serial) !== true);
    const canSign = authority.maySign && (await crlSigningKey(authority)) !== undefined;
    if (!canSign && behind) lacking = authority;
    if (canSign && (behind || crl === undefined || crl.thisUpdateMs > nowMs || crl.nextUpdateMs - nowMs < authority.lifetimeMs / 2)) isDue = true;
  }
  if (isDue) await publishRevocationLists(directory, nowMs);
  if (lacking) {
    const remedy = `put ${lacking.paths.keyPath}, which signs that list, back for as long as 'thrum certs crl --publish' takes`;
    throw new CertsError('CERTS_NO_AUTHORITY', `${revocationPaths(directory).crl} does not name all that are revoked: ${remedy}`);
  }
  return isDue;
}

function isRevokedAuthority(lists: readonly PublishedCrl[], { certificate, serial }: CrlAuthority): boolean {
  return lists.some(({ crl, authority }) => authority.serial !== serial && crl.entries.has(serial) && hasIssued(authority, certificate));
}

async function lastGood(directory: string): Promise<readonly PublishedCrl[]> {
  try {
    return (await readRevocationLists(directory))?.lists ?? [];
  } catch (error) {
    if (error instanceof CertsError && error.code === 'CERTS_BAD_CRL') return []; // it is written anew
    throw error;
  }
}
