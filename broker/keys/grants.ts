/**
 * Grants: permission for one principal to do some operations with one key, as long as the encryption context is what the
 * grant asks for. Here is what a grant allows, whether one is as strict as another, and the tokens that name a grant.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { EncryptionContext } from './ciphertext.ts';
import { indexOf } from './key-index.ts';
import { KmsError } from './kms-error.ts';
import type { Grant, GrantOperation, KeyRecord, KeyState } from './key-state.ts';

type Pairs = readonly (readonly [string, string])[];

/** These have no encryption context, so what a grant asks of one does not count for them. */
const WITHOUT_CONTEXT = new Set<string>(['CreateGrant', 'DescribeKey', 'RetireGrant'] satisfies GrantOperation[]);

/** A key's grants that let a principal do an operation with this encryption context. */
export function grantsOf(key: KeyRecord, principalArn: string, operation: string, context: EncryptionContext): Grant[] {
  return (key.grants ?? []).filter(
    (grant) =>
      grant.grantee === principalArn &&
      (grant.operations as readonly string[]).includes(operation) &&
      (WITHOUT_CONTEXT.has(operation) || contextFits(grant, Object.entries(context))),
  );
}

/** As in AWS KMS names compare without regard to case here, values with it; the context itself binds both exactly. */
function contextFits({ subset, equals }: Grant, context: Pairs): boolean {
  return (subset === undefined || includesAll(context, subset)) && (equals === undefined || (includesAll(context, equals) && includesAll(equals, context)));
}

function includesAll(all: Pairs, wanted: Pairs): boolean {
  return wanted.every(([name, value]) => all.some(([one, other]) => one.toLowerCase() === name.toLowerCase() && other === value));
}

/** Whether all that `made` allows is allowed by `by` too: a grant may hand on no more than it gives. */
export function isAsStrict(made: Pick<Grant, 'operations' | 'subset' | 'equals'>, by: Grant): boolean {
  if (!made.operations.every((operation) => by.operations.includes(operation))) return false;
  const least = made.equals ?? made.subset ?? [];
  if (by.subset && !includesAll(least, by.subset)) return false;
  return by.equals === undefined || (made.equals !== undefined && includesAll(made.equals, by.equals) && includesAll(by.equals, made.equals));
}

const TOKEN_BYTES = 16 + 32 + 16 + 32;

/** A token of a grant: key id, grant id, salt, HMAC. Each is new, and all of a grant are good. */
export function newGrantToken(keyId: string, grant: Grant): string {
  const named = Buffer.concat([Buffer.from(keyId.replaceAll('-', ''), 'hex'), Buffer.from(grant.grantId, 'hex'), randomBytes(16)]);
  return Buffer.concat([named, macOf(grant, named)]).toString('base64');
}

/** The key and the grant of a token. InvalidGrantTokenException when it is none, or its grant is gone. */
export function grantOfToken(state: KeyState, token: string): { readonly key: KeyRecord; readonly grant: Grant } {
  const bytes = Buffer.from(token, 'base64');
  const named = bytes.subarray(0, TOKEN_BYTES - 32);
  const keyId = named.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const key = indexOf(state).byId.get(keyId);
  const grant = key?.grants?.find((one) => one.grantId === named.toString('hex', 16, 48));
  if (bytes.length !== TOKEN_BYTES || !key || !grant || !timingSafeEqual(macOf(grant, named), bytes.subarray(TOKEN_BYTES - 32))) {
    throw new KmsError('InvalidGrantTokenException', 'The grant token is not valid: it is damaged, or its grant was retired or revoked');
  }
  return { key, grant };
}

function macOf(grant: Grant, named: Buffer): Buffer {
  return createHmac('sha256', Buffer.from(grant.tokenSecret, 'base64')).update(named).digest();
}
