/** What says that a certificate is revoked: a list (RFC 5280, section 5) and a stapled answer (RFC 6960). */
import { createHash } from 'node:crypto';
import { timeDer } from '../../certificate-builder.ts';
import { TAG, bitString, contextConstructed, contextPrimitive, nullValue, octetString, oid, sequence, smallInteger, tlv, unsignedInteger } from '../../der.ts';
import { contentOf, membersOf, readDer } from '../../der-reader.ts';
import { signatureSchemeOf, signWith, spkiDer } from '../../key-pair.ts';
import type { ForgedCertificate, Issuer } from '../forged-certificate.ts';

const HOUR_MS = 3_600_000;

/** A version 2 list of an issuer that revokes these serial numbers, good from an hour ago to 30 days ahead, as DER. */
export function revocationListDer(issuer: Issuer, serials: readonly Uint8Array[], nowMs: number): Buffer {
  const scheme = signatureSchemeOf(issuer.privateKey);
  const revoked = serials.map((serial) => sequence(unsignedInteger(serial), timeDer(nowMs - HOUR_MS)));
  const extension = (id: string, value: Buffer): Buffer => sequence(oid(id), octetString(value));
  const tbs = sequence(
    smallInteger(1),
    scheme.algorithmDer,
    issuer.subjectDer,
    timeDer(nowMs - HOUR_MS),
    timeDer(nowMs + 720 * HOUR_MS),
    sequence(...revoked),
    contextConstructed(0, sequence(extension('2.5.29.35', sequence(contextPrimitive(0, issuer.keyIdentifier))), extension('2.5.29.20', smallInteger(1)))),
  );
  return sequence(tbs, scheme.algorithmDer, bitString(signWith(issuer.privateKey, scheme, tbs)));
}

export interface OcspRecipe {
  readonly issuer: ForgedCertificate;
  readonly serial: Uint8Array;
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly nowMs: number;
  /** Default: an hour ago, a day ahead. */
  readonly thisUpdateMs?: number;
  readonly nextUpdateMs?: number;
  /** A responder that signs in the issuer's place; its certificate goes along. */
  readonly delegate?: ForgedCertificate;
  /** How the signer is named; by its name unless given. */
  readonly named?: 'by name' | 'by key';
}

/** An OCSP response (RFC 6960, section 4.2.1) as DER, signed by the issuer itself or by a delegate. */
export function ocspAnswerDer({ issuer, serial, status, nowMs, thisUpdateMs = nowMs - HOUR_MS, nextUpdateMs = nowMs + 24 * HOUR_MS, delegate, named = 'by name' }: OcspRecipe): Buffer {
  const signer = delegate ?? issuer;
  const scheme = signatureSchemeOf(signer.privateKey);
  const certId = sequence(sequence(oid('1.3.14.3.2.26'), nullValue()), octetString(sha1(issuer.subjectDer)), octetString(sha1(keyBits(issuer))), unsignedInteger(serial));
  const said = { good: contextPrimitive(0, new Uint8Array()), revoked: contextConstructed(1, generalized(thisUpdateMs)), unknown: contextPrimitive(2, new Uint8Array()) }[status];
  const single = sequence(certId, said, generalized(thisUpdateMs), contextConstructed(0, generalized(nextUpdateMs)));
  const responder = named === 'by name' ? contextConstructed(1, signer.subjectDer) : contextConstructed(2, octetString(sha1(keyBits(signer))));
  const data = sequence(responder, generalized(thisUpdateMs), sequence(single));
  const certificates = delegate ? [contextConstructed(0, sequence(delegate.der))] : [];
  const basic = sequence(data, scheme.algorithmDer, bitString(signWith(signer.privateKey, scheme, data)), ...certificates);
  return sequence(tlv(0x0a, Uint8Array.of(0)), contextConstructed(0, sequence(oid('1.3.6.1.5.5.7.48.1.1'), octetString(basic))));
}

function sha1(data: Uint8Array): Buffer {
  return createHash('sha1').update(data).digest();
}

function generalized(ms: number): Buffer {
  return tlv(TAG.generalizedTime, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`, 'latin1'));
}

function keyBits({ publicKey }: ForgedCertificate): Buffer {
  const [, bits] = membersOf(readDer(spkiDer(publicKey)), TAG.sequence);
  return contentOf(bits, TAG.bitString).subarray(1);
}
