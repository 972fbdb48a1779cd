/** Every operation through the official SDK, against the key service as it is served: outputs, states, pages, refusals. */
import {
  CancelKeyDeletionCommand, CreateAliasCommand, CreateGrantCommand, CreateKeyCommand, DecryptCommand, DeleteAliasCommand, DescribeKeyCommand, DisableKeyCommand,
  DisableKeyRotationCommand, EnableKeyCommand, EnableKeyRotationCommand, EncryptCommand, GenerateDataKeyCommand, GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand, GetKeyPolicyCommand, GetKeyRotationStatusCommand, ListAliasesCommand, ListGrantsCommand, ListKeyPoliciesCommand, ListKeyRotationsCommand,
  ListKeysCommand, ListResourceTagsCommand, ListRetirableGrantsCommand, paginateListAliases, paginateListGrants, paginateListKeys, PutKeyPolicyCommand, ReEncryptCommand, RetireGrantCommand,
  RevokeGrantCommand, RotateKeyOnDemandCommand, ScheduleKeyDeletionCommand, TagResourceCommand, UntagResourceCommand, UpdateAliasCommand, UpdateKeyDescriptionCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KMS_OPERATIONS } from '../../broker/mod.ts';
import { ADMIN, serveKeys, type Served } from './served.fixture.ts';

/** What docs/kms.md promises. */
const OPERATIONS = [
  'CancelKeyDeletion', 'CreateAlias', 'CreateGrant', 'CreateKey', 'Decrypt', 'DeleteAlias', 'DescribeKey', 'DisableKey', 'DisableKeyRotation', 'EnableKey', 'EnableKeyRotation', 'Encrypt',
  'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'GenerateRandom', 'GetKeyPolicy', 'GetKeyRotationStatus', 'ListAliases', 'ListGrants', 'ListKeyPolicies', 'ListKeyRotations',
  'ListKeys', 'ListResourceTags', 'ListRetirableGrants', 'PutKeyPolicy', 'ReEncrypt', 'RetireGrant', 'RevokeGrant', 'RotateKeyOnDemand', 'ScheduleKeyDeletion', 'TagResource',
  'UntagResource', 'UpdateAlias', 'UpdateKeyDescription',
];

let served: Served;
let kms: KMSClient;

beforeAll(async () => {
  served = await serveKeys();
  kms = await served.clientOf('admin', ADMIN);
});
afterAll(() => served.close());

const newKey = async (): Promise<{ id: string; arn: string }> => {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  return { id: KeyMetadata!.KeyId!, arn: KeyMetadata!.Arn! };
};
const text = (value: string): Uint8Array => Buffer.from(value);
const EncryptionContext = { project: 'p1', purpose: 'segment' };
/** What a call is refused with, as the SDK tells it. */
const refusalOf = (call: Promise<unknown>): Promise<unknown> => call.then(() => 'done', (error: unknown) => error);

