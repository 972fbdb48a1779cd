/** Policy evaluation as IAM documents it, as a table; and how a key's policy and a principal's work together. */
import { describe, expect, it } from 'vitest';
import { authorize, evaluate } from './evaluate.ts';
import { readKeptPolicy, type NamedPolicy } from './policy.ts';
import type { AccessRequest } from './request.ts';

const ACCOUNT = '111122223333';
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const ANA = `arn:aws:iam::${ACCOUNT}:user/ana`;
const KEY = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;

type Condition = Record<string, Record<string, unknown>>;

const policy = (name: string, ...statements: object[]): NamedPolicy => ({
  name,
  document: readKeptPolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), statements.some((one) => 'Principal' in one) ? 'resource' : 'identity'),
});
const ask = (request: Partial<AccessRequest> = {}): AccessRequest => ({ principalArn: ANA, action: 'kms:Decrypt', resource: KEY, context: {}, ...request });
const under = (condition: Condition, context: AccessRequest['context'], effect = 'Allow'): string =>
  evaluate([policy('p', { Effect: effect, Action: 'kms:*', Resource: '*', Condition: condition })], ask({ context })).reason;

describe('what no statement allows is denied', () => {
  it.each([
    ['no policy at all', []],
    ['another action', [policy('p', { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' })]],
    ['another resource', [policy('p', { Effect: 'Allow', Action: 'kms:Decrypt', Resource: `${KEY}0` })]],
    ['a condition that fails', [policy('p', { Effect: 'Allow', Action: '*', Resource: '*', Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' } } })]],
    ['all actions but this', [policy('p', { Effect: 'Allow', NotAction: 'kms:Decrypt', Resource: '*' })]],
    ['all resources but this', [policy('p', { Effect: 'Allow', Action: '*', NotResource: KEY })]],
  ])('%s', (_what, policies) => {
    expect(evaluate(policies, ask())).toEqual({ allowed: false, reason: 'implicitDeny', decidedBy: undefined });
  });
});

it('names the statement that allowed, and the one that denied, which wins wherever it stands', () => {
  const reads = policy('reads', { Effect: 'Allow', Action: 'kms:List*', Resource: '*' }, { Sid: 'Read', Effect: 'Allow', Action: ['kms:decrypt'], Resource: KEY });
  expect(evaluate([reads], ask())).toEqual({ allowed: true, reason: 'allowed', decidedBy: { policy: 'reads', sid: 'Read', index: 1 } });
  const never = policy('never', { Effect: 'Deny', Action: 'kms:D?crypt', Resource: 'arn:aws:kms:*:*:key/*' });
  for (const policies of [[reads, never], [never, reads]]) {
    expect(evaluate(policies, ask())).toEqual({ allowed: false, reason: 'explicitDeny', decidedBy: { policy: 'never', sid: undefined, index: 0 } });
  }
});

it('does not look at the case of actions and of condition keys, but does at that of resources and values', () => {
  expect(evaluate([policy('p', { Effect: 'Allow', Action: 'KMS:DECRYPT', Resource: KEY })], ask()).allowed).toBe(true);
  expect(evaluate([policy('p', { Effect: 'Allow', Action: '*', Resource: KEY.replace('key', 'KEY') })], ask()).allowed).toBe(false);
  expect(under({ StringEquals: { 'KMS:encryptioncontext:Dept': 'Finance' } }, { 'kms:EncryptionContext:dept': 'Finance' })).toBe('allowed');
  expect(under({ StringEquals: { 'kms:EncryptionContext:Dept': 'Finance' } }, { 'kms:EncryptionContext:Dept': 'finance' })).toBe('implicitDeny');
});

describe('conditions', () => {
  const holds = 'allowed';
  const fails = 'implicitDeny';
  it.each<[string, Condition, AccessRequest['context'], string]>([
    ['StringEquals has no wildcards', { StringEquals: { 'aws:x': 'a*' } }, { 'aws:x': 'ab' }, fails],
    ['several values are alternatives', { StringEquals: { 'aws:x': ['a', 'b'] } }, { 'aws:x': 'b' }, holds],
    ['several keys must all hold', { StringEquals: { 'aws:x': 'a', 'aws:y': 'b' } }, { 'aws:x': 'a', 'aws:y': 'c' }, fails],
    ['several operators must all hold', { StringEquals: { 'aws:x': 'a' }, Bool: { 'aws:y': true } }, { 'aws:x': 'a', 'aws:y': 'false' }, fails],
    ['a missing key fails', { StringEquals: { 'aws:x': 'a' } }, {}, fails],
    ['StringNotEquals: none of them', { StringNotEquals: { 'aws:x': ['a', 'b'] } }, { 'aws:x': 'b' }, fails],
    ['StringNotEquals: another', { StringNotEquals: { 'aws:x': ['a', 'b'] } }, { 'aws:x': 'c' }, holds],
    ['StringNotEquals holds for a missing key', { StringNotEquals: { 'aws:x': 'a' } }, {}, holds],
    ['StringLike', { StringLike: { 'aws:x': 'dev-?-*' } }, { 'aws:x': 'dev-1-' }, holds],
    ['StringNotLike', { StringNotLike: { 'aws:x': 'dev*' } }, { 'aws:x': 'dev' }, fails],
    ['StringEqualsIgnoreCase', { StringEqualsIgnoreCase: { 'aws:x': 'ABC' } }, { 'aws:x': 'abc' }, holds],
    ['IfExists holds for a missing key', { StringEqualsIfExists: { 'aws:x': 'a' } }, {}, holds],
    ['IfExists compares one that is there', { StringEqualsIfExists: { 'aws:x': 'a' } }, { 'aws:x': 'b' }, fails],
    ['NumericLessThanEquals', { NumericLessThanEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': '10' }, holds],
    ['NumericGreaterThan compares numbers, not texts', { NumericGreaterThan: { 'aws:x': 9 } }, { 'aws:x': '10' }, holds],
    ['Numeric* fails for what is no number', { NumericLessThan: { 'aws:x': '10' } }, { 'aws:x': '' }, fails],
    ['DateGreaterThan', { DateGreaterThan: { 'aws:CurrentTime': '2026-01-01T00:00:00Z' } }, { 'aws:CurrentTime': '2026-01-01T00:00:01Z' }, holds],
    ['DateLessThan, seconds since 1970', { DateLessThan: { 'aws:CurrentTime': '2026-01-01T00:00:00Z' } }, { 'aws:CurrentTime': '1767225600' }, fails],
    ['Bool', { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }, { 'aws:MultiFactorAuthPresent': 'true' }, holds],
    ['IpAddress', { IpAddress: { 'aws:SourceIp': ['192.0.2.0/24', '203.0.113.0/24'] } }, { 'aws:SourceIp': '203.0.113.9' }, holds],
    ['IpAddress outside', { IpAddress: { 'aws:SourceIp': '203.0.113.0/25' } }, { 'aws:SourceIp': '203.0.113.200' }, fails],
    ['IpAddress IPv6', { IpAddress: { 'aws:SourceIp': '2001:db8::/32' } }, { 'aws:SourceIp': '2001:DB8:1::1' }, holds],
    ['an IPv4 address that came as IPv6', { IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } }, { 'aws:SourceIp': '::ffff:192.0.2.7' }, holds],
    ['NotIpAddress', { NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, { 'aws:SourceIp': '203.0.113.9' }, fails],
    ['ArnLike within a part', { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:user/*' } }, {}, holds],
    ['ArnLike does not reach over parts', { ArnLike: { 'aws:x': 'arn:aws:*:user/ana' } }, { 'aws:x': ANA }, fails],
    ['ArnNotEquals', { ArnNotEquals: { 'aws:PrincipalArn': ANA } }, {}, fails],
    ['the name of a user', { StringEquals: { 'aws:username': 'ana', 'aws:userid': 'ana', 'aws:PrincipalType': 'User' } }, {}, holds],
    ['Null true: it is missing', { Null: { 'aws:TokenIssueTime': 'true' } }, {}, holds],
    ['Null false: it is there', { Null: { 'aws:TokenIssueTime': 'false' } }, {}, fails],
    ['ForAllValues: all of them', { 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['a', 'b'] } }, { 'kms:EncryptionContextKeys': ['a', 'b'] }, holds],
    ['ForAllValues: one too many', { 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['a', 'b'] } }, { 'kms:EncryptionContextKeys': ['a', 'c'] }, fails],
    ['ForAllValues holds for none', { 'ForAllValues:StringEquals': { 'kms:GrantOperations': 'Decrypt' } }, {}, holds],
    ['ForAnyValue: one of them', { 'ForAnyValue:StringLike': { 'aws:TagKeys': 'cost*' } }, { 'aws:TagKeys': ['x', 'cost-center'] }, holds],
    ['ForAnyValue fails for none', { 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'a' } }, {}, fails],
    ['ForAnyValue with a negated operator', { 'ForAnyValue:StringNotEquals': { 'aws:TagKeys': 'a' } }, { 'aws:TagKeys': ['a', 'b'] }, holds],
  ])('%s', (_what, condition, context, expected) => {
    expect(under(condition, context)).toBe(expected);
  });

  it('a context key that comes twice must fit each time to allow, and once to deny', () => {
    const twice = { 'kms:EncryptionContext:dept': 'it', 'kms:EncryptionContext:Dept': 'hr' };
    expect(under({ StringEquals: { 'kms:EncryptionContext:dept': 'it' } }, twice)).toBe('implicitDeny');
    expect(under({ StringEquals: { 'kms:EncryptionContext:dept': 'it' } }, twice, 'Deny')).toBe('explicitDeny');
  });

  it('the usual guard denies what is destructive without a second factor', () => {
    const guard = { BoolIfExists: { 'aws:MultiFactorAuthPresent': 'false' } };
    expect(under(guard, {}, 'Deny')).toBe('explicitDeny');
    expect(under(guard, { 'aws:MultiFactorAuthPresent': 'false' }, 'Deny')).toBe('explicitDeny');
    expect(under(guard, { 'aws:MultiFactorAuthPresent': 'true' }, 'Deny')).toBe('implicitDeny');
  });
});

describe('a key’s policy and the principal’s own', () => {
  const ofAccount = policy('default', { Sid: 'Enable IAM policies', Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:*', Resource: '*' });
  const ofAna = policy('key', { Effect: 'Allow', Principal: { AWS: [ANA] }, Action: 'kms:Decrypt', Resource: '*' });
  const mayDecrypt = policy('user', { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' });
  const all = policy('all', { Effect: 'Allow', Action: '*', Resource: '*' });

  it.each<[string, NamedPolicy[], NamedPolicy[], Partial<AccessRequest>, string]>([
    ['the default policy alone gives a user nothing', [], [ofAccount], {}, 'implicitDeny'],
    ['the default policy lets the user’s own count', [mayDecrypt], [ofAccount], {}, 'allowed'],
    ['the account by its number is the same', [mayDecrypt], [policy('k', { Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'kms:*', Resource: '*' })], {}, 'allowed'],
    ['another account’s does not', [mayDecrypt], [policy('k', { Effect: 'Allow', Principal: { AWS: '999999999999' }, Action: 'kms:*', Resource: '*' })], {}, 'implicitDeny'],
    ['the default policy lets the root do all', [all], [ofAccount], { principalArn: ROOT }, 'allowed'],
    ['the key’s policy alone may allow a user', [], [ofAna], {}, 'allowed'],
    ['a policy that does not speak of the account shuts the user’s own out', [all], [ofAna], { action: 'kms:Encrypt' }, 'implicitDeny'],
    ['even the root’s', [all], [ofAna], { principalArn: ROOT }, 'implicitDeny'],
    ['a delegation reaches as far as its actions', [all], [policy('k', { Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:Describe*', Resource: '*' })], {}, 'implicitDeny'],
    ['everybody is everybody', [], [policy('k', { Effect: 'Allow', Principal: '*', Action: 'kms:Decrypt', Resource: '*' })], {}, 'allowed'],
    ['the broker as a service', [], [policy('k', { Effect: 'Deny', Principal: { Service: 'thrum.internal' }, Action: 'kms:*', Resource: '*' })], { principalArn: `arn:aws:iam::${ACCOUNT}:role/aws-service-role/thrum/broker` }, 'explicitDeny'],
    ['no user as the service', [all], [ofAccount, policy('k', { Effect: 'Deny', Principal: { Service: 'thrum.internal' }, Action: 'kms:*', Resource: '*' })], {}, 'allowed'],
    ['a service by its name', [], [policy('k', { Effect: 'Allow', Principal: { Service: 'thrum.internal' }, Action: 'kms:*', Resource: '*' })], { principalArn: 'thrum.internal' }, 'allowed'],
    ['the key’s policy denies over the user’s', [all], [ofAccount, policy('k', { Effect: 'Deny', Principal: { AWS: ANA }, Action: 'kms:*', Resource: '*' })], {}, 'explicitDeny'],
    ['denying the account denies everybody in it', [all], [ofAccount, policy('k', { Effect: 'Deny', Principal: { AWS: ROOT }, Action: 'kms:Decrypt', Resource: '*' })], {}, 'explicitDeny'],
    ['the user’s denies over the key’s', [policy('u', { Effect: 'Deny', Action: 'kms:Decrypt', Resource: '*' })], [ofAna], {}, 'explicitDeny'],
    ['where a resource has no policy the user’s decide', [mayDecrypt], [], {}, 'allowed'],
  ])('%s', (_what, ofPrincipal, ofResource, request, expected) => {
    expect(authorize(ask(request), ofPrincipal, ofResource).reason).toBe(expected);
  });
});

describe('policies that take too many comparisons', () => {
  const slow = Array.from({ length: 14 }, (_, n) => `*${'a'.repeat(2000 + n)}b`);
  const wide = { 'kms:EncryptionContext:x': 'a'.repeat(8000) };
  const Condition = { StringLike: { 'kms:EncryptionContext:x': [...slow, '*'] } };

  it('deny, whatever the statement would have said, and name it', () => {
    for (const Effect of ['Allow', 'Deny']) {
      const policies = [policy('all', { Effect: 'Allow', Action: '*', Resource: '*' }), policy('slow', { Sid: 'Slow', Effect, Action: '*', Resource: '*', Condition })];
      const expected = { allowed: false, reason: 'explicitDeny', decidedBy: { policy: 'slow', sid: 'Slow', index: 0 } };
      expect(evaluate(Effect === 'Allow' ? policies.slice(1) : policies, ask({ context: wide }))).toEqual(expected);
    }
  });

  it('count with each request anew', () => {
    const policies = [policy('slow', { Effect: 'Allow', Action: '*', Resource: '*', Condition })];
    evaluate(policies, ask({ context: wide }));
    expect(evaluate(policies, ask({ context: { 'kms:EncryptionContext:x': 'a' } })).allowed).toBe(true);
  });
});

it('who asks has the type, id and name that AWS would give', () => {
  const of = (principalArn: string, key: string, value: string): boolean =>
    evaluate([policy('p', { Effect: 'Allow', Action: '*', Resource: '*', Condition: { StringEquals: { [key]: value } } })], ask({ principalArn })).allowed;
  const role = `arn:aws:iam::${ACCOUNT}:role/press/robot`;
  expect([of(ROOT, 'aws:PrincipalType', 'Account'), of(ROOT, 'aws:userid', ACCOUNT), of(role, 'aws:PrincipalType', 'AssumedRole'), of(role, 'aws:userid', 'press/robot')]).toEqual([true, true, true, true]);
  expect([of(ROOT, 'aws:username', 'root'), of(role, 'aws:username', 'robot')]).toEqual([false, false]);
});
