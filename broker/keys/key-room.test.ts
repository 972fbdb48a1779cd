/** The key store's file is not to be filled by those who add to it so that others can take no key away. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newMaterial } from './key-due.ts';
import { bytesOf, KEY_ROOM_BYTES, type KeyRoom } from './key-room.ts';
import { MAX_GRANT_BYTES_PER_KEY, MAX_GRANTS_PER_KEY, MAX_KEYS, type Grant, type KeyRecord, type KeyState } from './key-state.ts';
import { BROKER_OPERATIONS } from './provider.ts';
import { makeKms, START_MS, type TestKms } from './kms.fixture.ts';

let kms: TestKms;
let KeyId: string;

beforeEach(async () => {
  kms = await makeKms();
  ({ id: KeyId } = await kms.key());
});
afterEach(() => kms.remove());

const grantee = 'arn:aws:iam::123456789012:role/aws-service-role/thrum/broker';

function brokersGrant(n: number): Grant {
  const projectId = `p-${String(n).padStart(16, '0')}`;
  return {
    grantId: String(n).padStart(64, '0'), tokenSecret: Buffer.alloc(32).toString('base64'), name: `thrum:${projectId}`, grantee, retiring: grantee,
    operations: [...BROKER_OPERATIONS], subset: [['thrum:project', projectId]], createdMs: START_MS,
  };
}

function aKey(more: Partial<KeyRecord> = {}): KeyRecord {
  return { keyId: randomUUID(), owner: 'customer', state: 'Enabled', description: '', createdMs: START_MS, materials: [newMaterial(START_MS)], ...more };
}

/** Adds keys with long policies until the file is as full as it may be for additions, then up to `room` but for some 200 bytes. */
async function fill(room: KeyRoom): Promise<void> {
  await kms.keys.store.update((state) => {
    const filler = Array.from({ length: Math.floor((KEY_ROOM_BYTES[room] - bytesOf(state)) / 33_100) }, () => aKey({ policy: 'x'.repeat(32_768) }));
    const rest = Array.from({ length: 10 }, () => aKey());
    const next: KeyState = { ...state, keys: [...state.keys, ...filler, ...rest] };
    for (const key of rest) {
      const bytes = KEY_ROOM_BYTES[room] - 200 - bytesOf(next);
      if (bytes > 0) Object.assign(key, { description: 'x'.repeat(Math.min(bytes, 8_192)) });
    }
    expect(KEY_ROOM_BYTES[room] - bytesOf(next)).toBeLessThanOrEqual(210);
    return { state: next, result: undefined, room };
  });
}

const materialNow = async (keys = kms.keys): Promise<string> => (await keys.describeKey(KeyId)).currentMaterialId;