describe('keys', () => {
  it('are made, described, and told apart', async () => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'mill', Tags: [{ TagKey: 'site', TagValue: 'north' }] }));
    expect(KeyMetadata).toMatchObject({
      AWSAccountId: served.accountId, Enabled: true, Description: 'mill', KeyUsage: 'ENCRYPT_DECRYPT', KeyState: 'Enabled', Origin: 'AWS_KMS', KeyManager: 'CUSTOMER',
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT', KeySpec: 'SYMMETRIC_DEFAULT', EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'], MultiRegion: false,
    });
    expect(KeyMetadata!.CreationDate).toBeInstanceOf(Date);
    expect(KeyMetadata!.CurrentKeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
    expect(KeyMetadata!.Arn).toBe(`arn:aws:kms:us-east-1:${served.accountId}:key/${KeyMetadata!.KeyId!}`);
    expect((await kms.send(new DescribeKeyCommand({ KeyId: KeyMetadata!.Arn! }))).KeyMetadata).toEqual(KeyMetadata);
    await kms.send(new UpdateKeyDescriptionCommand({ KeyId: KeyMetadata!.KeyId!, Description: 'saw' }));
    expect((await kms.send(new DescribeKeyCommand({ KeyId: KeyMetadata!.KeyId! }))).KeyMetadata!.Description).toBe('saw');
  });

  it('are listed in pages, each once', async () => {
    for (let n = 0; n < 3; n += 1) await newKey();
    const all = (await kms.send(new ListKeysCommand({}))).Keys!;
    const paged: unknown[] = [];
    for await (const { Keys } of paginateListKeys({ client: kms, pageSize: 2 }, {})) paged.push(...Keys!);
    expect(paged).toEqual(all);
    expect(all.length).toBeGreaterThanOrEqual(3);
    expect(await refusalOf(kms.send(new ListKeysCommand({ Marker: 'x' })))).toMatchObject({ name: 'InvalidMarkerException' });
  });

  it('are disabled and enabled; in between they do nothing', async () => {
    const { id, arn } = await newKey();
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: id, Plaintext: text('a') }));
    await kms.send(new DisableKeyCommand({ KeyId: id }));
    for (const call of [new EncryptCommand({ KeyId: id, Plaintext: text('a') }), new DecryptCommand({ CiphertextBlob: CiphertextBlob! })]) {
      expect(await refusalOf(kms.send(call as EncryptCommand))).toMatchObject({ name: 'DisabledException', message: `${arn} is disabled.`, $metadata: { httpStatusCode: 400 } });
    }
    await kms.send(new EnableKeyCommand({ KeyId: arn }));
    expect(Buffer.from((await kms.send(new DecryptCommand({ CiphertextBlob: CiphertextBlob! }))).Plaintext!).toString()).toBe('a');
  });

  it('wait to be deleted, can be kept, and are gone when the time is over', async () => {
    const [kept, gone] = [await newKey(), await newKey()];
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: gone.id, Plaintext: text('a') }));
    for (const { id } of [kept, gone]) {
      const scheduled = await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id, PendingWindowInDays: 7 }));
      expect(scheduled).toMatchObject({ KeyState: 'PendingDeletion', PendingWindowInDays: 7 });
      expect(scheduled.DeletionDate).toBeInstanceOf(Date);
    }
    expect(await refusalOf(kms.send(new EncryptCommand({ KeyId: gone.id, Plaintext: text('a') })))).toMatchObject({ name: 'KMSInvalidStateException', message: `${gone.arn} is pending deletion.` });
    await kms.send(new CancelKeyDeletionCommand({ KeyId: kept.id }));
    expect((await kms.send(new DescribeKeyCommand({ KeyId: kept.id }))).KeyMetadata).toMatchObject({ KeyState: 'Disabled' });
    served.passDays(8);
    expect(await refusalOf(kms.send(new DescribeKeyCommand({ KeyId: gone.id })))).toMatchObject({ name: 'NotFoundException', message: `Key '${gone.arn}' does not exist` });
    expect(await refusalOf(kms.send(new DecryptCommand({ CiphertextBlob: CiphertextBlob! })))).toMatchObject({ name: 'AccessDeniedException' });
    expect((await kms.send(new DescribeKeyCommand({ KeyId: kept.id }))).KeyMetadata!.DeletionDate).toBeUndefined();
  });

  it('have aliases, which are moved and removed', async () => {
    const [first, second] = [await newKey(), await newKey()];
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/mill', TargetKeyId: first.id }));
    expect(await refusalOf(kms.send(new CreateAliasCommand({ AliasName: 'alias/mill', TargetKeyId: second.id })))).toMatchObject({ name: 'AlreadyExistsException' });
    await kms.send(new UpdateAliasCommand({ AliasName: 'alias/mill', TargetKeyId: second.id }));
    const { Aliases } = await kms.send(new ListAliasesCommand({ KeyId: second.id }));
    expect(Aliases).toMatchObject([{ AliasName: 'alias/mill', TargetKeyId: second.id, AliasArn: `arn:aws:kms:us-east-1:${served.accountId}:alias/mill` }]);
    expect(Aliases![0]!.CreationDate).toBeInstanceOf(Date);
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/saw', TargetKeyId: first.id }));
    const names: unknown[] = [];
    for await (const page of paginateListAliases({ client: kms, pageSize: 1 }, {})) names.push(...page.Aliases!.map(({ AliasName }) => AliasName));
    expect(names).toEqual(['alias/mill', 'alias/saw']);
    expect((await kms.send(new EncryptCommand({ KeyId: 'alias/mill', Plaintext: text('a') }))).KeyId).toBe(second.arn);
    await kms.send(new DeleteAliasCommand({ AliasName: 'alias/mill' }));
    expect(await refusalOf(kms.send(new DescribeKeyCommand({ KeyId: 'alias/mill' })))).toMatchObject({ name: 'NotFoundException' });
  });

  it('have tags', async () => {
    const { id } = await newKey();
    await kms.send(new TagResourceCommand({ KeyId: id, Tags: [{ TagKey: 'a', TagValue: '1' }, { TagKey: 'b', TagValue: '2' }] }));
    await kms.send(new UntagResourceCommand({ KeyId: id, TagKeys: ['a'] }));
    expect(await kms.send(new ListResourceTagsCommand({ KeyId: id }))).toMatchObject({ Tags: [{ TagKey: 'b', TagValue: '2' }], Truncated: false });
  });

  it('have a policy', async () => {
    const { id } = await newKey();
    expect(await kms.send(new ListKeyPoliciesCommand({ KeyId: id }))).toMatchObject({ PolicyNames: ['default'], Truncated: false });
    const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: id, PolicyName: 'default' }));
    expect(JSON.parse(Policy!)).toMatchObject({ Statement: [{ Principal: { AWS: `arn:aws:iam::${served.accountId}:root` }, Action: 'kms:*' }] });
    const own = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: served.arnOf('admin') }, Action: 'kms:*', Resource: '*' }] });
    await kms.send(new PutKeyPolicyCommand({ KeyId: id, PolicyName: 'default', Policy: own }));
    expect((await kms.send(new GetKeyPolicyCommand({ KeyId: id }))).Policy).toBe(own);
    const shutsOut = own.replace(served.arnOf('admin'), served.arnOf('other'));
    expect(await refusalOf(kms.send(new PutKeyPolicyCommand({ KeyId: id, Policy: shutsOut })))).toMatchObject({ name: 'MalformedPolicyDocumentException' });
    expect(await refusalOf(kms.send(new PutKeyPolicyCommand({ KeyId: id, Policy: '{}' })))).toMatchObject({ name: 'MalformedPolicyDocumentException' });
  });
});

