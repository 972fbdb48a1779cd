/** Checks of a certificate's extensions: constraints, usages, key identifiers, pointers to what revokes it. */

import { finding, type Finding } from './check-catalogue.ts';
import type { CheckedCertificate } from './check-reader.ts';
import { EXTENSION_OID } from './extensions.ts';

/** Those a peer must understand when they are critical: ours, and RFC 5280's constraints, policies and pointers. */
const UNDERSTOOD = new Set<string>([
  ...Object.values(EXTENSION_OID),
  '2.5.29.18', // issuer alternative name
  '2.5.29.30', // name constraints
  '2.5.29.31', // CRL distribution points
  '2.5.29.32', // certificate policies
  '2.5.29.33', // policy mappings
  '2.5.29.36', // policy constraints
  '2.5.29.46', // freshest CRL
  '2.5.29.54', // inhibit anyPolicy
  '1.3.6.1.5.5.7.1.1', // authority information access
  '1.3.6.1.5.5.7.1.24', // TLS feature (must-staple)
]);
const CRL_POINTERS = '2.5.29.31';
const AUTHORITY_INFORMATION = '1.3.6.1.5.5.7.1.1';
/** id-ad-ocsp, encoded. */
const OCSP_DER = Buffer.from('06082b06010505073001', 'hex');

/** Findings of the extensions. */
export function checkExtensions(certificate: CheckedCertificate): Finding[] {
  return [...checkList(certificate), ...checkConstraints(certificate), ...checkKeyUsage(certificate), ...checkExtendedKeyUsage(certificate), ...checkKeyIdentifiers(certificate), ...checkPointers(certificate)];
}

function checkList({ extensions }: CheckedCertificate): Finding[] {
  const oids = extensions.map(({ oid }) => oid);
  const repeated = [...new Set(oids.filter((oid, index) => oids.indexOf(oid) < index))];
  const unknown = extensions.filter(({ critical, oid }) => critical && !UNDERSTOOD.has(oid));
  return [
    ...repeated.map((oid) => finding('extension-duplicate', `the extension ${oid} stands more than once`)),
    ...unknown.map(({ oid }) => finding('extension-unknown-critical', `the critical extension ${oid} is not one that peers know`)),
  ];
}

function checkConstraints({ basicConstraints, extensions }: CheckedCertificate): Finding[] {
  const found: Finding[] = [];
  if (basicConstraints?.ca && !isCritical(extensions, EXTENSION_OID.basicConstraints)) {
    found.push(finding('basic-constraints-not-critical', 'it is an authority, and its basic constraints are not critical'));
  }
  if (basicConstraints?.pathLength !== undefined && !basicConstraints.ca) {
    found.push(finding('path-length-without-ca', 'it has a path length, and is no authority'));
  }
  return found;
}

function checkKeyUsage({ keyUsage, kind, keyType, extensions }: CheckedCertificate): Finding[] {
  const isAuthority = kind === 'authority';
  if (keyUsage === undefined) {
    if (has(extensions, EXTENSION_OID.keyUsage)) return [];
    return [isAuthority ? finding('key-usage-missing-on-ca', 'it is an authority, and does not say what its key may do') : finding('key-usage-missing', 'it does not say what its key may do')];
  }
  const found: Finding[] = [];
  if (keyUsage.length === 0) return [finding('key-usage-empty', 'its key usage allows nothing')];
  if (!isCritical(extensions, EXTENSION_OID.keyUsage)) found.push(finding('key-usage-not-critical', 'its key usage is not critical'));
  const signs = keyUsage.includes('keyCertSign');
  if (signs && !isAuthority) found.push(finding('key-usage-cert-sign-without-ca', 'its key may sign certificates, and it is no authority'));
  if (!signs && isAuthority) found.push(finding('key-usage-ca-without-cert-sign', 'it is an authority, and its key may not sign certificates'));
  if (!isAuthority && !keyUsage.includes('digitalSignature')) {
    found.push(finding('key-usage-without-signature', `its key may only ${keyUsage.join(', ')}; TLS 1.3 needs digitalSignature`));
  }
  const unfit = keyUsage.find((usage) => usage === 'keyEncipherment' || usage === 'dataEncipherment');
  if (unfit !== undefined && /^(ec-|ed)/.test(keyType)) found.push(finding('key-usage-unfit-key', `a key of type ${keyType} cannot do ${unfit}`));
  return found;
}

function checkExtendedKeyUsage({ extendedKeyUsage: usages, kind, extensions }: CheckedCertificate): Finding[] {
  if (usages === undefined) {
    if (kind === 'authority' || has(extensions, EXTENSION_OID.extKeyUsage)) return [];
    return [finding('extended-key-usage-missing', 'it does not say whether it is for servers or for clients')];
  }
  if (usages.length === 0) return [finding('extended-key-usage-empty', 'its extended key usage allows nothing')];
  const found: Finding[] = [];
  if (usages.includes('any')) found.push(finding('extended-key-usage-any', 'it is good for any purpose'));
  if (usages.includes('serverAuth') && usages.includes('clientAuth')) found.push(finding('extended-key-usage-both', 'it is good for servers and for clients'));
  return found;
}

function checkKeyIdentifiers({ extensions, kind, issuerDer, subjectDer }: CheckedCertificate): Finding[] {
  const [own, issuers] = [EXTENSION_OID.subjectKeyIdentifier, EXTENSION_OID.authorityKeyIdentifier];
  const found: Finding[] = [];
  if (!has(extensions, own)) {
    found.push(kind === 'authority' ? finding('subject-key-id-missing-on-ca', 'it is an authority without a subject key identifier') : finding('subject-key-id-missing', 'it has no subject key identifier'));
  }
  const isSelfIssued = issuerDer.equals(subjectDer);
  if (!has(extensions, issuers) && !isSelfIssued) found.push(finding('authority-key-id-missing', 'it does not say which key of its issuer signed it'));
  if (isCritical(extensions, own) || isCritical(extensions, issuers)) found.push(finding('key-id-critical', 'a key identifier in it is critical'));
  if (isSelfIssued && kind !== 'authority') found.push(finding('self-signed-leaf', 'it is signed by itself, and is no authority'));
  return found;
}

function checkPointers({ extensions, issuerDer, subjectDer }: CheckedCertificate): Finding[] {
  const information = extensions.find(({ oid }) => oid === AUTHORITY_INFORMATION);
  if (has(extensions, CRL_POINTERS) || information?.value.includes(OCSP_DER) || issuerDer.equals(subjectDer)) return [];
  return [finding('no-revocation-pointer', 'it does not say where to learn that it was revoked: peers need the list by another way')];
}

function has(extensions: CheckedCertificate['extensions'], oid: string): boolean {
  return extensions.some((extension) => extension.oid === oid);
}

function isCritical(extensions: CheckedCertificate['extensions'], oid: string): boolean {
  return extensions.some((extension) => extension.oid === oid && extension.critical);
}
