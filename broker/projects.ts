/**
 * Projects: who owns what data, and which key protects it. One small file each, named by the project's opaque id; what a
 * person wrote (the name) is sealed under a data key of the project's own key, so it is gone when the key is.
 *
 *   0 magic "THRUMPRJ"   8 version 1   9 length n of the wrapped data key (u16 LE)   11 wrapped key (n)   then sealed JSON
 */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { deriveKey, makePrivateDirectory, openAt, sealAt, SealError, withFileLock, writePrivateFile } from '../certs/mod.ts';
import { KeyError, ProjectError } from './errors.ts';
import { blobNames, type EncryptionContext } from './keys/ciphertext.ts';
import type { KeyService } from './keys/key-service.ts';
import { destroyFile } from './store/segment-source.ts';

const MAGIC = Buffer.from('THRUMPRJ');
const VERSION = 1;
const FIXED_BYTES = 11;
const SUFFIX = '.project';
const FILE_NAME = /^p-[0-9a-f]{16}\.project$/;
const ZERO_NONCE = Buffer.alloc(12);
const INFO = 'thrum project v1';
/** As in the managed services this follows: 1 to 60 characters, nothing that a terminal would act on. */
const NAME = /^[^\p{C}]{1,60}$/u;

/** Throws PROJECT_BAD_NAME for what no project can be named. */
export function checkProjectName(name: string): void {
  if (!NAME.test(name)) throw new ProjectError('PROJECT_BAD_NAME', 'a project name has 1 to 60 printable characters');
}

/** Ids are given, never chosen: a project that is asked for by its id is there already. */
export function isProjectId(text: string): boolean {
  return /^p-[0-9a-f]{16}$/.test(text);
}

const details = z.strictObject({
  name: z.string().regex(NAME),
  createdMs: z.number().int().nonnegative(),
  encryption: z.enum(['service', 'custom']),
});

/** A project as its owner sees it. `encryption`: `service` = the key that the service holds for the home's owner; `custom` = a key of the owner's. */
export interface Project extends z.infer<typeof details> {
  readonly projectId: string;
  readonly keyId: string;
}

/** What can be told of a project without its key. */
export interface ProjectReference {
  readonly projectId: string;
  readonly keyId: string;
}

export class Projects {
  readonly #directory: string;
  readonly #keys: KeyService;

  constructor(directory: string, keys: KeyService) {
    this.#directory = directory;
    this.#keys = keys;
  }

