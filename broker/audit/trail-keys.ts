/**
 * The root key that a trail is sealed under: the home's, as the key store's (keys/root-key.ts). With a passphrase each salt costs
 * a third of a second, so what was derived is kept.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { access } from 'node:fs/promises';
import { makePrivateDirectory, withFileLock } from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';
import { createRootKey, rootKeyFor, type RootSource } from '../keys/root-key.ts';
import type { RootNote } from './trail-format.ts';

export class TrailKeys {
  readonly #source: RootSource;
  readonly #directory: string;
  readonly #known = new Map<string, Promise<Buffer>>();

  /** `directory`: where the key store and its root key lie. */
  constructor(source: RootSource, directory: string) {
    this.#source = source;
    this.#directory = directory;
  }

  get kind(): number {
    return this.#source.kind === 'passphrase' ? 1 : 0;
  }

  /** KEY_PASSPHRASE when the trail is protected in another way than this home is opened. */
  rootKey({ kind, salt }: RootNote): Promise<Buffer> {
    if (kind !== this.kind) {
      const message = kind === 1
        ? 'the audit trail is protected by a passphrase: give it with --passphrase-file FILE or THRUM_PASSPHRASE'
        : 'the audit trail is protected by a root key file, not by a passphrase: leave the passphrase out';
      return Promise.reject(new KeyError('KEY_PASSPHRASE', message));
    }
    const name = kind === 0 ? '' : salt.toString('hex');
    let key = this.#known.get(name);
    if (!key) {
      key = rootKeyFor(this.#source, this.#directory, salt);
      this.#known.set(name, key);
      key.catch(() => this.#known.delete(name));
    }
    return key;
  }

  /** For the first file of a trail. Makes the root key of a home that has none yet; one that was lost is not replaced. */
  async newRoot(): Promise<RootNote> {
    await makePrivateDirectory(this.#directory);
    const isThere = async (name: string): Promise<boolean> => access(join(this.#directory, name)).then(() => true, () => false);
    await withFileLock(join(this.#directory, 'lock'), async () => {
      if (!(await isThere('keystore'))) await createRootKey(this.#source, this.#directory);
    });
    return { kind: this.kind, salt: randomBytes(16) };
  }
}
