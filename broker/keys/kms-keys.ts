/** Operations on whole keys: made, described, listed, switched, and taken out of the world. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { DAY_MS, newMaterial } from './key-due.ts';
import { keyArn } from './key-index.ts';
import { checkPolicy } from './key-policy.ts';
import type { KeyChange } from './key-store.ts';
import { MAX_DESCRIPTION_CHARS, MAX_KEYS, type KeyRecord, type KeyState } from './key-state.ts';
import { aliasFact, allow, mustStay, resolveKey, type Call } from './kms-call.ts';
import { KmsError } from './kms-error.ts';
import { flag, grantTokens, keyId, limit, marker, text } from './kms-input.ts';
import { changes, pageOf, reads, seconds, withKey, without, type Operation } from './kms-operation.ts';
import { mustNotLockOut } from './kms-policies.ts';
import { checkTags, tagFacts, tagList } from './kms-tags.ts';

const DEFAULT_WAITING_DAYS = 30;
const ofKey = z.object({ KeyId: keyId });
const description = text(0, MAX_DESCRIPTION_CHARS);

/** `KeyMetadata` of a symmetric key. */
function metadataOf(state: KeyState, key: KeyRecord): object {
  return {
    AWSAccountId: state.accountId,
    KeyId: key.keyId,
    Arn: keyArn(state, key.keyId),
    CreationDate: seconds(key.createdMs),
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: key.state,
    ...(key.deletionMs === undefined ? {} : { DeletionDate: seconds(key.deletionMs) }),
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    MultiRegion: false,
    CurrentKeyMaterialId: key.materials[key.materials.length - 1]!.materialId,
  };
}

const newKeyInput = z.object({
  Description: description.optional(),
  Policy: text(1, 131_072).optional(),
  Tags: tagList.optional(),
  KeySpec: z.string().optional(),
  CustomerMasterKeySpec: z.string().optional(),
  KeyUsage: z.string().optional(),
  Origin: z.string().optional(),
  MultiRegion: flag,
  CustomKeyStoreId: z.string().optional(),
  XksKeyId: z.string().optional(),
  BypassPolicyLockoutSafetyCheck: flag,
});

function createKey(call: Call, input: z.output<typeof newKeyInput>): { state: KeyState; result: object } {
  mustBeSymmetric(input);
  const { state, nowMs } = call;
  const tags = checkTags([], input.Tags ?? []);
  const bypass = input.BypassPolicyLockoutSafetyCheck ?? false;
  const facts = { 'kms:KeySpec': 'SYMMETRIC_DEFAULT', 'kms:KeyUsage': 'ENCRYPT_DECRYPT', 'kms:KeyOrigin': 'AWS_KMS', 'kms:BypassPolicyLockoutSafetyCheck': String(bypass), ...tagFacts(tags) };
  allow(call, 'kms:CreateKey', { facts });
  if (tags.length > 0) allow(call, 'kms:TagResource', { facts });
  if (state.keys.length >= MAX_KEYS) throw new KmsError('LimitExceededException', `There are ${MAX_KEYS} keys, the most that there can be`);
  const key: KeyRecord = {
    keyId: randomUUID(),
    owner: 'customer',
    state: 'Enabled',
    description: input.Description ?? '',
    createdMs: nowMs,
    materials: [newMaterial(nowMs)],
    ...(tags.length === 0 ? {} : { tags }),
    ...(input.Policy === undefined ? {} : { policy: input.Policy }),
  };
  if (input.Policy !== undefined) {
    checkPolicy(input.Policy);
    if (!bypass) mustNotLockOut(call, key);
  }
  call.resources.add(keyArn(state, key.keyId));
  return { state: { ...state, keys: [...state.keys, key] }, result: { KeyMetadata: metadataOf(state, key) } };
}

