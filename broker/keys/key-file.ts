/** The key store's file: the state of all keys of a home, sealed (docs/store.md, "Key store"). */
import { join } from 'node:path';
import { KeyError } from '../errors.ts';
import { SealedFile, type Change } from '../sealed-file.ts';
import { emptyKeyState, parseKeyState, type KeyState } from './key-state.ts';
import { RootKeys, type RootSource } from './root-key.ts';

/** Reads and replaces one key store file. */
export class KeyFile {
  readonly #file: SealedFile<KeyState | undefined>;
  readonly #rootKeys: RootKeys;

  constructor(directory: string, source: RootSource) {
    this.#rootKeys = new RootKeys(source, directory);
    const path = join(directory, 'keystore');
    this.#file = new SealedFile<KeyState | undefined>({
      name: 'key store',
      magic: 'THRUMKEY',
      info: 'thrum key store v1',
      empty: undefined,
      parse: parseKeyState,
      fault: (kind, message, cause) =>
        kind === 'damaged' ? new KeyError('KEYSTORE_DAMAGED', message, { cause }) : new KeyError('KEY_BAD_REQUEST', `${path} is full: use another --home for more keys`),
    }, { path, source, rootDirectory: directory, lock: join(directory, 'lock') });
  }

  /** The current state; undefined when there is no file. KEY_PASSPHRASE, KEYSTORE_DAMAGED. */
  read(): Promise<KeyState | undefined> {
    return this.#file.read();
  }

  /** As {@link SealedFile.update}; the first change makes the file, whatever it gives back, and the root key if there is none. */
  update<T>(change: (state: KeyState) => Change<KeyState, T>, patienceMs?: number): Promise<T> {
    return this.#file.update(async (state, rootSalt) => {
      if (!state) await this.#rootKeys.create();
      return change(state ?? emptyKeyState(rootSalt));
    }, patienceMs);
  }
}
