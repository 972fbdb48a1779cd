/** The two principals that nobody has to make: the home's owner, and the broker as the service. */
import { authorize } from '../access/evaluate.ts';
import type { NamedPolicy } from '../access/policy.ts';
import type { Caller } from './kms-call.ts';

/** The home's owner, whom the default key policy allows everything. */
export function ownerPrincipal(accountId: string): string {
  return `arn:aws:iam::${accountId}:root`;
}

/**
 * The broker. It uses the keys that the service owns, and a customer's key by grants to this name; no user of a home can
 * have it, since users are `…:user/NAME`.
 */
export function servicePrincipal(accountId: string): string {
  return `arn:aws:iam::${accountId}:role/aws-service-role/thrum/broker`;
}

const EVERYTHING: NamedPolicy = { name: 'owner', document: { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } } };

/** The owner as caller: of what concerns a key, its policy decides; in all else nobody else is asked. */
export function ownerCaller(accountId: string): Caller {
  return { principalArn: ownerPrincipal(accountId), authorize: (request, ofResource) => authorize(request, [EVERYTHING], ofResource) };
}

/** The broker as caller: it has no policies of its own, so with a customer's key it may what grants say, and nothing else. */
export function serviceCaller(accountId: string): Caller {
  return { principalArn: servicePrincipal(accountId), authorize: (request, ofResource) => authorize(request, [], ofResource) };
}
