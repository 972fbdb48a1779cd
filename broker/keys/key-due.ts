/**
 * What time does to keys: one whose waiting period is over is gone, with its material, aliases and grants; one whose
 * rotation is due gets new material. Made known by whoever looks next, so no timer has to run.
 */
import { randomBytes } from 'node:crypto';
import { materialIdOf } from './ciphertext.ts';
import { dueMs, indexOf } from './key-index.ts';
import { MAX_MATERIALS, type KeyRecord, type KeyState, type Material } from './key-state.ts';

export const DAY_MS = 86_400_000;

/** The state as it is at a time; the same object when nothing is due. */
export function settle(state: KeyState, nowMs: number): KeyState {
  const left = withoutOver(state, nowMs);
  if (indexOf(left).nextDueMs > nowMs) return left;
  return { ...left, keys: left.keys.map((key) => (dueMs(key) <= nowMs ? rotateWhenDue(key, nowMs) : key)) };
}

/** The state without the keys whose waiting period is over; the same object when there are none. */
export function withoutOver(state: KeyState, nowMs: number): KeyState {
  const gone = new Set(state.keys.filter((key) => isOver(key, nowMs)).map((key) => key.keyId));
  if (gone.size === 0) return state;
  return {
    ...state,
    keys: state.keys.filter(({ keyId }) => !gone.has(keyId)),
    aliases: Object.fromEntries(Object.entries(state.aliases).filter(([, { keyId }]) => !gone.has(keyId))),
  };
}

/** Fresh material: from now on it encrypts, and all before it still decrypt. */
export function withNewMaterial(key: KeyRecord, rotation: 'AUTOMATIC' | 'ON_DEMAND', nowMs: number): KeyRecord {
  return { ...key, materials: [...key.materials, { ...newMaterial(nowMs), rotation }] };
}

export function newMaterial(createdMs: number): Material {
  const secret = randomBytes(32);
  return { materialId: materialIdOf(secret), secret: secret.toString('base64'), createdMs };
}

function isOver(key: KeyRecord, nowMs: number): boolean {
  return key.state === 'PendingDeletion' && dueMs(key) <= nowMs;
}

/** However many periods went by unseen, nothing was encrypted meanwhile: one rotation is enough. */
function rotateWhenDue(key: KeyRecord, nowMs: number): KeyRecord {
  const rotation = { ...key.rotation!, nextMs: nowMs + key.rotation!.periodDays * DAY_MS };
  const next = { ...key, rotation };
  return key.materials.length >= MAX_MATERIALS ? next : withNewMaterial(next, 'AUTOMATIC', nowMs);
}
