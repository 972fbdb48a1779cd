/**
 * One call of the KMS engine: who calls, what the keys are like at that moment, and whether the caller may. A call is
 * allowed when the policies of the caller and of the key allow it together (broker/access), or a grant of the caller
 * does; whatever denies wins over both.
 */
import type { AccessRequest, Decision } from '../access/request.ts';
import type { NamedPolicy } from '../access/policy.ts';
import type { EncryptionContext } from './ciphertext.ts';
import { grantsOf } from './grants.ts';
import { aliasTarget, findKey, indexOf, keyArn } from './key-index.ts';
import { policyOf } from './key-policy.ts';
import { disabled, KmsError, noSuchKey, pendingDeletion } from './kms-error.ts';
import type { Grant, KeyRecord, KeyState } from './key-state.ts';
import { servicePrincipal } from './principals.ts';

/** Who calls. */
export interface Caller {
  /** `arn:aws:iam::<account>:root`, `…:user/<name>` or `…:role/<name>`. */
  readonly principalArn: string;
  readonly sourceIpAddress?: string;
  /** Whether a second factor was given. */
  readonly mfa?: boolean;
  readonly grantTokens?: readonly string[];
  /** What the caller's policies and those of the resource say together (broker/access/evaluate.ts, `authorize`). */
  authorize(request: AccessRequest, resourcePolicies: readonly NamedPolicy[]): Decision;
}

/** The state of one call while it runs. */
export interface Call {
  readonly state: KeyState;
  readonly nowMs: number;
  readonly caller: Caller;
  /** ARNs of what the call is about, for the audit trail. */
  readonly resources: Set<string>;
}

/** What a permission is asked for: a key, an alias, or neither (`*`). */
export interface Question {
  readonly key?: KeyRecord;
  readonly aliasArn?: string;
  readonly encryptionContext?: EncryptionContext | undefined;
  /** Condition keys of this operation beyond those that every call has. */
  readonly facts?: AccessRequest['context'];
  /** What a grant must fulfil besides naming caller and operation. */
  readonly grantFits?: (grant: Grant) => boolean;
  /** The caller may unless something denies it: a grant's retiring principal. */
  readonly entitled?: boolean;
}

/** What the service itself may do with the keys that it owns. */
const SERVICE_ACTIONS = new Set(['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncryptFrom', 'kms:ReEncryptTo']);

/** The key of an id or key ARN; with `aliases`, also of an alias or alias ARN. NotFoundException, with AWS's texts. */
export function resolveKey(call: Call, name: string, aliases: 'aliases' | 'no aliases'): KeyRecord {
  const { state } = call;
  const [, region, account, local] = /^arn:aws:kms:([^:]*):([^:]*):(.*)$/s.exec(name) ?? [];
  if (region !== undefined && region !== state.region) throw new KmsError('NotFoundException', `Invalid arn ${region}`);
  const isAlias = (local ?? name).startsWith('alias/');
  if (isAlias && aliases === 'no aliases') throw new KmsError('NotFoundException', `Invalid keyId '${name}'`);
  const key = findKey(state, name);
  if (key) {
    call.resources.add(keyArn(state, key.keyId));
    return key;
  }
  if (isAlias) throw new KmsError('NotFoundException', `Alias arn:aws:kms:${state.region}:${account ?? state.accountId}:${local ?? name} is not found.`);
  const keyId = local?.replace(/^key\//, '') ?? name;
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(keyId)) throw new KmsError('NotFoundException', `Invalid keyId '${keyId}'`);
  throw noSuchKey(local === undefined ? keyArn(state, keyId) : name);
}

