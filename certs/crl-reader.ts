/**
 * Reading certificate revocation lists (RFC 5280, section 5), and telling whose they are. Promise: nothing of a list is
 * to be believed before `verifyCrl` has said that the authority signed it; a list is decoded whole or not at all.
 */

import type { X509Certificate } from 'node:crypto';

import { readTime } from './certificate-reader.ts';
import { CRL_OID, REVOCATION_REASONS, type RevocationReason } from './crl.ts';
import { TAG } from './der.ts';
import { contentOf, derOf, membersOf, oidOf, readDer, tagOf, type DerValue } from './der-reader.ts';
import { CertsError } from './errors.ts';
import { EXTENSION_OID } from './extensions.ts';
import { isSignedWith } from './signature-check.ts';

/** One list, decoded; see {@link verifyCrl}. */
export interface Crl {
  readonly pem: string;
  readonly issuerDer: Buffer;
  /** Key identifier of the authority, lower-case hexadecimal. */
  readonly issuerKeyIdentifier: string;
  readonly number: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** By serial number, lower-case hexadecimal without leading zeros. */
  readonly entries: ReadonlyMap<string, { readonly revokedMs: number; readonly reason: RevocationReason }>;
  readonly tbsDer: Buffer;
  readonly algorithmDer: Buffer;
  readonly signature: Buffer;
}

/** Authorities whose lists stand in one file, and certificates on one list: ours have 10,000 at most. */
const LISTS_MAX = 64;
const ENTRIES_MAX = 100_000;
const BLOCK = /-----BEGIN X509 CRL-----\s([A-Za-z0-9+/=\s]*)-----END X509 CRL-----/g;
const REASON_NAMES = new Map<number, RevocationReason>(
  Object.entries(REVOCATION_REASONS).map(([name, code]) => [code, name as RevocationReason]),
);

/** All lists in a PEM text. Throws CERTS_BAD_CRL when there is none, one too many, or one that cannot be decoded. */
export function readCrls(pem: string, source: string): Crl[] {
  const blocks = [...pem.matchAll(BLOCK)];
  const [begun, ended] = ['BEGIN', 'END'].map((edge) => pem.split(`-----${edge} X509 CRL-----`).length - 1);
  if (blocks.length === 0 || blocks.length !== begun || blocks.length !== ended || blocks.length > LISTS_MAX) {
    throw new CertsError('CERTS_BAD_CRL', `${source} holds no whole revocation list in PEM form; 'thrum certs crl --publish' writes it anew`);
  }
  try {
    return blocks.map((block) => readCrl(`${block[0]}\n`, Buffer.from(block[1]!, 'base64')));
  } catch (cause) {
    throw new CertsError('CERTS_BAD_CRL', `${source} holds a revocation list that cannot be decoded; 'thrum certs crl --publish' writes it anew`, { cause });
  }
}

/** True when the holder of `authority` signed the list: name and key identifier are its own, and the signature holds. */
export function verifyCrl(crl: Crl, authority: { readonly certificate: X509Certificate; readonly subjectDer: Buffer; readonly keyIdentifier: Buffer }): boolean {
  if (!crl.issuerDer.equals(authority.subjectDer) || crl.issuerKeyIdentifier !== authority.keyIdentifier.toString('hex')) return false;
  return isSignedWith(authority.certificate.publicKey, crl.algorithmDer, crl.tbsDer, crl.signature);
}

function readCrl(pem: string, der: Buffer): Crl {
  const [tbs, algorithm, signature] = membersOf(readDer(der), TAG.sequence);
  const [version, inner, issuer, thisUpdate, nextUpdate, ...rest] = membersOf(tbs, TAG.sequence);
  if (contentOf(version, TAG.integer)[0] !== 1) throw new Error('malformed list: not of version 2');
  if (!derOf(inner!).equals(derOf(algorithm!))) throw new Error('malformed list: two signature algorithms');
  const revoked = rest.find((member) => tagOf(member) === TAG.sequence);
  const extensions = readExtensions(membersOf(rest.find((member) => tagOf(member) === 0xa0), 0xa0)[0]);
  const number = Number(`0x${contentOf(extensions.get(CRL_OID.number), TAG.integer).toString('hex')}`);
  if (!Number.isSafeInteger(number)) throw new Error('malformed list: its number is too large');
  const [keyIdentifier] = membersOf(extensions.get(EXTENSION_OID.authorityKeyIdentifier), TAG.sequence);
  return {
    pem,
    issuerDer: derOf(issuer!),
    issuerKeyIdentifier: contentOf(keyIdentifier, 0x80).toString('hex'),
    number,
    thisUpdateMs: readTime(thisUpdate),
    nextUpdateMs: readTime(nextUpdate),
    entries: new Map((revoked === undefined ? [] : membersOf(revoked, TAG.sequence, ENTRIES_MAX)).map(readEntry)),
    tbsDer: derOf(tbs!),
    algorithmDer: derOf(algorithm!),
    signature: contentOf(signature, TAG.bitString).subarray(1),
  };
}

function readEntry(entry: DerValue): [string, { revokedMs: number; reason: RevocationReason }] {
  const [serial, date, extensions] = membersOf(entry, TAG.sequence);
  const reason = extensions === undefined ? undefined : readExtensions(extensions).get(CRL_OID.reasonCode);
  const code = reason === undefined ? 0 : contentOf(reason, 0x0a)[0]!;
  const hex = contentOf(serial, TAG.integer).toString('hex').replace(/^00(?=.)/, '');
  return [hex, { revokedMs: readTime(date), reason: REASON_NAMES.get(code) ?? 'unspecified' }];
}

/** A critical extension that is not known changes what the list means: it cannot be used (section 5.2). */
function readExtensions(list: DerValue | undefined): Map<string, DerValue> {
  const known: readonly string[] = [CRL_OID.number, CRL_OID.reasonCode, EXTENSION_OID.authorityKeyIdentifier];
  const found = new Map<string, DerValue>();
  for (const extension of membersOf(list, TAG.sequence)) {
    const members = membersOf(extension, TAG.sequence);
    const id = oidOf(members[0]);
    if (known.includes(id)) found.set(id, readDer(contentOf(members.at(-1), TAG.octetString)));
    else if (members.length > 2) throw new Error(`malformed list: extension ${id} is critical and not known`);
  }
  return found;
}
