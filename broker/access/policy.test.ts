/** Reading policy documents: what is refused and where the error says it is; wildcards; hostile documents. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessError } from '../errors.ts';
import { MAX_POLICY_BYTES, readPolicy } from './policy.ts';
import { fits, fitsArn, MAX_STEPS, type Steps } from './wildcard.ts';

const steps = (): Steps => ({ left: MAX_STEPS });

const statement = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
const document = (...statements: object[]): string => JSON.stringify({ Version: '2012-10-17', Statement: statements });

function faultOf(json: string, kind: 'identity' | 'resource' = 'identity'): string {
  try {
    readPolicy(json, kind);
  } catch (error) {
    expect(error).toBeInstanceOf(AccessError);
    expect((error as AccessError).code).toBe('ACCESS_POLICY');
    return (error as Error).message;
  }
  return 'taken';
}

describe('a policy document', () => {
  it('may have one statement instead of a list', () => {
    expect(readPolicy(JSON.stringify({ Version: '2012-10-17', Statement: statement }), 'identity').Statement).toEqual(statement);
  });

  it('may write values of conditions as numbers and truth values', () => {
    const one = { ...statement, Condition: { Bool: { 'aws:MultiFactorAuthPresent': true }, NumericLessThan: { 'aws:EpochTime': [1, '2'] } } };
    expect(readPolicy(document(one), 'identity').Statement).toMatchObject([{ Condition: { Bool: { 'aws:MultiFactorAuthPresent': 'true' }, NumericLessThan: { 'aws:EpochTime': ['1', '2'] } } }]);
  });

  it.each([
    ['not JSON', '{', 'not JSON'],
    ['something else than an object', '[]', 'the document: '],
    ['another version', JSON.stringify({ Version: '2008-10-17', Statement: [statement] }), 'Version: '],
    ['no statement', document(), 'Statement: '],
    ['a field that there is not', document({ ...statement, Actoin: 'x' }), 'Statement[0]: '],
    ['an effect that there is not', document(statement, { ...statement, Effect: 'allow' }), 'Statement[1].Effect: '],
    ['no action', document({ Effect: 'Allow', Resource: '*' }), 'Statement[0].Action: '],
    ['both Action and NotAction', document({ ...statement, NotAction: 'kms:Decrypt' }), 'Statement[0].Action: '],
    ['no resource', document({ Effect: 'Allow', Action: '*' }), 'Statement[0].Resource: '],
    ['an action without a service', document({ ...statement, Action: ['kms:*', 'Decrypt'] }), 'Statement[0].Action[1]: '],
    ['a resource that is no ARN', document({ ...statement, Resource: 'alias/x' }), 'Statement[0].Resource: '],
    ['an operator that there is not', document({ ...statement, Condition: { StringEqual: { 'aws:x': 'a' } } }), 'Statement[0].Condition.StringEqual: '],
    ['a condition key without a prefix', document({ ...statement, Condition: { Bool: { MultiFactorAuthPresent: 'true' } } }), 'Statement[0].Condition.Bool.MultiFactorAuthPresent: '],
    ['a condition key that no request has', document(statement, { ...statement, Effect: 'Deny', Condition: { StringNotEquals: { 'aws:PrincipalOrgID': 'o-1' } } }), 'Statement[1].Condition.StringNotEquals.aws:PrincipalOrgID: no request has this key'],
    ['a condition key that is cut short', document({ ...statement, Condition: { StringEquals: { 'kms:EncryptionContext:': 'x' } } }), 'Condition.StringEquals.kms:EncryptionContext:: no request'],
    ['a truth value that is none', document({ ...statement, Condition: { Bool: { 'aws:x': 'yes' } } }), 'Statement[0].Condition.Bool.aws:x: '],
    ['an address that is none', document({ ...statement, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } } }), 'Condition.IpAddress.aws:SourceIp: '],
    ['a time that is none', document({ ...statement, Condition: { DateLessThan: { 'aws:CurrentTime': 'tomorrow' } } }), 'Condition.DateLessThan.aws:CurrentTime: '],
    ['a list of values without a set operator', document({ ...statement, Condition: { StringEquals: { 'kms:GrantOperations': 'Decrypt' } } }), 'ForAllValues:'],
    ['a policy variable', document({ ...statement, Resource: 'arn:thrum:store:::project/${aws:username}' }), 'policy variables'],
    ['a principal', document({ ...statement, Principal: '*' }), 'Statement[0].Principal: '],
    ['an operator twice', '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{\n"Bool":{"aws:a":"true"},"B\\u006fol":{"aws:b":"true"}}}}', 'line 2: "Bool" stands twice'],
    ['a name that parsers drop', '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"__proto__":{"aws:b":"true"}}}}', '"__proto__"'],
    ['too many statements', document(...Array.from({ length: 101 }, () => statement)), 'Statement: '],
    ['too many bytes', document({ ...statement, Sid: ' '.repeat(MAX_POLICY_BYTES) }), 'longer than'],
  ])('with %s is refused, and the error says where', (_what, json, place) => {
    expect(faultOf(json)).toContain(place);
    expect(faultOf(json)).not.toContain('\n');
  });

  it('of a key names whom it speaks of, in one of the forms that there are', () => {
    expect(faultOf(document(statement), 'resource')).toContain('Statement[0].Principal: ');
    expect(faultOf(document({ ...statement, Principal: { AWS: 'ana' } }), 'resource')).toContain('Statement[0].Principal.AWS: ');
    expect(faultOf(document({ ...statement, Principal: { AWS: 'arn:aws:iam::111122223333:user/*' } }), 'resource')).toContain('Statement[0].Principal.AWS: ');
    expect(faultOf(document({ ...statement, Principal: {} }), 'resource')).toContain('Statement[0].Principal: it names nobody');
    for (const Service of ['x', 'amazonaws.com', 'x.amazonaws.com.example', ['s3.amazonaws.com', '*']]) {
      expect(faultOf(document({ ...statement, Principal: { Service } }), 'resource')).toContain('Statement[0].Principal.Service: ');
    }
    for (const Principal of ['*', { AWS: '*' }, { AWS: ['111122223333', 'arn:aws:iam::111122223333:root', 'arn:aws:iam::111122223333:user/ana'] }, { Service: ['x.amazonaws.com', 'thrum.internal'] }]) {
      expect(faultOf(document({ ...statement, Principal }), 'resource')).toBe('taken');
    }
  });

  it('may use each condition key that requests have, whatever its case', () => {
    for (const key of ['aws:username', 'aws:userid', 'aws:PrincipalType', 'aws:RequestedRegion', 'AWS:sourceip', 'kms:EncryptionContext:a:b', 'aws:ResourceTag/site', 'kms:ViaAlias']) {
      expect(faultOf(document({ ...statement, Condition: { StringEquals: { [key]: 'x' } } })), key).toMatch(key === 'kms:ViaAlias' ? /no request/ : /^taken$/);
    }
  });

  it('that is hostile is an AccessError and nothing else', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 6 }), (json) => void faultOf(json)));
    fc.assert(fc.property(fc.string(), (json) => void faultOf(json)));
    expect(faultOf('['.repeat(MAX_POLICY_BYTES / 2) + ']'.repeat(MAX_POLICY_BYTES / 2))).toContain('the document: ');
  });
});

describe('a wildcard', () => {
  it.each([
    ['', '', true],
    ['*', '', true],
    ['?', '', false],
    ['a*c', 'abbc', true],
    ['a*c', 'abbd', false],
    ['a*b*c', 'aXbYbZc', true],
    ['*ab', 'aab', true],
    ['a**b', 'ab', true],
    ['[a-z]', 'b', false],
    ['a.c', 'abc', false],
  ])('%j fits %j: %j', (pattern, text, expected) => {
    expect(fits(pattern, text, steps())).toBe(expected);
  });

  it('fits as a regular expression would', () => {
    const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    fc.assert(fc.property(patterns, texts, (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
      expect(fits(pattern, text, steps())).toBe(expression.test(text));
    }), { numRuns: 2000 });
  });

  it('does not blow up on what makes regular expressions blow up', () => {
    const given = steps();
    expect(fits(`${'*a'.repeat(1000)}b`, 'a'.repeat(8000), given)).toBe(false);
    expect(given.left).toBeGreaterThan(MAX_STEPS - 2 * 8001);
  });

  it('takes no more steps than it is given, and fits nothing without any', () => {
    const given = steps();
    expect(fits(`*${'a'.repeat(2000)}b`, 'a'.repeat(8000), given)).toBe(false);
    expect(given.left).toBe(-1);
    expect(fits('a', 'a', given)).toBe(false);
  });

  it('in an ARN stays in its part', () => {
    expect(fitsArn('arn:aws:kms:*:111122223333:key/*', 'arn:aws:kms:us-east-1:111122223333:key/a:b', steps())).toBe(true);
    expect(fitsArn('arn:aws:kms:*:key/*', 'arn:aws:kms:us-east-1:111122223333:key/a', steps())).toBe(false);
    expect(fitsArn('*', 'arn:aws:kms:us-east-1:111122223333:key/a', steps())).toBe(false);
  });
});
