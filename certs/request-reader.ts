/**
 * A certificate signing request (PKCS #10, RFC 2986), decoded and proved: its signature was made with the private key of
 * the public key in it, and that key is of a kind we certify. Requests come from strangers; anything but one whole request
 * in its exact form is refused.
 */

import { createPublicKey, verify, type KeyObject } from 'node:crypto';

import { readName, readRawExtensions, type NameAttribute, type RawExtension } from './certificate-reader.ts';
import { TAG } from './der.ts';
import { contentOf, membersOf, oidOf, readDer, type DerValue } from './der-reader.ts';
import { CertsError } from './errors.ts';
import { KEY_TYPES, keyTypeOf, spkiDer, type KeyType } from './key-pair.ts';
import { weaknessOf } from './weak-key.ts';

/** What a request says, its signature verified. */
export interface CertificateRequest {
  readonly subject: readonly NameAttribute[];
  readonly publicKey: KeyObject;
  readonly keyType: KeyType;
  readonly spkiDer: Buffer;
  /** Those it asks for, none of them twice. */
  readonly extensions: readonly RawExtension[];
  /** What was passed over, one sentence each. */
  readonly notes: readonly string[];
}

/** The longest request looked at, in characters of PEM: one with a 4096-bit key and 100 names has about 8,000. */
export const REQUEST_CHARS_MAX = 65_536;

const BLOCK = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]*)-----END (?:NEW )?CERTIFICATE REQUEST-----/;
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const CHALLENGE_PASSWORD = '1.2.840.113549.1.9.7';

/** How each signature algorithm verifies, and for which kind of key. */
const ALGORITHMS: Readonly<Record<string, { digest: string | null; key: string }>> = {
  '1.2.840.10045.4.3.2': { digest: 'sha256', key: 'ec' },
  '1.2.840.10045.4.3.3': { digest: 'sha384', key: 'ec' },
  '1.2.840.10045.4.3.4': { digest: 'sha512', key: 'ec' },
  '1.2.840.113549.1.1.11': { digest: 'sha256', key: 'rsa' },
  '1.2.840.113549.1.1.12': { digest: 'sha384', key: 'rsa' },
  '1.2.840.113549.1.1.13': { digest: 'sha512', key: 'rsa' },
  '1.3.101.112': { digest: null, key: 'ed25519' },
};

/** The error for a request that is not granted: `reason` completes "the request …". */
export function refused(reason: string, options?: ErrorOptions): CertsError {
  return new CertsError('CERTS_CSR_REFUSED', `the request ${reason}`, options);
}

/**
 * Decodes a PEM request and verifies its signature. Throws CERTS_CSR_REFUSED when it is no single whole request, its key is
 * of a kind we do not certify or is known to be weak, or its signature is not that of its key.
 */
export function readRequest(pem: string): CertificateRequest {
  const der = decodePem(pem);
  let parts: Parts;
  try {
    parts = decodeParts(readDer(der));
  } catch (cause) {
    throw refused(`is damaged (${cause instanceof Error ? cause.message : 'unreadable'}); make a new one`, { cause });
  }
  const publicKey = keyIn(parts.spkiDer);
  const keyType = keyTypeOf(publicKey) as KeyType;
  const weakness = weaknessOf(publicKey);
  if (weakness !== undefined) throw refused(`has a weak key: it ${weakness}`);
  if (!KEY_TYPES.includes(keyType)) throw refused(`has a key of type ${keyType}; use one of ${KEY_TYPES.join(', ')}`);
  if (!spkiDer(publicKey).equals(parts.spkiDer)) throw refused('has a public key in an unusual form; name its curve, and leave out what is optional');
  proveSignature(parts, publicKey);
  const repeated = parts.extensions.find(({ oid }, index) => parts.extensions.findIndex((other) => other.oid === oid) < index);
  if (repeated) throw refused(`asks for the extension ${repeated.oid} twice`);
  const { subject, extensions, notes } = parts;
  return { subject, publicKey, keyType, spkiDer: parts.spkiDer, extensions, notes };
}