describe('rotation', () => {
  it('on demand gives new material, under which old ciphertexts still open', async () => {
    const { id, arn } = await newKey();
    const before = await kms.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' }));
    expect(await kms.send(new RotateKeyOnDemandCommand({ KeyId: id }))).toMatchObject({ KeyId: arn });
    const after = await kms.send(new GenerateDataKeyCommand({ KeyId: id, KeySpec: 'AES_256' }));
    expect(after.KeyMaterialId).not.toBe(before.KeyMaterialId);
    expect(await kms.send(new DecryptCommand({ CiphertextBlob: before.CiphertextBlob! }))).toMatchObject({ Plaintext: before.Plaintext, KeyMaterialId: before.KeyMaterialId });
    const { Rotations } = await kms.send(new ListKeyRotationsCommand({ KeyId: id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }));
    expect(Rotations).toMatchObject([{ KeyMaterialId: before.KeyMaterialId, KeyMaterialState: 'NON_CURRENT' }, { KeyMaterialId: after.KeyMaterialId, KeyMaterialState: 'CURRENT', RotationType: 'ON_DEMAND' }]);
  });

  it('comes by itself when it is due', async () => {
    const { id } = await newKey();
    expect(await kms.send(new GetKeyRotationStatusCommand({ KeyId: id }))).toMatchObject({ KeyRotationEnabled: false });
    await kms.send(new EnableKeyRotationCommand({ KeyId: id, RotationPeriodInDays: 90 }));
    const status = await kms.send(new GetKeyRotationStatusCommand({ KeyId: id }));
    expect(status).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 90 });
    expect(status.NextRotationDate).toBeInstanceOf(Date);
    served.passDays(91);
    expect((await kms.send(new ListKeyRotationsCommand({ KeyId: id }))).Rotations).toMatchObject([{ RotationType: 'AUTOMATIC' }]);
    await kms.send(new DisableKeyRotationCommand({ KeyId: id }));
    expect(await kms.send(new GetKeyRotationStatusCommand({ KeyId: id }))).toMatchObject({ KeyRotationEnabled: false });
  });
});

