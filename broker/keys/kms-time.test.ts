/** What time does to keys: the waiting period before one is gone for good, and rotation. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KmsEngine } from './kms-engine.ts';
import { CHECK_HOLDS_MS } from './embedded-provider.ts';
import { base64, makeKms, START_MS, type TestKms } from './kms.fixture.ts';

let kms: TestKms;
let KeyId: string;
let arn: string;

beforeEach(async () => {
  kms = await makeKms();
  ({ id: KeyId, arn } = await kms.key({ Description: 'to go' }));
});
afterEach(() => kms.remove());

const encrypt = async (text: string): Promise<string> => (await kms.call('Encrypt', { KeyId, Plaintext: base64(text) })).CiphertextBlob;

describe('the waiting period', () => {
  it('is 30 days unless said otherwise, 7 at least, and known to whoever asks', async () => {
    const deletion = START_MS / 1000 + 30 * 86_400;
    expect(await kms.call('ScheduleKeyDeletion', { KeyId })).toEqual({ KeyId: arn, DeletionDate: deletion, KeyState: 'PendingDeletion', PendingWindowInDays: 30 });
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({ KeyMetadata: { KeyState: 'PendingDeletion', DeletionDate: deletion, Enabled: false } });
    expect(await kms.keys.describeKey(KeyId)).toMatchObject({ state: 'PendingDeletion', deletionMs: deletion * 1000 });
    await kms.call('CancelKeyDeletion', { KeyId });
    for (const PendingWindowInDays of [6, 31, 7.5, '7']) expect(['ValidationException', 'SerializationException']).toContain(await kms.refusal('ScheduleKeyDeletion', { KeyId, PendingWindowInDays }));
  });

  it('over, takes key, aliases and grants with it: nothing under the key can be read again', async () => {
    const blob = await encrypt('x');
    await kms.keys.grant(KeyId, 'p-1');
    const { wrapped } = await kms.keys.generateDataKey(KeyId, { 'thrum:project': 'p-1' });
    await kms.call('CreateAlias', { AliasName: 'alias/gone', TargetKeyId: KeyId });
    await kms.call('CreateGrant', { KeyId, GranteePrincipal: kms.user('reader').principalArn, RetiringPrincipal: kms.user('reader').principalArn, Operations: ['Decrypt'] });
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    kms.passDays(6.999);
    expect(await kms.refusal('Decrypt', { CiphertextBlob: blob })).toBe('KMSInvalidStateException');
    kms.passDays(0.001);
    expect(await kms.refusal('Decrypt', { CiphertextBlob: blob })).toBe('AccessDeniedException');
    for (const name of [KeyId, arn, 'alias/gone']) expect(await kms.refusal('DescribeKey', { KeyId: name }), name).toBe('NotFoundException');
    expect(await kms.refusal('CancelKeyDeletion', { KeyId })).toBe('NotFoundException');
    expect(await kms.call('ListAliases')).toMatchObject({ Aliases: [] });
    expect(await kms.call('ListRetirableGrants', { RetiringPrincipal: kms.user('reader').principalArn })).toMatchObject({ Grants: [] });
    await expect(kms.keys.decrypt(wrapped, { 'thrum:project': 'p-1' })).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    const other = await kms.key();
    await kms.call('CreateAlias', { AliasName: 'alias/gone', TargetKeyId: other.id }); // the name is free again
  });

  it('over, takes the material out of the file, whoever looks first', async () => {
    const other = await kms.key();
    const secret = (await kms.keys.store.read()).keys[0]!.materials[0]!.secret;
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    const before = await readFile(join(kms.directory, 'keys', 'keystore'));
    kms.passDays(8);
    const elsewhere = kms.elsewhere();
    await elsewhere.describeKey(other.id); // only looks
    expect(await readFile(join(kms.directory, 'keys', 'keystore'))).not.toEqual(before);
    expect(JSON.stringify(await kms.elsewhere().store.read())).not.toContain(secret);
    kms.passDays(-8); // a clock set back does not bring it back
    await expect(elsewhere.describeKey(KeyId)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
  });

  it.skipIf(process.getuid?.() === 0)('over, is over also where nothing can be written', async () => {
    await kms.keys.grant(KeyId, 'p-1');
    const { wrapped } = await kms.keys.generateDataKey(KeyId, { 'thrum:project': 'p-1' });
    await kms.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    kms.passDays(8);
    await chmod(join(kms.directory, 'keys'), 0o500);
    await expect(kms.elsewhere().decrypt(wrapped, { 'thrum:project': 'p-1' })).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    await chmod(join(kms.directory, 'keys'), 0o700);
  });
});

describe('while another process does not give up its turn', () => {
  let other: ChildProcess;

  beforeEach(async () => {
    await kms.call('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
    other = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
    await once(other, 'spawn');
  });
  afterEach(() => other.kill('SIGKILL'));

  it('what is due is true at once, new material waits, and all is written when that process is gone', async () => {
    const first = (await kms.keys.describeKey(KeyId)).currentMaterialId;
    const { id: doomed } = await kms.key();
    await kms.call('ScheduleKeyDeletion', { KeyId: doomed, PendingWindowInDays: 7 });
    await writeFile(join(kms.directory, 'keys', 'lock'), JSON.stringify({ pid: other.pid, startedAt: '' }));
    kms.passDays(100);
    const beganMs = performance.now();
    for (let looks = 0; looks < 50; looks++) {
      expect((await kms.keys.describeKey(KeyId)).currentMaterialId).toBe(first);
      await expect(kms.keys.describeKey(doomed)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    }
    expect(performance.now() - beganMs).toBeLessThan(2_000); // 400 ms once: a broker's checks must not wait for it
    other.kill('SIGKILL');
    await once(other, 'exit');
    const elsewhere = kms.elsewhere();
    expect((await elsewhere.describeKey(KeyId)).currentMaterialId).not.toBe(first);
    expect((await elsewhere.store.read()).keys.map(({ keyId }) => keyId)).toEqual([KeyId]);
  });
});

describe('rotation', () => {
  it('on demand makes new material, and what the old one encrypted is still read', async () => {
    const old = await encrypt('old');
    const before = await kms.call('Decrypt', { CiphertextBlob: old });
    expect(await kms.call('RotateKeyOnDemand', { KeyId })).toEqual({ KeyId: arn });
    const young = await encrypt('new');
    const after = await kms.call('Decrypt', { CiphertextBlob: young });
    expect(after.KeyMaterialId).not.toBe(before.KeyMaterialId);
    expect(await kms.call('Decrypt', { CiphertextBlob: old })).toEqual(before);
    expect(await kms.call('DescribeKey', { KeyId })).toMatchObject({ KeyMetadata: { CurrentKeyMaterialId: after.KeyMaterialId } });
    expect(await kms.call('ListKeyRotations', { KeyId })).toEqual({
      Rotations: [{ KeyId: arn, KeyMaterialId: after.KeyMaterialId, KeyMaterialState: 'CURRENT', RotationDate: START_MS / 1000, RotationType: 'ON_DEMAND' }],
      Truncated: false,
    });
    expect(await kms.call('ListKeyRotations', { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).toMatchObject({
      Rotations: [{ KeyMaterialId: before.KeyMaterialId, KeyMaterialState: 'NON_CURRENT' }, { KeyMaterialState: 'CURRENT' }],
    });
  });

  it('on demand is done 25 times and then no more', async () => {
    for (let n = 0; n < 25; n++) await kms.call('RotateKeyOnDemand', { KeyId });
    expect(await kms.refusal('RotateKeyOnDemand', { KeyId })).toBe('LimitExceededException');
    expect(await kms.call('ListKeyRotations', { KeyId, Limit: 10 })).toMatchObject({ Truncated: true });
  });

  it('comes by itself when it is due, yearly by default, once however long nobody looked', async () => {
    const old = await encrypt('old');
    expect(await kms.call('GetKeyRotationStatus', { KeyId })).toEqual({ KeyId: arn, KeyRotationEnabled: false });
    await kms.call('EnableKeyRotation', { KeyId });
    expect(await kms.call('GetKeyRotationStatus', { KeyId })).toEqual({ KeyId: arn, KeyRotationEnabled: true, RotationPeriodInDays: 365, NextRotationDate: START_MS / 1000 + 365 * 86_400 });
    const materialNow = async (): Promise<string> => (await kms.keys.describeKey(KeyId)).currentMaterialId;
    const first = await materialNow();
    kms.passDays(364);
    expect(await materialNow()).toBe(first);
    kms.passDays(1);
    const second = await materialNow();
    expect(second).not.toBe(first);
    expect((await kms.elsewhere().describeKey(KeyId)).currentMaterialId).toBe(second);
    kms.passDays(10 * 365);
    expect((await kms.call('Decrypt', { CiphertextBlob: old })).Plaintext).toBe(base64('old'));
    expect(await kms.call('ListKeyRotations', { KeyId })).toMatchObject({ Rotations: [{ RotationType: 'AUTOMATIC' }, { RotationType: 'AUTOMATIC' }] });
    await kms.call('DisableKeyRotation', { KeyId });
    const third = await materialNow();
    kms.passDays(4000);
    expect(await materialNow()).toBe(third);
  });

  it('takes a period from 90 to 2560 days, and rests while the key is disabled or waits to be deleted', async () => {
    for (const RotationPeriodInDays of [89, 2561]) expect(await kms.refusal('EnableKeyRotation', { KeyId, RotationPeriodInDays })).toBe('ValidationException');
    await kms.call('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
    const { currentMaterialId } = await kms.keys.describeKey(KeyId);
    await kms.call('DisableKey', { KeyId });
    kms.passDays(100);
    expect((await kms.keys.describeKey(KeyId)).currentMaterialId).toBe(currentMaterialId);
    await kms.call('ScheduleKeyDeletion', { KeyId });
    expect(await kms.call('GetKeyRotationStatus', { KeyId })).toEqual({ KeyId: arn, KeyRotationEnabled: false });
    await kms.call('CancelKeyDeletion', { KeyId });
    await kms.call('EnableKey', { KeyId });
    expect((await kms.keys.describeKey(KeyId)).currentMaterialId).not.toBe(currentMaterialId);
  });

  it('that comes due for several at once happens once', async () => {
    await kms.call('EnableKeyRotation', { KeyId, RotationPeriodInDays: 90 });
    kms.passDays(90);
    const seen = await Promise.all(Array.from({ length: 5 }, async () => (await kms.elsewhere().describeKey(KeyId)).currentMaterialId));
    expect(new Set(seen).size).toBe(1);
  });
});

it('a condition on time in the key’s policy bites a broker that goes on writing, though nobody changes anything', async () => {
  const context = { 'thrum:project': 'p-1' };
  const closesAt = new Date(START_MS + 500).toISOString();
  const statements = [
    { Effect: 'Allow', Principal: { AWS: kms.owner.principalArn }, Action: 'kms:*', Resource: '*' },
    { Effect: 'Deny', Principal: '*', Action: 'kms:GenerateDataKey', Resource: '*', Condition: { DateGreaterThan: { 'aws:CurrentTime': closesAt } } },
  ];
  await kms.keys.grant(KeyId, 'p-1');
  await kms.call('PutKeyPolicy', { KeyId, Policy: JSON.stringify({ Version: '2012-10-17', Statement: statements }) });
  await kms.keys.checkUse(KeyId, context);
  expect(CHECK_HOLDS_MS).toBeLessThanOrEqual(1000);
  kms.passMs(CHECK_HOLDS_MS);
  await expect(kms.keys.checkUse(KeyId, context)).rejects.toMatchObject({ code: 'KEY_DENIED' });
  kms.passMs(-CHECK_HOLDS_MS); // and a clock that is set back lets it again
  await kms.keys.checkUse(KeyId, context);
});

it('writes nothing where nothing changes', async () => {
  const file = join(kms.directory, 'keys', 'keystore');
  const { ino } = await stat(file);
  await kms.call('EnableKey', { KeyId });
  await kms.call('DisableKeyRotation', { KeyId });
  await expect(new KmsEngine({ store: kms.keys.store }).call('TagResource', { KeyId, Tags: [{ TagKey: 'aws:x', TagValue: '' }] }, kms.owner)).rejects.toMatchObject({ type: 'TagException' });
  expect((await stat(file)).ino).toBe(ino);
});
