/**
 * The embedded key service: symmetric keys that never leave it, data keys wrapped under them, and the owner's switch.
 * Semantics and names follow AWS KMS (GenerateDataKey, Decrypt, DescribeKey, EnableKey, DisableKey, aliases). State is
 * read anew whenever the file changed, so a key disabled by another process bites at the next call.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { KeyError } from '../errors.ts';
import { blobNames, decryptBlob, encryptBlob, materialIdOf, type EncryptionContext } from './ciphertext.ts';
import { KeyFile } from './key-file.ts';
import { MAX_DESCRIPTION_CHARS, type KeyRecord, type KeyState } from './key-state.ts';
import type { RootSource } from './root-key.ts';

/** What may be told of a key: everything but its material. */
export interface KeyDescription {
  readonly keyId: string;
  readonly aliases: readonly string[];
  readonly owner: 'service' | 'customer';
  readonly state: 'Enabled' | 'Disabled';
  readonly description: string;
  readonly createdMs: number;
  readonly currentMaterialId: string;
}

export interface DataKey {
  /** 32 bytes; whoever holds them wipes them. */
  readonly plaintext: Buffer;
  readonly wrapped: Buffer;
  readonly keyId: string;
}

export interface NewKey {
  readonly owner: 'service' | 'customer';
  readonly description?: string;
  readonly alias?: string;
}

export class KeyService {
  readonly #file: KeyFile;
  readonly #now: () => number;

  constructor(directory: string, source: RootSource, now: () => number) {
    this.#file = new KeyFile(directory, source);
    this.#now = now;
  }

  /** KEY_ALIAS_EXISTS, or KEY_BAD_REQUEST when alias or description is not one. */
  async createKey(wish: NewKey): Promise<KeyDescription> {
    checkNewKey(wish);
    const { alias } = wish;
    const secret = randomBytes(32);
    return this.#file.update((state) => {
      if (alias !== undefined && state.aliases[alias] !== undefined) {
        throw new KeyError('KEY_ALIAS_EXISTS', `${alias} already names a key: choose another alias`);
      }
      const createdMs = this.#now();
      const key: KeyRecord = {
        keyId: randomUUID(),
        owner: wish.owner,
        state: 'Enabled',
        description: wish.description ?? '',
        createdMs,
        materials: [{ materialId: materialIdOf(secret), secret: secret.toString('base64'), createdMs }],
      };
      const aliases = alias === undefined ? state.aliases : { ...state.aliases, [alias]: key.keyId };
      const next = { ...state, keys: [...state.keys, key], aliases };
      return { state: next, result: describe(next, key) };
    });
  }

  async listKeys(): Promise<KeyDescription[]> {
    const state = await this.#file.read();
    return state.keys.map((key) => describe(state, key));
  }

  /** `name`: key id or `alias/…`. KEY_NOT_FOUND when there is none. */
  async describeKey(name: string): Promise<KeyDescription> {
    const state = await this.#file.read();
    return describe(state, find(state, name));
  }

  async enableKey(name: string): Promise<KeyDescription> {
    return this.#setState(name, 'Enabled');
  }

  async disableKey(name: string): Promise<KeyDescription> {
    return this.#setState(name, 'Disabled');
  }

  /** A fresh 256-bit data key, in clear and wrapped under the key, bound to `context`. KEY_DISABLED when switched off. */
  async generateDataKey(name: string, context: EncryptionContext): Promise<DataKey> {
    const key = enabled(find(await this.#file.read(), name));
    const current = key.materials[key.materials.length - 1]!;
    const plaintext = randomBytes(32);
    const secret = Buffer.from(current.secret, 'base64');
    return { plaintext, wrapped: encryptBlob(key.keyId, current.materialId, secret, context, plaintext), keyId: key.keyId };
  }

  /** Unwraps a data key. KEY_NOT_FOUND, KEY_DISABLED, or KEY_CIPHERTEXT when blob or context is not as it was. */
  async decrypt(wrapped: Uint8Array, context: EncryptionContext): Promise<Buffer> {
    const names = blobNames(wrapped);
    const key = enabled(find(await this.#file.read(), names.keyId));
    const material = key.materials.find((one) => one.materialId === names.materialId);
    if (!material) throw new KeyError('KEY_CIPHERTEXT', `key ${key.keyId} has no material ${names.materialId.slice(0, 12)}…`);
    return decryptBlob(wrapped, Buffer.from(material.secret, 'base64'), context);
  }

  /** Wraps a data key that is there already, as when it is put under another key. KEY_NOT_FOUND, KEY_DISABLED. */
  async encrypt(name: string, plaintext: Uint8Array, context: EncryptionContext): Promise<Omit<DataKey, 'plaintext'>> {
    const key = enabled(find(await this.#file.read(), name));
    const current = key.materials[key.materials.length - 1]!;
    const wrapped = encryptBlob(key.keyId, current.materialId, Buffer.from(current.secret, 'base64'), context, plaintext);
    return { wrapped, keyId: key.keyId };
  }

  async #setState(name: string, next: KeyRecord['state']): Promise<KeyDescription> {
    return this.#file.update((state) => {
      const before = find(state, name);
      const after = { ...before, state: next };
      const changed = { ...state, keys: state.keys.map((key) => (key === before ? after : key)) };
      return { state: changed, result: describe(changed, after) };
    });
  }
}

/** Throws KEY_BAD_REQUEST when no key service could make this key. */
export function checkNewKey({ description, alias }: NewKey): void {
  if (description !== undefined && description.length > MAX_DESCRIPTION_CHARS) {
    throw new KeyError('KEY_BAD_REQUEST', `a description has at most ${MAX_DESCRIPTION_CHARS} characters`);
  }
  if (alias !== undefined) checkAlias(alias);
}

function find(state: KeyState, name: string): KeyRecord {
  const keyId = name.startsWith('alias/') ? state.aliases[name] : name;
  const key = state.keys.find((one) => one.keyId === keyId);
  if (!key) throw new KeyError('KEY_NOT_FOUND', `there is no key ${name} in this home: 'thrum keys list' shows those there are`);
  return key;
}

function enabled(key: KeyRecord): KeyRecord {
  if (key.state !== 'Enabled') {
    throw new KeyError('KEY_DISABLED', `key ${key.keyId} is disabled: 'thrum keys enable ${key.keyId}' gives access again`);
  }
  return key;
}

function describe(state: KeyState, key: KeyRecord): KeyDescription {
  return {
    keyId: key.keyId,
    aliases: Object.keys(state.aliases).filter((alias) => state.aliases[alias] === key.keyId),
    owner: key.owner,
    state: key.state,
    description: key.description,
    createdMs: key.createdMs,
    currentMaterialId: key.materials[key.materials.length - 1]!.materialId,
  };
}

/** Rules of AWS KMS: `alias/` and 1 to 250 of letters, digits, `/`, `_`, `-`; `alias/aws/` is reserved. */
function checkAlias(alias: string): void {
  if (!/^alias\/[A-Za-z0-9/_-]{1,250}$/.test(alias) || alias.startsWith('alias/aws/')) {
    throw new KeyError(
      'KEY_BAD_REQUEST',
      `'${alias}' is not an alias: write alias/NAME with letters, digits, '/', '_' or '-' (alias/aws/ is reserved)`,
    );
  }
}
