/**
 * The authorities of a directory as far as revocation lists are concerned: the root, the intermediate in use, and those
 * before it, because whoever they signed can still be revoked. A list lasts a week, as whoever runs the broker renews it;
 * the root's, whose key may lie in a safe and which revokes intermediates only, lasts a year.
 */

import type { KeyObject, X509Certificate } from 'node:crypto';
import { readdir } from 'node:fs/promises';

import { readCertificate } from './certificate-reader.ts';
import { CertsError, systemCode } from './errors.ts';
import { keyIdentifier } from './extensions.ts';
import { spkiDer } from './key-pair.ts';
import { authorityPaths, issuingPaths, nextIssuingPaths, retiredDirectory, retiredPaths, type PairPaths } from './layout.ts';
import { isThere } from './private-file.ts';
import { DAY_MS } from './profiles.ts';
import { readAuthorityCertificate, readPrivateKey } from './signer.ts';

/** Lifetime of a list that is renewed by itself, and of a root's that has intermediates. */
export const CRL_LIFETIME_MS = 7 * DAY_MS;
export const ROOT_CRL_LIFETIME_MS = 365 * DAY_MS;

export interface CrlAuthority {
  readonly certificate: X509Certificate;
  readonly subjectDer: Buffer;
  readonly keyIdentifier: Buffer;
  /** Its serial number, lower-case hexadecimal. */
  readonly serial: string;
  readonly notAfterMs: number;
  /** False where its certificate does not allow it to sign lists (RFC 5280, section 4.2.1.3). */
  readonly maySign: boolean;
  readonly paths: PairPaths;
  readonly lifetimeMs: number;
}

/** All authorities whose lists a verifier needs, the root first. Throws CERTS_NO_AUTHORITY, CERTS_UNREADABLE, CERTS_KEY_EXPOSED. */
export async function crlAuthorities(directory: string): Promise<CrlAuthority[]> {
  const rootPaths = authorityPaths(directory);
  if (!(await isThere(rootPaths.certificatePath))) {
    throw new CertsError('CERTS_NO_AUTHORITY', `${directory} holds no certificate authority; 'thrum certs init' makes one`);
  }
  const found = new Map<string, CrlAuthority>();
  // Within a rotation an intermediate has, for a moment, the place of the next: it is looked for in both.
  const places = [issuingPaths(directory), nextIssuingPaths(directory), ...(await retired(directory))];
  for (const paths of places) {
    if (!(await isThere(paths.certificatePath))) continue;
    const authority = await authorityIn(paths, CRL_LIFETIME_MS);
    if (!found.has(authority.serial)) found.set(authority.serial, authority);
  }
  return [await authorityIn(rootPaths, found.size === 0 ? CRL_LIFETIME_MS : ROOT_CRL_LIFETIME_MS), ...found.values()];
}

/** The key of an authority; undefined when it is kept elsewhere. Throws CERTS_KEY_EXPOSED, CERTS_UNREADABLE, CERTS_KEY_MISMATCH. */
export async function crlSigningKey({ certificate, paths }: CrlAuthority): Promise<KeyObject | undefined> {
  return (await isThere(paths.keyPath)) ? readPrivateKey(paths.keyPath, certificate) : undefined;
}

/** True when `authority` has signed `certificate`. */
export function hasIssued(authority: CrlAuthority, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority.certificate) && certificate.verify(authority.certificate.publicKey);
}

async function retired(directory: string): Promise<PairPaths[]> {
  try {
    const serials = await readdir(retiredDirectory(directory));
    return serials.filter((name) => !name.startsWith('.')).sort().map((serial) => retiredPaths(directory, serial));
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw new CertsError('CERTS_UNREADABLE', `${retiredDirectory(directory)} cannot be read (${systemCode(cause)})`, { cause });
  }
}

async function authorityIn(paths: PairPaths, lifetimeMs: number): Promise<CrlAuthority> {
  const certificate = await readAuthorityCertificate(paths.certificatePath);
  const content = readCertificate(certificate);
  return {
    certificate,
    subjectDer: content.subjectDer,
    keyIdentifier: content.subjectKeyIdentifier === undefined ? keyIdentifier(spkiDer(certificate.publicKey)) : Buffer.from(content.subjectKeyIdentifier, 'hex'),
    serial: content.serial,
    notAfterMs: content.notAfterMs,
    maySign: content.keyUsage?.includes('cRLSign') ?? true,
    paths,
    lifetimeMs,
  };
}
