/** Requests for certificates that ask for anything whatsoever, signed as they should be, for tests. */
import { pemOf } from './certificate-builder.ts';
import { bitString, contextConstructed, oid, sequence, set, smallInteger } from './der.ts';
import { extensionDer, type Extension } from './extensions.ts';
import { generateKeyPair, signWith, signatureSchemeOf, spkiDer, type KeyPair } from './key-pair.ts';

export interface RequestParts {
  readonly subjectDer?: Uint8Array;
  readonly extensions?: readonly Extension[];
  /** Further attributes, encoded. */
  readonly attributes?: readonly Uint8Array[];
  readonly keys?: KeyPair;
}

/** The DER of a request. */
export async function requestDer(parts: RequestParts): Promise<Buffer> {
  const { privateKey, publicKey } = parts.keys ?? (await generateKeyPair('ec-p256'));
  const wanted = parts.extensions && sequence(oid('1.2.840.113549.1.9.14'), set(sequence(...parts.extensions.map(extensionDer))));
  const attributes = contextConstructed(0, ...(wanted ? [wanted] : []), ...(parts.attributes ?? []));
  const info = sequence(smallInteger(0), parts.subjectDer ?? sequence(), spkiDer(publicKey), attributes);
  const scheme = signatureSchemeOf(privateKey);
  return sequence(info, scheme.algorithmDer, bitString(signWith(privateKey, scheme, info)));
}

export async function requestPem(parts: RequestParts): Promise<string> {
  return pemOf('CERTIFICATE REQUEST', await requestDer(parts));
}
