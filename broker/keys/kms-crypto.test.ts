/** Using keys: what a ciphertext is bound to, what is refused and in which words, and that nothing hostile gets further. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KmsError } from './kms-error.ts';
import { KMS_OPERATIONS } from './kms-engine.ts';
import { base64, makeKms, type TestKms } from './kms.fixture.ts';

let kms: TestKms;
let KeyId: string;
let arn: string;

beforeEach(async () => {
  kms = await makeKms();
  ({ id: KeyId, arn } = await kms.key());
});
afterEach(() => kms.remove());

const failure = async (operation: string, input: unknown): Promise<{ type: string; message: string; status: number }> => {
  const error = await kms.call(operation, input as object).then(() => undefined, (cause: unknown) => cause);
  if (!(error instanceof KmsError)) throw new Error(`${operation} was not refused: ${String(error)}`);
  return { type: error.type, message: error.message, status: error.status };
};

describe('a ciphertext', () => {
  /** Collisions of encryption contexts that are written one after the other without their lengths. */
  it.each([
    [{ ab: 'c' }, { a: 'bc' }],
    [{ project: '1', x: '2' }, { project: '1x2' }],
    [JSON.parse('{"__proto__":"x"}') as object, {}],
    [{ a: 'b' }, { A: 'b' }],
  ])('made with the encryption context %j does not open with %j', async (made, other) => {
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x'), EncryptionContext: made });
    expect(await failure('Decrypt', { CiphertextBlob, EncryptionContext: other })).toEqual({ type: 'InvalidCiphertextException', message: '', status: 400 });
    expect(await failure('ReEncrypt', { CiphertextBlob, SourceEncryptionContext: other, DestinationKeyId: KeyId })).toMatchObject({ type: 'InvalidCiphertextException' });
    expect((await kms.call('Decrypt', { CiphertextBlob, EncryptionContext: made })).Plaintext).toBe(base64('x'));
  });

  it('says itself which key it is under; a wish for another is refused, in any form of its name', async () => {
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x') });
    await kms.call('CreateAlias', { AliasName: 'alias/mine', TargetKeyId: KeyId });
    for (const name of [undefined, KeyId, arn, 'alias/mine', arn.replace(/key\/.*/, 'alias/mine')]) {
      expect(await kms.call('Decrypt', { CiphertextBlob, ...(name === undefined ? {} : { KeyId: name }) })).toMatchObject({ KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    }
    const other = await kms.key();
    expect(await failure('Decrypt', { CiphertextBlob, KeyId: other.id })).toEqual({
      type: 'IncorrectKeyException', status: 400, message: 'The key ID in the request does not identify a CMK that can perform this operation.',
    });
  });

  it('of a key that is unknown here is refused without saying so', async () => {
    const elsewhere = await makeKms();
    const foreign = await elsewhere.key();
    const { CiphertextBlob } = await elsewhere.call('Encrypt', { KeyId: foreign.id, Plaintext: base64('x') });
    await elsewhere.remove();
    expect(await failure('Decrypt', { CiphertextBlob })).toEqual({
      type: 'AccessDeniedException', status: 400, message: 'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
    });
  });

  it('that was altered anywhere is refused, and never opens', async () => {
    const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('secret'), EncryptionContext: { a: 'b' } });
    const bytes = Buffer.from(CiphertextBlob, 'base64');
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.nat(bytes.length), async (at, flip, keep) => {
        const altered = Buffer.from(bytes);
        altered[at]! ^= flip;
        for (const one of [altered, bytes.subarray(0, Math.max(1, Math.min(keep, bytes.length - 1))), Buffer.concat([bytes, Buffer.of(flip)])]) {
          const { type } = await failure('Decrypt', { CiphertextBlob: one.toString('base64'), EncryptionContext: { a: 'b' } });
          expect(['InvalidCiphertextException', 'AccessDeniedException']).toContain(type);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('that is any bytes is refused', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      const { type } = await failure('Decrypt', { CiphertextBlob: Buffer.from(bytes).toString('base64') });
      expect(['InvalidCiphertextException', 'AccessDeniedException']).toContain(type);
    }));
  });
});

