/** Grants: what they let their grantee do, on which encryption context, who may hand them on and end them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from './kms-call.ts';
import { base64, makeKms, policy, type TestKms } from './kms.fixture.ts';

let kms: TestKms;
let KeyId: string;
let broker: Caller;

beforeEach(async () => {
  kms = await makeKms();
  KeyId = (await kms.key()).id;
  broker = kms.user('broker');
});
afterEach(() => kms.remove());

type Context = Readonly<Record<string, string>>;

const grant = (wish: object): Promise<{ GrantId: string; GrantToken: string }> => kms.call('CreateGrant', { KeyId, GranteePrincipal: broker.principalArn, ...wish });
const outcome = (operation: string, input: object, caller: Caller): Promise<string> => kms.call(operation, input, caller).then(() => 'ok', (error: unknown) => (error as { type: string }).type);
const dataKey = (EncryptionContext?: Context, caller = broker): Promise<string> =>
  outcome('GenerateDataKey', { KeyId, KeySpec: 'AES_256', ...(EncryptionContext ? { EncryptionContext } : {}) }, caller);

it('lets its grantee do its operations with its key and nothing else', async () => {
  expect(await dataKey()).toBe('AccessDeniedException');
  await grant({ Operations: ['GenerateDataKey', 'DescribeKey'] });
  expect(await dataKey()).toBe('ok');
  expect(await outcome('DescribeKey', { KeyId }, broker)).toBe('ok');
  const { CiphertextBlob } = await kms.call('GenerateDataKey', { KeyId, KeySpec: 'AES_256' }, broker);
  expect(await outcome('Decrypt', { CiphertextBlob }, broker)).toBe('AccessDeniedException');
  for (const [operation, input] of [['DisableKey', { KeyId }], ['ListGrants', { KeyId }], ['ScheduleKeyDeletion', { KeyId }], ['ListKeys', {}], ['CreateGrant', { KeyId, GranteePrincipal: broker.principalArn, Operations: ['Decrypt'] }]] as const) {
    expect(await outcome(operation, input, broker), operation).toBe('AccessDeniedException');
  }
  const other = await kms.key();
  expect(await outcome('GenerateDataKey', { KeyId: other.id, KeySpec: 'AES_256' }, broker)).toBe('AccessDeniedException');
  expect(await dataKey(undefined, kms.user('somebody'))).toBe('AccessDeniedException');
});

it('yields to a policy that denies', async () => {
  await grant({ Operations: ['GenerateDataKey'] });
  const forbidden: Caller = { ...kms.user('broker', policy('kms:*', 'Deny')), principalArn: broker.principalArn };
  expect(await dataKey(undefined, forbidden)).toBe('AccessDeniedException');
});

describe('a constraint on the encryption context', () => {
  it.each<[string, object, Context | undefined, string]>([
    ['subset: these pairs and others', { EncryptionContextSubset: { project: 'p-1' } }, { project: 'p-1', purpose: 'segment' }, 'ok'],
    ['subset: exactly these', { EncryptionContextSubset: { project: 'p-1' } }, { project: 'p-1' }, 'ok'],
    ['subset: a name in another case, as KMS compares them', { EncryptionContextSubset: { project: 'p-1' } }, { Project: 'p-1' }, 'ok'],
    ['subset: a value in another case', { EncryptionContextSubset: { project: 'p-a' } }, { project: 'P-A' }, 'AccessDeniedException'],
    ['subset: another value', { EncryptionContextSubset: { project: 'p-1' } }, { project: 'p-2' }, 'AccessDeniedException'],
    ['subset: none at all', { EncryptionContextSubset: { project: 'p-1' } }, undefined, 'AccessDeniedException'],
    ['subset: pairs cut elsewhere', { EncryptionContextSubset: { ab: 'c' } }, { a: 'bc' }, 'AccessDeniedException'],
    ['equals: exactly these', { EncryptionContextEquals: { project: 'p-1' } }, { project: 'p-1' }, 'ok'],
    ['equals: one more', { EncryptionContextEquals: { project: 'p-1' } }, { project: 'p-1', purpose: 'x' }, 'AccessDeniedException'],
    ['equals: one less', { EncryptionContextEquals: { project: 'p-1', purpose: 'x' } }, { project: 'p-1' }, 'AccessDeniedException'],
    ['names of prototypes', { EncryptionContextSubset: JSON.parse('{"__proto__":"a"}') as object }, {}, 'AccessDeniedException'],
  ])('%s', async (_name, Constraints, context, expected) => {
    await grant({ Operations: ['GenerateDataKey', 'DescribeKey'], Constraints });
    expect(await dataKey(context)).toBe(expected);
    expect(await outcome('DescribeKey', { KeyId }, broker)).toBe('ok'); // it has no context
  });

  it('holds on each side of ReEncrypt for its own context', async () => {
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x'), EncryptionContext: { project: 'p-1' } });
    await grant({ Operations: ['ReEncryptFrom', 'ReEncryptTo'], Constraints: { EncryptionContextSubset: { project: 'p-1' } } });
    const reEncrypt = (to: string): Promise<string> =>
      outcome('ReEncrypt', { CiphertextBlob, SourceEncryptionContext: { project: 'p-1' }, DestinationKeyId: KeyId, DestinationEncryptionContext: { project: to } }, broker);
    expect(await reEncrypt('p-2')).toBe('AccessDeniedException');
    expect(await reEncrypt('p-1')).toBe('ok');
  });

  it('that asks for no pair is none, and refused: it would count as one where a policy wants one', async () => {
    const { id } = await kms.key();
    const maker = kms.user('maker', policy('kms:CreateGrant', 'Allow', { Null: { 'kms:GrantConstraintType': 'false' } }));
    const wish = { KeyId: id, GranteePrincipal: broker.principalArn, Operations: ['Decrypt'] };
    for (const Constraints of [{ EncryptionContextSubset: {} }, { EncryptionContextEquals: {} }, { EncryptionContextSubset: { a: 'b' }, EncryptionContextEquals: {} }]) {
      expect(await kms.refusal('CreateGrant', { ...wish, Constraints }, maker)).toBe('ValidationException');
    }
    expect(await kms.refusal('CreateGrant', { ...wish, Constraints: {} }, maker)).toBe('AccessDeniedException');
    expect(await kms.call('ListGrants', { KeyId: id })).toMatchObject({ Grants: [] });
  });

  it('has at most 8 pairs, values of at most 384 characters, and 4,096 bytes', async () => {
    const pairs = (count: number, value = 'v', nameChars = 2): object => Object.fromEntries(Array.from({ length: count }, (_, n) => [`n${n}`.padEnd(nameChars, '-'), value]));
    await grant({ Operations: ['Decrypt'], Constraints: { EncryptionContextSubset: pairs(8, 'x'.repeat(384), 128), EncryptionContextEquals: pairs(8, 'x'.repeat(384), 128) } });
    for (const EncryptionContextEquals of [pairs(9), { a: 'x'.repeat(385) }, pairs(8, 'x'.repeat(384), 129), { ['n'.repeat(4096)]: 'v' }, pairs(8, 'ü'.repeat(384))]) {
      expect(await kms.refusal('CreateGrant', { KeyId, GranteePrincipal: broker.principalArn, Operations: ['Decrypt'], Constraints: { EncryptionContextEquals } })).toBe('ValidationException');
    }
  });
});

describe('made again', () => {
  it('with a name and the same wishes is the same grant with a token of its own, and either token ends it', async () => {
    const wish = { Name: 'project-p-1', Operations: ['Decrypt', 'Encrypt'], Constraints: { EncryptionContextSubset: { b: '2', a: '1' } } };
    const [first, again] = [await grant(wish), await grant({ ...wish, Operations: ['Encrypt', 'Decrypt', 'Encrypt'], Constraints: { EncryptionContextSubset: { a: '1', b: '2' } } })];
    expect(again.GrantId).toBe(first.GrantId);
    expect(again.GrantToken).not.toBe(first.GrantToken);
    await kms.call('RetireGrant', { GrantToken: first.GrantToken });
    expect(await kms.refusal('RetireGrant', { GrantToken: again.GrantToken })).toBe('InvalidGrantTokenException');
    expect(await kms.call('ListGrants', { KeyId })).toMatchObject({ Grants: [], Truncated: false });
  });

  it('without a name, with another wish, or on another key is another grant', async () => {
    const wish = { Name: 'n', Operations: ['Decrypt'] };
    const ids = [await grant(wish), await grant({ ...wish, Operations: ['Encrypt'] }), await grant({ ...wish, KeyId: (await kms.key()).id }), await grant({ Operations: ['Decrypt'] }), await grant({ Operations: ['Decrypt'] })];
    expect(new Set(ids.map(({ GrantId }) => GrantId)).size).toBe(5);
  });
});

describe('handed on by a grantee that may create grants', () => {
  const subset = { EncryptionContextSubset: { project: 'p-1' } };
  const hand = (wish: object): Promise<string> => outcome('CreateGrant', { KeyId, GranteePrincipal: kms.user('worker').principalArn, ...wish }, broker);

  it('is as strict as what it was made by, or stricter', async () => {
    await grant({ Operations: ['CreateGrant', 'Decrypt'], Constraints: subset });
    expect(await hand({ Operations: ['Decrypt'], Constraints: subset })).toBe('ok');
    expect(await hand({ Operations: ['Decrypt'], Constraints: { EncryptionContextSubset: { project: 'p-1', more: 'x' } } })).toBe('ok');
    expect(await hand({ Operations: ['Decrypt'], Constraints: { EncryptionContextEquals: { project: 'p-1' } } })).toBe('ok');
    expect(await hand({ Operations: ['Decrypt'] })).toBe('AccessDeniedException');
    expect(await hand({ Operations: ['Encrypt'], Constraints: subset })).toBe('AccessDeniedException');
    expect(await hand({ Operations: ['Decrypt'], Constraints: { EncryptionContextSubset: { project: 'p-2' } } })).toBe('AccessDeniedException');
    expect(await hand({ Operations: ['Decrypt'], Constraints: { EncryptionContextEquals: {} } })).toBe('ValidationException');
  });

  it('keeps an exact context exact', async () => {
    await grant({ Operations: ['CreateGrant', 'Decrypt'], Constraints: { EncryptionContextEquals: { project: 'p-1' } } });
    expect(await hand({ Operations: ['Decrypt'], Constraints: subset })).toBe('AccessDeniedException');
    expect(await hand({ Operations: ['Decrypt'], Constraints: { EncryptionContextEquals: { project: 'p-1', more: 'x' } } })).toBe('AccessDeniedException');
    expect(await hand({ Operations: ['Decrypt'], Constraints: { EncryptionContextEquals: { project: 'p-1' } } })).toBe('ok');
  });
});

describe('is ended', () => {
  it('by its retiring principal, and by its grantee only where the grant says so', async () => {
    const keeper = kms.user('keeper');
    const first = await grant({ Operations: ['Decrypt'], RetiringPrincipal: keeper.principalArn });
    const second = await grant({ Operations: ['Decrypt', 'RetireGrant'] });
    expect(await outcome('RetireGrant', { GrantToken: first.GrantToken }, broker)).toBe('AccessDeniedException'); // the second grant is not about the first
    expect(await outcome('RetireGrant', { GrantToken: first.GrantToken }, kms.user('somebody'))).toBe('AccessDeniedException');
    expect(await outcome('RetireGrant', { KeyId, GrantId: first.GrantId }, keeper)).toBe('ok');
    expect(await outcome('RetireGrant', { GrantToken: second.GrantToken }, keeper)).toBe('AccessDeniedException');
    expect(await outcome('RetireGrant', { GrantToken: second.GrantToken }, broker)).toBe('ok');
  });

  it('by whoever may revoke: at once, and its tokens are good for nothing', async () => {
    const { GrantId, GrantToken } = await grant({ Operations: ['GenerateDataKey'] });
    expect(await dataKey()).toBe('ok');
    expect(await outcome('RevokeGrant', { KeyId, GrantId }, broker)).toBe('AccessDeniedException');
    await kms.call('RevokeGrant', { KeyId, GrantId });
    expect(await dataKey()).toBe('AccessDeniedException');
    expect(await kms.refusal('RevokeGrant', { KeyId, GrantId })).toBe('InvalidGrantIdException');
    expect(await kms.refusal('Encrypt', { KeyId, Plaintext: base64('x'), GrantTokens: [GrantToken] })).toBe('InvalidGrantTokenException');
  });

  it('by a token that is whole, or by key and grant, not by both or half of it', async () => {
    const { GrantId, GrantToken } = await grant({ Operations: ['Decrypt'] });
    const bytes = Buffer.from(GrantToken, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const altered = Buffer.from(bytes);
      altered[at]! ^= 1;
      expect(await kms.refusal('RetireGrant', { GrantToken: altered.toString('base64') }), `byte ${at}`).toBe('InvalidGrantTokenException');
    }
    for (const half of [{}, { KeyId }, { GrantId }, { KeyId, GrantId, GrantToken }]) expect(await kms.refusal('RetireGrant', half)).toBe('ValidationException');
    expect(await kms.refusal('RetireGrant', { GrantToken, DryRun: true })).toBe('DryRunOperationException');
    await kms.call('RetireGrant', { GrantToken });
  });
});

it('is listed in pages, by grantee, by id, and to whom may retire it; none twice although others go meanwhile', async () => {
  const keeper = kms.user('keeper', policy('kms:ListRetirableGrants'));
  for (let n = 0; n < 7; n++) await grant({ Operations: ['Decrypt'], RetiringPrincipal: keeper.principalArn });
  await grant({ Operations: ['Decrypt'], GranteePrincipal: keeper.principalArn });
  const seen: string[] = [];
  let Marker: string | undefined;
  do {
    const page = (await kms.call('ListRetirableGrants', { RetiringPrincipal: keeper.principalArn, Limit: 3, ...(Marker === undefined ? {} : { Marker }) }, keeper)) as unknown as { Grants: { GrantId: string }[]; NextMarker?: string };
    seen.push(...page.Grants.map(({ GrantId }) => GrantId));
    await kms.call('RevokeGrant', { KeyId, GrantId: page.Grants[page.Grants.length - 1]!.GrantId }); // the very one that the marker names
    Marker = page.NextMarker;
  } while (Marker !== undefined);
  expect(new Set(seen).size).toBe(7);
  expect(await kms.call('ListGrants', { KeyId, GranteePrincipal: keeper.principalArn })).toMatchObject({ Grants: [{ GranteePrincipal: keeper.principalArn, Name: '', Operations: ['Decrypt'] }] });
  expect(await kms.refusal('ListGrants', { KeyId, Marker: 'bm9uZQ' })).toBe('InvalidMarkerException');
});

it('is refused for whom or what it cannot be', async () => {
  const refused = (wish: object): Promise<string> => kms.refusal('CreateGrant', { KeyId, GranteePrincipal: broker.principalArn, Operations: ['Decrypt'], ...wish });
  expect(await refused({ GranteePrincipal: 'broker' })).toBe('InvalidArnException');
  expect(await refused({ RetiringPrincipal: 'arn:aws:iam::1:user/x' })).toBe('InvalidArnException');
  expect(await refused({ Operations: [] })).toBe('ValidationException');
  expect(await refused({ Operations: ['Sign'] })).toBe('ValidationException');
  expect(await refused({ GranteePrincipal: undefined })).toBe('ValidationException');
  expect(await refused({ Constraints: { SourceArn: 'arn:aws:s3:::x' } })).toBe('UnsupportedOperationException');
  expect(await refused({ Name: 'a b' })).toBe('ValidationException');
  expect(await refused({ DryRun: true })).toBe('DryRunOperationException');
  expect(await kms.call('ListGrants', { KeyId })).toMatchObject({ Grants: [] });
});
