/**
 * A TLS context for each client, made before the start so that making keys and certificates is not measured. Keys that are
 * minted are never on disk.
 */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { certificatesIn, createAuthority, keyTypeOf, loadAuthority, mintIdentity, readPrivateFile, type Authority, type IdentityRequest, type KeyType } from '../../certs/mod.ts';
import { LoadError } from './errors.ts';
import type { ClientGroup, IdentitySource, TlsSettings } from './scenario.ts';
import { fillIn } from './topics.ts';

/** What a client shows a broker. */
export interface ClientIdentity {
  readonly context: SecureContext;
  /** `ec-p256, 2 certificates`, for telling handshakes apart; `no certificate`. */
  readonly kind: string;
}

/** Names of a client, for templates. */
export interface ClientNames {
  readonly n: number;
  readonly group: string;
  readonly client: string;
  readonly gateway: string;
  readonly project: string;
}

export interface IdentityMaker {
  /** Throws LOAD_IDENTITY. */
  identify(names: ClientNames): Promise<ClientIdentity>;
}

interface Pems {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** The files that they are from. */
  readonly from?: string;
}

const DAY_MS = 86_400_000;
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;

/** A maker for the clients of a group. Throws LOAD_IDENTITY when what they all need is missing. */
export async function identityMaker(group: ClientGroup, authorityPem: string | undefined, authorityDirectory: string | undefined, nowMs: number): Promise<IdentityMaker> {
  const trusted = await trustedBy(group.tls, authorityPem);
  const source = await pemsOf(group.identity, authorityDirectory, nowMs);
  if (source.kind === 'one') {
    const shared = contextOf(group.tls, trusted, source.pems, group.name);
    return { identify: () => Promise.resolve(shared) };
  }
  return { identify: async (names) => contextOf(group.tls, trusted, await source.pemsFor(names), names.client) };
}

type Source = { readonly kind: 'one'; readonly pems: Pems | undefined } | { readonly kind: 'each'; readonly pemsFor: (names: ClientNames) => Promise<Pems> };

async function pemsOf(source: IdentitySource, authorityDirectory: string | undefined, nowMs: number): Promise<Source> {
  switch (source.kind) {
    case 'none':
      return { kind: 'one', pems: undefined };
    case 'shared':
      return { kind: 'one', pems: await readPems(source.certificateFile, source.keyFile) };
    case 'files':
      return {
        kind: 'each',
        pemsFor: ({ n, client, gateway, group }) => readPems(fillIn(source.certificateFile, { n, client, gateway, group }), fillIn(source.keyFile, { n, client, gateway, group })),
      };
    case 'manifest': {
      const files = await readManifest(source.file);
      return {
        kind: 'each',
        pemsFor: async ({ client }) => {
          const found = files.get(client);
          if (!found) throw new LoadError('LOAD_IDENTITY', `${source.file} has no line for client ${client}`);
          return readPems(found.certificateFile, found.keyFile);
        },
      };
    }
    case 'mint': {
      if (authorityDirectory === undefined) throw new LoadError('LOAD_IDENTITY', 'identities are minted by a home’s authority, and there is none: give --home, or --cert and --key, or --anonymous');
      const authority = source.fault === 'other-authority' ? await strangeAuthority(nowMs) : await loadAuthority(authorityDirectory);
      return { kind: 'each', pemsFor: (names) => mintIdentity(authority, requestOf(source, names, nowMs), nowMs) };
    }
  }
}

function requestOf({ role, keyTypes, lifetimeMs, fault }: IdentitySource & { kind: 'mint' }, { n, client, gateway, project }: ClientNames, nowMs: number): IdentityRequest {
  const keyType = keyTypes[n % keyTypes.length] as KeyType;
  const lifetimeDays = lifetimeMs / DAY_MS;
  const times = fault === 'expired' ? { notBeforeMs: nowMs - lifetimeMs - DAY_MS } : fault === 'not-yet-valid' ? { notBeforeMs: nowMs + DAY_MS } : {};
  if (fault === 'server') return { role: 'server', dnsNames: [`${gateway}.example`], keyType, lifetimeDays };
  if (role === 'operator') return { role, name: client.replace(/^operator-/, ''), keyType, lifetimeDays, ...times };
  return { role, projectId: project, gatewayId: gateway, keyType, lifetimeDays, ...times };
}

