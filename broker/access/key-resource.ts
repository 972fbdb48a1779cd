/** A key as what access is decided about: its ARN and its policy. */
import type { AccessRequest } from './request.ts';
import type { NamedPolicy } from './policy.ts';
import { KeyError } from '../errors.ts';
import { aliasArn, findKey, indexOf, keyArn } from '../keys/key-index.ts';
import { policyOf } from '../keys/key-policy.ts';
import type { KeyStore } from '../keys/key-store.ts';

export interface KeyResource {
  readonly arn: string;
  readonly policies: readonly NamedPolicy[];
  /** Condition keys that speak of the key. */
  readonly context: AccessRequest['context'];
}

/** `name`: key id, ARN, alias or alias ARN. KEY_NOT_FOUND. */
export async function keyResource(store: KeyStore, name: string): Promise<KeyResource> {
  const state = await store.readOrCreate();
  const key = findKey(state, name);
  if (!key) throw new KeyError('KEY_NOT_FOUND', `there is no key ${name} in this home: 'thrum keys list' shows those there are`);
  const aliases = indexOf(state).aliasesOf.get(key.keyId);
  const tags = Object.fromEntries((key.tags ?? []).map(([tag, value]) => [`aws:ResourceTag/${tag}`, value]));
  // What the service owns has no policy that could let anybody else in.
  const policies = key.owner === 'service' ? [] : [policyOf(state, key)];
  return { arn: keyArn(state, key.keyId), policies, context: { 'kms:CallerAccount': state.accountId, ...(aliases ? { 'kms:ResourceAliases': aliases } : {}), ...tags } };
}

/** What the making of an alias is about: the alias, and a key that is not there yet, so that it can be any. */
export async function newAliasArns(store: KeyStore, alias: string): Promise<string[]> {
  const state = await store.readOrCreate();
  return [aliasArn(state, alias), keyArn(state, '*')];
}