it('re-encrypts under another key and context without showing the plaintext', async () => {
  const to = await kms.key();
  const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x'), EncryptionContext: { a: '1' } });
  const moved = await kms.call('ReEncrypt', { CiphertextBlob, SourceEncryptionContext: { a: '1' }, DestinationKeyId: to.id, DestinationEncryptionContext: { b: '2' } });
  expect(Object.keys(moved).sort()).toEqual(['CiphertextBlob', 'DestinationEncryptionAlgorithm', 'DestinationKeyMaterialId', 'KeyId', 'SourceEncryptionAlgorithm', 'SourceKeyId', 'SourceKeyMaterialId']);
  expect(moved).toMatchObject({ SourceKeyId: arn, KeyId: to.arn });
  await kms.call('DisableKey', { KeyId });
  expect((await kms.call('Decrypt', { CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { b: '2' } })).Plaintext).toBe(base64('x'));
});

it('makes data keys and random bytes of the wished length', async () => {
  const sizes: [object, number][] = [[{ KeySpec: 'AES_256' }, 32], [{ KeySpec: 'AES_128' }, 16], [{ NumberOfBytes: 1 }, 1], [{ NumberOfBytes: 1024 }, 1024]];
  for (const [wish, bytes] of sizes) {
    const made = await kms.call('GenerateDataKey', { KeyId, ...wish });
    expect(Buffer.from(made.Plaintext, 'base64')).toHaveLength(bytes);
    expect((await kms.call('Decrypt', { CiphertextBlob: made.CiphertextBlob })).Plaintext).toBe(made.Plaintext);
    expect(await kms.call('GenerateDataKeyWithoutPlaintext', { KeyId, ...wish })).not.toHaveProperty('Plaintext');
  }
  expect(Buffer.from((await kms.call('GenerateRandom', { NumberOfBytes: 64 })).Plaintext, 'base64')).toHaveLength(64);
});

it('reads in process what was encrypted over the wire, and the other way round', async () => {
  const context = { 'thrum:project': 'p-1' };
  await kms.keys.grant(arn, 'p-1');
  const { wrapped, plaintext } = await kms.keys.generateDataKey(arn, context);
  expect((await kms.call('Decrypt', { CiphertextBlob: wrapped.toString('base64'), EncryptionContext: context })).Plaintext).toBe(plaintext.toString('base64'));
  const made = await kms.call('GenerateDataKey', { KeyId, KeySpec: 'AES_256', EncryptionContext: context });
  expect((await kms.keys.decrypt(Buffer.from(made.CiphertextBlob, 'base64'), context)).toString('base64')).toBe(made.Plaintext);
});

it('says that a request would have succeeded, and does nothing, when it is only to be tried', async () => {
  const { CiphertextBlob } = await kms.call('Encrypt', { KeyId, Plaintext: base64('x') });
  for (const [operation, input] of [['Encrypt', { KeyId, Plaintext: base64('x') }], ['Decrypt', { CiphertextBlob }], ['GenerateDataKey', { KeyId, KeySpec: 'AES_256' }], ['ReEncrypt', { CiphertextBlob, DestinationKeyId: KeyId }]] as const) {
    expect(await failure(operation, { ...input, DryRun: true })).toEqual({ type: 'DryRunOperationException', status: 400, message: 'The request would have succeeded, but the DryRun option is set.' });
  }
  await kms.call('DisableKey', { KeyId });
  expect((await failure('Encrypt', { KeyId, Plaintext: base64('x'), DryRun: true })).type).toBe('DisabledException');
});

