/**
 * Issuing identities whose keys are made here. Promises: an identity is on disk with both its files or not at all, and
 * its certificate file holds all that a peer needs which trusts the root.
 */

import { chainPem, issuingSigner, type Authority } from './authority.ts';
import { DEFAULT_KEY_TYPE, generateKeyPair, privateKeyPem, spkiDer } from './key-pair.ts';
import { CERTIFICATE_FILE, KEY_FILE, identityPaths, roleDirectory } from './layout.ts';
import { makePrivateDirectory, publishPrivateDirectory } from './private-file.ts';
import { identityProfile, identityValidity, type IdentityRequest, type Role } from './profiles.ts';
import { signProfile } from './signer.ts';

/** A certificate with its private key, on disk and in memory. */
export interface IssuedIdentity {
  readonly role: Role;
  /** 32 lower-case hexadecimal digits. */
  readonly serial: string;
  readonly directory: string;
  readonly certificatePath: string;
  readonly keyPath: string;
  /** The identity's certificate, then the intermediate that signed it, if one did. */
  readonly certificatePem: string;
  readonly keyPem: string;
}

/**
 * Issues an identity: makes its key, signs its certificate, writes `<directory>/<role>s/<serial>/cert.pem` and key.pem
 * (0600 in a 0700 directory). Serial numbers are random, so any number may be issued at once.
 * Throws CERTS_BAD_REQUEST before anything is written, CERTS_AUTHORITY_EXPIRED, CERTS_WRITE_FAILED.
 */
export async function issueIdentity(
  authority: Authority,
  request: IdentityRequest,
  nowMs: number,
): Promise<IssuedIdentity> {
  const signer = issuingSigner(authority);
  const profile = identityProfile(request);
  const validity = identityValidity(request, nowMs, signer.notAfterMs);
  const { privateKey, publicKey } = await generateKeyPair(request.keyType ?? DEFAULT_KEY_TYPE);
  const signed = signProfile(signer, profile, validity, spkiDer(publicKey));
  const certificatePem = chainPem(authority, signed.certificatePem);
  const keyPem = privateKeyPem(privateKey);
  const paths = identityPaths(authority.directory, request.role, signed.serial);
  await makePrivateDirectory(roleDirectory(authority.directory, request.role));
  await publishPrivateDirectory(paths.directory, { [KEY_FILE]: keyPem, [CERTIFICATE_FILE]: certificatePem });
  return { role: request.role, serial: signed.serial, ...paths, certificatePem, keyPem };
}