describe('what a key encrypts', () => {
  it('opens with its context only', async () => {
    const { id, arn } = await newKey();
    const sealed = await kms.send(new EncryptCommand({ KeyId: id, Plaintext: text('secret'), EncryptionContext }));
    expect(sealed).toMatchObject({ KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob!, EncryptionContext, KeyId: id }));
    expect([Buffer.from(opened.Plaintext!).toString(), opened.KeyId]).toEqual(['secret', arn]);
    expect(await refusalOf(kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob! })))).toMatchObject({ name: 'InvalidCiphertextException', $metadata: { httpStatusCode: 400 } });
    const other = await newKey();
    expect(await refusalOf(kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob!, EncryptionContext, KeyId: other.id })))).toMatchObject({
      name: 'IncorrectKeyException', message: 'The key ID in the request does not identify a CMK that can perform this operation.',
    });
  });

  it('does not open with a context that only looks the same when it is written in a row', async () => {
    const { id } = await newKey();
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: id, Plaintext: text('a'), EncryptionContext: { ab: 'c' } }));
    expect(await refusalOf(kms.send(new DecryptCommand({ CiphertextBlob: CiphertextBlob!, EncryptionContext: { a: 'bc' } })))).toMatchObject({ name: 'InvalidCiphertextException' });
  });

  it('can be put under another key and context', async () => {
    const [from, to] = [await newKey(), await newKey()];
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: from.id, Plaintext: text('a'), EncryptionContext }));
    const moved = await kms.send(new ReEncryptCommand({ CiphertextBlob: CiphertextBlob!, SourceEncryptionContext: EncryptionContext, DestinationKeyId: to.id }));
    expect(moved).toMatchObject({ SourceKeyId: from.arn, KeyId: to.arn, SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT', DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    expect(await kms.send(new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob! }))).toMatchObject({ KeyId: to.arn });
  });

  it('may be a data key that is new each time, in clear and wrapped, or wrapped only', async () => {
    const { id, arn } = await newKey();
    const one = await kms.send(new GenerateDataKeyCommand({ KeyId: id, NumberOfBytes: 64, EncryptionContext }));
    expect([one.Plaintext!.length, one.KeyId]).toEqual([64, arn]);
    const two = await kms.send(new GenerateDataKeyWithoutPlaintextCommand({ KeyId: id, KeySpec: 'AES_128', EncryptionContext }));
    expect(two).not.toHaveProperty('Plaintext');
    expect((await kms.send(new DecryptCommand({ CiphertextBlob: two.CiphertextBlob!, EncryptionContext }))).Plaintext).toHaveLength(16);
    expect((await kms.send(new GenerateRandomCommand({ NumberOfBytes: 24 }))).Plaintext).toHaveLength(24);
  });

  it('is tried without being done where DryRun asks for that', async () => {
    const { id } = await newKey();
    expect(await refusalOf(kms.send(new EncryptCommand({ KeyId: id, Plaintext: text('a'), DryRun: true })))).toMatchObject({ name: 'DryRunOperationException' });
  });
});

