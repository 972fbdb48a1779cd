/**
 * Projects: who owns what data, and which key protects it. One small file each (project-file.ts), named by the project's opaque
 * id; what a person wrote (the name) is sealed under a data key of the project's own key, so it is gone when the key is.
 */
import { randomBytes } from 'node:crypto';
import { readFile, readdir, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateDirectory, removeTemporaries, replacePrivateFile, whenMissing, withFileLock } from '../certs/mod.ts';
import { KeyError, ProjectError } from './errors.ts';
import { isKeyUnavailable } from './keys/key-refusal.ts';
import { accountOf } from './keys/project-context.ts';
import type { GrantedKey, ProjectKeys } from './keys/provider.ts';
import { MAX_FORMER_GRANTS, openProjectFile, parseProjectFile, PROJECT_NAME, projectFileBytes, projectFileContext, type ProjectContents, type ProjectDetails, type ProjectFile } from './project-file.ts';
import { destroyFile } from './store/segment-source.ts';

const SUFFIX = '.project';
const FILE_NAME = /^p-[0-9a-f]{16}\.project$/;

/** Throws PROJECT_BAD_NAME for what no project can be named. */
export function checkProjectName(name: string): void {
  if (!PROJECT_NAME.test(name)) throw new ProjectError('PROJECT_BAD_NAME', 'a project name has 1 to 60 printable characters');
}

/** Ids are given, never chosen: a project that is asked for by its id is there already. */
export function isProjectId(text: string): boolean {
  return /^p-[0-9a-f]{16}$/.test(text);
}

/** What can be told of a project without its key. */
export interface ProjectReference {
  readonly projectId: string;
  /** Of a key of this home its id, of another key service's its ARN. */
  readonly keyId: string;
  /** Account of the owner, 12 digits; undefined for a project of a version that had none, as long as it was not read with its key. */
  readonly customerId?: string | undefined;
}

/** A project as its owner sees it. `encryption`: `service` = the key that the service holds for the home's owner; `custom` = a key of the owner's. */
export type Project = ProjectReference & ProjectDetails;

export class Projects {
  readonly #directory: string;
  readonly #keys: ProjectKeys;

  constructor(directory: string, keys: ProjectKeys) {
    this.#directory = directory;
    this.#keys = keys;
  }