describe('a key store that is full', { timeout: 60_000 }, () => {
  it('takes no more keys, grants, tags and aliases, and still every change that takes a key away', async () => {
    const { GrantId } = await kms.call('CreateGrant', { KeyId, GranteePrincipal: grantee, Operations: ['Decrypt'] });
    await kms.call('TagResource', { KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] });
    const { id: other } = await kms.key();
    await fill('addition');
    const additions = [
      ['CreateKey', { Description: 'x'.repeat(200) }],
      ['CreateGrant', { KeyId, GranteePrincipal: grantee, Operations: ['Decrypt', 'Encrypt'] }],
      ['TagResource', { KeyId, Tags: [{ TagKey: 'c', TagValue: 'x'.repeat(250) }] }],
      ['CreateAlias', { AliasName: `alias/${'x'.repeat(200)}`, TargetKeyId: KeyId }],
    ] as const;
    for (const [operation, input] of additions) expect(await kms.refusal(operation, input), operation).toBe('LimitExceededException');
    await expect(kms.keys.createKey({ owner: 'customer', description: 'x'.repeat(200) })).rejects.toMatchObject({ code: 'KEY_BAD_REQUEST' });
    await kms.call('RotateKeyOnDemand', { KeyId });
    await kms.call('DisableKey', { KeyId });
    await kms.call('ScheduleKeyDeletion', { KeyId: other, PendingWindowInDays: 7 });
    await kms.call('RevokeGrant', { KeyId, GrantId });
    await kms.call('UntagResource', { KeyId, TagKeys: ['a'] });
    kms.passDays(7);
    await expect(kms.elsewhere().describeKey(other)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
  });

  it('of materials too is read as before: a rotation that is due waits for room, a deletion does not', async () => {
    await kms.call('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
    const { id: other } = await kms.key();
    const { id: third } = await kms.key();
    await kms.call('ScheduleKeyDeletion', { KeyId: other, PendingWindowInDays: 7 });
    await fill('rotation');
    const first = await materialNow();
    await kms.keys.store.update((state) => ({ state: { ...state, keys: state.keys.map((key) => (key.policy === undefined ? key : { ...key, rotation: { periodDays: 90, nextMs: START_MS + 1 } })) }, result: undefined, room: 'state' }));
    kms.passDays(100);
    expect(await materialNow()).toBe(first);
    await expect(kms.keys.describeKey(other)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    expect(await kms.refusal('RotateKeyOnDemand', { KeyId })).toBe('LimitExceededException');
    const state = await kms.keys.store.read();
    expect(await kms.keys.store.read()).toBe(state); // not made anew with each look
    await kms.call('DisableKey', { KeyId: third });
    await kms.call('ScheduleKeyDeletion', { KeyId: third });
    await kms.keys.store.update((full) => ({ state: { ...full, keys: full.keys.filter(({ policy }) => policy === undefined) }, result: undefined }));
    expect(await materialNow()).not.toBe(first);
    expect(await materialNow(kms.elsewhere())).toBe(await materialNow());
  });

  it('has room for the state of each of the most keys there can be', () => {
    const keys = Array.from({ length: MAX_KEYS }, () => aKey());
    const state = (of: readonly KeyRecord[]): KeyState => ({ version: 2, accountId: '123456789012', region: 'us-east-1', keys: [...of], aliases: {} });
    const gone = keys.map((key) => ({ ...key, state: 'PendingDeletion' as const, deletionMs: 9_999_999_999_999 }));
    expect(bytesOf(state(gone)) - bytesOf(state(keys))).toBeLessThan(KEY_ROOM_BYTES.state - KEY_ROOM_BYTES.rotation);
    expect(bytesOf(state(keys))).toBeLessThan(KEY_ROOM_BYTES.addition);
  });
});

it('has grants of a key up to 3 MiB, in which the most there can be have room where they are as the broker’s', { timeout: 60_000 }, async () => {
  const most = Array.from({ length: MAX_GRANTS_PER_KEY }, (_, n) => brokersGrant(n));
  expect(bytesOf(most)).toBeLessThan(MAX_GRANT_BYTES_PER_KEY);
  const name = 'x'.repeat(256);
  const named = most.map((one) => ({ ...one, name }));
  const large = named.slice(0, Math.floor((MAX_GRANT_BYTES_PER_KEY - 100_000) / (bytesOf(named) / named.length)));
  await kms.keys.store.update((state) => ({ state: { ...state, keys: state.keys.map((key) => ({ ...key, grants: large })) }, result: undefined }));
  let made = 0;
  const oneMore = { KeyId, GranteePrincipal: grantee, Operations: ['Decrypt'], Constraints: { EncryptionContextSubset: { a: '\u0001'.repeat(384) } } };
  while (made < 100 && (await kms.call('CreateGrant', oneMore).then(() => true, (error: unknown) => { expect(error).toMatchObject({ type: 'LimitExceededException' }); return false; }))) made += 1;
  expect(made).toBeLessThan(100);
  const [key] = (await kms.keys.store.read()).keys;
  expect(bytesOf(key!.grants!)).toBeLessThanOrEqual(MAX_GRANT_BYTES_PER_KEY);
  const { id: other } = await kms.key();
  await kms.call('CreateGrant', { ...oneMore, KeyId: other });
});
