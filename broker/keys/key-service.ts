/**
 * The embedded key service, in process: keys that never leave it, data keys wrapped under them, and the owner's switch.
 * State is read anew whenever the file changed, so a key disabled by another process bites at the next call. Making keys and
 * switching them is the owner's and asks no policies; the use of keys for projects needs grants (embedded-provider.ts).
 */
import { randomUUID } from 'node:crypto';
import type { AuditSink } from '../audit/event.ts';
import { KeyError } from '../errors.ts';
import { embeddedProvider, type ActAs } from './embedded-provider.ts';
import { newMaterial } from './key-due.ts';
import { aliasTarget, findKey, indexOf, keyArn } from './key-index.ts';
import { KeyStore } from './key-store.ts';
import { ALIAS, MAX_DESCRIPTION_CHARS, MAX_KEYS, type KeyRecord, type KeyState } from './key-state.ts';
import { withKey } from './kms-operation.ts';
import type { ProjectKeys } from './provider.ts';
import type { RootSource } from './root-key.ts';
import { servicePrincipal } from './principals.ts';

/** What may be told of a key: everything but its material. */
export interface KeyDescription {
  readonly keyId: string;
  readonly arn: string;
  readonly aliases: readonly string[];
  readonly owner: 'service' | 'customer';
  readonly state: 'Enabled' | 'Disabled' | 'PendingDeletion';
  /** While it waits to be deleted: when it is gone. */
  readonly deletionMs?: number;
  readonly description: string;
  readonly createdMs: number;
  readonly currentMaterialId: string;
  /** Automatic rotation, where it is switched on. */
  readonly rotation?: { readonly periodDays: number; readonly nextMs: number };
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

export class KeyService implements ProjectKeys {
  /** Shared with the KMS engine, so that the file is parsed once for both. */
  readonly store: KeyStore;
  readonly generateDataKey: ProjectKeys['generateDataKey'];
  readonly decrypt: ProjectKeys['decrypt'];
  readonly reEncrypt: ProjectKeys['reEncrypt'];
  readonly grant: ProjectKeys['grant'];
  readonly retire: ProjectKeys['retire'];
  readonly keyIdOf: ProjectKeys['keyIdOf'];
  readonly checkUse: ProjectKeys['checkUse'];
  readonly watchMs: number;
  readonly #audit: AuditSink | undefined;

  /** `audit` is told of each use and change; `actAs` says who makes projects, by default the home's owner. */
  constructor(directory: string, source: RootSource, now: () => number, audit?: AuditSink, actAs?: ActAs) {
    this.store = new KeyStore(directory, source, now);
    this.#audit = audit;
    const uses = embeddedProvider(this.store, audit, actAs);
    this.generateDataKey = uses.generateDataKey;
    this.decrypt = uses.decrypt;
    this.reEncrypt = uses.reEncrypt;
    this.grant = uses.grant;
    this.retire = uses.retire;
    this.keyIdOf = uses.keyIdOf;
    this.checkUse = uses.checkUse;
    this.watchMs = uses.watchMs;
  }

  /** KEY_ALIAS_EXISTS, or KEY_BAD_REQUEST when alias or description is not one. */
  async createKey(wish: NewKey): Promise<KeyDescription> {
    checkNewKey(wish);
    const { alias } = wish;
    return this.#audited('CreateKey', { description: wish.description, alias }, () =>
      this.store.update((state, nowMs) => {
        if (alias !== undefined && aliasTarget(state, alias) !== undefined) {
          throw new KeyError('KEY_ALIAS_EXISTS', `${alias} already names a key: choose another alias`);
        }
        const key = newKey(state, wish, nowMs);
        const aliases = alias === undefined ? state.aliases : { ...state.aliases, [alias]: { keyId: key.keyId, createdMs: nowMs, updatedMs: nowMs } };
        const next = { ...state, keys: [...state.keys, key], aliases };
        return { state: next, result: describe(next, key) };
      }),
    );
  }

