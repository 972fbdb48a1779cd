/** What each operation does with a key in each state: the table of the KMS developer guide ("Key states"). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KmsError } from './kms-error.ts';
import { base64, makeKms, type TestKms } from './kms.fixture.ts';

let kms: TestKms;

beforeAll(async () => {
  kms = await makeKms();
});
afterAll(() => kms.remove());

type State = 'Enabled' | 'Disabled' | 'PendingDeletion';

/** A key in a state, with a ciphertext, an alias, a grant and a tag from when it was enabled. */
interface Subject {
  readonly KeyId: string;
  readonly alias: string;
  readonly blob: string;
  readonly GrantId: string;
}

let made = 0;

async function keyIn(state: State): Promise<Subject> {
  const { id: KeyId } = await kms.key();
  const alias = `alias/k${made++}`;
  await kms.call('CreateAlias', { AliasName: alias, TargetKeyId: KeyId });
  await kms.call('TagResource', { KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] });
  const { CiphertextBlob: blob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x') });
  const { GrantId } = await kms.call('CreateGrant', { KeyId, GranteePrincipal: grantee(), Operations: ['Decrypt'] });
  if (state === 'Disabled') await kms.call('DisableKey', { KeyId });
  if (state === 'PendingDeletion') await kms.call('ScheduleKeyDeletion', { KeyId });
  return { KeyId, alias, blob, GrantId };
}

const grantee = (): string => kms.user('reader').principalArn;

/** Operation, how it is asked, and what comes of it when the key is Enabled, Disabled, PendingDeletion. */
type Row = readonly [string, (key: Subject) => object | Promise<object>, string, string, string];
const D = 'DisabledException';
const S = 'KMSInvalidStateException';