describe('what is refused', () => {
  const uuid = '00000000-0000-4000-8000-000000000001';
  const oneError = '1 validation error detected: Value ';
  it.each<[string, (id: string) => unknown, string, string | RegExp]>([
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: Buffer.alloc(4097).toString('base64') }), 'ValidationException', `${oneError}at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096`],
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: '' }), 'ValidationException', `${oneError}at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1`],
    ['Encrypt', (id) => ({ KeyId: id }), 'ValidationException', `${oneError}null at 'plaintext' failed to satisfy constraint: Member must not be null`],
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: 'eA' }), 'SerializationException', 'plaintext is not base64'],
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: 7 }), 'SerializationException', /plaintext/],
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: 'eA==', EncryptionContext: { a: 1 } }), 'SerializationException', /encryptionContext/],
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: 'eA==', EncryptionContext: [] }), 'ValidationException', /encryptionContext/],
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: 'eA==', EncryptionContext: { a: '\ud800' } }), 'ValidationException', /Unicode/],
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: 'eA==', EncryptionContext: { a: 'x'.repeat(8192) } }), 'ValidationException', /8192/],
    ['Encrypt', (id) => ({ KeyId: id, Plaintext: 'eA==', EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' }), 'ValidationException', /enum value set: \[SYMMETRIC_DEFAULT\]/],
    ['Decrypt', () => ({ CiphertextBlob: Buffer.alloc(6145).toString('base64') }), 'ValidationException', /6144/],
    ['Decrypt', () => ({ CiphertextBlob: 'eA==', Recipient: {} }), 'UnsupportedOperationException', /Recipient/],
    ['GenerateDataKey', (id) => ({ KeyId: id, NumberOfBytes: 1025 }), 'ValidationException', `${oneError}'1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024`],
    ['GenerateDataKey', (id) => ({ KeyId: id }), 'ValidationException', 'Please specify either number of bytes or key spec.'],
    ['GenerateDataKey', (id) => ({ KeyId: id, NumberOfBytes: 1, KeySpec: 'AES_128' }), 'ValidationException', 'Please specify either number of bytes or key spec.'],
    ['GenerateRandom', () => ({}), 'ValidationException', 'NumberOfBytes is required.'],
    ['DescribeKey', () => ({ KeyId: 'nope' }), 'NotFoundException', "Invalid keyId 'nope'"],
    ['DescribeKey', () => ({ KeyId: uuid }), 'NotFoundException', /^Key 'arn:aws:kms:us-east-1:\d{12}:key\/00000000-0000-4000-8000-000000000001' does not exist$/],
    ['DescribeKey', () => ({ KeyId: `arn:aws:kms:eu-west-1:111122223333:key/${uuid}` }), 'NotFoundException', 'Invalid arn eu-west-1'],
    ['DescribeKey', () => ({ KeyId: `arn:aws:kms:us-east-1:111122223333:key/${uuid}` }), 'NotFoundException', `Key 'arn:aws:kms:us-east-1:111122223333:key/${uuid}' does not exist`],
    ['DescribeKey', () => ({ KeyId: 'alias/__proto__' }), 'NotFoundException', /^Alias arn:aws:kms:us-east-1:\d{12}:alias\/__proto__ is not found\.$/],
    ['DisableKey', () => ({ KeyId: 'alias/x' }), 'NotFoundException', "Invalid keyId 'alias/x'"],
    ['CreateAlias', (id) => ({ AliasName: 'x', TargetKeyId: id }), 'ValidationException', /^Alias must start with the prefix "alias\/"\. Please see /],
    ['CreateAlias', (id) => ({ AliasName: 'alias/aws/x', TargetKeyId: id }), 'InvalidAliasNameException', /reserved/],
    ['CreateAlias', (id) => ({ AliasName: 'alias/ü', TargetKeyId: id }), 'InvalidAliasNameException', /letters/],
    ['CreateAlias', () => ({ AliasName: 'alias/x', TargetKeyId: 'alias/y' }), 'ValidationException', 'Aliases must refer to keys. Not aliases'],
    ['CreateKey', () => ({ KeySpec: 'RSA_2048' }), 'UnsupportedOperationException', /KeySpec/],
    ['CreateKey', () => ({ MultiRegion: true }), 'UnsupportedOperationException', /MultiRegion/],
    ['CreateKey', () => ({ Description: 'x'.repeat(8193) }), 'ValidationException', /8192/],
    ['ListKeys', () => ({ Limit: 1001 }), 'ValidationException', /1000/],
    ['ListKeys', () => ({ Marker: 'x' }), 'InvalidMarkerException', /marker/],
    ['ListKeys', () => 'text', 'SerializationException', 'The request is not a JSON object'],
    ['ListKeys', () => null, 'SerializationException', 'The request is not a JSON object'],
    ['constructor', () => ({}), 'UnknownOperationException', ''],
    ['__proto__', () => ({}), 'UnknownOperationException', ''],
  ])('%s %#', async (operation, input, type, message) => {
    expect(await failure(operation, input(KeyId))).toEqual({ type, status: 400, message: typeof message === 'string' ? message : (expect.stringMatching(message) as string) });
  });

  it('is refused in the engine’s words, whatever an operation is given', { timeout: 60_000 }, async () => {
    const members = ['KeyId', 'Plaintext', 'CiphertextBlob', 'EncryptionContext', 'Limit', 'Marker', 'AliasName', 'TargetKeyId', 'Tags', 'TagKeys', 'Policy', 'Operations', 'GranteePrincipal', 'Constraints', 'GrantTokens', 'GrantToken'];
    const value = fc.oneof(fc.constantFrom<unknown>(null, 0, -1, 1.5, '', '__proto__', 'alias/x', [], [[]], [{}], {}, true), fc.jsonValue(), fc.constant(KeyId));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...KMS_OPERATIONS.filter((name) => name !== 'CreateKey')), fc.dictionary(fc.constantFrom(...members), value), async (operation, input) => {
        const error = await kms.call(operation, input).then(() => undefined, (cause: unknown) => cause);
        if (error !== undefined) expect(error).toBeInstanceOf(KmsError);
      }),
      { numRuns: 500 },
    );
  });
});

