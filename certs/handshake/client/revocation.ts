/** What says that a certificate is revoked: a list (RFC 5280, section 5) and a stapled answer (RFC 6960). */
import { createHash, sign } from 'node:crypto';
import { timeDer } from '../../certificate-builder.ts';
import { TAG, bitString, contextConstructed, contextPrimitive, nullValue, octetString, oid, sequence, smallInteger, tlv, unsignedInteger } from '../../der.ts';
import { signatureSchemeOf, signWith } from '../../key-pair.ts';
import type { Issuer } from '../forged-certificate.ts';

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

/** An OCSP response, signed by the issuer itself, that says `revoked` of a serial number, as DER. */
export function revokedStapleDer(issuer: Issuer, issuerPublicKeyBits: Uint8Array, serial: Uint8Array, nowMs: number): Buffer {
  const scheme = signatureSchemeOf(issuer.privateKey);
  const sha1 = (data: Uint8Array): Buffer => createHash('sha1').update(data).digest();
  const generalized = (ms: number): Buffer => tlv(TAG.generalizedTime, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`, 'latin1'));
  const certId = sequence(sequence(oid('1.3.14.3.2.26'), nullValue()), octetString(sha1(issuer.subjectDer)), octetString(sha1(issuerPublicKeyBits)), unsignedInteger(serial));
  const single = sequence(certId, contextConstructed(1, generalized(nowMs - HOUR_MS)), generalized(nowMs - HOUR_MS), contextConstructed(0, generalized(nowMs + 24 * HOUR_MS)));
  const data = sequence(contextConstructed(1, issuer.subjectDer), generalized(nowMs - HOUR_MS), sequence(single));
  const basic = sequence(data, scheme.algorithmDer, bitString(sign(scheme.digest, data, issuer.privateKey)));
  return sequence(tlv(0x0a, Uint8Array.of(0)), contextConstructed(0, sequence(oid('1.3.6.1.5.5.7.48.1.1'), octetString(basic))));
}
