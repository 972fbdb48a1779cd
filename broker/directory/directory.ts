/**
 * Where things are: a table for each project of its sites, assets, positions, sensors and gateways, sealed under a data key of the
 * project's key, a new one with every change, so it is gone when the key is. Replaced as a whole. Each change is in the audit trail
 * with its version, so that a table put back to an older copy shows.
 *
 *   version 2: "THRUMDIR" 2, parts (sealed-header.ts): key id or ARN, customer (12 digits) or nothing, wrapped data key; sealed JSON
 *   version 1: "THRUMDIR" 1, one part: the data key, wrapped by the embedded key service; sealed JSON
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deriveKey, makePrivateDirectory, openOnce, removeTemporaries, replacePrivateFile, sealOnce, SealError, whenMissing, withFileLock } from '../../certs/mod.ts';
import { projectArn } from '../access/actions.ts';
import type { AuditSink } from '../audit/event.ts';
import type { AuditRecord } from '../audit/record.ts';
import { DirectoryError, KeyError } from '../errors.ts';
import type { EncryptionContext } from '../keys/ciphertext.ts';
import { embeddedKeyOf } from '../keys/embedded-provider.ts';
import { projectContext } from '../keys/project-context.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { isProjectId, type ProjectReference } from '../projects.ts';
import { refuseSensitiveText } from '../screening/refuse.ts';
import { headerBytes, readHeader, versionOf } from '../sealed-header.ts';
import { destroyFile } from '../store/segment-source.ts';
import { checkEntries, merged, NO_PLACES, parsePlaces, TABLE_BYTES_MAX, without, type DirectoryEntries, type Places } from './table.ts';

export type { DirectoryEntries, GatewaySite, Places, SensorPlace } from './table.ts';

const MAGIC = Buffer.from('THRUMDIR');
const VERSION = 2;
const INFO = 'thrum directory v1';
const EVENT_NAME = 'PutDirectory';

interface DirectoryOptions {
  /** The folder that the tables are in, one file a project. */
  readonly directory: string;
  readonly keys: KeyProvider;
  readonly audit?: AuditSink;
}

interface PutOptions {
  /** Takes names in which sensitive text seems to be. */
  readonly allowSensitiveText?: boolean;
}

export class Directory {
  readonly #options: DirectoryOptions;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** A project's table; an empty one of version 0 where none was ever put. DIRECTORY_DAMAGED, KEY_DISABLED … */
  async read(projectId: string): Promise<Places> {
    const path = this.pathOf(projectId);
    const bytes = await readFile(path).catch(whenMissing(undefined));
    if (bytes === undefined) return NO_PLACES;
    const version = versionOf(bytes, MAGIC);
    const read = version === 1 || version === VERSION ? readHeader(bytes, version === 1 ? 1 : 3) : undefined;
    if (!read) throw damaged(path);
    const { header, parts, sealed } = read;
    const [keyId, customerId] = version === 1 ? [] : parts.map(String);
    try {
      const dataKey = await this.#options.keys.decrypt(parts.at(-1)!, contextOf(projectId, customerId === '' ? undefined : customerId), keyId);
      const json = openOnce(deriveKey(dataKey, MAGIC, INFO), header, sealed);
      dataKey.fill(0);
      return parsePlaces(json.toString('utf8'));
    } catch (error) {
      if (error instanceof SealError || (error instanceof KeyError && error.code === 'KEY_CIPHERTEXT')) throw damaged(path, error);
      throw error;
    }
  }

  /**
   * Adds entries to a project's table, each in place of the one of its id; writes nothing when all stand there already.
   * DIRECTORY_BAD_ENTRY, DIRECTORY_FULL, SENSITIVE_TEXT.
   */
  async put(project: ProjectReference, entries: DirectoryEntries, options: PutOptions = {}): Promise<Places> {
    checkEntries(entries);
    if (options.allowSensitiveText !== true) screenEntries(entries);
    return this.#change(project, (table) => merged(table, entries));
  }

  /** Takes sensors and gateways out, by their ids, as when their data is shredded. */
  async remove(project: ProjectReference, ids: Iterable<string>): Promise<Places> {
    const gone = new Set(ids);
    return this.#change(project, (table) => without(table, gone));
  }

