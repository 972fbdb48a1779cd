/**
 * The secret under which what belongs to a home is encrypted, its key store first: 32 random bytes in a file of mode 0600, or a
 * passphrase stretched with scrypt (RFC 7914). Neither ever appears in a log, an argument or a URL.
 */
import { randomBytes, scrypt } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isThere, readPrivateFile, writePrivateFile } from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';

const deriveWithScrypt = promisify<Buffer, Buffer, number, object, Buffer>(scrypt);

/** OWASP's first choice for scrypt: 128 MiB and about 0.3 s of one core. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 160 * 2 ** 20 };

export type RootSource = { readonly kind: 'file' } | { readonly kind: 'passphrase'; readonly passphrase: string };

/** How a file says what root key it is sealed under: `kind` 0 from a file, 1 from a passphrase and `salt` (16 bytes). */
export interface RootNote {
  readonly kind: number;
  readonly salt: Buffer;
}

/** The root keys of a home. With a passphrase each salt costs a third of a second, so what was derived is kept. */
export class RootKeys {
  readonly source: RootSource;
  /** Where the key store and the root key's file lie. */
  readonly directory: string;
  readonly #known = new Map<string, Promise<Buffer>>();

  constructor(source: RootSource, directory: string) {
    this.source = source;
    this.directory = directory;
  }

  /** Of all notes that this home's keys are for. */
  get kind(): number {
    return this.source.kind === 'passphrase' ? 1 : 0;
  }

  /** `root` is of this `kind`. CERTS_UNREADABLE, KEYSTORE_DAMAGED. */
  rootKey({ salt }: RootNote): Promise<Buffer> {
    const name = salt.toString('hex');
    let key = this.#known.get(name);
    if (!key) {
      key = this.#derive(salt);
      this.#known.set(name, key);
      key.catch(() => this.#known.delete(name));
    }
    return key;
  }

  async #derive(salt: Buffer): Promise<Buffer> {
    if (this.source.kind === 'passphrase') {
      return deriveWithScrypt(Buffer.from(this.source.passphrase.normalize('NFKC'), 'utf8'), salt, 32, SCRYPT);
    }
    const path = this.#path();
    const text = (await readPrivateFile(path)).toString('utf8').trim();
    if (!/^[0-9a-f]{64}$/.test(text)) {
      throw new KeyError('KEYSTORE_DAMAGED', `${path} is not a root key (64 hex digits); restore it from your backup`);
    }
    return Buffer.from(text, 'hex');
  }

  /** Makes the root key file of a new key store; a passphrase needs none. One that is there is kept: a backup may need it. */
  async create(): Promise<void> {
    if (this.source.kind !== 'file' || (await isThere(this.#path()))) return;
    await writePrivateFile(this.#path(), `${randomBytes(32).toString('hex')}\n`);
  }

  #path(): string {
    return join(this.directory, 'root.key');
  }
}
