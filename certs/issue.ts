/**
 * Issuing identities whose keys are made here. Promises: an identity is on disk with both its files or not at all, and
 * its certificate file holds all that a peer needs which trusts the root.
 */

import { chainPem, issuingSigner, type Authority } from './authority.ts';
import { DEFAULT_KEY_TYPE, checkKeyType, generateKeyPair, privateKeyPem, spkiDer } from './key-pair.ts';
import { CERTIFICATE_FILE, KEY_FILE, identityPaths, roleDirectory } from './layout.ts';
import { makePrivateDirectory, publishPrivateDirectories } from './private-file.ts';
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

/** A certificate with its chain, and its private key, in memory alone. */
export interface MintedIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/**
 * Makes an identity as {@link issueIdentity} does, but leaves nothing on disk: for clients that live as long as a test.
 * It is on no list of the authority, so it cannot be revoked by name. Throws CERTS_BAD_REQUEST, CERTS_AUTHORITY_EXPIRED.
 */
export async function mintIdentity(authority: Authority, request: IdentityRequest, nowMs: number): Promise<MintedIdentity> {
  const { certificatePem, keyPem } = await makeIdentity(authority, request, nowMs);
  return { certificatePem, keyPem };
}

/** Identities that become durable together. */
const BATCH = 64;
/** Batches under way at once: keys are made for one while another waits for the disk. */
const LANES = 2;

/**
 * Issues an identity: makes its key, signs its certificate, writes `<directory>/<role>s/<serial>/cert.pem` and key.pem
 * (0600 in a 0700 directory). Serial numbers are random, so any number may be issued at once.
 * Throws CERTS_BAD_REQUEST before anything is written, CERTS_AUTHORITY_EXPIRED, CERTS_WRITE_FAILED.
 */
export async function issueIdentity(authority: Authority, request: IdentityRequest, nowMs: number): Promise<IssuedIdentity> {
  return (await issueIdentities(authority, [request], nowMs))[0]!;
}

/**
 * Issues many identities as {@link issueIdentity} does, in the order of `requests`, all of which are checked before anything
 * is written. `progress` is told how many are on disk now and then; what it throws ends the work, and those stay.
 */
export async function issueIdentities(
  authority: Authority,
  requests: readonly IdentityRequest[],
  nowMs: number,
  progress: (issued: number) => void = () => undefined,
): Promise<IssuedIdentity[]> {
  const { notAfterMs } = issuingSigner(authority);
  for (const request of requests) {
    identityProfile(request);
    identityValidity(request, nowMs, notAfterMs);
    if (request.keyType !== undefined) checkKeyType(request.keyType);
  }
  for (const role of new Set(requests.map((request) => request.role))) await makePrivateDirectory(roleDirectory(authority.directory, role));
  const issued: IssuedIdentity[] = [];
  let begun = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    try {
      while (begun < requests.length) {
        const start = begun;
        begun += BATCH;
        const batch = await issueBatch(authority, requests.slice(start, start + BATCH), nowMs);
        for (const [index, identity] of batch.entries()) issued[start + index] = identity;
        done += batch.length;
        progress(done);
      }
    } finally {
      begun = requests.length; // where this lane failed the others end too
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
  return issued;
}

async function issueBatch(authority: Authority, requests: readonly IdentityRequest[], nowMs: number): Promise<IssuedIdentity[]> {
  const issued = await Promise.all(requests.map((request) => makeIdentity(authority, request, nowMs)));
  for (const role of new Set(requests.map((request) => request.role))) {
    const own = issued.filter((identity) => identity.role === role);
    const files = own.map(({ serial, keyPem, certificatePem }) => [serial, { [KEY_FILE]: keyPem, [CERTIFICATE_FILE]: certificatePem }] as const);
    await publishPrivateDirectories(roleDirectory(authority.directory, role), new Map(files));
  }
  return issued;
}

async function makeIdentity(authority: Authority, request: IdentityRequest, nowMs: number): Promise<IssuedIdentity> {
  const signer = issuingSigner(authority);
  const { privateKey, publicKey } = await generateKeyPair(request.keyType ?? DEFAULT_KEY_TYPE);
  const validity = identityValidity(request, nowMs, signer.notAfterMs);
  const { serial, certificatePem } = signProfile(signer, identityProfile(request), validity, spkiDer(publicKey));
  const { role } = request;
  const keyPem = privateKeyPem(privateKey);
  return { role, serial, ...identityPaths(authority.directory, role, serial), certificatePem: chainPem(authority, certificatePem), keyPem };
}
