/**
 * OCSP answers (RFC 6960) as a TLS server staples them: decoded whole or not at all. Promise: an answer is believed only
 * when the certificate's own issuer signed it, or a responder that this issuer certified for it, when it is about this
 * certificate, and when its time is now.
 */
import { X509Certificate, createHash, type KeyObject } from 'node:crypto';

import { readCertificate, readName, readRawExtensions, readTime } from './certificate-reader.ts';
import { TAG } from './der.ts';
import { contentOf, derOf, membersOf, oidOf, readDer, tagOf, type DerValue } from './der-reader.ts';
import { CertsError } from './errors.ts';
import { spkiDer } from './key-pair.ts';
import { isSignedWith } from './signature-check.ts';

export type OcspStatus = 'good' | 'revoked' | 'unknown';

/** Octets of an answer, and certificates of responders in it, that are looked at. */
const ANSWER_BYTES_MAX = 65_536;
const RESPONDERS_MAX = 4;
/** Clocks differ: an answer may be from so far ahead. */
const SKEW_MS = 300_000;
const BASIC_OID = '1.3.6.1.5.5.7.48.1.1';
const ENUMERATED = 0x0a;
/** Digests that name an issuer; here SHA-1 protects nothing (RFC 5019, section 2.1.1). */
const NAME_DIGESTS: Readonly<Record<string, string>> = { '1.3.14.3.2.26': 'sha1', '2.16.840.1.101.3.4.2.1': 'sha256' };

interface Answer {
  readonly dataDer: Buffer;
  readonly algorithmDer: Buffer;
  readonly signature: Buffer;
  readonly responder: DerValue;
  readonly responders: readonly Buffer[];
  readonly singles: readonly DerValue[];
}

/**
 * What a stapled answer says of `certificate`, which `issuer` has signed. Throws CERTS_BAD_OCSP when it cannot be believed:
 * malformed, an error, signed by another, about another certificate, from another time; the message says which.
 */
export function readStaple(stapleDer: Uint8Array, certificate: X509Certificate, issuer: X509Certificate, nowMs: number): OcspStatus {
  let answer: Answer;
  let status: OcspStatus | undefined;
  try {
    answer = readAnswer(stapleDer);
    const signer = signerOf(answer, issuer, nowMs);
    if (!signer || !isSignedWith(signer, answer.algorithmDer, answer.dataDer, answer.signature)) throw new Error('nobody signed it who may');
    status = answer.singles.map((single) => statusIn(single, certificate, issuer, nowMs)).find((one) => one !== undefined);
    if (status === undefined) throw new Error('it is about another certificate');
    return status;
  } catch (cause) {
    throw new CertsError('CERTS_BAD_OCSP', `the OCSP answer cannot be believed: ${(cause as Error).message}`, { cause });
  }
}

function readAnswer(der: Uint8Array): Answer {
  if (der.length > ANSWER_BYTES_MAX) throw new Error(`it has more than ${ANSWER_BYTES_MAX} octets`);
  const [outcome, wrapper] = membersOf(readDer(der), TAG.sequence);
  const code = contentOf(outcome, ENUMERATED)[0];
  if (code !== 0) throw new Error(`the responder answers with error ${code ?? ''}`);
  const [type, octets] = membersOf(membersOf(wrapper, 0xa0)[0], TAG.sequence);
  if (oidOf(type) !== BASIC_OID) throw new Error('it is of an unknown type');
  const [data, algorithm, signature, certificates] = membersOf(readDer(contentOf(octets, TAG.octetString)), TAG.sequence);
  const fields = membersOf(data, TAG.sequence);
  const [responder, , singles, extensions] = fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
  refuseCritical(extensions);
  return {
    dataDer: derOf(data!),
    algorithmDer: derOf(algorithm!),
    signature: wholeOctets(signature),
    responder: responder!,
    responders: certificates === undefined ? [] : membersOf(membersOf(certificates, 0xa0)[0], TAG.sequence, RESPONDERS_MAX).map(derOf),
    singles: membersOf(singles, TAG.sequence),
  };
}