describe('grants', () => {
  it('are made, listed, used, retired and revoked', async () => {
    const { id, arn } = await newKey();
    const [writer, keeper] = [await served.clientOf('writer', []), await served.clientOf('keeper', [])];
    const use = (context: Record<string, string>): Promise<unknown> => refusalOf(writer.send(new GenerateDataKeyCommand({ KeyId: arn, KeySpec: 'AES_256', EncryptionContext: context })));
    expect(await use(EncryptionContext)).toMatchObject({ name: 'AccessDeniedException' });
    const wish = { KeyId: arn, GranteePrincipal: served.arnOf('writer'), RetiringPrincipal: served.arnOf('keeper'), Operations: ['GenerateDataKey' as const], Constraints: { EncryptionContextSubset: { project: 'p1' } }, Name: 'p1' };
    const made = await kms.send(new CreateGrantCommand(wish));
    expect((await kms.send(new CreateGrantCommand(wish))).GrantId).toBe(made.GrantId);
    expect(await use(EncryptionContext)).toBe('done');
    expect(await use({ project: 'p2' })).toMatchObject({ name: 'AccessDeniedException' });
    const { Grants } = await kms.send(new ListGrantsCommand({ KeyId: id }));
    expect(Grants).toMatchObject([{ KeyId: arn, GrantId: made.GrantId, Name: 'p1', GranteePrincipal: served.arnOf('writer'), Operations: ['GenerateDataKey'], Constraints: { EncryptionContextSubset: { project: 'p1' } } }]);
    expect((await kms.send(new ListRetirableGrantsCommand({ RetiringPrincipal: served.arnOf('keeper') }))).Grants).toMatchObject([{ GrantId: made.GrantId }]);
    await keeper.send(new RetireGrantCommand({ GrantToken: made.GrantToken! }));
    expect(await use(EncryptionContext)).toMatchObject({ name: 'AccessDeniedException' });
    const second = await kms.send(new CreateGrantCommand(wish));
    await kms.send(new CreateGrantCommand({ ...wish, Name: 'p1-again' }));
    const ids: unknown[] = [];
    for await (const page of paginateListGrants({ client: kms, pageSize: 1 }, { KeyId: id })) ids.push(...page.Grants!.map(({ GrantId }) => GrantId));
    expect(ids).toHaveLength(2);
    await kms.send(new RevokeGrantCommand({ KeyId: id, GrantId: second.GrantId! }));
    expect((await kms.send(new ListGrantsCommand({ KeyId: id }))).Grants).toHaveLength(1);
    expect(await refusalOf(kms.send(new RevokeGrantCommand({ KeyId: id, GrantId: second.GrantId! })))).toMatchObject({ name: 'InvalidGrantIdException' });
  });
});

it('says what is wrong as AWS does', async () => {
  const { id } = await newKey();
  const long = refusalOf(kms.send(new EncryptCommand({ KeyId: id, Plaintext: Buffer.alloc(4097) })));
  expect(await long).toMatchObject({ message: "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096" });
  const many = refusalOf(kms.send(new GenerateRandomCommand({ NumberOfBytes: 1025 })));
  expect(await many).toMatchObject({ message: "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024" });
});

it('has answered every operation that there is, each time with an id', async () => {
  const { $metadata } = await kms.send(new ListKeysCommand({}));
  expect($metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(KMS_OPERATIONS).toEqual(OPERATIONS);
  const called = new Set(served.audited.filter(({ errorCode }) => errorCode === undefined).map(({ eventName }) => eventName));
  expect(OPERATIONS.filter((operation) => !called.has(operation))).toEqual([]);
});
