/**
 * Claims: short-lived certificates that devices share until each has an identity of its own. `claims/<id>/claim.json` is
 * the authority's record, `claims/<id>/handout` what devices are given: certificate, key, and the root to trust. Promise:
 * a claim is on disk with all of it or not at all.
 */

import { randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

import { chainPem, issuingSigner, type Authority } from './authority.ts';
import { claimProfile } from './claim-identity.ts';
import { CertsError, ClaimError, systemCode } from './errors.ts';
import { DEFAULT_KEY_TYPE, generateKeyPair, privateKeyPem, spkiDer } from './key-pair.ts';
import { CERTIFICATE_FILE, KEY_FILE } from './layout.ts';
import { bad } from './names.ts';
import { parseCertificate } from './pem.ts';
import { makePrivateDirectory, publishPrivateDirectory, readPrivateFile } from './private-file.ts';
import { DAY_MS, identityValidity } from './profiles.ts';
import { readPrivateKey, signProfile } from './signer.ts';

/** Identities that one claim may give, how long it lasts, and claims that a home keeps. */
export const CLAIM_LIMITS = { quota: 10_000, lifetimeMs: 7 * DAY_MS, claims: 1_000 } as const;

export interface Claim {
  readonly claimId: string;
  readonly projectId: string;
  readonly quota: number;
  /** Of its certificate. */
  readonly serial: string;
  readonly notAfterMs: number;
}

const schema = z.strictObject({
  format: z.literal('thrum claim'),
  version: z.literal(1),
  claimId: z.string().regex(/^[0-9a-f]{12}$/),
  projectId: z.string(),
  quota: z.number().int().min(1).max(CLAIM_LIMITS.quota),
  serial: z.string(),
  notAfterMs: z.number(),
});

/** Where the claims of a certificate directory lie. */
export function claimPaths(directory: string): { readonly directory: string; readonly lock: string; readonly audit: string; readonly resets: string } {
  const claims = join(directory, 'claims');
  return { directory: claims, lock: join(claims, '.lock'), audit: join(claims, '.audit.ndjson'), resets: join(claims, '.resets') };
}

/** Where one claim lies: its record, what it gave, and what devices are given. */
export function oneClaimPaths(directory: string, claimId: string): { readonly directory: string; readonly record: string; readonly granted: string; readonly handout: string } {
  const own = join(claimPaths(directory).directory, claimId);
  return { directory: own, record: join(own, 'claim.json'), granted: join(own, 'granted'), handout: join(own, 'handout') };
}

/**
 * Makes a claim on `quota` identities (1 to 10,000) in a project, good for `lifetimeMs` (a minute to 7 days). Returns it
 * and the folder to hand out. Throws CERTS_BAD_REQUEST, CERTS_LIMIT, CERTS_AUTHORITY_EXPIRED, CERTS_WRITE_FAILED.
 */
export async function createClaim(
  authority: Authority,
  request: { readonly projectId: string; readonly quota: number; readonly lifetimeMs: number },
  nowMs: number,
): Promise<Claim & { readonly handout: string }> {
  const { projectId, quota, lifetimeMs } = request;
  if (!Number.isInteger(quota) || quota < 1 || quota > CLAIM_LIMITS.quota) throw bad('quota', quota, `1 to ${CLAIM_LIMITS.quota}`);
  if (!(lifetimeMs <= CLAIM_LIMITS.lifetimeMs)) throw bad('lifetime of a claim in hours', lifetimeMs / 3_600_000, `at most ${CLAIM_LIMITS.lifetimeMs / 3_600_000}`);
  const { directory } = authority;
  if ((await claimIds(directory)).length >= CLAIM_LIMITS.claims) {
    throw new CertsError('CERTS_LIMIT', `${claimPaths(directory).directory} holds ${CLAIM_LIMITS.claims} claims: move those away that have expired`);
  }
  const claimId = randomBytes(6).toString('hex');
  const profile = claimProfile(projectId, claimId);
  const signer = issuingSigner(authority);
  const validity = identityValidity({ role: 'gateway', projectId, gatewayId: '0'.repeat(16), lifetimeDays: lifetimeMs / DAY_MS }, nowMs, signer.notAfterMs);
  const { privateKey, publicKey } = await generateKeyPair(DEFAULT_KEY_TYPE);
  const { serial, certificatePem } = signProfile(signer, profile, validity, spkiDer(publicKey));
  const claim: Claim = { claimId, projectId, quota, serial, notAfterMs: validity.notAfterMs };
  const paths = oneClaimPaths(directory, claimId);
  await makePrivateDirectory(claimPaths(directory).directory);
  await publishPrivateDirectory(paths.directory, {
    'claim.json': `${JSON.stringify({ format: 'thrum claim', version: 1, ...claim }, null, 1)}\n`,
    [`handout/${CERTIFICATE_FILE}`]: chainPem(authority, certificatePem),
    [`handout/${KEY_FILE}`]: privateKeyPem(privateKey),
    'handout/ca.pem': authority.certificatePem,
  });
  return { ...claim, handout: paths.handout };
}

/** One claim. CLAIM_UNKNOWN when there is none of that id, CERTS_UNREADABLE. */
export async function readClaim(directory: string, claimId: string): Promise<Claim> {
  const { record } = oneClaimPaths(directory, claimId);
  if (!/^[0-9a-f]{12}$/.test(claimId)) throw new ClaimError('CLAIM_UNKNOWN', 'there is no such claim');
  let text: string;
  try {
    text = (await readPrivateFile(record)).toString('utf8');
  } catch (error) {
    if (error instanceof CertsError && systemCode(error.cause) === 'ENOENT') throw new ClaimError('CLAIM_UNKNOWN', 'there is no such claim', { cause: error });
    throw error;
  }
  try {
    const { claimId: id, projectId, quota, serial, notAfterMs } = schema.parse(JSON.parse(text));
    return { claimId: id, projectId, quota, serial, notAfterMs };
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${record} is damaged: restore it from your backup, or revoke the claim`, { cause });
  }
}

/** All claims, with how many identities each has given. */
export async function listClaims(directory: string): Promise<(Claim & { readonly used: number; readonly certificatePath: string })[]> {
  const ids = await claimIds(directory);
  return Promise.all(ids.map(async (claimId) => ({
    ...(await readClaim(directory, claimId)),
    used: (await grantsOf(directory, claimId)).length,
    certificatePath: join(oneClaimPaths(directory, claimId).handout, CERTIFICATE_FILE),
  })));
}

/** Ids of the claims of a directory, sorted. */
export async function claimIds(directory: string): Promise<string[]> {
  return (await namesIn(claimPaths(directory).directory)).filter((name) => /^[0-9a-f]{12}$/.test(name)).sort();
}

/** Names of the files that say what a claim has given, those that were reset included. */
export async function grantsOf(directory: string, claimId: string): Promise<string[]> {
  return (await namesIn(oneClaimPaths(directory, claimId).granted)).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
}

/**
 * The certificate and key that a device is given, and the root it is to trust. CERTS_UNREADABLE also when a certificate is
 * none, CERTS_KEY_EXPOSED, CERTS_KEY_MISMATCH.
 */
export async function readHandout(directory: string): Promise<{ readonly certificatePem: string; readonly keyPem: string; readonly authorityPem: string }> {
  const keyPath = join(directory, KEY_FILE);
  const keyPem = (await readPrivateFile(keyPath)).toString('utf8');
  const [certificatePem, authorityPem] = await Promise.all([CERTIFICATE_FILE, 'ca.pem'].map((name) => readFile(join(directory, name), 'utf8')));
  await readPrivateKey(keyPath, parseCertificate(certificatePem!, join(directory, CERTIFICATE_FILE), 'CERTS_UNREADABLE'));
  parseCertificate(authorityPem!, join(directory, 'ca.pem'), 'CERTS_UNREADABLE');
  return { certificatePem: certificatePem!, keyPem, authorityPem: authorityPem! };
}

async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw new CertsError('CERTS_UNREADABLE', `${path} cannot be read (${systemCode(cause)})`, { cause });
  }
}
