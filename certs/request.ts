/**
 * Certificate signing requests: made where the key is, signed where the authority is. Promises: the certificate says what
 * its profile says and nothing that the request says; a request that asks for anything else is refused; what was signed is
 * on record before it is handed out.
 */

import { chainPem, issuingSigner, type Authority } from './authority.ts';
import { decodeExtensions, readBasicConstraints, readExtendedKeyUsage, readKeyUsage, readNames, type RawExtension } from './certificate-reader.ts';
import { commonNameDer, pemOf } from './certificate-builder.ts';
import { TAG, bitString, contextConstructed, oid, sequence, set, smallInteger } from './der.ts';
import { contentOf, type DerValue } from './der-reader.ts';
import { EXTENSION_OID, extensionDer, type SubjectAltName } from './extensions.ts';
import { DEFAULT_KEY_TYPE, generateKeyPair, privateKeyPem, signWith, signatureSchemeOf, spkiDer } from './key-pair.ts';
import { CERTIFICATE_FILE, signedDirectory, signedPaths } from './layout.ts';
import { makePrivateDirectory, publishPrivateDirectory } from './private-file.ts';
import { identityProfile, identityValidity, type IdentityRequest, type Profile, type Role } from './profiles.ts';
import { readRequest, refused, type CertificateRequest } from './request-reader.ts';
import { signProfile } from './signer.ts';

/** A certificate whose key is elsewhere, on disk and in memory. */
export interface SignedRequest {
  readonly role: Role;
  /** 32 lower-case hexadecimal digits. */
  readonly serial: string;
  readonly certificatePath: string;
  /** The certificate, then the intermediate that signed it, if one did. */
  readonly certificatePem: string;
  /** What the request asked for and was passed over, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Makes a key and a request for a certificate of `identity`, whose `keyType` says of which kind; lifetimes are the
 * authority's to give. Nothing is written. Throws CERTS_BAD_REQUEST.
 */
export async function createRequest(identity: IdentityRequest): Promise<{ readonly requestPem: string; readonly keyPem: string }> {
  const { commonName, extensions } = identityProfile(identity);
  const { privateKey, publicKey } = await generateKeyPair(identity.keyType ?? DEFAULT_KEY_TYPE);
  const names = extensions.filter((extension) => extension.oid === EXTENSION_OID.subjectAltName);
  const attribute = sequence(oid('1.2.840.113549.1.9.14'), set(sequence(...names.map(extensionDer))));
  const info = sequence(smallInteger(0), commonNameDer(commonName), spkiDer(publicKey), contextConstructed(0, attribute));
  const scheme = signatureSchemeOf(privateKey);
  const der = sequence(info, scheme.algorithmDer, bitString(signWith(privateKey, scheme, info)));
  return { requestPem: pemOf('CERTIFICATE REQUEST', der), keyPem: privateKeyPem(privateKey) };
}

/**
 * Signs a PEM request as `identity`, which says who it is for and how long it lasts; the key is the request's, whatever
 * `identity.keyType` says. The certificate is kept as `<directory>/signed/<serial>/cert.pem`.
 * Throws CERTS_CSR_REFUSED when the request is none, is not signed with its own key, has a weak key or one of a kind we do
 * not certify, or asks for what the identity's profile does not have; CERTS_BAD_REQUEST for a bad `identity`;
 * CERTS_AUTHORITY_EXPIRED, CERTS_WRITE_FAILED.
 */
export async function signRequest(
  authority: Authority,
  requestPem: string,
  identity: IdentityRequest,
  nowMs: number,
): Promise<SignedRequest> {
  const signer = issuingSigner(authority);
  const profile = identityProfile(identity);
  const validity = identityValidity(identity, nowMs, signer.notAfterMs);
  const request = readRequest(requestPem);
  const notes = [...request.notes, ...checkAgainst(profile, request)];
  const signed = signProfile(signer, profile, validity, request.spkiDer);
  const certificatePem = chainPem(authority, signed.certificatePem);
  const { directory, certificatePath } = signedPaths(authority.directory, signed.serial);
  await makePrivateDirectory(signedDirectory(authority.directory));
  await publishPrivateDirectory(directory, { [CERTIFICATE_FILE]: certificatePem });
  return { role: identity.role, serial: signed.serial, certificatePath, certificatePem, notes };
}

/** What is passed over; throws CERTS_CSR_REFUSED for what the profile does not allow. */
function checkAgainst(profile: Profile, request: CertificateRequest): string[] {
  checkSubject(profile.commonName, request);
  let wanted: Map<string, DerValue>;
  let allowed: Map<string, DerValue>;
  try {
    wanted = decodeExtensions(request.extensions);
    allowed = decodeExtensions(profile.extensions.map(({ oid, critical, valueDer }) => ({ oid, critical, value: Buffer.from(valueDer) })));
    checkConstraints(wanted);
    checkList('key usage', readKeyUsage(wanted.get(EXTENSION_OID.keyUsage)), readKeyUsage(allowed.get(EXTENSION_OID.keyUsage)));
    const usages = [wanted, allowed].map((map) => readExtendedKeyUsage(map.get(EXTENSION_OID.extKeyUsage)));
    checkList('extended key usage', usages[0], usages[1]);
    const names = [wanted, allowed].map((map) => readNames(map.get(EXTENSION_OID.subjectAltName)).map(nameText));
    checkList('name', names[0], names[1]);
    const identifier = wanted.get(EXTENSION_OID.subjectKeyIdentifier);
    if (identifier) contentOf(identifier, TAG.octetString);
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'CERTS_CSR_REFUSED') throw cause;
    throw refused(`is damaged (an extension in it is ${(cause as Error).message}); make a new one`, { cause });
  }
  return request.extensions.flatMap(passedOver);
}

