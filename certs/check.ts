/**
 * The check of certificates against RFC 5280, the CA/Browser Forum's Baseline Requirements where they make sense without a
 * browser, and our own profiles for certificates that carry a URN of ours. Any certificate may be given; none is trusted,
 * and no signature is verified. Promises: every finding has a stable id, and a certificate that we issue has no error and
 * no warning.
 */

import { X509Certificate } from 'node:crypto';

import { readCertificate } from './certificate-reader.ts';
import { finding, type Finding } from './check-catalogue.ts';
import { checkExtensions } from './check-extensions.ts';
import { checkFields, checkSerialsTogether } from './check-fields.ts';
import { checkNames } from './check-names.ts';
import { takeApart, type CheckedCertificate } from './check-reader.ts';
import { claimIdentity } from './claim-identity.ts';
import { identityIn } from './identity.ts';
import { KEY_TYPES, type KeyType } from './key-pair.ts';
import { URN_PREFIX } from './names.ts';
import { DAY_MS, LIFETIME_DAYS_MAX } from './profiles.ts';

/** Validity begins a little before the issue. */
const SKEW_MS = 3_600_000;

/** Findings of one certificate given as DER, worst first; none when all is well. Never throws for what the bytes are. */
export function checkCertificate(der: Uint8Array, nowMs: number): Finding[] {
  return checkCertificates([der], nowMs)[0]!;
}

/** As {@link checkCertificate} for each of many, which are also compared with each other. */
export function checkCertificates(ders: readonly Uint8Array[], nowMs: number): Finding[][] {
  const parts = ders.map(apart);
  const together = checkSerialsTogether(parts.map((part) => (Array.isArray(part) ? undefined : part)));
  return parts.map((part, index) => (Array.isArray(part) ? part : byWeight([...checkAll(part, ders[index]!, nowMs), ...together[index]!])));
}

function apart(der: Uint8Array): CheckedCertificate | Finding[] {
  try {
    return takeApart(der);
  } catch (error) {
    return [finding('malformed', `it cannot be decoded (${(error as Error).message})`)];
  }
}

function checkAll(certificate: CheckedCertificate, der: Uint8Array, nowMs: number): Finding[] {
  return [
    ...certificate.findings,
    ...checkFields(certificate, nowMs),
    ...checkExtensions(certificate),
    ...checkNames(certificate),
    ...checkOurs(certificate, der),
  ];
}

/** Whoever carries a URN of ours must be what we issue. */
function checkOurs(certificate: CheckedCertificate, der: Uint8Array): Finding[] {
  const { names = [], keyUsage = [], extendedKeyUsage = [], notBefore, notAfter, keyType } = certificate;
  const urn = names.find(({ type, value }) => type === 'uri' && value.toLowerCase().startsWith(URN_PREFIX));
  if (urn === undefined) return [];
  const found: Finding[] = [];
  if (identityOf(der) === undefined) found.push(finding('thrum-identity', `it carries ${urn.value.slice(0, 120)}, and is no identity of ours: its URN, common name and usage must agree`));
  if (keyUsage.join() !== 'digitalSignature' || extendedKeyUsage.join() !== 'clientAuth') {
    found.push(finding('thrum-usage', 'its key must be for digitalSignature and clientAuth, and for nothing else'));
  }
  if (names.length !== 1) found.push(finding('thrum-names', `it has ${names.length} alternative names, where its URN alone belongs`));
  if (notAfter.ms - notBefore.ms - SKEW_MS > LIFETIME_DAYS_MAX * DAY_MS) found.push(finding('thrum-lifetime', `it lasts more than ${LIFETIME_DAYS_MAX} days`));
  if (!KEY_TYPES.includes(keyType as KeyType)) found.push(finding('thrum-key', `its key is of type ${keyType}, which we do not certify`));
  return found;
}

function identityOf(der: Uint8Array): unknown {
  try {
    const certificate = new X509Certificate(der);
    return identityIn(readCertificate(certificate)) ?? claimIdentity(certificate);
  } catch {
    return undefined;
  }
}

function byWeight(findings: readonly Finding[]): Finding[] {
  const weight = { error: 0, warning: 1, info: 2 };
  return [...findings].sort((a, b) => weight[a.severity] - weight[b.severity]);
}
