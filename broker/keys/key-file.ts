/**
 * The key store's file: one sealed JSON document, replaced atomically on each change, under a fresh sub-key of the root
 * key each time, so that no nonce can repeat. Layout (docs/store.md, "Key store"):
 *
 *   0  magic "THRUMKEY"   8  version 1   9  root kind (0 file, 1 passphrase)   10  root salt (16)   26  file salt (16)
 *   42 AES-256-GCM(HKDF(root key, file salt), JSON) with bytes 0–41 as associated data
 *
 * The JSON is parsed once a change, however many keys there are: by whoever wrote it, and once by each other process.
 */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  deriveKey,
  makePrivateDirectory,
  openAt,
  readPrivateFile,
  sealAt,
  SealError,
  withFileLock,
  writePrivateFile,
} from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';
import { emptyKeyState, parseKeyState, type KeyState } from './key-state.ts';
import { createRootKey, rootKeyFor, type RootSource } from './root-key.ts';

const MAGIC = Buffer.from('THRUMKEY');
const VERSION = 1;
const HEADER_BYTES = 42;
const ZERO_NONCE = Buffer.alloc(12);
const INFO = 'thrum key store v1';
/** What can be read again (certs/private-file.ts); about 20,000 keys with an alias each. */
const MAX_JSON_BYTES = 15 * 2 ** 20;

interface OpenedFile {
  readonly state: KeyState;
  readonly rootSalt: Buffer;
}

/** Reads and replaces one key store file. Readers see whole versions; writers take turns through a lock file. */
export class KeyFile {
  readonly #directory: string;
  readonly #path: string;
  readonly #source: RootSource;
  #rootKey: { readonly salt: string; readonly key: Buffer } | undefined;
  #seen: { readonly stamp: string; readonly opened: OpenedFile } | undefined;

  constructor(directory: string, source: RootSource) {
    this.#directory = directory;
    this.#path = join(directory, 'keystore');
    this.#source = source;
  }

  /** The current state; reads the file only when it was replaced since the last look. Undefined when there is no file. */
  async read(): Promise<KeyState | undefined> {
    return (await this.#open())?.state;
  }

  /**
   * Applies `change` to the current state and writes the result, one writer at a time across processes. A change that
   * gives the same state back writes nothing; the first one makes the file.
   */
  async update<T>(change: (state: KeyState) => { readonly state: KeyState; readonly result: T }): Promise<T> {
    await makePrivateDirectory(this.#directory);
    return withFileLock(join(this.#directory, 'lock'), async () => {
      const opened = await this.#open();
      if (!opened) await createRootKey(this.#source, this.#directory);
      const rootSalt = opened?.rootSalt ?? randomBytes(16);
      const before = opened?.state ?? emptyKeyState(rootSalt);
      const { state, result } = change(before);
      if (!opened || state !== before) await this.#write(state, rootSalt);
      return result;
    });
  }

  async #open(): Promise<OpenedFile | undefined> {
    const stamp = await this.#stamp();
    if (stamp === undefined) return undefined;
    if (this.#seen?.stamp !== stamp) {
      this.#seen = { stamp, opened: await this.#decrypt(await readPrivateFile(this.#path)) };
    }
    return this.#seen.opened;
  }

  /** Tells one version of the file from another; undefined when there is none. */
  async #stamp(): Promise<string | undefined> {
    const info = await stat(this.#path, { bigint: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    return info && `${info.ino}:${info.mtimeNs}:${info.size}`;
  }

  async #decrypt(bytes: Buffer): Promise<OpenedFile> {
    if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC) || bytes[8] !== VERSION) {
      throw new KeyError('KEYSTORE_DAMAGED', `${this.#path} is not a key store of this version; restore it from your backup`);
    }
    const sealedWithPassphrase = bytes[9] === 1;
    if (sealedWithPassphrase !== (this.#source.kind === 'passphrase')) {
      throw new KeyError(
        'KEY_PASSPHRASE',
        sealedWithPassphrase
          ? 'this home is protected by a passphrase: give it with --passphrase-file FILE or THRUM_PASSPHRASE'
          : 'this home is protected by a root key file, not by a passphrase: leave the passphrase out',
      );
    }
    const rootSalt = bytes.subarray(10, 26);
    const key = deriveKey(await this.#root(rootSalt), bytes.subarray(26, HEADER_BYTES), INFO);
    try {
      const json = openAt(key, ZERO_NONCE, 0, bytes.subarray(0, HEADER_BYTES), bytes.subarray(HEADER_BYTES));
      return { state: parseKeyState(json.toString('utf8'), rootSalt), rootSalt };
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      throw sealedWithPassphrase
        ? new KeyError('KEY_PASSPHRASE', 'wrong passphrase, or the key store was altered', { cause: error })
        : new KeyError('KEYSTORE_DAMAGED', `${this.#path} does not open with ${join(this.#directory, 'root.key')}: one of them was altered`, { cause: error });
    }
  }

  async #write(state: KeyState, rootSalt: Buffer): Promise<void> {
    const header = Buffer.alloc(HEADER_BYTES);
    MAGIC.copy(header);
    header[8] = VERSION;
    header[9] = this.#source.kind === 'passphrase' ? 1 : 0;
    rootSalt.copy(header, 10);
    randomBytes(16).copy(header, 26);
    const key = deriveKey(await this.#root(rootSalt), header.subarray(26), INFO);
    const json = Buffer.from(JSON.stringify(state));
    if (json.length > MAX_JSON_BYTES) throw new KeyError('KEY_BAD_REQUEST', `${this.#path} is full: use another --home for more keys`);
    const written = parseKeyState(json.toString('utf8'), rootSalt); // what could not be read again must not replace what can
    const sealed = sealAt(key, ZERO_NONCE, 0, header, json);
    await writePrivateFile(this.#path, Buffer.concat([header, sealed]));
    const stamp = await this.#stamp(); // still holding the lock, so it is that of what was written
    if (stamp !== undefined) this.#seen = { stamp, opened: { state: written, rootSalt } };
  }

  async #root(salt: Buffer): Promise<Buffer> {
    const name = salt.toString('hex');
    if (this.#rootKey?.salt !== name) {
      this.#rootKey = { salt: name, key: await rootKeyFor(this.#source, this.#directory, salt) };
    }
    return this.#rootKey.key;
  }
}
