/** Who may do what with keys, as it is felt on the wire: policies, encryption contexts, addresses, HTTPS, and the audit trail. */
import {
  CreateKeyCommand, DecryptCommand, DescribeKeyCommand, DisableKeyCommand, EncryptCommand, GenerateDataKeyCommand, ListKeysCommand, PutKeyPolicyCommand, ScheduleKeyDeletionCommand, type KMSClient, type KMSClientConfig,
} from '@aws-sdk/client-kms';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueIdentity } from '../../certs/mod.ts';
import { now } from '../../cli/clock.ts';
import { withFolder } from '../cli.ts';
import { ADMIN, serveKeys, type Served } from './served.fixture.ts';

let served: Served;
let admin: KMSClient;
let KeyId: string;
let arn: string;

beforeAll(async () => {
  served = await serveKeys();
  admin = await served.clientOf('admin', ADMIN);
  const { KeyMetadata } = await admin.send(new CreateKeyCommand({}));
  [KeyId, arn] = [KeyMetadata!.KeyId!, KeyMetadata!.Arn!];
});
afterAll(() => served.close());

const policy = (...Statement: object[]): object => ({ Version: '2012-10-17', Statement });
const nameOf = (call: Promise<unknown>): Promise<string> => call.then(() => 'done', (error: unknown) => (error as Error).name);
const Plaintext = Buffer.from('a');

it('a principal without policies may do nothing, and is told what it lacks', async () => {
  const nobody = await served.clientOf('nobody', []);
  for (const call of [new ListKeysCommand({}), new DescribeKeyCommand({ KeyId }), new CreateKeyCommand({}), new EncryptCommand({ KeyId, Plaintext })]) {
    expect(await nameOf(nobody.send(call as ListKeysCommand))).toBe('AccessDeniedException');
  }
  await expect(nobody.send(new DisableKeyCommand({ KeyId }))).rejects.toThrow(`User: ${served.arnOf('nobody')} is not authorized to perform: kms:DisableKey on resource: ${arn}`);
});

it('an encryption context that a policy asks for must come with each call', async () => {
  const Condition = { StringEquals: { 'kms:EncryptionContext:project': 'p1' }, 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['project', 'purpose'] } };
  const client = await served.clientOf('p1', [policy({ Effect: 'Allow', Action: ['kms:GenerateDataKey', 'kms:Decrypt'], Resource: arn, Condition })]);
  const use = (EncryptionContext?: Record<string, string>): Promise<string> => nameOf(client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', ...(EncryptionContext && { EncryptionContext }) })));
  expect(await use({ project: 'p1' })).toBe('done');
  expect(await use({ project: 'p1', purpose: 'x' })).toBe('done');
  for (const context of [undefined, { project: 'p2' }, { project: 'P1' }, { purpose: 'p1' }, { project: 'p1', more: 'x' }]) expect(await use(context), JSON.stringify(context)).toBe('AccessDeniedException');
});

it('a policy counts from the next call on, and so does its removal', async () => {
  const client = await served.clientOf('changing', []);
  expect(await nameOf(client.send(new DescribeKeyCommand({ KeyId })))).toBe('AccessDeniedException');
  await served.principals.attach('changing', { name: 'key-user' });
  expect(await nameOf(client.send(new DescribeKeyCommand({ KeyId })))).toBe('done');
  await served.principals.detach('changing', 'key-user');
  expect(await nameOf(client.send(new DescribeKeyCommand({ KeyId })))).toBe('AccessDeniedException');
  await served.principals.remove('changing');
  expect(await nameOf(client.send(new DescribeKeyCommand({ KeyId })))).toBe('UnrecognizedClientException');
});

