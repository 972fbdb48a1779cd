/** Operations that use a key: encrypt, decrypt, data keys, random bytes. Plaintexts are wiped once they are written into the answer. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { KeyError } from '../errors.ts';
import { blobNames, decryptBlob, encryptBlob, type EncryptionContext } from './ciphertext.ts';
import { grantOfToken } from './grants.ts';
import { indexOf, keyArn } from './key-index.ts';
import type { KeyRecord, Material } from './key-state.ts';
import { aliasFact, allow, mustBeEnabled, resolveKey, stopDryRun, type Call } from './kms-call.ts';
import { invalid, invalidCiphertext, KmsError } from './kms-error.ts';
import { algorithm, blob, encryptionContext, flag, grantTokens, keyId } from './kms-input.ts';
import { reads, type Operation } from './kms-operation.ts';

const SYMMETRIC = 'SYMMETRIC_DEFAULT';
const MAX_PLAINTEXT_BYTES = 4096;
const MAX_CIPHERTEXT_BYTES = 6144;
const MAX_RANDOM_BYTES = 1024;

const ciphertextBlob = blob(1, MAX_CIPHERTEXT_BYTES);
const byteCount = z.number().int().min(1).max(MAX_RANDOM_BYTES).optional();
/** For enclaves, which there are none of: refused rather than passed over, since without it the plaintext is in clear. */
const recipient = z.unknown().optional();

function noRecipient(wish: unknown): void {
  if (wish !== undefined && wish !== null) throw new KmsError('UnsupportedOperationException', 'There are no enclaves here: leave Recipient out');
}

/** A key that this call may use now for `action`. */
function usable(call: Call, key: KeyRecord, action: string, context: EncryptionContext | undefined, facts: Record<string, string> = {}): KeyRecord {
  allow(call, action, { key, encryptionContext: context, facts: { 'kms:EncryptionAlgorithm': SYMMETRIC, ...facts } });
  mustBeEnabled(call, key);
  return key;
}

/** Grants act at once here, so a token is needed for nothing; one that is wrong is refused all the same. */
function checkTokens({ state, caller }: Call, given: readonly string[] | undefined): void {
  for (const token of [...(given ?? []), ...(caller.grantTokens ?? [])]) grantOfToken(state, token);
}

function seal(key: KeyRecord, context: EncryptionContext | undefined, plaintext: Buffer): { blob: string; material: Material } {
  const material = key.materials[key.materials.length - 1]!;
  const sealed = encryptBlob(key.keyId, material.materialId, Buffer.from(material.secret, 'base64'), context ?? {}, plaintext);
  return { blob: sealed.toString('base64'), material };
}

function open(key: KeyRecord, blobBytes: Buffer, context: EncryptionContext | undefined): { plaintext: Buffer; material: Material } {
  const { materialId } = blobNames(blobBytes);
  const material = key.materials.find((one) => one.materialId === materialId);
  if (!material) throw invalidCiphertext();
  try {
    return { plaintext: decryptBlob(blobBytes, Buffer.from(material.secret, 'base64'), context ?? {}), material };
  } catch (error) {
    if (error instanceof KeyError) throw invalidCiphertext();
    throw error;
  }
}

/** The key that a ciphertext names. A wish for another one is IncorrectKeyException. */
function keyOfBlob(call: Call, blobBytes: Buffer, wish: string | undefined): KeyRecord {
  const wished = wish === undefined ? undefined : resolveKey(call, wish, 'aliases');
  const named = namedKeyId(blobBytes);
  if (wished && wished.keyId !== named) {
    throw new KmsError('IncorrectKeyException', 'The key ID in the request does not identify a CMK that can perform this operation.');
  }
  const key = indexOf(call.state).byId.get(named);
  if (!key) {
    throw new KmsError('AccessDeniedException', 'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.');
  }
  call.resources.add(keyArn(call.state, key.keyId));
  return key;
}

function namedKeyId(blobBytes: Buffer): string {
  try {
    return blobNames(blobBytes).keyId;
  } catch (error) {
    if (error instanceof KeyError) throw invalidCiphertext();
    throw error;
  }
}

function base64Of(plaintext: Buffer): string {
  const text = plaintext.toString('base64');
  plaintext.fill(0);
  return text;
}

const encryptInput = z.object({
  KeyId: keyId, Plaintext: blob(1, MAX_PLAINTEXT_BYTES), EncryptionContext: encryptionContext, GrantTokens: grantTokens, EncryptionAlgorithm: algorithm, DryRun: flag,
});

function encrypt(call: Call, input: z.output<typeof encryptInput>): object {
  const { state } = call;
  const key = usable(call, resolveKey(call, input.KeyId, 'aliases'), 'kms:Encrypt', input.EncryptionContext, aliasFact(state, input.KeyId));
  checkTokens(call, input.GrantTokens);
  stopDryRun(input.DryRun);
  const sealed = seal(key, input.EncryptionContext, input.Plaintext);
  input.Plaintext.fill(0);
  return { CiphertextBlob: sealed.blob, KeyId: keyArn(state, key.keyId), EncryptionAlgorithm: SYMMETRIC };
}

const decryptInput = z.object({
  CiphertextBlob: ciphertextBlob, KeyId: keyId.optional(), EncryptionContext: encryptionContext, GrantTokens: grantTokens, EncryptionAlgorithm: algorithm, Recipient: recipient, DryRun: flag,
});