  /**
   * The key that the service holds for one customer and no other, made at its first use. `customerId`: 12 digits, by
   * default the account of the home's owner.
   */
  async serviceKeyFor(customerId?: string): Promise<KeyDescription> {
    const ofCustomer = (state: KeyState): KeyRecord | undefined =>
      state.keys.find((key) => key.owner === 'service' && key.customerId === (customerId ?? state.accountId));
    const state = await this.store.read();
    const found = ofCustomer(state);
    if (found) return describe(state, found);
    return this.#audited('CreateKey', { customerId }, () =>
      this.store.update((current, nowMs) => {
        const made = ofCustomer(current); // another process was faster
        if (made) return { state: current, result: describe(current, made) };
        const key = newKey(current, { owner: 'service', description: 'service-owned key' }, nowMs, customerId);
        const next = { ...current, keys: [...current.keys, key] };
        return { state: next, result: describe(next, key) };
      }),
    );
  }

  /** All keys, those of the service too. */
  async listKeys(): Promise<KeyDescription[]> {
    const state = await this.store.read();
    return state.keys.map((key) => describe(state, key));
  }

  /** `name`: key id, key ARN, `alias/…` or alias ARN. KEY_NOT_FOUND when there is none. */
  async describeKey(name: string): Promise<KeyDescription> {
    const state = await this.store.read();
    return describe(state, find(state, name));
  }

  async enableKey(name: string): Promise<KeyDescription> {
    return this.#setState('EnableKey', name, 'Enabled');
  }

  async disableKey(name: string): Promise<KeyDescription> {
    return this.#setState('DisableKey', name, 'Disabled');
  }

  async #setState(eventName: string, name: string, next: 'Enabled' | 'Disabled'): Promise<KeyDescription> {
    return this.#audited(eventName, { keyId: name }, () =>
      this.store.update((state) => {
        const before = find(state, name);
        if (before.state === 'PendingDeletion') throw waiting(before);
        const after = { ...before, state: next };
        const changed = before.state === next ? state : withKey(state, before, after);
        return { state: changed, result: describe(changed, after), room: 'state' };
      }),
    );
  }

  async #audited<T extends object>(eventName: string, requestParameters: Readonly<Record<string, unknown>>, work: () => Promise<T>): Promise<T> {
    let result: T | undefined;
    let failure: unknown;
    try {
      return (result = await work());
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      if (this.#audit) {
        const state = await this.store.read().catch(() => undefined);
        const name = (result as { keyId?: string } | undefined)?.keyId ?? requestParameters['keyId'];
        const key = state && typeof name === 'string' ? findKey(state, name) : undefined;
        this.#audit({
          eventSource: 'kms.amazonaws.com',
          eventName,
          principal: servicePrincipal(state?.accountId ?? ''),
          sourceIpAddress: undefined,
          requestParameters,
          ...(failure === undefined ? {} : { errorCode: (failure as { code?: string }).code ?? 'InternalFailure', errorMessage: (failure as Error).message }),
          readOnly: false,
          resources: state && key ? [keyArn(state, key.keyId)] : [],
        });
      }
    }
  }
}

/** Throws KEY_BAD_REQUEST when no key service could make this key. */
export function checkNewKey({ description, alias }: NewKey): void {
  if (description !== undefined && description.length > MAX_DESCRIPTION_CHARS) {
    throw new KeyError('KEY_BAD_REQUEST', `a description has at most ${MAX_DESCRIPTION_CHARS} characters`);
  }
  if (alias !== undefined) checkAlias(alias);
}

function newKey(state: KeyState, wish: NewKey, createdMs: number, customerId = state.accountId): KeyRecord {
  if (state.keys.length >= MAX_KEYS) throw new KeyError('KEY_BAD_REQUEST', `this home has ${MAX_KEYS} keys, the most it can have: use another --home`);
  return {
    keyId: randomUUID(),
    owner: wish.owner,
    ...(wish.owner === 'service' ? { customerId } : {}),
    state: 'Enabled',
    description: wish.description ?? '',
    createdMs,
    materials: [newMaterial(createdMs)],
  };
}

function find(state: KeyState, name: string): KeyRecord {
  const key = findKey(state, name);
  if (!key) throw new KeyError('KEY_NOT_FOUND', `there is no key ${name} in this home: 'thrum keys list' shows those there are`);
  return key;
}

function waiting(key: KeyRecord): KeyError {
  const until = new Date(key.deletionMs ?? 0).toISOString().slice(0, 10);
  return new KeyError('KEY_DISABLED', `key ${key.keyId} is pending deletion until ${until}: 'thrum keys cancel-deletion ${key.keyId}' keeps it, then it has to be enabled`);
}

function describe(state: KeyState, key: KeyRecord): KeyDescription {
  return {
    keyId: key.keyId,
    arn: keyArn(state, key.keyId),
    aliases: indexOf(state).aliasesOf.get(key.keyId) ?? [],
    owner: key.owner,
    state: key.state,
    ...(key.deletionMs === undefined ? {} : { deletionMs: key.deletionMs }),
    description: key.description,
    createdMs: key.createdMs,
    currentMaterialId: key.materials[key.materials.length - 1]!.materialId,
    ...(key.rotation ? { rotation: key.rotation } : {}),
  };
}

/** Rules of AWS KMS: `alias/` and 1 to 250 of letters, digits, `/`, `_`, `-`; `alias/aws/` is reserved. */
export function checkAlias(alias: string): void {
  if (!ALIAS.test(alias) || alias.startsWith('alias/aws/')) {
    throw new KeyError(
      'KEY_BAD_REQUEST',
      `'${alias}' is not an alias: write alias/NAME with letters, digits, '/', '_' or '-' (alias/aws/ is reserved)`,
    );
  }
}