  /** Makes a project; `key` (id or alias) chooses custom encryption, without it the service-owned key is taken. */
  async create(name: string, options: { readonly key?: string; readonly nowMs: number }): Promise<Project> {
    checkProjectName(name);
    if (options.key !== undefined) await this.#keys.describeKey(options.key); // before anything is made
    await makePrivateDirectory(this.#directory);
    return withFileLock(join(this.#directory, 'lock'), () => this.#createNamed(name, options));
  }

  /** One at a time, so that a name is taken once. */
  async #createNamed(name: string, options: { readonly key?: string; readonly nowMs: number }): Promise<Project> {
    const { found: taken, unreadable } = await this.#findByName(name);
    if (!taken && unreadable) throw unreadable;
    if (taken) {
      throw new ProjectError('PROJECT_EXISTS', `there is a project named '${name}' already: choose another name`);
    }
    const projectId = `p-${randomBytes(8).toString('hex')}`;
    const key = options.key === undefined
      ? await this.#keys.serviceKeyFor()
      : await this.#keys.describeKey(options.key);
    return this.#write(projectId, key.keyId, { name, createdMs: options.nowMs, encryption: options.key === undefined ? 'service' : 'custom' });
  }

  /** Seals a project's file anew under a fresh data key of `key` (id or alias), its own or another. What else the project has is the caller's to move. */
  async moveTo(projectId: string, key: string): Promise<Project> {
    return withFileLock(join(this.#directory, 'lock'), async () => {
      const { name, createdMs } = await this.read(projectId);
      const { keyId, owner } = await this.#keys.describeKey(key);
      return this.#write(projectId, keyId, { name, createdMs, encryption: owner === 'customer' ? 'custom' : 'service' });
    });
  }

  /** Overwrites and removes a project's file. */
  async destroy(projectId: string): Promise<void> {
    await destroyFile(this.pathOf(projectId));
  }

  /** Under a data key that protects nothing else. */
  async #write(projectId: string, key: string, project: z.infer<typeof details>): Promise<Project> {
    const { plaintext, wrapped, keyId } = await this.#keys.generateDataKey(key, contextOf(projectId));
    const head = Buffer.alloc(FIXED_BYTES);
    MAGIC.copy(head);
    head[8] = VERSION;
    head.writeUInt16LE(wrapped.length, 9);
    const header = Buffer.concat([head, wrapped]);
    const sealed = sealAt(deriveKey(plaintext, MAGIC, INFO), ZERO_NONCE, 0, header, Buffer.from(JSON.stringify(project)));
    await writePrivateFile(this.pathOf(projectId), Buffer.concat([header, sealed]));
    return { projectId, keyId, ...project };
  }

  /** Ids of all projects that have a file here, sorted, whatever is in it. */
  async ids(): Promise<string[]> {
    const names = await readdir(this.#directory).catch(whenMissing([]));
    return names.filter((name) => FILE_NAME.test(name)).map((name) => name.slice(0, -SUFFIX.length)).sort();
  }

  /** All projects as far as they can be told without using their keys; PROJECT_DAMAGED when a file is none of ours. */
  async references(): Promise<ProjectReference[]> {
    return Promise.all((await this.ids()).map((projectId) => this.reference(projectId)));
  }

  /** One project's key; PROJECT_NOT_FOUND when there is no such project. */
  async reference(projectId: string): Promise<ProjectReference> {
    const { wrapped } = await this.#read(projectId);
    return { projectId, keyId: this.#namesIn(projectId, wrapped) };
  }

  /** A whole project; needs its key, so KEY_DISABLED when that is switched off. */
  async read(projectId: string): Promise<Project> {
    const { header, wrapped, sealed } = await this.#read(projectId);
    const keyId = this.#namesIn(projectId, wrapped);
    try {
      const dataKey = await this.#keys.decrypt(wrapped, contextOf(projectId));
      const json = openAt(deriveKey(dataKey, MAGIC, INFO), ZERO_NONCE, 0, header, sealed).toString('utf8');
      return { projectId, keyId, ...details.parse(JSON.parse(json)) };
    } catch (error) {
      if (error instanceof SealError || (error instanceof KeyError && error.code === 'KEY_CIPHERTEXT')) {
        throw this.#damaged(projectId, error);
      }
      throw error;
    }
  }

  /** By id, or by name among the projects that can be read; KEY_DISABLED or PROJECT_DAMAGED when it may be one that cannot. */
  async find(idOrName: string): Promise<Project> {
    if (isProjectId(idOrName)) return this.read(idOrName);
    const { found, unreadable } = await this.#findByName(idOrName);
    if (!found && unreadable) throw unreadable;
    if (!found) throw new ProjectError('PROJECT_NOT_FOUND', `there is no project '${idOrName}' in this home: 'thrum project list' shows those there are`);
    return found;
  }

  /** Names are sealed: a project whose key is switched off, or whose file was altered, cannot be compared. */
  async #findByName(name: string): Promise<{ readonly found?: Project; readonly unreadable?: Error }> {
    let unreadable: Error | undefined;
    for (const projectId of await this.ids()) {
      try {
        const found = await this.read(projectId);
        if (found.name === name) return { found };
      } catch (error) {
        unreadable ??= unknowable(name, error);
      }
    }
    return unreadable ? { unreadable } : {};
  }

  async #read(projectId: string): Promise<{ header: Buffer; wrapped: Buffer; sealed: Buffer }> {
    const missing = new ProjectError('PROJECT_NOT_FOUND', `there is no project ${projectId} in this home`);
    if (!isProjectId(projectId)) throw missing;
    const path = this.pathOf(projectId);
    if (!(await stat(path).catch(whenMissing(undefined)))) throw missing;
    const bytes = await readFile(path);
    const wrappedBytes = bytes.length < FIXED_BYTES ? 0 : bytes.readUInt16LE(9);
    const end = FIXED_BYTES + wrappedBytes;
    if (!bytes.subarray(0, 8).equals(MAGIC) || bytes[8] !== VERSION || bytes.length <= end) throw this.#damaged(projectId);
    return { header: bytes.subarray(0, end), wrapped: bytes.subarray(FIXED_BYTES, end), sealed: bytes.subarray(end) };
  }

  #namesIn(projectId: string, wrapped: Buffer): string {
    try {
      return blobNames(wrapped).keyId;
    } catch (error) {
      throw this.#damaged(projectId, error);
    }
  }

  /** The file that a project is kept in. */
  pathOf(projectId: string): string {
    return join(this.#directory, `${projectId}${SUFFIX}`);
  }

  #damaged(projectId: string, cause?: unknown): ProjectError {
    return new ProjectError('PROJECT_DAMAGED', `${this.pathOf(projectId)} was altered: restore it from your backup`, { cause });
  }
}

/** Why it cannot be told whether a project has this name; throws what is wrong with more than that project. */
function unknowable(name: string, error: unknown): Error {
  const message = `whether there is a project '${name}' cannot be told: ${(error as Error).message}`;
  if (error instanceof KeyError && (error.code === 'KEY_DISABLED' || error.code === 'KEY_NOT_FOUND')) return new KeyError(error.code, message, { cause: error });
  if (error instanceof ProjectError && error.code === 'PROJECT_DAMAGED') return new ProjectError(error.code, message, { cause: error });
  throw error;
}

function contextOf(projectId: string): EncryptionContext {
  return { 'thrum:purpose': 'project', 'thrum:project': projectId };
}

function whenMissing<T>(fallback: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return fallback;
    throw error;
  };
}
