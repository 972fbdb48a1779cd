/** The policy of a key: the document that says who may use and manage it. */
import { readKeptPolicy, readPolicy, type NamedPolicy } from '../access/policy.ts';
import { AccessError } from '../errors.ts';
import { KmsError } from './kms-error.ts';
import { MAX_POLICY_CHARS, type KeyRecord, type KeyState } from './key-state.ts';
import { ownerPrincipal } from './principals.ts';

/** The only name that a key's policy has. */
export const POLICY_NAME = 'default';

const parsed = new WeakMap<KeyRecord, NamedPolicy>();

/** A key's policy, ready to be evaluated. */
export function policyOf(state: KeyState, key: KeyRecord): NamedPolicy {
  let policy = parsed.get(key);
  if (!policy) {
    policy = { name: `key policy of ${key.keyId}`, document: readKeptPolicy(policyText(state, key), 'resource') };
    parsed.set(key, policy);
  }
  return policy;
}

/** The document as it was put, or the default of AWS KMS: the account may do everything, and decides whom it lets. */
export function policyText(state: KeyState, key: KeyRecord): string {
  if (key.policy !== undefined) return key.policy;
  const statement = { Sid: 'Enable IAM User Permissions', Effect: 'Allow', Principal: { AWS: ownerPrincipal(state.accountId) }, Action: 'kms:*', Resource: '*' };
  return JSON.stringify({ Version: '2012-10-17', Id: 'key-default-1', Statement: [statement] }, null, 2);
}

/** Checks a document that is to become a key's policy. MalformedPolicyDocumentException says where it is wrong. */
export function checkPolicy(document: string): void {
  if (document.length > MAX_POLICY_CHARS) throw new KmsError('LimitExceededException', `A key policy has at most ${MAX_POLICY_CHARS} characters`);
  try {
    readPolicy(document, 'resource');
  } catch (error) {
    if (error instanceof AccessError) throw new KmsError('MalformedPolicyDocumentException', error.message, { cause: error });
    throw error;
  }
}
