/**
 * How far which change may fill the key store's file, in bytes of its JSON. What anybody may add stops first, so that whoever fills
 * the file keeps no one from taking a key away. A change that makes the file no longer always has room.
 */
import { KeyError } from '../errors.ts';
import type { Grant, KeyState } from './key-state.ts';

export const KEY_ROOM_BYTES = {
  /** New keys, aliases, tags, policies, grants: about 20,000 keys with an alias each. */
  addition: 13 * 2 ** 20,
  /** New material, of some 210 bytes: 4,900 rotations more than all that was added. */
  rotation: 14 * 2 ** 20,
  /**
   * The state of a key. It takes at most 35 bytes more, of each of 20,000 keys: all of them always have room. Past it the
   * file could not be read again (certs/private-file.ts).
   */
  state: 15 * 2 ** 20,
} as const;

export type KeyRoom = keyof typeof KEY_ROOM_BYTES;

export function bytesOf(what: KeyState | readonly Grant[]): number {
  return Buffer.byteLength(JSON.stringify(what));
}

/** KEY_BAD_REQUEST where a change needs room that it may not use. */
export function mustHaveRoom(before: KeyState, after: KeyState, room: KeyRoom): void {
  const bytes = bytesOf(after);
  if (bytes <= KEY_ROOM_BYTES[room] || bytes <= bytesOf(before)) return;
  throw new KeyError('KEY_BAD_REQUEST', 'the key store of this home is full: retire grants, delete keys, or use another --home');
}