  /** The key that protects a project's table; undefined where none was ever put. */
  async keyOf(projectId: string): Promise<string | undefined> {
    const bytes = await readFile(this.pathOf(projectId)).catch(whenMissing(undefined));
    if (bytes === undefined) return undefined;
    const read = versionOf(bytes, MAGIC) === VERSION ? readHeader(bytes, 3) : undefined;
    if (read) return String(read.parts[0]);
    const old = versionOf(bytes, MAGIC) === 1 ? readHeader(bytes, 1) : undefined;
    if (!old) throw damaged(this.pathOf(projectId));
    return embeddedKeyOf(old.parts[0]!);
  }

  /** Seals a project's table anew under a fresh data key of the project's key, as when that is another one now. */
  async reseal(project: ProjectReference): Promise<void> {
    await this.#change(project, (table) => (table.version === 0 ? table : { ...table, version: table.version + 1 }));
  }

  /** Overwrites and removes a project's table. */
  async destroy(projectId: string): Promise<void> {
    await destroyFile(this.pathOf(projectId));
    await removeTemporaries(this.pathOf(projectId));
  }

  /** The file that a project's table is kept in. */
  pathOf(projectId: string): string {
    if (!isProjectId(projectId)) throw new DirectoryError('DIRECTORY_BAD_ENTRY', `'${projectId}' is not the id of a project`);
    return join(this.#options.directory, `${projectId}.places`);
  }

  async #change(project: ProjectReference, change: (table: Places) => Places): Promise<Places> {
    await makePrivateDirectory(this.#options.directory);
    return withFileLock(join(this.#options.directory, 'lock'), async () => {
      const before = await this.read(project.projectId);
      const table = change(before);
      if (table !== before) await this.#write(project, table);
      return table;
    });
  }

  async #write({ projectId, keyId, customerId }: ProjectReference, table: Places): Promise<void> {
    const json = Buffer.from(JSON.stringify(table));
    if (json.length > TABLE_BYTES_MAX) throw new DirectoryError('DIRECTORY_FULL', `the directory of project ${projectId} is full: shorter names, or another project, make room`);
    const { plaintext, wrapped } = await this.#options.keys.generateDataKey(keyId, contextOf(projectId, customerId));
    const header = headerBytes(MAGIC, VERSION, [Buffer.from(keyId), Buffer.from(customerId ?? ''), wrapped]);
    const sealed = sealOnce(deriveKey(plaintext, MAGIC, INFO), header, json);
    plaintext.fill(0);
    await replacePrivateFile(this.pathOf(projectId), Buffer.concat([header, sealed]));
    this.#options.audit?.({
      eventSource: 'thrum',
      eventName: EVENT_NAME,
      principal: 'thrum',
      sourceIpAddress: undefined,
      requestParameters: { projectId, version: table.version, sensors: table.sensors.length, gateways: table.gateways.length },
      readOnly: false,
      resources: [projectArn(projectId)],
    });
  }
}

/** The newest version of a project's table that the audit trail knows; 0 when it knows none. A table behind it is an older copy. */
export async function newestVersion(records: AsyncIterable<AuditRecord>, projectId: string): Promise<number> {
  let newest = 0;
  for await (const { eventSource, eventName, requestParameters } of records) {
    if (eventSource !== 'thrum' || eventName !== EVENT_NAME) continue;
    const { projectId: of, version } = requestParameters as { readonly projectId?: unknown; readonly version?: unknown };
    if (of === projectId && typeof version === 'number') newest = Math.max(newest, version);
  }
  return newest;
}

function screenEntries({ sensors, gateways }: DirectoryEntries): void {
  const names: Readonly<Record<string, Set<string>>> = {
    'a site name': new Set([...sensors, ...gateways].map(({ siteName }) => siteName)),
    'an asset name': new Set(sensors.map(({ assetName }) => assetName)),
    'a position name': new Set(sensors.map(({ positionName }) => positionName)),
  };
  for (const [what, texts] of Object.entries(names)) for (const text of texts) refuseSensitiveText({ [what]: text });
}

/** Encryption context of a table's data key. */
function contextOf(projectId: string, customerId: string | undefined): EncryptionContext {
  return projectContext('directory', projectId, customerId);
}

function damaged(path: string, cause?: unknown): DirectoryError {
  return new DirectoryError('DIRECTORY_DAMAGED', `${path} was altered: restore it from your backup`, { cause });
}
