/**
 * One sealed JSON document of a home (sealed-document.ts) in a file, replaced atomically on each change. Readers see whole versions;
 * writers take turns, also across processes. The JSON is parsed once a change: by whoever wrote it, and once by each other process.
 */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makePrivateDirectory, readPrivateFile, replacePrivateFile, SealError, whenMissing, withFileLock } from '../certs/mod.ts';
import { KeyError } from './errors.ts';
import { RootKeys, type RootNote, type RootSource } from './keys/root-key.ts';
import { openDocument, rootOfDocument, sealDocument, type DocumentKind } from './sealed-document.ts';

/** What can be read again (certs/private-file.ts). */
const MAX_JSON_BYTES = 15 * 2 ** 20;

interface SealedFileKind<State> extends DocumentKind {
  /** What the file is called in an error. */
  readonly name: string;
  /** State where there is no file. */
  readonly empty: State;
  /** Reads what was written, given the file's root salt; throws where it is not of this version. */
  readonly parse: (json: string, rootSalt: Buffer) => State;
  readonly fault: (kind: 'damaged' | 'full', message: string, cause?: unknown) => Error;
}

export interface SealedFilePlace {
  readonly path: string;
  readonly source: RootSource;
  /** Folder of the root key, which must be there before the file is made. */
  readonly rootDirectory: string;
  /** What writers lock; a file beside it by default. */
  readonly lock?: string;
}

export interface Change<State, T> {
  readonly state: State;
  readonly result: T;
}

interface OpenedFile<State> {
  readonly state: State;
  readonly rootSalt: Buffer;
}

export class SealedFile<State> {
  readonly #kind: SealedFileKind<State>;
  readonly #place: SealedFilePlace;
  readonly #keys: RootKeys;
  #seen: { readonly stamp: string; readonly opened: OpenedFile<State> } | undefined;

  constructor(kind: SealedFileKind<State>, place: SealedFilePlace) {
    this.#kind = kind;
    this.#place = place;
    this.#keys = new RootKeys(place.source, place.rootDirectory);
  }

  /** The current state; reads the file only when it was replaced since the last look. */
  async read(): Promise<State> {
    return (await this.#open())?.state ?? this.#kind.empty;
  }

  /**
   * Applies `change` to the current state, given the file's root salt, and writes the result, one writer at a time across processes.
   * A change that gives the same state back, or throws, writes nothing. `patienceMs` as in certs/file-lock.ts.
   */
  async update<T>(change: (state: State, rootSalt: Buffer) => Change<State, T> | Promise<Change<State, T>>, patienceMs?: number): Promise<T> {
    const { path, lock = `${path}.lock` } = this.#place;
    await makePrivateDirectory(dirname(path));
    return withFileLock(lock, async () => {
      const { state: before, rootSalt } = (await this.#open()) ?? { state: this.#kind.empty, rootSalt: randomBytes(16) };
      const { state, result } = await change(before, rootSalt);
      if (state !== before) await this.#write(state, { kind: this.#keys.kind, salt: rootSalt });
      return result;
    }, patienceMs);
  }

  async #open(): Promise<OpenedFile<State> | undefined> {
    const stamp = await this.#stamp();
    if (stamp === undefined) return undefined;
    if (this.#seen?.stamp !== stamp) this.#seen = { stamp, opened: await this.#decrypt(await readPrivateFile(this.#place.path)) };
    return this.#seen.opened;
  }

  /** Tells one version of the file from another; undefined when there is none. */
  async #stamp(): Promise<string | undefined> {
    const info = await stat(this.#place.path, { bigint: true }).catch(whenMissing(undefined));
    return info && `${info.ino}:${info.mtimeNs}:${info.size}`;
  }

  async #decrypt(bytes: Buffer): Promise<OpenedFile<State>> {
    const { name, parse, fault } = this.#kind;
    const { path, rootDirectory } = this.#place;
    const root = rootOfDocument(bytes, this.#kind);
    if (!root) throw fault('damaged', `${path} is not a ${name} of this version: restore it from your backup`);
    const withPassphrase = root.kind === 1;
    if (withPassphrase !== (this.#keys.kind === 1)) {
      const how = withPassphrase ? 'by a passphrase: give it with --passphrase-file FILE or THRUM_PASSPHRASE' : 'by a root key file, not by a passphrase: leave the passphrase out';
      throw new KeyError('KEY_PASSPHRASE', `this home is protected ${how}`);
    }
    try {
      return { state: parse(await openDocument(bytes, this.#kind, root, this.#keys), root.salt), rootSalt: root.salt };
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      if (withPassphrase) throw new KeyError('KEY_PASSPHRASE', `wrong passphrase, or the ${name} ${path} was altered`, { cause: error });
      throw fault('damaged', `${path} does not open with ${join(rootDirectory, 'root.key')}: one of them was altered`, error);
    }
  }

  async #write(state: State, root: RootNote): Promise<void> {
    const { name, parse, fault } = this.#kind;
    const { path } = this.#place;
    const json = JSON.stringify(state);
    if (Buffer.byteLength(json) > MAX_JSON_BYTES) throw fault('full', `the ${name} ${path} is full: remove what is not needed`);
    const written = parse(json, root.salt); // what could not be read again must not replace what can
    await replacePrivateFile(path, await sealDocument(json, this.#kind, root, this.#keys));
    const stamp = await this.#stamp(); // still holding the lock, so it is that of what was written
    if (stamp !== undefined) this.#seen = { stamp, opened: { state: written, rootSalt: root.salt } };
  }
}
