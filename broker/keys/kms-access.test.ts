/** Who may do what with keys: policies of callers and keys together, keys that the service owns, and what the audit trail is told. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from './kms-call.ts';
import { base64, makeKms, policy, type TestKms } from './kms.fixture.ts';
import { serviceCaller } from './principals.ts';

let kms: TestKms;
let KeyId: string;
let arn: string;

beforeEach(async () => {
  kms = await makeKms();
  ({ id: KeyId, arn } = await kms.key());
});
afterEach(() => kms.remove());

const outcome = (operation: string, input: object, caller: Caller): Promise<string> => kms.call(operation, input, caller).then(() => 'ok', (error: unknown) => (error as { type: string }).type);
const DENIED = 'AccessDeniedException';
const keyPolicy = (...statements: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: kms.owner.principalArn }, Action: 'kms:*', Resource: '*' }, ...statements] });

describe('a user', () => {
  it('may what its policies allow, under the default policy of a key, and nothing without', async () => {
    const ann = kms.user('ann', policy(['kms:Encrypt', 'kms:DescribeKey']));
    expect(await outcome('Encrypt', { KeyId, Plaintext: base64('x') }, ann)).toBe('ok');
    expect(await outcome('DescribeKey', { KeyId }, ann)).toBe('ok');
    for (const [operation, input] of [['DisableKey', { KeyId }], ['ListKeys', {}], ['CreateKey', {}], ['GenerateRandom', { NumberOfBytes: 1 }], ['CreateAlias', { AliasName: 'alias/a', TargetKeyId: KeyId }]] as const) {
      expect(await outcome(operation, input, ann), operation).toBe(DENIED);
    }
    const error: unknown = await kms.call('DisableKey', { KeyId }, ann).catch((cause: unknown) => cause);
    expect((error as Error).message).toBe(`User: ${ann.principalArn} is not authorized to perform: kms:DisableKey on resource: ${arn} because no identity-based policy, key policy or grant allows the kms:DisableKey action`);
  });

  it('may what the policy of a key allows it, without a policy of its own', async () => {
    const bob = kms.user('bob');
    await kms.call('PutKeyPolicy', { KeyId, Policy: keyPolicy({ Effect: 'Allow', Principal: { AWS: bob.principalArn }, Action: 'kms:Decrypt', Resource: '*' }) });
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x') });
    expect(await outcome('Decrypt', { CiphertextBlob }, bob)).toBe('ok');
    expect(await outcome('Encrypt', { KeyId, Plaintext: base64('x') }, bob)).toBe(DENIED);
  });

  it('may nothing that the policy of a key denies, whatever its own say', async () => {
    const ann = kms.user('ann', policy('kms:*'));
    await kms.call('PutKeyPolicy', { KeyId, Policy: keyPolicy({ Effect: 'Deny', Principal: { AWS: ann.principalArn }, Action: 'kms:Decrypt', Resource: '*' }) });
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x') }, ann);
    expect(await outcome('Decrypt', { CiphertextBlob }, ann)).toBe(DENIED);
  });

  it('is asked for a second factor, an address, an encryption context where a condition wants it', async () => {
    const withFactor = policy('kms:ScheduleKeyDeletion', 'Allow', { Bool: { 'aws:MultiFactorAuthPresent': 'true' } });
    expect(await outcome('ScheduleKeyDeletion', { KeyId }, kms.user('ann', withFactor))).toBe(DENIED);
    expect(await outcome('ScheduleKeyDeletion', { KeyId }, { ...kms.user('ann', withFactor), mfa: false })).toBe(DENIED);
    expect(await outcome('ScheduleKeyDeletion', { KeyId }, { ...kms.user('ann', withFactor), mfa: true })).toBe('ok');
    await kms.call('CancelKeyDeletion', { KeyId });
    await kms.call('EnableKey', { KeyId });
    const ofProject = kms.user('ann', policy('kms:GenerateDataKey', 'Allow', { StringEquals: { 'kms:EncryptionContext:thrum:project': 'p-1' } }));
    const dataKey = (project: string): Promise<string> => outcome('GenerateDataKey', { KeyId, KeySpec: 'AES_256', EncryptionContext: { 'thrum:project': project } }, ofProject);
    expect(await dataKey('p-1')).toBe('ok');
    expect(await dataKey('p-2')).toBe(DENIED);
    const fromHere = kms.user('ann', policy('kms:ListKeys', 'Allow', { IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } }));
    expect(await outcome('ListKeys', {}, { ...fromHere, sourceIpAddress: '192.0.2.7' })).toBe('ok');
    expect(await outcome('ListKeys', {}, { ...fromHere, sourceIpAddress: '198.51.100.7' })).toBe(DENIED);
  });

  it('needs both sides of what has two: alias and key, the keys of a re-encryption', async () => {
    const onKeyOnly = kms.user('ann', { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'kms:*', Resource: arn } });
    expect(await outcome('CreateAlias', { AliasName: 'alias/a', TargetKeyId: KeyId }, onKeyOnly)).toBe(DENIED);
    const to = await kms.key();
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x') });
    expect(await outcome('ReEncrypt', { CiphertextBlob, DestinationKeyId: to.id }, onKeyOnly)).toBe(DENIED);
    expect(await outcome('ReEncrypt', { CiphertextBlob, DestinationKeyId: KeyId }, onKeyOnly)).toBe('ok');
  });
});

describe('the policy of a key', () => {
  it('is refused when the caller could not replace it any more, unless that is wished', async () => {
    const locked = JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Principal: { AWS: kms.user('ann').principalArn }, Action: 'kms:*', Resource: '*' } });
    expect(await kms.refusal('PutKeyPolicy', { KeyId, Policy: locked })).toBe('MalformedPolicyDocumentException');
    expect(await kms.refusal('CreateKey', { Policy: locked })).toBe('MalformedPolicyDocumentException');
    await kms.call('PutKeyPolicy', { KeyId, Policy: locked, BypassPolicyLockoutSafetyCheck: true });
    expect(await outcome('DescribeKey', { KeyId }, kms.owner)).toBe(DENIED); // the account is not in it, so not even its root
    expect(await outcome('DescribeKey', { KeyId }, kms.user('bob', policy('kms:*')))).toBe(DENIED);
    expect(await outcome('DescribeKey', { KeyId }, kms.user('ann'))).toBe('ok');
  });

  it('denies by what AWS says of a request and of who asks', async () => {
    for (const [key, value] of [['aws:RequestedRegion', 'us-east-1'], ['aws:username', 'ann'], ['aws:userid', 'ann'], ['aws:PrincipalType', 'User']] as const) {
      const Condition = { StringEquals: { [key]: value } };
      await kms.call('PutKeyPolicy', { KeyId, Policy: keyPolicy({ Effect: 'Deny', Principal: '*', Action: 'kms:DescribeKey', Resource: '*', Condition }) });
      expect(await outcome('DescribeKey', { KeyId }, kms.user('ann', policy('kms:*'))), key).toBe(DENIED);
    }
  });

  it('that an earlier version took can be used and replaced, though it would be refused now', async () => {
    const old = keyPolicy({ Effect: 'Deny', Principal: {}, Action: 'kms:*', Resource: '*', Condition: { Bool: { 'aws:ViaAWSService': 'true' } } });
    expect(await kms.refusal('PutKeyPolicy', { KeyId, Policy: old })).toBe('MalformedPolicyDocumentException');
    await kms.keys.store.update((state) => ({ state: { ...state, keys: state.keys.map((key) => ({ ...key, policy: old })) }, result: undefined }));
    expect(await outcome('DescribeKey', { KeyId }, kms.owner)).toBe('ok');
    expect(await outcome('PutKeyPolicy', { KeyId, Policy: keyPolicy() }, kms.owner)).toBe('ok');
  });

  it('comes back as it was put, and one that is none changes nothing', async () => {
    const document = keyPolicy();
    await kms.call('PutKeyPolicy', { KeyId, Policy: document });
    for (const Policy of ['{', '{}', keyPolicy({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }), 'x'.repeat(32_769)]) {
      expect(['MalformedPolicyDocumentException', 'LimitExceededException']).toContain(await kms.refusal('PutKeyPolicy', { KeyId, Policy }));
    }
    expect(await kms.call('GetKeyPolicy', { KeyId })).toEqual({ Policy: document, PolicyName: 'default' });
    expect(await kms.refusal('GetKeyPolicy', { KeyId, PolicyName: 'other' })).toBe('NotFoundException');
    expect(await kms.call('ListKeyPolicies', { KeyId })).toEqual({ PolicyNames: ['default'], Truncated: false });
  });
});

describe('a key that the service owns', () => {
  it('is one for each customer, whoever asks first and how often', async () => {
    const [mine, again, ...others] = await Promise.all([
      kms.keys.serviceKeyFor(), kms.elsewhere().serviceKeyFor(kms.accountId), kms.keys.serviceKeyFor('111122223333'), kms.elsewhere().serviceKeyFor('111122223333'), kms.keys.serviceKeyFor('444455556666'),
    ]);
    expect(again.keyId).toBe(mine.keyId);
    expect(others[1].keyId).toBe(others[0].keyId);
    expect(new Set([mine, ...others].map(({ keyId }) => keyId)).size).toBe(3);
    expect(mine.owner).toBe('service');
  });

  it('is neither shown to the customer nor the customer’s to use, to switch, to change or to delete', async () => {
    const { keyId, arn: itsArn } = await kms.keys.serviceKeyFor();
    expect(JSON.stringify(await kms.call('ListKeys'))).not.toContain(keyId);
    const { wrapped } = await kms.keys.generateDataKey(keyId, {});
    const tries: [string, object][] = [
      ['DescribeKey', { KeyId: itsArn }], ['DisableKey', { KeyId: keyId }], ['ScheduleKeyDeletion', { KeyId: keyId }], ['RotateKeyOnDemand', { KeyId: keyId }], ['UpdateKeyDescription', { KeyId: keyId, Description: 'mine' }],
      ['CreateAlias', { AliasName: 'alias/mine', TargetKeyId: keyId }], ['TagResource', { KeyId: keyId, Tags: [] }], ['GetKeyPolicy', { KeyId: keyId }], ['CreateGrant', { KeyId: keyId, GranteePrincipal: kms.owner.principalArn, Operations: ['Decrypt'] }],
      ['Encrypt', { KeyId: keyId, Plaintext: base64('x') }], ['Decrypt', { CiphertextBlob: wrapped.toString('base64') }],
      ['PutKeyPolicy', { KeyId: keyId, Policy: keyPolicy() }],
    ];
    for (const [operation, input] of tries) expect(await kms.refusal(operation, input), operation).toBe(DENIED);
    expect((await kms.keys.describeKey(keyId)).state).toBe('Enabled');
  });

  it('is the service’s to use, which may use a customer’s key by grants only', async () => {
    const service = serviceCaller(kms.accountId);
    const { keyId } = await kms.keys.serviceKeyFor();
    expect(await outcome('GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256' }, service)).toBe('ok');
    expect(await outcome('ScheduleKeyDeletion', { KeyId: keyId }, service)).toBe(DENIED);
    const dataKey = (project: string): Promise<string> => outcome('GenerateDataKey', { KeyId, KeySpec: 'AES_256', EncryptionContext: { 'thrum:project': project } }, service);
    expect(await dataKey('p-1')).toBe(DENIED);
    const { GrantId } = await kms.call('CreateGrant', { KeyId, GranteePrincipal: service.principalArn, Operations: ['GenerateDataKey', 'Decrypt', 'DescribeKey'], Constraints: { EncryptionContextSubset: { 'thrum:project': 'p-1' } } });
    expect(await dataKey('p-1')).toBe('ok');
    expect(await dataKey('p-2')).toBe(DENIED);
    await kms.call('RevokeGrant', { KeyId, GrantId });
    expect(await dataKey('p-1')).toBe(DENIED);
  });
});

describe('the audit trail', () => {
  it('is told who did what with which key and encryption context, and what was refused', async () => {
    const ann = { ...kms.user('ann'), sourceIpAddress: '192.0.2.7' };
    await kms.call('Encrypt', { KeyId, Plaintext: base64('x'), EncryptionContext: { project: 'p-1' } });
    await outcome('DisableKey', { KeyId }, ann);
    expect(kms.events.slice(-2)).toEqual([
      { eventSource: 'kms.amazonaws.com', eventName: 'Encrypt', principal: kms.owner.principalArn, sourceIpAddress: undefined, requestParameters: { keyId: KeyId, encryptionContext: { project: 'p-1' } }, readOnly: true, resources: [arn] },
      { eventSource: 'kms.amazonaws.com', eventName: 'DisableKey', principal: ann.principalArn, sourceIpAddress: '192.0.2.7', requestParameters: { keyId: KeyId }, readOnly: false, resources: [arn], errorCode: DENIED, errorMessage: expect.stringContaining('not authorized') as string },
    ]);
  });

  it('is told of operations that there are not by one name, so that nobody makes names up in it', async () => {
    for (const operation of ['Aaaa', 'Bbbb', 'x'.repeat(200), '__proto__']) expect(await outcome(operation, {}, kms.owner)).toBe('UnknownOperationException');
    expect(kms.events.slice(-4).map(({ eventName }) => eventName)).toEqual(Array(4).fill('UnknownOperation'));
    expect(kms.events.at(-2)?.requestParameters).toEqual({ operation: 'x'.repeat(128) });
  });

  it('is told a policy as long as one may be, and of a request that is too deep to be told', async () => {
    const Policy = keyPolicy({ Effect: 'Deny', Principal: '*', Action: 'kms:*', Resource: Array(160).fill('arn:"'.padEnd(180, '"')) }).padEnd(32_768);
    await outcome('PutKeyPolicy', { KeyId, Policy }, kms.owner);
    expect(kms.events.at(-1)?.requestParameters).toEqual({ keyId: KeyId, policy: Policy });
    const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
    expect(await outcome('TagResource', { KeyId, Tags: deep }, kms.owner)).not.toBe('ok');
    expect(kms.events.at(-1)).toMatchObject({ eventName: 'TagResource', requestParameters: { omitted: 'too long' } });
  });

  it('is told no plaintext, no ciphertext and no grant token', async () => {
    const secret = base64('a secret that nobody may see');
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: secret });
    const { Plaintext } = await kms.call('GenerateDataKey', { KeyId, KeySpec: 'AES_256' });
    const { GrantToken } = await kms.call('CreateGrant', { KeyId, GranteePrincipal: kms.user('ann').principalArn, Operations: ['Decrypt'] });
    await kms.call('Decrypt', { CiphertextBlob, GrantTokens: [GrantToken] });
    await outcome('Decrypt', { CiphertextBlob: `${CiphertextBlob}!`, KeyId: 5 }, kms.owner);
    await outcome('RetireGrant', { GrantToken, KeyId }, kms.owner);
    await kms.call('RetireGrant', { GrantToken });
    const told = JSON.stringify(kms.events);
    for (const one of [secret, CiphertextBlob, Plaintext, GrantToken]) expect(told).not.toContain(one);
    expect(kms.events.map(({ eventName }) => eventName)).toContain('RetireGrant');
  });
});
