/** Signatures inside handshakes: by scheme number, honest ones (RFC 8446 4.2.3, 4.4.3). */
import { constants, sign, verify, type KeyObject } from 'node:crypto';
import { SCHEME } from './names.ts';

interface Method {
  readonly digest: string | null;
  readonly keyType: 'rsa' | 'ec' | 'ed25519' | 'ed448';
  readonly pss?: true;
}

const METHODS: Readonly<Record<number, Method>> = {
  [SCHEME.rsaPkcs1Md5]: { digest: 'md5', keyType: 'rsa' },
  [SCHEME.rsaPkcs1Sha1]: { digest: 'sha1', keyType: 'rsa' },
  [SCHEME.ecdsaSha1]: { digest: 'sha1', keyType: 'ec' },
  [SCHEME.rsaPkcs1Sha256]: { digest: 'sha256', keyType: 'rsa' },
  [SCHEME.rsaPkcs1Sha384]: { digest: 'sha384', keyType: 'rsa' },
  [SCHEME.rsaPkcs1Sha512]: { digest: 'sha512', keyType: 'rsa' },
  [SCHEME.ecdsaP256Sha256]: { digest: 'sha256', keyType: 'ec' },
  [SCHEME.ecdsaP384Sha384]: { digest: 'sha384', keyType: 'ec' },
  [SCHEME.ecdsaP521Sha512]: { digest: 'sha512', keyType: 'ec' },
  [SCHEME.rsaPssSha256]: { digest: 'sha256', keyType: 'rsa', pss: true },
  [SCHEME.rsaPssSha384]: { digest: 'sha384', keyType: 'rsa', pss: true },
  [SCHEME.rsaPssSha512]: { digest: 'sha512', keyType: 'rsa', pss: true },
  [SCHEME.ed25519]: { digest: null, keyType: 'ed25519' },
  [SCHEME.ed448]: { digest: null, keyType: 'ed448' },
};

/** The scheme that a key signs with: the first it can among those that the peer takes. Undefined when there is none. */
export function schemeFor(key: KeyObject, offered: readonly number[], version: 'TLS 1.2' | 'TLS 1.3'): number | undefined {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return offered.find((scheme) => {
    const method = METHODS[scheme];
    if (method === undefined || method.keyType !== key.asymmetricKeyType) return false;
    if (version === 'TLS 1.2') return true;
    if (method.keyType === 'rsa') return method.pss === true;
    return method.keyType !== 'ec' || curve === TLS13_CURVES[scheme];
  });
}

/** TLS 1.3 ties each ECDSA scheme to a curve. */
const TLS13_CURVES: Readonly<Record<number, string>> = {
  [SCHEME.ecdsaP256Sha256]: 'prime256v1',
  [SCHEME.ecdsaP384Sha384]: 'secp384r1',
  [SCHEME.ecdsaP521Sha512]: 'secp521r1',
};

/** Signs with a scheme. Throws when the key cannot. */
export function signScheme(scheme: number, key: KeyObject, data: Uint8Array): Buffer {
  const method = METHODS[scheme];
  if (method === undefined) throw new Error(`no signature of scheme ${scheme} can be made here`);
  return sign(method.digest, data, method.pss ? { key, ...PSS } : key);
}

/** Whether a signature is what its scheme says; false as well for schemes that are not known or not of that key. */
export function verifyScheme(scheme: number, key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const method = METHODS[scheme];
  if (method === undefined || method.keyType !== key.asymmetricKeyType) return false;
  return verify(method.digest, data, method.pss ? { key, ...PSS } : key, signature);
}

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

/** What a CertificateVerify of TLS 1.3 signs (RFC 8446 4.4.3). */
export function certificateVerifyContent(side: 'client' | 'server', transcriptHash: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(64, 0x20), Buffer.from(`TLS 1.3, ${side} CertificateVerify\0`), transcriptHash]);
}