it('an address from which a policy lets nobody call is looked at', async () => {
  const here = await served.clientOf('here', [policy({ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*', Condition: { IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } } })]);
  const elsewhere = await served.clientOf('elsewhere', [policy({ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*', Condition: { IpAddress: { 'aws:SourceIp': '198.51.100.0/24' } } })]);
  expect([await nameOf(here.send(new ListKeysCommand({}))), await nameOf(elsewhere.send(new ListKeysCommand({})))]).toEqual(['done', 'AccessDeniedException']);
});

it('an access key alone is no second factor: who administers keys must give one for what is destructive', async () => {
  const client = await served.clientOf('administrator', ['key-administrator']);
  expect(await nameOf(client.send(new DescribeKeyCommand({ KeyId })))).toBe('done');
  await expect(client.send(new DisableKeyCommand({ KeyId }))).rejects.toThrow(/with an explicit deny/);
  await expect(client.send(new ScheduleKeyDeletionCommand({ KeyId }))).rejects.toThrow(/with an explicit deny/);
});

describe('a key’s own policy', () => {
  it('may let in who has no policy, and shut out who may do everything', async () => {
    const made = (await admin.send(new CreateKeyCommand({}))).KeyMetadata!.KeyId!;
    const guest = await served.clientOf('guest', []);
    const ofKey = policy(
      { Effect: 'Allow', Principal: { AWS: served.arnOf('guest') }, Action: ['kms:Encrypt', 'kms:Decrypt'], Resource: '*' },
      { Effect: 'Allow', Principal: { AWS: served.arnOf('admin') }, Action: 'kms:PutKeyPolicy', Resource: '*' },
    );
    await admin.send(new PutKeyPolicyCommand({ KeyId: made, Policy: JSON.stringify(ofKey) }));
    const { CiphertextBlob } = await guest.send(new EncryptCommand({ KeyId: made, Plaintext }));
    expect(await nameOf(guest.send(new DecryptCommand({ CiphertextBlob: CiphertextBlob! })))).toBe('done');
    expect(await nameOf(admin.send(new DecryptCommand({ CiphertextBlob: CiphertextBlob! })))).toBe('AccessDeniedException');
  });
});

it('each call and each refusal is told to the audit trail, with who and from where, without secrets', async () => {
  served.audited.length = 0;
  const client = await served.clientOf('watched', ['key-user']);
  const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext: Buffer.from('open sesame'), EncryptionContext: { project: 'p1' } }));
  await nameOf(client.send(new DisableKeyCommand({ KeyId })));
  const from = { principal: served.arnOf('watched'), sourceIpAddress: '127.0.0.1', resources: [arn], eventSource: 'kms.amazonaws.com' };
  expect(served.audited).toMatchObject([
    { ...from, eventName: 'Encrypt', requestParameters: { encryptionContext: { project: 'p1' } } },
    { ...from, eventName: 'DisableKey', errorCode: 'AccessDeniedException' },
  ]);
  const told = JSON.stringify(served.audited);
  for (const secret of [Buffer.from('open sesame').toString('base64'), Buffer.from(CiphertextBlob!).toString('base64')]) expect(told).not.toContain(secret);
});

it('over HTTPS the home’s own server identity shows who serves', async () => {
  await withFolder(async (folder) => {
    const authority = await createAuthority(join(folder, 'certs'), { nowMs: now() });
    const { certificatePem, keyPem } = await issueIdentity(authority, { role: 'server' }, now());
    const secure = await serveKeys({ tls: { certificatePem, keyPem } });
    try {
      const connect = (ca: string | undefined): KMSClientConfig => ({ requestHandler: { httpsAgent: new Agent(ca === undefined ? {} : { ca }) } });
      const trusting = await secure.clientOf('a', [policy({ Effect: 'Allow', Action: 'kms:*', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': 'true' } } })], connect(authority.certificatePem));
      expect(secure.server.url).toMatch(/^https:/);
      expect(await nameOf(trusting.send(new ListKeysCommand({})))).toBe('done');
      const doubting = await secure.clientOf('b', ADMIN, connect(undefined));
      await expect(doubting.send(new ListKeysCommand({}))).rejects.toThrow(/certificate/);
    } finally {
      await secure.close();
    }
  });
});
