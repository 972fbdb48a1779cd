/**
 * Keys: which types we make, how each signs a certificate, and what type a key we read has. Keys come from node:crypto;
 * private keys are written as unencrypted PKCS#8 PEM, protected by file permissions.
 */

import { createPublicKey, generateKeyPair as generate, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

import { TAG, nullValue, oid, sequence } from './der.ts';
import { contentOf, membersOf, readDer } from './der-reader.ts';
import { CertsError } from './errors.ts';

const generateAsync = promisify(generate);

/** Every key type we generate, the default first. */
export const KEY_TYPES = ['ec-p256', 'ec-p384', 'ed25519', 'rsa-2048', 'rsa-3072', 'rsa-4096'] as const;

export type KeyType = (typeof KEY_TYPES)[number];

export const DEFAULT_KEY_TYPE: KeyType = 'ec-p256';

export interface KeyPair {
  readonly keyType: KeyType;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** How a key signs: the AlgorithmIdentifier for the certificate, and the digest for node:crypto (null: built in). */
export interface SignatureScheme {
  readonly algorithmDer: Buffer;
  readonly digest: 'sha256' | 'sha384' | null;
}

/**
 * Makes a key pair in the thread pool. RSA has exponent 65537.
 * Throws CERTS_BAD_REQUEST for a type that is not in {@link KEY_TYPES}.
 */
export async function generateKeyPair(keyType: KeyType): Promise<KeyPair> {
  switch (keyType) {
    case 'ec-p256':
      return { keyType, ...(await generateAsync('ec', { namedCurve: 'P-256' })) };
    case 'ec-p384':
      return { keyType, ...(await generateAsync('ec', { namedCurve: 'P-384' })) };
    case 'ed25519':
      return { keyType, ...(await generateAsync('ed25519')) };
    case 'rsa-2048':
    case 'rsa-3072':
    case 'rsa-4096':
      return { keyType, ...(await generateAsync('rsa', { modulusLength: Number(keyType.slice(4)) })) };
    default:
      throw unknownType(keyType);
  }
}

/** Throws CERTS_BAD_REQUEST for a type that is not in {@link KEY_TYPES}. */
export function checkKeyType(keyType: KeyType): void {
  if (!KEY_TYPES.includes(keyType)) throw unknownType(keyType);
}

function unknownType(keyType: unknown): CertsError {
  return new CertsError('CERTS_BAD_REQUEST', `unknown key type ${JSON.stringify(keyType)}; use one of ${KEY_TYPES.join(', ')}`);
}

/**
 * The signature scheme a signing key uses in a certificate: ECDSA with SHA-256, or SHA-384 on P-384 and above (RFC 5758,
 * section 3.2), RSA PKCS#1 v1.5 with SHA-256 (RFC 4055, section 5), Ed25519 (RFC 8410, section 3).
 * Throws CERTS_BAD_REQUEST for any other kind of key.
 */
export function signatureSchemeOf(key: KeyObject): SignatureScheme {
  const keyType = keyTypeOf(key);
  if (keyType === 'ec-p256') return { algorithmDer: sequence(oid('1.2.840.10045.4.3.2')), digest: 'sha256' };
  if (keyType.startsWith('ec-')) return { algorithmDer: sequence(oid('1.2.840.10045.4.3.3')), digest: 'sha384' };
  if (keyType === 'ed25519') return { algorithmDer: sequence(oid('1.3.101.112')), digest: null };
  if (keyType.startsWith('rsa-')) {
    return { algorithmDer: sequence(oid('1.2.840.113549.1.1.11'), nullValue()), digest: 'sha256' };
  }
  throw new CertsError('CERTS_BAD_REQUEST', `a key of type ${keyType} cannot sign certificates here`);
}

/** Signs `data` in the way of {@link signatureSchemeOf}; ECDSA signatures are DER, as X.509 wants them. */
export function signWith(privateKey: KeyObject, scheme: SignatureScheme, data: Uint8Array): Buffer {
  return sign(scheme.digest, data, privateKey);
}

/**
 * The type of any key, ours or not: one of {@link KEY_TYPES}, or in the same manner 'rsa-1024', 'ec-secp521r1',
 * 'ed448', 'rsa-pss-2048', or 'unknown'.
 */
export function keyTypeOf(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const kind = key.asymmetricKeyType ?? 'unknown';
  if (kind === 'ec') {
    if (namedCurve === 'prime256v1') return 'ec-p256';
    if (namedCurve === 'secp384r1') return 'ec-p384';
    return `ec-${namedCurve ?? 'unknown'}`;
  }
  return modulusLength === undefined ? kind : `${kind}-${modulusLength}`;
}

/**
 * The type of a public key given as SubjectPublicKeyInfo DER, as {@link keyTypeOf} tells it. Types that we make are told
 * from their octets: a list of thousands has no time for key objects. Throws Error when it is no public key.
 */
export function keyTypeOfSpki(spki: Uint8Array): string {
  const [algorithm, bits] = membersOf(readDer(spki), TAG.sequence);
  const [id, parameters] = membersOf(algorithm, TAG.sequence);
  const known = KEY_TYPE_OF_ALGORITHM[[id, parameters].map((value) => value?.der.toString('hex') ?? '').join()];
  if (known === 'rsa') {
    const [modulus] = membersOf(readDer(contentOf(bits, TAG.bitString).subarray(1)), TAG.sequence);
    const magnitude = contentOf(modulus, TAG.integer).toString('hex').replace(/^(?:00)+/, '');
    return `rsa-${BigInt(`0x0${magnitude}`).toString(2).length}`;
  }
  return known ?? keyTypeOf(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }));
}

/** By the encodings of the algorithm and its parameters. */
const KEY_TYPE_OF_ALGORITHM: Readonly<Record<string, string>> = {
  [[oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')].map((der) => der.toString('hex')).join()]: 'ec-p256',
  [[oid('1.2.840.10045.2.1'), oid('1.3.132.0.34')].map((der) => der.toString('hex')).join()]: 'ec-p384',
  [[oid('1.3.101.112'), Buffer.alloc(0)].map((der) => der.toString('hex')).join()]: 'ed25519',
  [[oid('1.2.840.113549.1.1.1'), nullValue()].map((der) => der.toString('hex')).join()]: 'rsa',
};

/** A public key as SubjectPublicKeyInfo DER (RFC 5280, section 4.1.2.7). */
export function spkiDer(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** A private key as PKCS#8 PEM. */
export function privateKeyPem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
