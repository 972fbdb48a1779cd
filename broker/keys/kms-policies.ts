/** Operations on the policy of a key. */
import { z } from 'zod';
import { checkPolicy, POLICY_NAME, policyText } from './key-policy.ts';
import type { KeyRecord, KeyState } from './key-state.ts';
import { allow, resolveKey, type Call } from './kms-call.ts';
import { KmsError } from './kms-error.ts';
import { flag, keyId, limit, marker, text } from './kms-input.ts';
import { changes, pageOf, reads, withKey, type Operation } from './kms-operation.ts';

const policyName = text(1, 128).optional();

/** Refuses a policy after which the caller could not put another: the key could not be managed any more. */
export function mustNotLockOut(call: Call, key: KeyRecord): void {
  try {
    allow(call, 'kms:PutKeyPolicy', { key });
  } catch (error) {
    if (!(error instanceof KmsError && error.type === 'AccessDeniedException')) throw error;
    throw new KmsError('MalformedPolicyDocumentException', 'The new key policy will not allow you to update the key policy in the future.', { cause: error });
  }
}

function mustBeDefault(name: string | undefined): void {
  if (name !== undefined && name !== POLICY_NAME) throw new KmsError('NotFoundException', 'No such policy exists');
}

const putInput = z.object({ KeyId: keyId, PolicyName: policyName, Policy: text(1, 131_072), BypassPolicyLockoutSafetyCheck: flag });

function putPolicy(call: Call, input: z.output<typeof putInput>): { state: KeyState; result: object } {
  mustBeDefault(input.PolicyName);
  const bypass = input.BypassPolicyLockoutSafetyCheck ?? false;
  const key = resolveKey(call, input.KeyId, 'no aliases');
  allow(call, 'kms:PutKeyPolicy', { key, facts: { 'kms:BypassPolicyLockoutSafetyCheck': String(bypass) } });
  checkPolicy(input.Policy);
  const after = { ...key, policy: input.Policy };
  if (!bypass) mustNotLockOut(call, after);
  return { state: withKey(call.state, key, after), result: {} };
}

export const policyOperations: readonly (readonly [string, Operation])[] = [
  ['GetKeyPolicy', reads(z.object({ KeyId: keyId, PolicyName: policyName }), (call, input) => {
    mustBeDefault(input.PolicyName);
    const key = resolveKey(call, input.KeyId, 'no aliases');
    allow(call, 'kms:GetKeyPolicy', { key });
    return { Policy: policyText(call.state, key), PolicyName: POLICY_NAME };
  })],
  ['PutKeyPolicy', changes(putInput, putPolicy)],
  ['ListKeyPolicies', reads(z.object({ KeyId: keyId, Limit: limit(1000), Marker: marker }), (call, input) => {
    allow(call, 'kms:ListKeyPolicies', { key: resolveKey(call, input.KeyId, 'no aliases') });
    const { items, more } = pageOf([POLICY_NAME], (name) => name, input.Limit ?? 100, input.Marker);
    return { PolicyNames: items, ...more };
  })],
];