const TABLE: readonly Row[] = [
  ['Encrypt', ({ KeyId }) => ({ KeyId, Plaintext: base64('x') }), 'ok', D, S],
  ['Decrypt', ({ blob }) => ({ CiphertextBlob: blob }), 'ok', D, S],
  ['GenerateDataKey', ({ alias }) => ({ KeyId: alias, KeySpec: 'AES_256' }), 'ok', D, S],
  ['GenerateDataKeyWithoutPlaintext', ({ KeyId }) => ({ KeyId, NumberOfBytes: 64 }), 'ok', D, S],
  ['ReEncrypt', async ({ blob }) => ({ CiphertextBlob: blob, DestinationKeyId: (await kms.key()).id }), 'ok', D, S],
  ['ReEncrypt', async ({ KeyId }) => ({ CiphertextBlob: (await keyIn('Enabled')).blob, DestinationKeyId: KeyId }), 'ok', D, S],
  ['CreateGrant', ({ KeyId }) => ({ KeyId, GranteePrincipal: grantee(), Operations: ['Encrypt'] }), 'ok', D, S],
  ['ListGrants', ({ KeyId }) => ({ KeyId }), 'ok', 'ok', 'ok'],
  ['RetireGrant', ({ KeyId, GrantId }) => ({ KeyId, GrantId }), 'ok', 'ok', 'ok'],
  ['RevokeGrant', ({ KeyId, GrantId }) => ({ KeyId, GrantId }), 'ok', 'ok', 'ok'],
  ['DescribeKey', ({ alias }) => ({ KeyId: alias }), 'ok', 'ok', 'ok'],
  ['EnableKey', ({ KeyId }) => ({ KeyId }), 'ok', 'ok', S],
  ['DisableKey', ({ KeyId }) => ({ KeyId }), 'ok', 'ok', S],
  ['ScheduleKeyDeletion', ({ KeyId }) => ({ KeyId, PendingWindowInDays: 7 }), 'ok', 'ok', S],
  ['CancelKeyDeletion', ({ KeyId }) => ({ KeyId }), S, S, 'ok'],
  ['UpdateKeyDescription', ({ KeyId }) => ({ KeyId, Description: 'new' }), 'ok', 'ok', S],
  ['CreateAlias', ({ KeyId }) => ({ AliasName: `alias/new${made++}`, TargetKeyId: KeyId }), 'ok', 'ok', S],
  ['UpdateAlias', async ({ alias }) => ({ AliasName: alias, TargetKeyId: (await kms.key()).id }), 'ok', 'ok', 'ok'],
  ['UpdateAlias', async ({ KeyId }) => ({ AliasName: (await keyIn('Enabled')).alias, TargetKeyId: KeyId }), 'ok', 'ok', S],
  ['DeleteAlias', ({ alias }) => ({ AliasName: alias }), 'ok', 'ok', 'ok'],
  ['ListAliases', ({ KeyId }) => ({ KeyId }), 'ok', 'ok', 'ok'],
  ['TagResource', ({ KeyId }) => ({ KeyId, Tags: [{ TagKey: 'c', TagValue: '' }] }), 'ok', 'ok', S],
  ['UntagResource', ({ KeyId }) => ({ KeyId, TagKeys: ['a'] }), 'ok', 'ok', S],
  ['ListResourceTags', ({ KeyId }) => ({ KeyId }), 'ok', 'ok', 'ok'],
  ['GetKeyPolicy', ({ KeyId }) => ({ KeyId, PolicyName: 'default' }), 'ok', 'ok', 'ok'],
  ['PutKeyPolicy', async ({ KeyId }) => ({ KeyId, Policy: (await kms.call('GetKeyPolicy', { KeyId })).Policy }), 'ok', 'ok', 'ok'],
  ['ListKeyPolicies', ({ KeyId }) => ({ KeyId }), 'ok', 'ok', 'ok'],
  ['EnableKeyRotation', ({ KeyId }) => ({ KeyId, RotationPeriodInDays: 90 }), 'ok', D, S],
  ['DisableKeyRotation', ({ KeyId }) => ({ KeyId }), 'ok', D, S],
  ['RotateKeyOnDemand', ({ KeyId }) => ({ KeyId }), 'ok', D, S],
  ['GetKeyRotationStatus', ({ KeyId }) => ({ KeyId }), 'ok', 'ok', 'ok'],
  ['ListKeyRotations', ({ KeyId }) => ({ KeyId }), 'ok', 'ok', 'ok'],
];

describe.each(TABLE)('%s', (operation, inputOf, ...expected) => {
  it.each([['Enabled', 0], ['Disabled', 1], ['PendingDeletion', 2]] as const)('of a key that is %s', async (state, column) => {
    const key = await keyIn(state);
    const outcome = await kms.call(operation, await inputOf(key)).then(() => 'ok', (error: unknown) => error);
    if (outcome === 'ok') return expect(outcome).toBe(expected[column]);
    expect(outcome).toBeInstanceOf(KmsError);
    const { type, message, status } = outcome as KmsError;
    expect({ type, status }).toEqual({ type: expected[column], status: 400 });
    expect(message).toMatch(type === D ? /^arn:aws:kms:.* is disabled\.$/ : operation === 'CancelKeyDeletion' ? / is not pending deletion\.$/ : / is pending deletion\.$/);
  });
});

it('leaves a key whose deletion was cancelled disabled, until it is enabled', async () => {
  const { KeyId, blob } = await keyIn('PendingDeletion');
  await kms.call('CancelKeyDeletion', { KeyId });
  expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({ KeyMetadata: { KeyState: 'Disabled', Enabled: false } });
  expect(await kms.call('DescribeKey', { KeyId })).not.toHaveProperty('KeyMetadata.DeletionDate');
  expect(await kms.refusal('Decrypt', { CiphertextBlob: blob })).toBe('DisabledException');
  await kms.call('EnableKey', { KeyId });
  expect((await kms.call('Decrypt', { CiphertextBlob: blob })).Plaintext).toBe(base64('x'));
});