function checkSubject(commonName: string, { subject }: CertificateRequest): void {
  if (subject.length === 0) return;
  const [only, ...more] = subject;
  if (more.length === 0 && only!.type === 'CN' && only!.value === commonName) return;
  const shown = subject.map(({ type, value }) => `${type}=${value}`).join(', ');
  throw refused(`has the subject ${quoted(shown)}; leave it empty or use ${quoted(`CN=${commonName}`)} alone`);
}

function checkConstraints(wanted: Map<string, DerValue>): void {
  const constraints = readBasicConstraints(wanted.get(EXTENSION_OID.basicConstraints));
  if (constraints?.ca === true) throw refused('asks to be an authority (CA:TRUE), which no profile allows');
  if (constraints?.pathLength !== undefined) throw refused('asks for a path length, which only authorities have');
}

function checkList(what: string, wanted: readonly string[] = [], allowed: readonly string[] = []): void {
  const excess = wanted.find((one) => !allowed.includes(one));
  if (excess === undefined) return;
  throw refused(`asks for the ${what} ${quoted(excess)}; its profile allows ${allowed.join(', ') || 'none'}`);
}

function passedOver({ oid, critical }: RawExtension): string[] {
  if (GRANTED.has(oid)) return [];
  if (critical) throw refused(`asks for the critical extension ${oid}, which no profile has`);
  return [`the extension ${oid} was ignored`];
}

/** Extensions whose content was compared with the profile's, or says nothing that we take over. */
const GRANTED = new Set<string>([
  EXTENSION_OID.basicConstraints,
  EXTENSION_OID.keyUsage,
  EXTENSION_OID.extKeyUsage,
  EXTENSION_OID.subjectAltName,
  EXTENSION_OID.subjectKeyIdentifier,
]);

function nameText({ type, value }: SubjectAltName): string {
  return `${type}:${type === 'dns' ? value.toLowerCase() : value}`;
}

/** Text from a stranger, safe to print on one line. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 120)).replaceAll(/[^\x20-\x7e]/g, '?');
}
