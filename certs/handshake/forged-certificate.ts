/**
 * Certificates that lie: any field may be wrong, expired, missing or contradictory, and any key may sign. Only for tests
 * of other people's checks; what thrum issues comes from authority.ts and its profiles.
 */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { commonNameDer, randomSerial, assembleCertificate, tbsCertificateDer } from '../certificate-builder.ts';
import { nullValue, oid, sequence } from '../der.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extKeyUsage,
  keyIdentifier,
  keyUsage,
  subjectKeyIdentifier,
  type ExtendedKeyUsage,
  type Extension,
} from '../extensions.ts';
import { signatureSchemeOf, spkiDer, type KeyPair } from '../key-pair.ts';

/** Anything that can sign a certificate: a key, the name that it signs under, and its key identifier. */
export interface Issuer {
  readonly privateKey: KeyObject;
  readonly subjectDer: Uint8Array;
  readonly keyIdentifier: Uint8Array;
}

/** A forged certificate, its key, and what it needs to sign others in turn. */
export interface ForgedCertificate extends Issuer {
  readonly der: Buffer;
  readonly publicKey: KeyObject;
}

export type Keys = Pick<KeyPair, 'privateKey' | 'publicKey'>;

export interface Recipe {
  readonly subjectDer: Uint8Array;
  /** Default: a fresh key on P-256. */
  readonly keys?: Keys;
  /** Default: the certificate signs itself. */
  readonly issuer?: Issuer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** All of them but the key identifiers, which are added unless `bare`. */
  readonly extensions: readonly Extension[];
  readonly keyIdentifiers?: 'added' | 'bare';
  readonly serial?: Uint8Array;
  /** Default: what suits the issuer's key. */
  readonly digest?: 'md5' | 'sha1' | 'sha256';
  /** `broken` flips a bit of the signature. */
  readonly signature?: 'true' | 'broken';
}

const DIGEST_OIDS = {
  ec: { sha1: '1.2.840.10045.4.1', sha256: '1.2.840.10045.4.3.2', md5: undefined },
  rsa: { md5: '1.2.840.113549.1.1.4', sha1: '1.2.840.113549.1.1.5', sha256: '1.2.840.113549.1.1.11' },
} as const;

/** Makes the certificate of a recipe. Throws when a digest has no algorithm for the issuer's key (MD5 with ECDSA). */
export function forgeCertificate(recipe: Recipe): ForgedCertificate {
  const keys = recipe.keys ?? ecKeys('P-256');
  const spki = spkiDer(keys.publicKey);
  const ownIdentifier = keyIdentifier(spki);
  const issuer = recipe.issuer ?? { privateKey: keys.privateKey, subjectDer: recipe.subjectDer, keyIdentifier: ownIdentifier };
  const identifiers = recipe.keyIdentifiers === 'bare' ? [] : [subjectKeyIdentifier(spki), authorityKeyIdentifier(issuer.keyIdentifier)];
  const { algorithmDer, digest } = algorithmOf(issuer.privateKey, recipe.digest);
  const tbs = tbsCertificateDer({
    serial: recipe.serial ?? randomSerial(),
    signatureAlgorithmDer: algorithmDer,
    issuerDer: issuer.subjectDer,
    notBeforeMs: recipe.notBeforeMs,
    notAfterMs: recipe.notAfterMs,
    subjectDer: recipe.subjectDer,
    spkiDer: spki,
    extensions: [...recipe.extensions, ...identifiers],
  });
  const signature = sign(digest, tbs, issuer.privateKey);
  if (recipe.signature === 'broken') signature[signature.length - 1]! ^= 1;
  return { der: assembleCertificate(tbs, algorithmDer, signature), ...keys, subjectDer: recipe.subjectDer, keyIdentifier: ownIdentifier };
}

/** A fresh key pair on a named curve, also one that nobody should use any more. */
export function ecKeys(namedCurve: 'P-256' | 'P-384' | 'prime192v1'): Keys {
  return generateKeyPairSync('ec', { namedCurve });
}

/** A fresh RSA key pair. */
export function rsaKeys(bits: number): Keys {
  return generateKeyPairSync('rsa', { modulusLength: bits });
}

/** The extensions of an honest authority; `pathLength` 0 lets it sign end entities only. */
export function authorityExtensions(pathLength?: number): Extension[] {
  return [basicConstraints({ ca: true, ...(pathLength === undefined ? {} : { pathLength }) }), keyUsage(['keyCertSign', 'cRLSign'])];
}

/** The extensions of an honest end entity, before its names. */
export function endEntityExtensions(usage: ExtendedKeyUsage): Extension[] {
  return [basicConstraints({ ca: false }), keyUsage(['digitalSignature']), extKeyUsage([usage])];
}

export { commonNameDer };

function algorithmOf(key: KeyObject, digest: Recipe['digest']): { algorithmDer: Buffer; digest: string | null } {
  if (digest === undefined) return signatureSchemeOf(key);
  const kind = key.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec';
  const algorithm = DIGEST_OIDS[kind][digest];
  if (algorithm === undefined) throw new Error(`there is no signature of ${digest} with a key of type ${kind}`);
  return { algorithmDer: kind === 'rsa' ? sequence(oid(algorithm), nullValue()) : sequence(oid(algorithm)), digest };
}
