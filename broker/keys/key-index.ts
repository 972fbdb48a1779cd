/** Looking things up in a key state. An index is made once for each state, which never changes, and shared by all who look. */
import type { KeyRecord, KeyState } from './key-state.ts';

interface KeyIndex {
  readonly byId: ReadonlyMap<string, KeyRecord>;
  /** Alias names by key id, sorted; no entry where a key has none. */
  readonly aliasesOf: ReadonlyMap<string, readonly string[]>;
  /** When something changes by itself next: a deletion, a rotation; Infinity when nothing does. */
  readonly nextDueMs: number;
}

const indices = new WeakMap<KeyState, KeyIndex>();

export function indexOf(state: KeyState): KeyIndex {
  let index = indices.get(state);
  if (!index) {
    index = makeIndex(state);
    indices.set(state, index);
  }
  return index;
}

/** The key of an id, a key ARN, `alias/…` or an alias ARN; undefined when there is none, or the ARN is of elsewhere. */
export function findKey(state: KeyState, name: string): KeyRecord | undefined {
  const prefix = arnOf(state, '');
  const local = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  if (name !== local && !local.startsWith('key/') && !local.startsWith('alias/')) return undefined;
  const keyId = local.startsWith('alias/') ? aliasTarget(state, local) : name === local ? name : local.slice('key/'.length);
  return keyId === undefined ? undefined : indexOf(state).byId.get(keyId);
}

export function aliasTarget(state: KeyState, alias: string): string | undefined {
  return Object.hasOwn(state.aliases, alias) ? state.aliases[alias]!.keyId : undefined;
}

export function keyArn(state: KeyState, keyId: string): string {
  return arnOf(state, `key/${keyId}`);
}

export function aliasArn(state: KeyState, alias: string): string {
  return arnOf(state, alias);
}

function arnOf(state: KeyState, local: string): string {
  return `arn:aws:kms:${state.region}:${state.accountId}:${local}`;
}

function makeIndex(state: KeyState): KeyIndex {
  const aliasesOf = new Map<string, string[]>();
  for (const [alias, { keyId }] of Object.entries(state.aliases)) {
    const list = aliasesOf.get(keyId);
    if (list) list.push(alias);
    else aliasesOf.set(keyId, [alias]);
  }
  for (const list of aliasesOf.values()) list.sort();
  let nextDueMs = Infinity;
  for (const key of state.keys) nextDueMs = Math.min(nextDueMs, dueMs(key));
  return { byId: new Map(state.keys.map((key) => [key.keyId, key])), aliasesOf, nextDueMs };
}

/** When a key changes by itself: only keys that are enabled rotate. */
export function dueMs(key: KeyRecord): number {
  if (key.state === 'PendingDeletion') return key.deletionMs ?? Infinity;
  return key.state === 'Enabled' && key.rotation ? key.rotation.nextMs : Infinity;
}
