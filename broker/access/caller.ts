/** Whoever asks, as the key service sees them: who they are, where from, and what their policies say together with a key's. */
import { REGION } from '../keys/key-state.ts';
import { authorize } from './evaluate.ts';
import type { NamedPolicy } from './policy.ts';
import type { Identity } from './principals.ts';
import type { AccessRequest, Decision } from './request.ts';

export interface Circumstances {
  readonly nowMs: number;
  /** A code of the second factor came with the request. */
  readonly mfa: boolean;
  readonly sourceIpAddress?: string;
  readonly secureTransport?: boolean;
}

export interface AccessCaller {
  readonly principalArn: string;
  readonly sourceIpAddress?: string;
  readonly mfa: boolean;
  readonly authorize: (request: AccessRequest, resourcePolicies: readonly NamedPolicy[]) => Decision;
}

export function callerOf(identity: Pick<Identity, 'arn' | 'policies'>, circumstances: Circumstances): AccessCaller {
  const { sourceIpAddress, mfa } = circumstances;
  const always = contextOf(circumstances);
  return {
    principalArn: identity.arn,
    mfa,
    ...(sourceIpAddress === undefined ? {} : { sourceIpAddress }),
    authorize: (request, resourcePolicies) => authorize({ ...request, context: { ...request.context, ...always } }, identity.policies, resourcePolicies),
  };
}

/** The condition keys that every request has. As with AWS, the second factor is absent where none came, not `false`. */
export function contextOf({ nowMs, mfa, sourceIpAddress, secureTransport }: Circumstances): AccessRequest['context'] {
  return {
    'aws:CurrentTime': new Date(nowMs).toISOString(),
    'aws:EpochTime': String(Math.floor(nowMs / 1000)),
    'aws:RequestedRegion': REGION,
    ...(mfa ? { 'aws:MultiFactorAuthPresent': 'true' } : {}),
    ...(sourceIpAddress === undefined ? {} : { 'aws:SourceIp': sourceIpAddress }),
    ...(secureTransport === undefined ? {} : { 'aws:SecureTransport': String(secureTransport) }),
  };
}