function decrypt(call: Call, input: z.output<typeof decryptInput>): object {
  noRecipient(input.Recipient);
  const { state } = call;
  const facts = input.KeyId === undefined ? {} : aliasFact(state, input.KeyId);
  const key = usable(call, keyOfBlob(call, input.CiphertextBlob, input.KeyId), 'kms:Decrypt', input.EncryptionContext, facts);
  checkTokens(call, input.GrantTokens);
  const { plaintext, material } = open(key, input.CiphertextBlob, input.EncryptionContext);
  const text = base64Of(plaintext);
  stopDryRun(input.DryRun);
  return { KeyId: keyArn(state, key.keyId), Plaintext: text, EncryptionAlgorithm: SYMMETRIC, KeyMaterialId: material.materialId };
}

const reEncryptInput = z.object({
  CiphertextBlob: ciphertextBlob,
  SourceEncryptionContext: encryptionContext,
  SourceKeyId: keyId.optional(),
  DestinationKeyId: keyId,
  DestinationEncryptionContext: encryptionContext,
  SourceEncryptionAlgorithm: algorithm,
  DestinationEncryptionAlgorithm: algorithm,
  GrantTokens: grantTokens,
  DryRun: flag,
});

function reEncrypt(call: Call, input: z.output<typeof reEncryptInput>): object {
  const { state } = call;
  const from = keyOfBlob(call, input.CiphertextBlob, input.SourceKeyId);
  const to = resolveKey(call, input.DestinationKeyId, 'aliases');
  const same = { 'kms:ReEncryptOnSameKey': String(from === to) };
  usable(call, from, 'kms:ReEncryptFrom', input.SourceEncryptionContext, { ...same, ...(input.SourceKeyId === undefined ? {} : aliasFact(state, input.SourceKeyId)) });
  usable(call, to, 'kms:ReEncryptTo', input.DestinationEncryptionContext, { ...same, ...aliasFact(state, input.DestinationKeyId) });
  checkTokens(call, input.GrantTokens);
  const opened = open(from, input.CiphertextBlob, input.SourceEncryptionContext);
  stopDryRun(input.DryRun);
  const sealed = seal(to, input.DestinationEncryptionContext, opened.plaintext);
  opened.plaintext.fill(0);
  return {
    CiphertextBlob: sealed.blob,
    SourceKeyId: keyArn(state, from.keyId),
    KeyId: keyArn(state, to.keyId),
    SourceEncryptionAlgorithm: SYMMETRIC,
    DestinationEncryptionAlgorithm: SYMMETRIC,
    SourceKeyMaterialId: opened.material.materialId,
    DestinationKeyMaterialId: sealed.material.materialId,
  };
}

const dataKeyInput = z.object({
  KeyId: keyId,
  EncryptionContext: encryptionContext,
  NumberOfBytes: byteCount,
  KeySpec: z.enum(['AES_256', 'AES_128']).optional(),
  GrantTokens: grantTokens,
  Recipient: recipient,
  DryRun: flag,
});

function generateDataKey(call: Call, input: z.output<typeof dataKeyInput>, withPlaintext: boolean): object {
  noRecipient(input.Recipient);
  const { state } = call;
  if ((input.NumberOfBytes === undefined) === (input.KeySpec === undefined)) throw invalid('Please specify either number of bytes or key spec.');
  const size = input.NumberOfBytes ?? (input.KeySpec === 'AES_128' ? 16 : 32);
  const action = withPlaintext ? 'kms:GenerateDataKey' : 'kms:GenerateDataKeyWithoutPlaintext';
  const key = usable(call, resolveKey(call, input.KeyId, 'aliases'), action, input.EncryptionContext, aliasFact(state, input.KeyId));
  checkTokens(call, input.GrantTokens);
  stopDryRun(input.DryRun);
  const plaintext = randomBytes(size);
  const sealed = seal(key, input.EncryptionContext, plaintext);
  const text = base64Of(plaintext);
  return { CiphertextBlob: sealed.blob, ...(withPlaintext ? { Plaintext: text } : {}), KeyId: keyArn(state, key.keyId), KeyMaterialId: sealed.material.materialId };
}

export const cryptoOperations: readonly (readonly [string, Operation])[] = [
  ['Encrypt', reads(encryptInput, encrypt)],
  ['Decrypt', reads(decryptInput, decrypt)],
  ['ReEncrypt', reads(reEncryptInput, reEncrypt)],
  ['GenerateDataKey', reads(dataKeyInput, (call, input) => generateDataKey(call, input, true))],
  ['GenerateDataKeyWithoutPlaintext', reads(dataKeyInput, (call, input) => generateDataKey(call, input, false))],
  ['GenerateRandom', reads(z.object({ NumberOfBytes: byteCount, CustomKeyStoreId: z.string().optional(), Recipient: recipient }), (call, input) => {
    noRecipient(input.Recipient);
    if (input.CustomKeyStoreId !== undefined) throw new KmsError('UnsupportedOperationException', 'There are no custom key stores here: leave CustomKeyStoreId out');
    if (input.NumberOfBytes === undefined) throw invalid('NumberOfBytes is required.');
    allow(call, 'kms:GenerateRandom', {});
    return { Plaintext: base64Of(randomBytes(input.NumberOfBytes)) };
  })],
];
