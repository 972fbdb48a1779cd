/**
 * One sealed JSON document of a home, replaced atomically on each change, under a fresh sub-key of the home's root key each
 * time, so that no nonce can repeat. Readers see whole versions; writers take turns. Layout (docs/store.md, docs/access.md):
 *
 *   0  magic (8)   8  version 1   9  root kind (0 file, 1 passphrase)   10  root salt (16)   26  file salt (16)
 *   42 AES-256-GCM(HKDF(root key, file salt, info), JSON) with bytes 0–41 as associated data
 */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deriveKey, makePrivateDirectory, openAt, readPrivateFile, sealAt, SealError, withFileLock, writePrivateFile } from '../certs/mod.ts';
import { KeyError } from './errors.ts';
import { rootKeyFor, type RootSource } from './keys/root-key.ts';

const VERSION = 1;
const HEADER_BYTES = 42;
const ZERO_NONCE = Buffer.alloc(12);
/** What can be read again (certs/private-file.ts). */
const MAX_JSON_BYTES = 15 * 2 ** 20;

export interface SealedFileKind<State> {
  /** What the file is called in an error. */
  readonly name: string;
  /** 8 bytes. */
  readonly magic: string;
  /** Purpose of the sub-key. */
  readonly info: string;
  /** State where there is no file. */
  readonly empty: State;
  /** Reads what was written; throws where it is not of this version. */
  readonly parse: (json: string) => State;
  readonly fault: (kind: 'damaged' | 'full', message: string, cause?: unknown) => Error;
}

export interface SealedFilePlace {
  readonly path: string;
  readonly source: RootSource;
  /** Folder of the root key, which must be there before the file is made. */
  readonly rootDirectory: string;
}

interface OpenedFile<State> {
  readonly state: State;
  readonly rootSalt: Buffer;
}

export class SealedFile<State> {
  readonly #kind: SealedFileKind<State>;
  readonly #place: SealedFilePlace;
  #rootKey: { readonly salt: string; readonly key: Buffer } | undefined;
  #seen: { readonly stamp: string; readonly opened: OpenedFile<State> } | undefined;

  constructor(kind: SealedFileKind<State>, place: SealedFilePlace) {
    this.#kind = kind;
    this.#place = place;
  }

  /** The current state; reads the file only when it was replaced since the last look. */
  async read(): Promise<State> {
    return (await this.#open())?.state ?? this.#kind.empty;
  }

  /** Applies `change` to the current state and writes the result, one writer at a time across processes. */
  async update<T>(change: (state: State) => { readonly state: State; readonly result: T }): Promise<T> {
    await makePrivateDirectory(dirname(this.#place.path));
    return withFileLock(`${this.#place.path}.lock`, async () => {
      const opened = (await this.#open()) ?? { state: this.#kind.empty, rootSalt: randomBytes(16) };
      const { state, result } = change(opened.state);
      if (state !== opened.state) await this.#write(state, opened.rootSalt);
      return result;
    });
  }

  async #open(): Promise<OpenedFile<State> | undefined> {
    const info = await stat(this.#place.path, { bigint: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    if (!info) return undefined;
    const stamp = `${info.ino}:${info.mtimeNs}:${info.size}`;
    if (this.#seen?.stamp !== stamp) this.#seen = { stamp, opened: await this.#decrypt(await readPrivateFile(this.#place.path)) };
    return this.#seen.opened;
  }

  async #decrypt(bytes: Buffer): Promise<OpenedFile<State>> {
    const { name, magic, parse, fault } = this.#kind;
    const { path, source, rootDirectory } = this.#place;
    if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 8) !== magic || bytes[8] !== VERSION) {
      throw fault('damaged', `${path} is not a ${name} of this version: restore it from your backup`);
    }
    const withPassphrase = bytes[9] === 1;
    if (withPassphrase !== (source.kind === 'passphrase')) {
      const how = withPassphrase ? 'by a passphrase: give it with --passphrase-file FILE or THRUM_PASSPHRASE' : 'by a root key file, not by a passphrase: leave the passphrase out';
      throw new KeyError('KEY_PASSPHRASE', `this home is protected ${how}`);
    }
    const rootSalt = bytes.subarray(10, 26);
    const key = deriveKey(await this.#root(rootSalt), bytes.subarray(26, HEADER_BYTES), this.#kind.info);
    try {
      return { state: parse(openAt(key, ZERO_NONCE, 0, bytes.subarray(0, HEADER_BYTES), bytes.subarray(HEADER_BYTES)).toString('utf8')), rootSalt };
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      if (withPassphrase) throw new KeyError('KEY_PASSPHRASE', `wrong passphrase, or ${path} was altered`, { cause: error });
      throw fault('damaged', `${path} does not open with ${join(rootDirectory, 'root.key')}: one of them was altered`, error);
    }
  }

  async #write(state: State, rootSalt: Buffer): Promise<void> {
    const { name, magic, info, parse, fault } = this.#kind;
    const { path, source } = this.#place;
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(magic, 'latin1');
    header[8] = VERSION;
    header[9] = source.kind === 'passphrase' ? 1 : 0;
    rootSalt.copy(header, 10);
    randomBytes(16).copy(header, 26);
    const json = JSON.stringify(state);
    if (Buffer.byteLength(json) > MAX_JSON_BYTES) throw fault('full', `the ${name} ${path} is full: remove what is not needed`);
    parse(json); // what could not be read again must not replace what can
    const key = deriveKey(await this.#root(rootSalt), header.subarray(26), info);
    await writePrivateFile(path, Buffer.concat([header, sealAt(key, ZERO_NONCE, 0, header, Buffer.from(json))]));
  }

  async #root(salt: Buffer): Promise<Buffer> {
    const name = salt.toString('hex');
    if (this.#rootKey?.salt !== name) this.#rootKey = { salt: name, key: await rootKeyFor(this.#place.source, this.#place.rootDirectory, salt) };
    return this.#rootKey.key;
  }
}