/** Asks whether the caller may do `action` (`kms:Decrypt`). Throws AccessDeniedException. */
export function allow(call: Call, action: string, question: Question): void {
  const { state, caller } = call;
  const { key } = question;
  const resource = key ? keyArn(state, key.keyId) : (question.aliasArn ?? '*');
  if (key?.owner === 'service') {
    if (caller.principalArn === servicePrincipal(state.accountId) && SERVICE_ACTIONS.has(action)) return;
    throw denied(caller, action, resource, 'because no resource-based policy allows it: the key is the service’s own');
  }
  const request = { principalArn: caller.principalArn, action, resource, context: contextOf(call, question) };
  const decision = caller.authorize(request, key ? [policyOf(state, key)] : []);
  if (decision.allowed) return;
  if (decision.reason === 'explicitDeny') throw denied(caller, action, resource, 'with an explicit deny');
  if (question.entitled) return;
  const grants = key ? grantsOf(key, caller.principalArn, action.slice('kms:'.length), question.encryptionContext ?? {}) : [];
  if (grants.some(question.grantFits ?? (() => true))) return;
  throw denied(caller, action, resource, `because no identity-based policy, key policy or grant allows the ${action} action`);
}

/** A key that may be used: DisabledException, or KMSInvalidStateException while it waits to be deleted. */
export function mustBeEnabled({ state }: Call, key: KeyRecord): void {
  if (key.state === 'PendingDeletion') throw pendingDeletion(state, key);
  if (key.state === 'Disabled') throw disabled(state, key);
}

/** A key that may be changed: KMSInvalidStateException while it waits to be deleted. */
export function mustStay({ state }: Call, key: KeyRecord): void {
  if (key.state === 'PendingDeletion') throw pendingDeletion(state, key);
}

/** Ends a call that was only to be tried. */
export function stopDryRun(dryRun: boolean | undefined): void {
  if (dryRun) throw new KmsError('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.');
}

function denied(caller: Caller, action: string, resource: string, why: string): KmsError {
  return new KmsError('AccessDeniedException', `User: ${caller.principalArn} is not authorized to perform: ${action} on resource: ${resource} ${why}`);
}

function contextOf({ state, nowMs, caller }: Call, { key, encryptionContext, facts }: Question): AccessRequest['context'] {
  const pairs = Object.entries(encryptionContext ?? {});
  return {
    'kms:CallerAccount': state.accountId,
    ...(key ? keyFacts(state, key) : {}),
    ...Object.fromEntries(pairs.map(([name, value]) => [`kms:EncryptionContext:${name}`, value])),
    ...(pairs.length === 0 ? {} : { 'kms:EncryptionContextKeys': pairs.map(([name]) => name) }),
    ...facts,
    'aws:PrincipalArn': caller.principalArn,
    'aws:PrincipalAccount': state.accountId,
    'aws:RequestedRegion': state.region,
    'aws:CurrentTime': new Date(nowMs).toISOString(),
    'aws:EpochTime': String(Math.floor(nowMs / 1000)),
    ...(caller.sourceIpAddress === undefined ? {} : { 'aws:SourceIp': caller.sourceIpAddress }),
    ...(caller.mfa ? { 'aws:MultiFactorAuthPresent': 'true' } : {}), // as with AWS it is absent, not false, where none was given
  };
}

function keyFacts(state: KeyState, key: KeyRecord): AccessRequest['context'] {
  const aliases = indexOf(state).aliasesOf.get(key.keyId);
  return {
    'kms:KeySpec': 'SYMMETRIC_DEFAULT',
    'kms:KeyUsage': 'ENCRYPT_DECRYPT',
    'kms:KeyOrigin': 'AWS_KMS',
    'kms:MultiRegion': 'false',
    ...(aliases ? { 'kms:ResourceAliases': aliases } : {}),
    ...Object.fromEntries((key.tags ?? []).map(([name, value]) => [`aws:ResourceTag/${name}`, value])),
  };
}

/** `{ 'kms:RequestAlias': … }` where a key was named by its alias. */
export function aliasFact(state: KeyState, name: string): Record<string, string> {
  const alias = name.slice(name.lastIndexOf(':') + 1);
  return aliasTarget(state, alias) === undefined ? {} : { 'kms:RequestAlias': alias };
}
