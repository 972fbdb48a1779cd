/** Operations on aliases: names that point at keys and can be moved from one to another. */
import { z } from 'zod';
import { aliasArn, aliasTarget, indexOf } from './key-index.ts';
import { ALIAS, MAX_ALIASES_PER_KEY, type KeyRecord, type KeyState } from './key-state.ts';
import { allow, mustStay, resolveKey, type Call } from './kms-call.ts';
import { invalid, KmsError } from './kms-error.ts';
import { keyId, limit, marker, text } from './kms-input.ts';
import { changes, pageOf, reads, seconds, without, type Operation } from './kms-operation.ts';

const aliasName = text(1, 256);
const named = z.object({ AliasName: aliasName, TargetKeyId: keyId });

function checkName(alias: string): void {
  if (!alias.startsWith('alias/')) {
    throw invalid('Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html');
  }
  if (!ALIAS.test(alias)) throw new KmsError('InvalidAliasNameException', 'An alias has letters, digits, /, _ and - after alias/');
  if (alias.startsWith('alias/aws/')) throw new KmsError('InvalidAliasNameException', 'Aliases that begin with alias/aws/ are reserved');
}

/** The key that an alias is to point at; aliases name keys only. */
function target(call: Call, name: string): KeyRecord {
  if (name.startsWith('alias/') || /^arn:[^/]*:alias\//.test(name)) throw invalid('Aliases must refer to keys. Not aliases');
  return resolveKey(call, name, 'no aliases');
}

function mustHaveRoom(state: KeyState, key: KeyRecord): void {
  if ((indexOf(state).aliasesOf.get(key.keyId)?.length ?? 0) >= MAX_ALIASES_PER_KEY) {
    throw new KmsError('LimitExceededException', `A key has at most ${MAX_ALIASES_PER_KEY} aliases`);
  }
}

function createAlias(call: Call, input: z.output<typeof named>): { state: KeyState; result: object } {
  const { state, nowMs } = call;
  checkName(input.AliasName);
  const arn = aliasArn(state, input.AliasName);
  const key = target(call, input.TargetKeyId);
  allow(call, 'kms:CreateAlias', { aliasArn: arn });
  allow(call, 'kms:CreateAlias', { key, facts: { 'kms:RequestAlias': input.AliasName } });
  if (aliasTarget(state, input.AliasName) !== undefined) throw new KmsError('AlreadyExistsException', `An alias with the name ${arn} already exists`);
  mustStay(call, key);
  mustHaveRoom(state, key);
  const alias = { keyId: key.keyId, createdMs: nowMs, updatedMs: nowMs };
  return { state: { ...state, aliases: { ...state.aliases, [input.AliasName]: alias } }, result: {} };
}

function updateAlias(call: Call, input: z.output<typeof named>): { state: KeyState; result: object } {
  const { state, nowMs } = call;
  const before = existing(call, input.AliasName);
  const key = target(call, input.TargetKeyId);
  allow(call, 'kms:UpdateAlias', { aliasArn: aliasArn(state, input.AliasName) });
  allow(call, 'kms:UpdateAlias', { key: resolveKey(call, before.keyId, 'no aliases') });
  allow(call, 'kms:UpdateAlias', { key });
  mustStay(call, key);
  if (before.keyId !== key.keyId) mustHaveRoom(state, key);
  const alias = { ...before, keyId: key.keyId, updatedMs: nowMs };
  return { state: { ...state, aliases: { ...state.aliases, [input.AliasName]: alias } }, result: {} };
}

function deleteAlias(call: Call, input: { AliasName: string }): { state: KeyState; result: object } {
  const { state } = call;
  const { keyId: of } = existing(call, input.AliasName);
  allow(call, 'kms:DeleteAlias', { aliasArn: aliasArn(state, input.AliasName) });
  allow(call, 'kms:DeleteAlias', { key: resolveKey(call, of, 'no aliases') });
  return { state: { ...state, aliases: without(state.aliases, input.AliasName) }, result: {} };
}

function existing({ state }: Call, alias: string): KeyState['aliases'][string] {
  checkName(alias);
  const found = Object.hasOwn(state.aliases, alias) ? state.aliases[alias] : undefined;
  if (!found) throw new KmsError('NotFoundException', `Alias ${aliasArn(state, alias)} is not found.`);
  return found;
}

const listInput = z.object({ KeyId: keyId.optional(), Limit: limit(100), Marker: marker });

function listAliases(call: Call, input: z.output<typeof listInput>): object {
  const { state } = call;
  const of = input.KeyId === undefined ? undefined : resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:ListAliases', {});
  const names = of ? (indexOf(state).aliasesOf.get(of.keyId) ?? []) : Object.keys(state.aliases);
  const { items, more } = pageOf(names, (name) => name, input.Limit ?? 50, input.Marker);
  const entries = items.map((AliasName) => {
    const { keyId: TargetKeyId, createdMs, updatedMs } = state.aliases[AliasName]!;
    return { AliasName, AliasArn: aliasArn(state, AliasName), TargetKeyId, CreationDate: seconds(createdMs), LastUpdatedDate: seconds(updatedMs) };
  });
  return { Aliases: entries, ...more };
}

export const aliasOperations: readonly (readonly [string, Operation])[] = [
  ['CreateAlias', changes(named, createAlias)],
  ['UpdateAlias', changes(named, updateAlias)],
  ['DeleteAlias', changes(z.object({ AliasName: aliasName }), deleteAlias)],
  ['ListAliases', reads(listInput, listAliases)],
];