/** The key of whoever the answer names: the issuer, or a responder of its making (RFC 6960, section 4.2.2.2). */
function signerOf({ responder, responders }: Answer, issuer: X509Certificate, nowMs: number): KeyObject | undefined {
  if (isNamed(responder, issuer)) return issuer.publicKey;
  for (const der of responders) {
    const delegate = new X509Certificate(der);
    const content = readCertificate(delegate);
    const isAppointed = content.extendedKeyUsage?.includes('ocspSigning') === true && delegate.checkIssued(issuer) && delegate.verify(issuer.publicKey);
    if (isAppointed && content.notBeforeMs <= nowMs && nowMs <= content.notAfterMs && isNamed(responder, delegate)) return delegate.publicKey;
  }
  return undefined;
}

/** ResponderID: a name, or the SHA-1 of a key. */
function isNamed(responder: DerValue, certificate: X509Certificate): boolean {
  const [value] = membersOf(responder, tagOf(responder));
  if (tagOf(responder) === 0xa2) return contentOf(value, TAG.octetString).equals(digestOf('sha1', keyBits(certificate)));
  if (tagOf(responder) !== 0xa1) throw new Error('malformed: a responder without name or key');
  readName(value);
  return derOf(value!).equals(readCertificate(certificate).subjectDer);
}

/** What one answer of several says; undefined when it is about another certificate. */
function statusIn(single: DerValue, certificate: X509Certificate, issuer: X509Certificate, nowMs: number): OcspStatus | undefined {
  const [id, status, thisUpdate, ...rest] = membersOf(single, TAG.sequence);
  const [algorithm, nameHash, keyHash, serial] = membersOf(id, TAG.sequence);
  const digest = NAME_DIGESTS[oidOf(membersOf(algorithm, TAG.sequence)[0])];
  const content = readCertificate(certificate);
  const isOurs =
    digest !== undefined &&
    contentOf(nameHash, TAG.octetString).equals(digestOf(digest, content.issuerDer)) &&
    contentOf(keyHash, TAG.octetString).equals(digestOf(digest, keyBits(issuer))) &&
    contentOf(serial, TAG.integer).toString('hex').replace(/^00(?=.)/, '') === content.serial;
  if (!isOurs) return undefined;
  refuseCritical(rest.find((member) => tagOf(member) === 0xa1));
  const nextUpdate = rest.find((member) => tagOf(member) === 0xa0);
  if (nextUpdate === undefined) throw new Error('it does not say until when it holds');
  if (readTime(thisUpdate) > nowMs + SKEW_MS) throw new Error('it is from the future');
  if (readTime(membersOf(nextUpdate, 0xa0)[0]) <= nowMs) throw new Error('it is out of date');
  const known: Readonly<Record<number, OcspStatus>> = { 0x80: 'good', 0xa1: 'revoked', 0x82: 'unknown' };
  const found = status && known[tagOf(status)];
  if (found === undefined) throw new Error('malformed: a status that there is not');
  return found;
}

/** A critical extension that is not known changes what the answer means. */
function refuseCritical(wrapper: DerValue | undefined): void {
  if (wrapper === undefined) return;
  const critical = readRawExtensions(membersOf(wrapper, 0xa1)[0]).find((extension) => extension.critical);
  if (critical) throw new Error(`extension ${critical.oid} is critical and not known`);
}

function keyBits(certificate: X509Certificate): Buffer {
  const [, bits] = membersOf(readDer(spkiDer(certificate.publicKey)), TAG.sequence);
  return contentOf(bits, TAG.bitString).subarray(1);
}

/** A BIT STRING of whole octets. */
function wholeOctets(value: DerValue | undefined): Buffer {
  const content = contentOf(value, TAG.bitString);
  if (content[0] !== 0) throw new Error('malformed: a signature that is not of whole octets');
  return content.subarray(1);
}

function digestOf(digest: string, data: Uint8Array): Buffer {
  return createHash(digest).update(data).digest();
}