/** An authority that nobody trusts. Its files are gone when this returns. */
async function strangeAuthority(nowMs: number): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'thrum-load-'));
  try {
    return await createAuthority(folder, { nowMs, commonName: 'an authority nobody trusts' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The authorities that clients with these settings believe, PEM. Throws LOAD_IDENTITY. */
export async function trustedBy({ authorityFile }: TlsSettings, authorityPem: string | undefined): Promise<string | undefined> {
  return authorityFile === undefined ? authorityPem : readAuthority(authorityFile);
}

async function readAuthority(path: string): Promise<string> {
  try {
    const pem = await readFile(path);
    certificatesIn(pem, path);
    return pem.toString('utf8');
  } catch (cause) {
    throw new LoadError('LOAD_IDENTITY', `the authority's certificate cannot be read: ${(cause as Error).message}`, { cause });
  }
}

async function readPems(certificateFile: string, keyFile: string): Promise<Pems> {
  try {
    const [certificatePem, key] = await Promise.all([readFile(certificateFile, 'utf8'), readPrivateFile(keyFile)]);
    return { certificatePem, keyPem: key.toString('utf8'), from: `${certificateFile}, ${keyFile}` };
  } catch (cause) {
    throw new LoadError('LOAD_IDENTITY', `a client's identity cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Lines `client id,certificate file,key file`; empty lines and those that begin with # say nothing. */
async function readManifest(path: string): Promise<Map<string, { readonly certificateFile: string; readonly keyFile: string }>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new LoadError('LOAD_IDENTITY', `the manifest cannot be read: ${(cause as Error).message}`, { cause });
  });
  if (text.length > MAX_MANIFEST_BYTES) throw new LoadError('LOAD_IDENTITY', `${path} is longer than ${MAX_MANIFEST_BYTES} bytes`);
  const folder = dirname(path);
  const files = new Map<string, { readonly certificateFile: string; readonly keyFile: string }>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [client, certificateFile, keyFile, ...more] = line.split(',').map((part) => part.trim());
    if (!client || !certificateFile || !keyFile || more.length > 0) throw new LoadError('LOAD_IDENTITY', `${path}:${index + 1}: write: client id,certificate file,key file`);
    if (files.has(client)) throw new LoadError('LOAD_IDENTITY', `${path}:${index + 1}: client ${client} stands there twice`);
    files.set(client, { certificateFile: resolve(folder, certificateFile), keyFile: resolve(folder, keyFile) });
  }
  return files;
}

/** Throws LOAD_IDENTITY, naming whose certificate, key or settings cannot be used. */
export function contextOf(tls: TlsSettings, authorityPem: string | undefined, pems: Pems | undefined, whose: string): ClientIdentity {
  try {
    const context = createSecureContext({
      ...(authorityPem !== undefined && { ca: authorityPem }),
      ...(pems && { cert: pems.certificatePem, key: pems.keyPem }),
      minVersion: tls.minVersion,
      maxVersion: tls.maxVersion,
      ...(tls.ciphers !== undefined && { ciphers: tls.ciphers }),
      ...(tls.groups !== undefined && { ecdhCurve: tls.groups }),
    });
    return { context, kind: pems ? kindOf(pems.certificatePem) : 'no certificate' };
  } catch (cause) {
    if (cause instanceof LoadError) throw cause;
    throw new LoadError('LOAD_IDENTITY', `certificate, key or TLS settings of ${whose}${pems?.from === undefined ? '' : ` (${pems.from})`} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

function kindOf(certificatePem: string): string {
  const { publicKey } = new X509Certificate(certificatePem);
  const chain = certificatesIn(Buffer.from(certificatePem), 'the certificate').length;
  return `${keyTypeOf(publicKey)}, ${chain} certificate${chain === 1 ? '' : 's'}`;
}
