/** What the audit trail is told of a call: who, what, with which key and encryption context; never what it protects. */
import type { AuditEvent } from '../audit/event.ts';
import type { Caller } from './kms-call.ts';
import { KmsError } from './kms-error.ts';

/** Members of requests that may be told, as CloudTrail tells them. What is not named here stays out. */
const TOLD = [
  'AliasName', 'BypassPolicyLockoutSafetyCheck', 'Constraints', 'Description', 'DestinationEncryptionContext', 'DestinationKeyId', 'DryRun', 'EncryptionAlgorithm',
  'EncryptionContext', 'GrantId', 'GranteePrincipal', 'IncludeKeyMaterial', 'KeyId', 'KeySpec', 'KeyUsage', 'Limit', 'Name', 'NumberOfBytes', 'Operations', 'PendingWindowInDays',
  'Policy', 'PolicyName', 'RetiringPrincipal', 'RotationPeriodInDays', 'SourceEncryptionContext', 'SourceKeyId', 'TagKeys', 'Tags', 'TargetKeyId',
] as const;
/** Members of answers to changes. */
const ANSWERED = ['DeletionDate', 'GrantId', 'KeyId', 'KeyMetadata', 'KeyState'] as const;
/** Of the JSON of all that is told but the policy; what is longer, or too deep to be told, is a request that is refused anyway. */
const MAX_TOLD_CHARS = 40_000;

const READ_ONLY = /^(Decrypt|Describe|Encrypt|Generate|Get|List|ReEncrypt)/;

/** Stands for all operations that there are not. */
export const UNKNOWN_OPERATION = 'UnknownOperation';

interface AuditedCall {
  readonly operation: string;
  /** What the trail calls it. */
  readonly eventName: string;
  readonly input: unknown;
  readonly caller: Caller;
  readonly resources: ReadonlySet<string>;
  readonly result?: object;
  readonly error?: unknown;
}

export function auditEvent({ operation, eventName, input, caller, resources, result, error }: AuditedCall): AuditEvent {
  const readOnly = READ_ONLY.test(operation);
  return {
    eventSource: 'kms.amazonaws.com',
    eventName,
    principal: caller.principalArn,
    sourceIpAddress: caller.sourceIpAddress,
    requestParameters: eventName === operation ? pick(input, TOLD) : { operation: operation.slice(0, 128) },
    ...(result === undefined || readOnly ? {} : { responseElements: pick(result, ANSWERED) }),
    ...(error === undefined ? {} : { errorCode: error instanceof KmsError ? error.type : 'KMSInternalException', errorMessage: error instanceof KmsError ? error.message : '' }),
    readOnly,
    resources: [...resources],
  };
}

/** Some members of an object, named as CloudTrail names them: `KeyId` is `keyId`. */
function pick(from: unknown, names: readonly string[]): Record<string, unknown> {
  if (typeof from !== 'object' || from === null) return {};
  const told = names.filter((name) => Object.hasOwn(from, name)).map((name) => [name.slice(0, 1).toLowerCase() + name.slice(1), (from as Record<string, unknown>)[name]]);
  const picked = Object.fromEntries(told) as Record<string, unknown>;
  const { policy, ...others } = picked;
  return isShort(others) && (policy === undefined || typeof policy === 'string' || isShort(policy)) ? picked : { omitted: 'too long' };
}

function isShort(told: unknown): boolean {
  try {
    return JSON.stringify(told).length <= MAX_TOLD_CHARS;
  } catch (error) {
    if (error instanceof RangeError) return false; // nested deeper than the stack
    throw error;
  }
}