  /** Makes a project; `key` (id, ARN or alias) chooses custom encryption, without it the service-owned key is taken. */
  async create(name: string, options: { readonly key?: string; readonly nowMs: number }): Promise<Project> {
    checkProjectName(name);
    await makePrivateDirectory(this.#directory);
    try {
      return await this.#locked(() => this.#createNamed(name, options));
    } catch (error) {
      await rmdir(this.#directory).catch(() => undefined); // nothing half-made is left: it goes if nothing is in it
      throw error;
    }
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    return withFileLock(join(this.#directory, 'lock'), work);
  }

  /** One at a time, so that a name is taken once. */
  async #createNamed(name: string, { key, nowMs }: { readonly key?: string; readonly nowMs: number }): Promise<Project> {
    const { found: taken, unreadable } = await this.#findByName(name, (projectId) => this.#readLocked(projectId));
    if (!taken && unreadable) throw unreadable;
    if (taken) {
      throw new ProjectError('PROJECT_EXISTS', `there is a project named '${name}' already: choose another name`);
    }
    const projectId = `p-${randomBytes(8).toString('hex')}`;
    if (key === undefined) {
      const { arn } = await this.#keys.serviceKeyFor();
      return this.#write(projectId, { keyArn: arn }, { name, createdMs: nowMs, encryption: 'service' });
    }
    const granted = await this.#keys.grant(key, projectId);
    try {
      return await this.#write(projectId, granted, { name, createdMs: nowMs, encryption: 'custom' });
    } catch (error) {
      await this.#keys.retire(granted).catch(() => undefined); // what went wrong first is what has to be told
      throw error;
    }
  }

  /**
   * Seals a project's file anew under a fresh data key of `key` (id, ARN or alias), its own or another. What else the project has
   * is the caller's to move; until it is, the broker's grant on the key before is needed, and the file says so.
   */
  async moveTo(projectId: string, key: string): Promise<Project> {
    return this.#locked(async () => {
      await this.#readLocked(projectId); // a file of version 1 is renewed
      const before = await this.#read(projectId);
      const { name, createdMs, formerGrants = [] } = await this.#contents(projectId, before);
      const { arn, owner } = await this.#keys.describeKey(key);
      const held = before.grantId === undefined ? [] : [{ keyArn: before.keyArn, grantId: before.grantId }];
      const former = [...formerGrants, ...held].filter(({ keyArn }) => keyArn !== arn);
      if (former.length > MAX_FORMER_GRANTS) throw new KeyError('KEY_BAD_REQUEST', `the data of project ${projectId} may be under ${former.length} keys: bring it under the one that the project has now first ('thrum store rewrap')`);
      if (owner === 'service') return this.#write(projectId, { keyArn: arn }, { name, createdMs, encryption: 'service' }, former);
      const granted = held.find(({ keyArn }) => keyArn === arn) ?? (await this.#keys.grant(arn, projectId));
      return this.#write(projectId, granted, { name, createdMs, encryption: 'custom' }, former);
    });
  }

  /** The broker's grants on keys that a project was under before, which are not given up yet. */
  async formerGrants(projectId: string): Promise<readonly GrantedKey[]> {
    return (await this.#contents(projectId, await this.#read(projectId))).formerGrants ?? [];
  }

  /**
   * Gives up those grants of which the keys are not among `needed`: ids as `reference` gives them, of all keys that anything of
   * the project is under. When it is cut short, the same again does the rest. Returns what was given up.
   */
  async retireFormerGrants(projectId: string, needed: ReadonlySet<string>): Promise<readonly GrantedKey[]> {
    return this.#locked(async () => {
      const file = await this.#read(projectId);
      const { formerGrants = [], name, createdMs, encryption } = await this.#contents(projectId, file);
      const isNeeded = await Promise.all(formerGrants.map(async ({ keyArn }) => needed.has(await this.#keys.keyIdOf(keyArn))));
      const [left, over] = [formerGrants.filter((_, n) => isNeeded[n]), formerGrants.filter((_, n) => !isNeeded[n])];
      if (over.length === 0) return [];
      for (const grant of over) await this.#keys.retire(grant);
      const { keyArn, grantId } = file;
      await this.#write(projectId, { keyArn, ...(grantId !== undefined && { grantId }) }, { name, createdMs, encryption }, left);
      return over;
    });
  }

  /** Overwrites and removes a project's file; the broker's grants on its keys are given up if that can be done now. */
  async destroy(projectId: string): Promise<void> {
    const former = await this.formerGrants(projectId).catch(() => []); // known to who has the key only
    for (const grant of former) await this.#keys.retire(grant).catch(() => undefined);
    await this.retireGrant(projectId).catch(() => undefined);
    await destroyFile(this.pathOf(projectId));
    await removeTemporaries(this.pathOf(projectId));
  }

  /** Seals a project's file under a data key that protects nothing else. */
  async #write(projectId: string, { keyArn, grantId }: { readonly keyArn: string; readonly grantId?: string }, project: Omit<ProjectDetails, 'customerId'>, formerGrants: readonly GrantedKey[] = []): Promise<Project> {
    const customerId = accountOf(keyArn);
    if (customerId === undefined) throw new KeyError('KEY_BAD_REQUEST', `${keyArn} is not the ARN of a key`);
    const keyId = await this.#keys.keyIdOf(keyArn);
    const { plaintext, wrapped } = await this.#keys.generateDataKey(keyId, projectFileContext(projectId, customerId));
    const details = { ...project, customerId };
    await replacePrivateFile(this.pathOf(projectId), projectFileBytes({ keyArn, customerId, grantId, wrapped }, plaintext, { ...details, ...(formerGrants.length > 0 && { formerGrants: [...formerGrants] }) }));
    return { projectId, keyId, ...details };
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
    const { keyArn, customerId } = await this.#read(projectId);
    return { projectId, keyId: await this.#keys.keyIdOf(keyArn), ...(customerId === undefined ? {} : { customerId }) };
  }

  /** A whole project; needs its key, so KEY_DISABLED when that is switched off. */
  async read(projectId: string): Promise<Project> {
    const file = await this.#read(projectId);
    return file.version === 1 ? this.#locked(() => this.#readLocked(projectId)) : this.#open(projectId, file);
  }

  /** Gives up the broker's grant on a project's key, as when the project is no more. Nothing of it can be read from then on. */
  async retireGrant(projectId: string): Promise<void> {
    const { keyArn, grantId } = await this.#read(projectId);
    if (grantId !== undefined) await this.#keys.retire({ keyArn, grantId });
  }

  async #open(projectId: string, file: ProjectFile): Promise<Project> {
    const { name, createdMs, encryption, customerId } = await this.#contents(projectId, file);
    return { projectId, keyId: await this.#keys.keyIdOf(file.keyArn), name, createdMs, encryption, ...(customerId !== undefined && { customerId }) };
  }

  /** What is sealed in a project's file. */
  async #contents(projectId: string, file: ProjectFile): Promise<ProjectContents> {
    const keyId = await this.#keys.keyIdOf(file.keyArn);
    const dataKey = await this.#keys.decrypt(file.wrapped, projectFileContext(projectId, file.customerId), keyId).catch((error: unknown) => {
      throw error instanceof KeyError && error.code === 'KEY_CIPHERTEXT' ? this.#damaged(projectId, error) : error;
    });
    const contents = openProjectFile(file, dataKey);
    if (!contents) throw this.#damaged(projectId);
    return contents;
  }

  /** A file of version 1 is written anew when it is first read: it is of a time when the broker needed no grant. */
  async #readLocked(projectId: string): Promise<Project> {
    const file = await this.#read(projectId);
    if (file.version !== 1) return this.#open(projectId, file);
    const { arn, owner } = await this.#keys.describeKey(file.keyArn);
    const granted = owner === 'customer' ? await this.#keys.grant(arn, projectId) : { keyArn: arn };
    const { name, createdMs, encryption } = await this.#open(projectId, file);
    return this.#write(projectId, granted, { name, createdMs, encryption });
  }