interface Parts {
  readonly infoDer: Buffer;
  readonly subject: NameAttribute[];
  readonly spkiDer: Buffer;
  readonly extensions: RawExtension[];
  readonly notes: string[];
  readonly algorithm: string;
  readonly signature: Buffer;
}

function decodePem(pem: string): Buffer {
  if (pem.length > REQUEST_CHARS_MAX) throw refused(`is longer than ${REQUEST_CHARS_MAX} characters`);
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw refused('comes with a private key; keep the key, and give the request alone');
  const blocks = pem.match(/-----BEGIN /g)?.length ?? 0;
  if (blocks > 1) throw refused(`is one of ${blocks} PEM blocks; give one request at a time`);
  const body = BLOCK.exec(pem)?.[1]?.replaceAll(/\s/g, '');
  if (body === undefined || body === '') throw refused('is none: give a text with BEGIN CERTIFICATE REQUEST and its END');
  const der = Buffer.from(body, 'base64');
  if (der.toString('base64') !== body) throw refused('is damaged (its base64 is not whole); make a new one');
  return der;
}

/** RFC 2986, section 4. Throws Error. */
function decodeParts(request: DerValue): Parts {
  const [info, algorithm, signature] = exactly(3, membersOf(request, TAG.sequence));
  const [version, subject, spki, attributes] = exactly(4, membersOf(info, TAG.sequence));
  if (contentOf(version, TAG.integer).toString('hex') !== '00') throw new Error('malformed: a version that is not 1');
  const [id, parameters, ...more] = membersOf(algorithm, TAG.sequence);
  if (more.length > 0 || (parameters !== undefined && parameters.der.toString('hex') !== '0500')) throw new Error('malformed: parameters of the signature');
  const bits = contentOf(signature, TAG.bitString);
  if (bits[0] !== 0) throw new Error('malformed: a signature that is not whole octets');
  return {
    infoDer: info!.der,
    subject: readName(subject),
    spkiDer: spki!.der,
    ...decodeAttributes(membersOf(attributes, 0xa0)),
    algorithm: oidOf(id),
    signature: bits.subarray(1),
  };
}

function decodeAttributes(attributes: readonly DerValue[]): { extensions: RawExtension[]; notes: string[] } {
  const seen = new Set<string>();
  const notes: string[] = [];
  let extensions: RawExtension[] = [];
  for (const attribute of attributes) {
    const [type, values] = exactly(2, membersOf(attribute, TAG.sequence));
    const id = oidOf(type);
    if (seen.has(id)) throw new Error(`malformed: attribute ${id} stands twice`);
    seen.add(id);
    const members = membersOf(values, TAG.set);
    if (id === EXTENSION_REQUEST) extensions = readRawExtensions(exactly(1, members)[0]);
    else notes.push(id === CHALLENGE_PASSWORD ? 'the challenge password was ignored' : `the attribute ${id} was ignored`);
  }
  return { extensions, notes };
}

function keyIn(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch (cause) {
    throw refused('has a public key that cannot be read', { cause });
  }
}

function proveSignature({ infoDer, algorithm, signature }: Parts, publicKey: KeyObject): void {
  const scheme = ALGORITHMS[algorithm];
  if (scheme === undefined) throw refused(`is signed with ${algorithm}; use SHA-256, SHA-384 or SHA-512 with ECDSA or RSA PKCS#1 v1.5, or Ed25519`);
  if (scheme.key !== publicKey.asymmetricKeyType || !verify(scheme.digest, infoDer, publicKey, signature)) {
    throw refused('was not signed with the key that it names');
  }
}

function exactly(count: number, members: readonly DerValue[]): readonly DerValue[] {
  if (members.length !== count) throw new Error(`malformed: ${members.length} members where ${count} belong`);
  return members;
}