function mustBeSymmetric(input: z.output<typeof newKeyInput>): void {
  const wishes = [
    ['KeySpec', input.KeySpec ?? input.CustomerMasterKeySpec, 'SYMMETRIC_DEFAULT'],
    ['KeyUsage', input.KeyUsage, 'ENCRYPT_DECRYPT'],
    ['Origin', input.Origin, 'AWS_KMS'],
    ['MultiRegion', input.MultiRegion, false],
    ['CustomKeyStoreId', input.CustomKeyStoreId, undefined],
    ['XksKeyId', input.XksKeyId, undefined],
  ] as const;
  const strange = wishes.find(([, wish, possible]) => wish !== undefined && wish !== possible);
  if (strange) throw new KmsError('UnsupportedOperationException', `This service has symmetric encryption keys of its own making only: leave ${strange[0]} out`);
}

function listKeys(call: Call, input: { Limit?: number | undefined; Marker?: string | undefined }): object {
  allow(call, 'kms:ListKeys', {});
  const own = call.state.keys.filter((key) => key.owner === 'customer');
  const { items, more } = pageOf(own, (key) => key.keyId, input.Limit ?? 100, input.Marker);
  return { Keys: items.map((key) => ({ KeyId: key.keyId, KeyArn: keyArn(call.state, key.keyId) })), ...more };
}

function switchTo(call: Call, name: string, next: 'Enabled' | 'Disabled'): KeyChange<object> {
  const key = resolveKey(call, name, 'no aliases');
  allow(call, next === 'Enabled' ? 'kms:EnableKey' : 'kms:DisableKey', { key });
  mustStay(call, key);
  return { state: key.state === next ? call.state : withKey(call.state, key, { ...key, state: next }), result: {}, room: 'state' };
}

function scheduleDeletion(call: Call, input: { KeyId: string; PendingWindowInDays?: number | undefined }): KeyChange<object> {
  const { state, nowMs } = call;
  const days = input.PendingWindowInDays ?? DEFAULT_WAITING_DAYS;
  const key = resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:ScheduleKeyDeletion', { key, facts: { 'kms:ScheduleKeyDeletionPendingWindowInDays': String(days) } });
  mustStay(call, key);
  const deletionMs = nowMs + days * DAY_MS;
  return {
    state: withKey(state, key, { ...key, state: 'PendingDeletion', deletionMs }),
    result: { KeyId: keyArn(state, key.keyId), DeletionDate: seconds(deletionMs), KeyState: 'PendingDeletion', PendingWindowInDays: days },
    room: 'state',
  };
}

function cancelDeletion(call: Call, input: { KeyId: string }): { state: KeyState; result: object } {
  const key = resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:CancelKeyDeletion', { key });
  const arn = keyArn(call.state, key.keyId);
  if (key.state !== 'PendingDeletion') throw new KmsError('KMSInvalidStateException', `${arn} is not pending deletion.`);
  return { state: withKey(call.state, key, { ...without(key, 'deletionMs'), state: 'Disabled' }), result: { KeyId: arn } };
}

export const keyOperations: readonly (readonly [string, Operation])[] = [
  ['CreateKey', changes(newKeyInput, createKey)],
  ['DescribeKey', reads(z.object({ KeyId: keyId, GrantTokens: grantTokens }), (call, input) => {
    const key = resolveKey(call, input.KeyId, 'aliases');
    allow(call, 'kms:DescribeKey', { key, facts: aliasFact(call.state, input.KeyId) });
    return { KeyMetadata: metadataOf(call.state, key) };
  })],
  ['ListKeys', reads(z.object({ Limit: limit(1000), Marker: marker }), listKeys)],
  ['EnableKey', changes(ofKey, (call, input) => switchTo(call, input.KeyId, 'Enabled'))],
  ['DisableKey', changes(ofKey, (call, input) => switchTo(call, input.KeyId, 'Disabled'))],
  ['ScheduleKeyDeletion', changes(z.object({ KeyId: keyId, PendingWindowInDays: z.number().int().min(7).max(30).optional() }), scheduleDeletion)],
  ['CancelKeyDeletion', changes(ofKey, cancelDeletion)],
  ['UpdateKeyDescription', changes(z.object({ KeyId: keyId, Description: description }), (call, input) => {
    const key = resolveKey(call, input.KeyId, 'no aliases');
    allow(call, 'kms:UpdateKeyDescription', { key });
    mustStay(call, key);
    return { state: withKey(call.state, key, { ...key, description: input.Description }), result: {} };
  })],
];