describe('tags and aliases', () => {
  it('may have names that objects have already', async () => {
    const Tags = ['__proto__', 'constructor', 'toString'].map((TagKey) => ({ TagKey, TagValue: 'v' }));
    await kms.call('TagResource', { KeyId, Tags });
    for (const name of ['__proto__', 'constructor', 'toString']) await kms.call('CreateAlias', { AliasName: `alias/${name}`, TargetKeyId: KeyId });
    const again = kms.elsewhere();
    expect((await again.describeKey('alias/__proto__')).aliases).toEqual(['alias/__proto__', 'alias/constructor', 'alias/toString']);
    expect(await kms.call('ListResourceTags', { KeyId })).toMatchObject({ Tags: [{ TagKey: '__proto__', TagValue: 'v' }, { TagKey: 'constructor' }, { TagKey: 'toString' }] });
    await kms.call('DeleteAlias', { AliasName: 'alias/__proto__' });
    expect(await kms.refusal('DeleteAlias', { AliasName: 'alias/__proto__' })).toBe('NotFoundException');
  });

  it('have their limits: 50 each, no tag twice, none of AWS’s own', async () => {
    const tags = (count: number, prefix = 't'): object[] => Array.from({ length: count }, (_, n) => ({ TagKey: `${prefix}${n}`, TagValue: '' }));
    await kms.call('TagResource', { KeyId, Tags: tags(50) });
    await kms.call('TagResource', { KeyId, Tags: [{ TagKey: 't0', TagValue: 'new' }] });
    for (const [Tags, message] of [[tags(1, 'u'), 'Too many tags'], [[...tags(1), ...tags(1)], 'Duplicate tag keys'], [[{ TagKey: 'aws:x', TagValue: '' }], 'Tags beginning with aws: are reserved']] as const) {
      expect(await failure('TagResource', { KeyId, Tags })).toEqual({ type: 'TagException', status: 400, message });
    }
    for (let n = 0; n < 50; n++) await kms.call('CreateAlias', { AliasName: `alias/a${n}`, TargetKeyId: KeyId });
    expect(await kms.refusal('CreateAlias', { AliasName: 'alias/a50', TargetKeyId: KeyId })).toBe('LimitExceededException');
    expect(await kms.refusal('CreateAlias', { AliasName: 'alias/a1', TargetKeyId: (await kms.key()).id })).toBe('AlreadyExistsException');
  });
});
