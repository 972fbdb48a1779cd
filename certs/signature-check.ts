/**
 * Signatures as X.509 names them: an AlgorithmIdentifier and octets, held against a key. Promise: no MD5, no SHA-1, no
 * algorithm that is not the key's own kind.
 */
import { verify, type KeyObject } from 'node:crypto';

import { TAG } from './der.ts';
import { membersOf, oidOf, readDer } from './der-reader.ts';

interface Algorithm {
  readonly keyKind: 'ec' | 'rsa' | 'ed25519';
  /** For node:crypto; null: built in. */
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
}

/** RFC 5758, section 3.2; RFC 4055, section 5; RFC 8410, section 3. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '1.2.840.10045.4.3.2': { keyKind: 'ec', digest: 'sha256' },
  '1.2.840.10045.4.3.3': { keyKind: 'ec', digest: 'sha384' },
  '1.2.840.10045.4.3.4': { keyKind: 'ec', digest: 'sha512' },
  '1.2.840.113549.1.1.11': { keyKind: 'rsa', digest: 'sha256' },
  '1.2.840.113549.1.1.12': { keyKind: 'rsa', digest: 'sha384' },
  '1.2.840.113549.1.1.13': { keyKind: 'rsa', digest: 'sha512' },
  '1.3.101.112': { keyKind: 'ed25519', digest: null },
};

/** True when the holder of `key` signed `data`. Throws Error when `algorithmDer` is no AlgorithmIdentifier. */
export function isSignedWith(key: KeyObject, algorithmDer: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
  const algorithm = ALGORITHMS[oidOf(membersOf(readDer(algorithmDer), TAG.sequence)[0])];
  return algorithm !== undefined && algorithm.keyKind === key.asymmetricKeyType && verify(algorithm.digest, data, key, signature);
}
