/**
 * The folder that holds a home: identities, keys, projects, the store, the gateways' queues. A marker file says that it
 * is one, so that nothing is ever written into a folder that is something else.
 */
import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { checkProjectName, Directory, isProjectId, KeyService, Principals, Projects, type AuditTrail, type Project, type RootSource, type RoutedKeys, listLogs, type Remote, type WriterLog } from '../broker/mod.ts';
import { createAuthority, findIdentity, issueIdentity, loadAuthority, makePrivateDirectory, publishRevocationLists, readPrivateFile, revokedCertificates, writePrivateFile, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { callForActing } from './acting.ts';
import { audited, openTrail } from './audit-trail.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { homeKeys, type KmsOptions } from './kms-options.ts';
import { random } from './random.ts';
import { openRemoteOf, type RemoteOptions } from './remote-options.ts';
import { screenTexts, type ScreeningOptions } from './screening.ts';

const MARKER = 'home.json';
/** What a process that makes the marker, or was killed while it did, leaves for a moment. */
const OWN_TEMPORARY = /^\.home\.json\.[0-9a-f]+\.tmp$/;
const MARKER_TEXT = '{ "format": "thrum home", "version": 1 }\n';

export interface Home {
  readonly path: string;
  readonly certs: string;
  readonly store: string;
  readonly gateways: string;
  readonly keys: KeyService;
  /** The keys that projects are under: those of `keys`, and of a KMS elsewhere if there is one. */
  readonly projectKeys: RoutedKeys;
  readonly keepKms: () => Promise<void>;
  readonly projects: Projects;
  /** What opens the keys, and what else is sealed under the home's root key. */
  readonly source: RootSource;
  readonly trail: AuditTrail;
  /** Where segments lie besides, when the command was told. */
  readonly remote?: Remote;
  /** Where sensors and gateways are. */
  readonly places: Directory;
}

/** Adds the options that say which home and how to open it. */
export function addHomeOptions(command: Command): Command {
  return command
    .option('--home <dir>', 'folder that holds everything', '.thrum')
    .option('--passphrase-file <file>', 'file with the passphrase that protects the keys, mode 600 (or THRUM_PASSPHRASE)')
    .option('--as <principal>', 'act for this principal of the home, and not for its owner (or THRUM_PRINCIPAL)');
}

export interface HomeOptions extends KmsOptions, RemoteOptions {
  readonly home: string;
  readonly passphraseFile?: string;
  readonly as?: string;
}

/** Opens a home; with `create` makes it where there is none. HOME_MISSING, HOME_FOREIGN, HOME_DAMAGED. */
export async function openHome(options: HomeOptions, whenMissing: 'create' | 'refuse'): Promise<Home> {
  const path = resolve(options.home);
  const source = await rootSource(options.passphraseFile);
  const remote = await openRemoteOf(options); // before anything is made
  const marker = await readFile(join(path, MARKER), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (marker === undefined) await createMarker(path, whenMissing);
  else if (marker !== MARKER_TEXT) throw new CliError('HOME_DAMAGED', `${join(path, MARKER)} is not that of a home of this version: restore it from your backup`);
  const trail = openTrail(path, source, async () => (await keys.store.readOrCreate()).accountId);
  const keys: KeyService = new KeyService(join(path, 'keys'), source, now, trail.record, callForActing);
  const { keys: projectKeys, keepKms } = await homeKeys(path, source, keys, options);
  return {
    path,
    certs: join(path, 'certs'),
    store: join(path, 'store'),
    gateways: join(path, 'gateways'),
    keys,
    projectKeys,
    keepKms,
    projects: new Projects(join(path, 'projects'), projectKeys),
    source,
    trail,
    ...(remote && { remote }),
    places: new Directory({ directory: join(path, 'places'), keys: projectKeys, audit: trail.record }),
  };
}

/** The principals of a home. */
export async function openPrincipals(home: Home): Promise<Principals> {
  const { accountId } = await home.keys.store.readOrCreate(); // makes the root key too, which their file is sealed under
  return new Principals({ path: join(home.path, 'access', 'principals'), source: home.source, rootDirectory: join(home.path, 'keys') }, accountId, now);
}

/** Opens the home that a project is in, or is to be made in: a new one unless the project must be there already. */
export async function openHomeFor(options: HomeOptions & ScreeningOptions, project: string): Promise<Home> {
  checkProjectName(project);
  if (isProjectId(project)) return openHome(options, 'refuse');
  return openHome(options, 'refuse').catch((error: unknown) => {
    if (!(error instanceof CliError) || error.code !== 'HOME_MISSING') throw error;
    screenTexts(options, { 'the project name': project }); // it will be made
    return openHome(options, 'create');
  });
}

async function createMarker(path: string, whenMissing: 'create' | 'refuse'): Promise<void> {
  if (whenMissing === 'refuse') throw new CliError('HOME_MISSING', `there is no home in ${path}: 'thrum run' makes one, --home chooses another`);
  const entries: string[] = await readdir(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [] as string[];
    throw error;
  });
  if (entries.includes(MARKER)) return; // another process was faster
  if (entries.some((name) => !OWN_TEMPORARY.test(name))) throw new CliError('HOME_FOREIGN', `${path} holds other files: choose an empty or new folder with --home`);
  await makePrivateDirectory(path);
  await writePrivateFile(join(path, MARKER), MARKER_TEXT);
}

async function rootSource(passphraseFile: string | undefined): Promise<RootSource> {
  const passphrase = passphraseFile === undefined ? process.env['THRUM_PASSPHRASE'] : (await readPrivateFile(passphraseFile)).toString('utf8').replace(/\r?\n$/, '');
  if (passphrase === undefined) return { kind: 'file' };
  if (passphrase === '') throw new CliError('CLI_USAGE', 'the passphrase is empty');
  return { kind: 'passphrase', passphrase };
}

/** The home's authority; makes one where there is none. */
export async function ensureAuthority(home: Home): Promise<Authority> {
  try {
    return await loadAuthority(home.certs);
  } catch (error) {
    if ((error as { code?: string }).code !== 'CERTS_NO_AUTHORITY') throw error;
    try {
      const made = await createAuthority(home.certs, { nowMs: now() });
      await publishRevocationLists(home.certs, now());
      return made;
    } catch (fault) {
      if ((fault as { code?: string }).code !== 'CERTS_EXISTS') throw fault;
      return loadAuthority(home.certs); // another process was faster
    }
  }
}

/** A broker's identity that is valid for `host` and not revoked; makes one where there is none. */
export async function ensureServerIdentity(home: Home, authority: Authority, host: string): Promise<IssuedIdentity> {
  const found = await findIdentity(home.certs, { role: 'server', except: await revokedCertificates(home.certs) }, now());
  if (found && isValidFor(found.certificatePem, host)) return found;
  const extra = isIP(host) ? { ipAddresses: ['127.0.0.1', '::1', host] } : { dnsNames: ['localhost', host] };
  return issueIdentity(authority, { role: 'server', ...(isEverywhere(host) ? {} : extra) }, now());
}

function isEverywhere(host: string): boolean {
  return ['0.0.0.0', '::', 'localhost', '127.0.0.1', '::1'].includes(host);
}

function isValidFor(certificatePem: string, host: string): boolean {
  if (isEverywhere(host)) return true;
  const certificate = new X509Certificate(certificatePem);
  return (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined;
}

/** Makes a project, on record. SENSITIVE_TEXT, PROJECT_EXISTS. */
export async function createProject(home: Home, name: string, screening: ScreeningOptions, key?: string): Promise<Project> {
  screenTexts(screening, { 'the project name': name });
  const act = { eventName: 'CreateProject', requestParameters: { encryption: key === undefined ? 'service' : 'custom', key } };
  const create = async (): Promise<Project> => {
    const made = await home.projects.create(name, { nowMs: now(), ...(key === undefined ? {} : { key }) });
    if (key !== undefined) await home.keepKms();
    return made;
  };
  return audited(home.trail, act, create, ({ projectId, keyId }) => ({
    projectId,
    responseElements: { projectId, keyId },
  }));
}

/** The project of that name or id; makes one with a key of its own when there is none of that name. */
export async function ensureProject(home: Home, name: string, screening: ScreeningOptions): Promise<Project> {
  try {
    return await home.projects.find(name);
  } catch (error) {
    if ((error as { code?: string }).code !== 'PROJECT_NOT_FOUND' || isProjectId(name)) throw error;
    return createProject(home, name, screening).catch(async (fault: unknown) => {
      if ((fault as { code?: string }).code !== 'PROJECT_EXISTS') throw fault;
      return home.projects.find(name); // another process was faster
    });
  }
}

/** The logs of a project: the home's own first, then those of the other brokers that keep theirs in the same place. */
export function logsOf(home: Home, projectId: string): Promise<WriterLog[]> {
  return listLogs(home.store, projectId, home.remote, random);
}
