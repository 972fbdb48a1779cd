/**
 * The identities on disk: list them, find the one to use. Directories that begin with a dot are unfinished work of
 * another process and are passed over; any other broken entry is an error that names it.
 */

import type { X509Certificate } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';

import { ChainVerifier } from './chain.ts';
import { commonNameOf, readCertificateDer, type CertificateContent } from './certificate-reader.ts';
import { CertsError, systemCode } from './errors.ts';
import type { SubjectAltName } from './extensions.ts';
import { identityIn, type PeerIdentity } from './identity.ts';
import type { IssuedIdentity } from './issue.ts';
import { keyTypeOfSpki } from './key-pair.ts';
import { authorityPaths, identityPaths, roleDirectory, signedDirectory, signedPaths } from './layout.ts';
import { certificateBlocks, parseCertificate } from './pem.ts';
import { readPrivateFile } from './private-file.ts';
import { DAY_MS, ROLES, type Role } from './profiles.ts';

/** One identity on disk, without its key. */
export interface IdentitySummary {
  readonly role: Role;
  /** The common name. */
  readonly subject: string;
  readonly identity: PeerIdentity;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly keyType: string;
  readonly sans: readonly SubjectAltName[];
  readonly certificatePath: string;
  /** False for what was signed for a request: its key was never here. */
  readonly hasKey: boolean;
}

export interface IdentityMatch {
  readonly role: Role;
  readonly projectId?: string;
  readonly gatewayId?: string;
  /** Serial numbers to pass over, such as those revoked. */
  readonly except?: ReadonlyMap<string, unknown>;
}

interface Entry extends IdentitySummary {
  readonly certificatePem: string;
}

const READS_AT_ONCE = 32;

/**
 * All identities under `directory`, also those signed for a request, by role, then start of validity, then serial; none
 * when the directory is missing.
 * Throws CERTS_UNREADABLE naming the first broken entry.
 */
export async function listIdentities(directory: string): Promise<IdentitySummary[]> {
  const signed = await readSigned(directory);
  const summaries: IdentitySummary[] = [];
  for (const role of ROLES) {
    const own = await readRole(directory, role);
    const here = new Set(own.map(({ serial }) => serial));
    const elsewhere = signed.filter((entry) => entry.role === role && !here.has(entry.serial));
    for (const entry of [...own, ...elsewhere].sort(byAge)) summaries.push(summaryOf(entry));
  }
  return summaries;
}

/**
 * The newest identity that matches, is valid now, has at least a day left, and leads to the root in
 * `directory` if there is one, directly or by the intermediates in its file; undefined when there is none. Reads all identities of the role: for many gateways use
 * {@link findGatewayIdentities}. Throws CERTS_UNREADABLE, CERTS_KEY_EXPOSED.
 */
export async function findIdentity(
  directory: string,
  match: IdentityMatch,
  nowMs: number,
): Promise<IssuedIdentity | undefined> {
  const leads = await chainTest(directory, nowMs);
  const newest = (await readRole(directory, match.role)).findLast(
    (entry) =>
      match.except?.has(entry.serial) !== true &&
      (match.projectId === undefined || entry.identity.projectId === match.projectId) &&
      (match.gatewayId === undefined || entry.identity.gatewayId === match.gatewayId) &&
      isUsable(entry, nowMs) &&
      leads(entry),
  );
  return newest === undefined ? undefined : withKey(directory, newest);
}

/**
 * For each gateway of a project the identity that {@link findIdentity} would find, by gateway id, in one pass over the
 * directory. Throws CERTS_UNREADABLE, CERTS_KEY_EXPOSED.
 */
export async function findGatewayIdentities(
  directory: string,
  projectId: string,
  nowMs: number,
): Promise<Map<string, IssuedIdentity>> {
  const newest = new Map<string, Entry>();
  const leads = await chainTest(directory, nowMs);
  for (const entry of (await readRole(directory, 'gateway')).reverse()) {
    const gatewayId = entry.identity.gatewayId!;
    if (entry.identity.projectId === projectId && !newest.has(gatewayId) && isUsable(entry, nowMs) && leads(entry)) newest.set(gatewayId, entry);
  }
  const found = await inBatches([...newest.values()], (entry) => withKey(directory, entry));
  return new Map([...newest.keys()].map((gatewayId, index) => [gatewayId, found[index]!]));
}

/**
 * The identity with this serial number; or the newest, not yet over, with this common name (a gateway's id, an operator's
 * or server's name) that leads to the root. Its key is here. Throws CERTS_NOT_FOUND, CERTS_BAD_REQUEST when the name is
 * that of several identities, CERTS_UNREADABLE, CERTS_KEY_EXPOSED.
 */