  /** By id, or by name among the projects that can be read; KEY_DISABLED or PROJECT_DAMAGED when it may be one that cannot. */
  async find(idOrName: string): Promise<Project> {
    if (isProjectId(idOrName)) return this.read(idOrName);
    const { found, unreadable } = await this.#findByName(idOrName, (projectId) => this.read(projectId));
    if (!found && unreadable) throw unreadable;
    if (!found) throw new ProjectError('PROJECT_NOT_FOUND', `there is no project '${idOrName}' in this home: 'thrum project list' shows those there are`);
    return found;
  }

  /** Names are sealed: a project whose key is switched off, or whose file was altered, cannot be compared. */
  async #findByName(name: string, read: (projectId: string) => Promise<Project>): Promise<{ readonly found?: Project; readonly unreadable?: Error }> {
    let unreadable: Error | undefined;
    for (const projectId of await this.ids()) {
      try {
        const found = await read(projectId);
        if (found.name === name) return { found };
      } catch (error) {
        unreadable ??= unknowable(name, error);
      }
    }
    return unreadable ? { unreadable } : {};
  }

  async #read(projectId: string): Promise<ProjectFile> {
    const missing = new ProjectError('PROJECT_NOT_FOUND', `there is no project ${projectId} in this home`);
    if (!isProjectId(projectId)) throw missing;
    const path = this.pathOf(projectId);
    if (!(await stat(path).catch(whenMissing(undefined)))) throw missing;
    const file = parseProjectFile(await readFile(path));
    if (!file) throw this.#damaged(projectId);
    return file;
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
  if (isKeyUnavailable(error) || (error instanceof KeyError && error.code === 'KEY_NOT_FOUND')) return new KeyError(error.code, message, { cause: error });
  if (error instanceof ProjectError && error.code === 'PROJECT_DAMAGED') return new ProjectError(error.code, message, { cause: error });
  throw error;
}
