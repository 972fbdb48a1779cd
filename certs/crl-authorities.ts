/**
 * The authorities of a directory as far as revocation lists are concerned: each signs the list of what it has issued.
 * A list of one whose key is at hand lasts a week, as whoever runs the broker renews it; the root's, whose key may lie in
 * a safe, lasts a year.
 */

import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { readCertificate } from './certificate-reader.ts';
import { CertsError, systemCode } from './errors.ts';
import { keyIdentifier } from './extensions.ts';
import { spkiDer } from './key-pair.ts';
import { authorityPaths, type PairPaths } from './layout.ts';
import { parseCertificate } from './pem.ts';
import { readPrivateFile } from './private-file.ts';
import { DAY_MS } from './profiles.ts';

/** Lifetime of a list that is renewed by itself, and of the root's. */
export const CRL_LIFETIME_MS = 7 * DAY_MS;
export const ROOT_CRL_LIFETIME_MS = 365 * DAY_MS;

export interface CrlAuthority {
  readonly certificate: X509Certificate;
  readonly subjectDer: Buffer;
  readonly keyIdentifier: Buffer;
  /** Its serial number, lower-case hexadecimal. */
  readonly serial: string;
  /** False where its certificate does not allow it to sign lists (RFC 5280, section 4.2.1.3). */
  readonly maySign: boolean;
  readonly paths: PairPaths;
  readonly lifetimeMs: number;
}

/** All authorities whose lists a verifier needs. Throws CERTS_NO_AUTHORITY, CERTS_UNREADABLE. */
export async function crlAuthorities(directory: string): Promise<CrlAuthority[]> {
  const root = await authorityIn(authorityPaths(directory), CRL_LIFETIME_MS);
  if (root === undefined) throw new CertsError('CERTS_NO_AUTHORITY', `${directory} holds no certificate authority; 'thrum certs init' makes one`);
  return [root];
}

/** The key of an authority; undefined when it is kept elsewhere. Throws CERTS_KEY_EXPOSED, CERTS_UNREADABLE, CERTS_KEY_MISMATCH. */
export async function crlSigningKey({ certificate, paths }: CrlAuthority): Promise<KeyObject | undefined> {
  let pem: Buffer;
  try {
    pem = await readPrivateFile(paths.keyPath);
  } catch (error) {
    if (error instanceof CertsError && systemCode(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${paths.keyPath} holds no unencrypted PEM private key`, { cause });
  }
  if (!certificate.checkPrivateKey(key)) throw new CertsError('CERTS_KEY_MISMATCH', `${paths.keyPath} is not the key of ${paths.certificatePath}`);
  return key;
}

/** True when `authority` has signed `certificate`. */
export function hasIssued(authority: CrlAuthority, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority.certificate) && certificate.verify(authority.certificate.publicKey);
}

async function authorityIn(paths: PairPaths, lifetimeMs: number): Promise<CrlAuthority | undefined> {
  let pem: string;
  try {
    pem = await readFile(paths.certificatePath, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new CertsError('CERTS_UNREADABLE', `${paths.certificatePath} cannot be read (${systemCode(cause)})`, { cause });
  }
  const certificate = parseCertificate(pem, paths.certificatePath, 'CERTS_UNREADABLE');
  const content = readCertificate(certificate);
  return {
    certificate,
    subjectDer: content.subjectDer,
    keyIdentifier: content.subjectKeyIdentifier === undefined ? keyIdentifier(spkiDer(certificate.publicKey)) : Buffer.from(content.subjectKeyIdentifier, 'hex'),
    serial: content.serial,
    maySign: content.keyUsage?.includes('cRLSign') ?? true,
    paths,
    lifetimeMs,
  };
}
