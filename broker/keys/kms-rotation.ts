/** Operations on the rotation of a key's material: yearly unless said otherwise, and on demand. */
import { z } from 'zod';
import { DAY_MS, withNewMaterial } from './key-due.ts';
import { keyArn } from './key-index.ts';
import type { KeyChange } from './key-store.ts';
import { MAX_MATERIALS, MAX_ON_DEMAND_ROTATIONS, type KeyRecord, type KeyState } from './key-state.ts';
import { allow, mustBeEnabled, resolveKey, type Call } from './kms-call.ts';
import { KmsError } from './kms-error.ts';
import { keyId, limit, marker } from './kms-input.ts';
import { changes, pageOf, reads, seconds, withKey, without, type Operation } from './kms-operation.ts';

const DEFAULT_PERIOD_DAYS = 365;
const ofKey = z.object({ KeyId: keyId });

/** A key whose rotation the caller may change. */
function rotatable(call: Call, name: string, action: string, facts: Record<string, string> = {}): KeyRecord {
  const key = resolveKey(call, name, 'no aliases');
  allow(call, action, { key, facts });
  mustBeEnabled(call, key);
  return key;
}

function enable(call: Call, input: { KeyId: string; RotationPeriodInDays?: number | undefined }): { state: KeyState; result: object } {
  const periodDays = input.RotationPeriodInDays ?? DEFAULT_PERIOD_DAYS;
  const key = rotatable(call, input.KeyId, 'kms:EnableKeyRotation', { 'kms:RotationPeriodInDays': String(periodDays) });
  if (key.rotation?.periodDays === periodDays) return { state: call.state, result: {} };
  const rotation = { periodDays, nextMs: call.nowMs + periodDays * DAY_MS };
  return { state: withKey(call.state, key, { ...key, rotation }), result: {} };
}

function rotateNow(call: Call, input: { KeyId: string }): KeyChange<object> {
  const { state, nowMs } = call;
  const key = rotatable(call, input.KeyId, 'kms:RotateKeyOnDemand');
  const arn = keyArn(state, key.keyId);
  const done = key.materials.filter(({ rotation }) => rotation === 'ON_DEMAND').length;
  if (done >= MAX_ON_DEMAND_ROTATIONS || key.materials.length >= MAX_MATERIALS) {
    throw new KmsError(
      'LimitExceededException',
      `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${arn}`,
    );
  }
  return { state: withKey(state, key, withNewMaterial(key, 'ON_DEMAND', nowMs)), result: { KeyId: arn }, room: 'rotation' };
}

/** While a key waits to be deleted it does not rotate; if it is kept, it goes on as before. */
function status(call: Call, input: { KeyId: string }): object {
  const key = resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:GetKeyRotationStatus', { key });
  const KeyId = keyArn(call.state, key.keyId);
  if (!key.rotation || key.state === 'PendingDeletion') return { KeyId, KeyRotationEnabled: false };
  return { KeyId, KeyRotationEnabled: true, RotationPeriodInDays: key.rotation.periodDays, NextRotationDate: seconds(key.rotation.nextMs) };
}

const listInput = z.object({ KeyId: keyId, IncludeKeyMaterial: z.enum(['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY']).optional(), Limit: limit(1000), Marker: marker });

/** Oldest first. The first material came with the key, by no rotation: it is told of only when all are asked for. */
function list(call: Call, input: z.output<typeof listInput>): object {
  const key = resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:ListKeyRotations', { key });
  const all = key.materials.map((material, n) => ({ material, id: String(n).padStart(6, '0'), isCurrent: n === key.materials.length - 1 }));
  const shown = input.IncludeKeyMaterial === 'ALL_KEY_MATERIAL' ? all : all.filter(({ material }) => material.rotation !== undefined);
  const { items, more } = pageOf(shown, ({ id }) => id, input.Limit ?? 100, input.Marker);
  const entries = items.map(({ material, isCurrent }) => ({
    KeyId: keyArn(call.state, key.keyId),
    KeyMaterialId: material.materialId,
    KeyMaterialState: isCurrent ? 'CURRENT' : 'NON_CURRENT',
    ...(material.rotation === undefined ? {} : { RotationDate: seconds(material.createdMs), RotationType: material.rotation }),
  }));
  return { Rotations: entries, ...more };
}

export const rotationOperations: readonly (readonly [string, Operation])[] = [
  ['EnableKeyRotation', changes(z.object({ KeyId: keyId, RotationPeriodInDays: z.number().int().min(90).max(2560).optional() }), enable)],
  ['DisableKeyRotation', changes(ofKey, (call, input) => {
    const key = rotatable(call, input.KeyId, 'kms:DisableKeyRotation');
    return { state: key.rotation ? withKey(call.state, key, without(key, 'rotation')) : call.state, result: {} };
  })],
  ['GetKeyRotationStatus', reads(ofKey, status)],
  ['RotateKeyOnDemand', changes(ofKey, rotateNow)],
  ['ListKeyRotations', reads(listInput, list)],
];