export async function findNamed(directory: string, serialOrName: string, nowMs: number): Promise<IssuedIdentity> {
  const name = serialOrName.toLowerCase();
  const leads = await chainTest(directory, nowMs);
  const found: Entry[] = [];
  for (const role of ROLES) {
    for (const entry of await readRole(directory, role)) {
      const isIt = entry.serial === name || entry.subject === serialOrName || entry.subject === name;
      if (isIt && (entry.serial === name || (entry.notAfterMs >= nowMs && leads(entry)))) found.push(entry);
    }
  }
  const newest = found.at(-1);
  if (newest === undefined) {
    const message = `no identity with its key here has the serial number or name ${JSON.stringify(serialOrName.slice(0, 80))}; 'thrum certs list' shows all`;
    throw new CertsError('CERTS_NOT_FOUND', message);
  }
  if (found.some(({ identity }) => identity.role !== newest.role || identity.projectId !== newest.identity.projectId)) {
    throw new CertsError('CERTS_BAD_REQUEST', `several identities are called ${newest.subject}; give a serial number from 'thrum certs list'`);
  }
  return withKey(directory, newest);
}

/** Whether an entry leads to the root in `directory`; any does where there is none. Asks OpenSSL, so ask it last. */
async function chainTest(directory: string, nowMs: number): Promise<(entry: Entry) => boolean> {
  const root = await authorityCertificate(directory);
  if (root === undefined) return () => true;
  const verifier = new ChainVerifier(root);
  return (entry) => verifier.leadsToRoot(entry.certificatePem, nowMs);
}

function isUsable({ notBeforeMs, notAfterMs }: Entry, nowMs: number): boolean {
  return notBeforeMs <= nowMs && notAfterMs >= nowMs + DAY_MS;
}

async function authorityCertificate(directory: string): Promise<X509Certificate | undefined> {
  const { certificatePath } = authorityPaths(directory);
  try {
    return parseCertificate(await readFile(certificatePath, 'utf8'), certificatePath, 'CERTS_UNREADABLE');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw unreadable(certificatePath, cause);
  }
}

/** The entries of a role, oldest first. */
async function readRole(directory: string, role: Role): Promise<Entry[]> {
  const entries = await readAll(roleDirectory(directory, role), async (serial) => {
    const entry = await readEntry(identityPaths(directory, role, serial).certificatePath, serial, true);
    if (entry.role !== role) throw misplaced(entry.certificatePath, `${role} certificate`, serial);
    return entry;
  });
  return entries.sort(byAge);
}

/** The certificates signed for requests, of all roles. */
function readSigned(directory: string): Promise<Entry[]> {
  return readAll(signedDirectory(directory), (serial) => readEntry(signedPaths(directory, serial).certificatePath, serial, false));
}

async function readAll(path: string, read: (serial: string) => Promise<Entry>): Promise<Entry[]> {
  let serials: string[];
  try {
    serials = await readdir(path);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw unreadable(path, cause);
  }
  return inBatches(
    serials.filter((serial) => !serial.startsWith('.')),
    read,
  );
}

function byAge(a: Entry, b: Entry): number {
  return a.notBeforeMs - b.notBeforeMs || (a.serial < b.serial ? -1 : 1);
}

async function readEntry(certificatePath: string, serial: string, hasKey: boolean): Promise<Entry> {
  let certificatePem: string;
  try {
    certificatePem = await readFile(certificatePath, 'utf8');
  } catch (cause) {
    throw unreadable(certificatePath, cause);
  }
  const [leaf] = certificateBlocks(certificatePem, 1);
  let content: CertificateContent;
  let keyType: string;
  try {
    content = readCertificateDer(Buffer.from((leaf ?? '').replaceAll(/-----[A-Z ]+-----/g, ''), 'base64'));
    keyType = keyTypeOfSpki(content.spkiDer);
  } catch (cause) {
    throw unreadable(certificatePath, cause);
  }
  const identity = identityIn(content);
  if (identity === undefined || content.serial !== serial) throw misplaced(certificatePath, 'certificate of ours', serial);
  return {
    role: identity.role,
    subject: commonNameOf(content.subject)!,
    identity,
    serial,
    notBeforeMs: content.notBeforeMs,
    notAfterMs: content.notAfterMs,
    keyType,
    sans: content.names,
    certificatePath,
    hasKey,
    certificatePem,
  };
}

function misplaced(path: string, what: string, serial: string): CertsError {
  return new CertsError('CERTS_UNREADABLE', `${path} is not the ${what} with serial ${serial}; move its directory away`);
}

async function withKey(directory: string, entry: Entry): Promise<IssuedIdentity> {
  const { role, serial, certificatePem } = entry;
  const paths = identityPaths(directory, role, serial);
  return { role, serial, ...paths, certificatePem, keyPem: (await readPrivateFile(paths.keyPath)).toString('utf8') };
}

function summaryOf(entry: Entry): IdentitySummary {
  const { role, subject, identity, serial, notBeforeMs, notAfterMs, keyType, sans, certificatePath, hasKey } = entry;
  return { role, subject, identity, serial, notBeforeMs, notAfterMs, keyType, sans, certificatePath, hasKey };
}

function unreadable(path: string, cause: unknown): CertsError {
  if (cause instanceof CertsError) return cause;
  const reason = systemCode(cause) || (cause instanceof Error ? cause.message : String(cause));
  const message = `${path} cannot be read (${reason}); restore it or move its directory away`;
  return new CertsError('CERTS_UNREADABLE', message, { cause });
}

/** Like Promise.all over `work`, with at most READS_AT_ONCE files open. */
async function inBatches<In, Out>(items: readonly In[], work: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (let start = 0; start < items.length; start += READS_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + READS_AT_ONCE).map(work))));
  }
  return results;
}
