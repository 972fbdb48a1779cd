/**
 * IAM's evaluation: nothing is allowed unless a statement allows it, and one that denies wins over all that allow. The
 * decision names the statement that made it.
 */
import { principalFacts } from './condition-keys.ts';
import { conditionHolds, contextOf, type Context } from './condition.ts';
import { listOf, statementsOf, THRUM_SERVICE, type NamedPolicy, type OneOrMany, type Statement } from './policy.ts';
import type { AccessRequest, Decision } from './request.ts';
import { fits, MAX_STEPS, type Steps } from './wildcard.ts';

/** The broker (keys/principals.ts), which is the service where a key's policy speaks of it. */
const OF_THE_SERVICE = /^arn:aws:iam::\d{12}:role\/aws-service-role\/thrum\//;

const NOTHING_ALLOWS: Decision = { allowed: false, reason: 'implicitDeny', decidedBy: undefined };

/**
 * What these policies say to a request; first come, first named. Where comparing takes more than MAX_STEPS, the statement that went
 * past it denies: a statement that was not compared to its end could have been one that denies. A statement with a Principal speaks of that one only: an
 * account (`…:root`) means, where it allows, the account's root itself, and where it denies, everybody in it.
 */
export function evaluate(policies: readonly NamedPolicy[], request: AccessRequest): Decision {
  return evaluateAs(request.principalArn, policies, request);
}

/**
 * What the policies of a principal and those of the resource say together. Either may allow; but where the resource has a
 * policy, those of principals count only if it says so by allowing it to their account, as the default policy of a key does.
 */
export function authorize(request: AccessRequest, ofPrincipal: readonly NamedPolicy[], ofResource: readonly NamedPolicy[]): Decision {
  const byResource = evaluate(ofResource, request);
  if (byResource.reason === 'explicitDeny') return byResource;
  const byPrincipal = evaluate(ofPrincipal, request);
  if (byPrincipal.reason === 'explicitDeny') return byPrincipal;
  if (byResource.allowed || !byPrincipal.allowed) return byResource;
  const delegates = ofResource.length === 0 || evaluateAs(rootOf(request.principalArn), ofResource, request).allowed;
  return delegates ? byPrincipal : NOTHING_ALLOWS;
}

/** `arn:aws:iam::<account>:root` of a principal's account. */
export function rootOf(principalArn: string): string {
  return `arn:aws:iam::${accountOf(principalArn)}:root`;
}

function evaluateAs(principalArn: string, policies: readonly NamedPolicy[], request: AccessRequest): Decision {
  const context = contextOf({ ...principalFacts(request.principalArn), ...request.context });
  const steps: Steps = { left: MAX_STEPS };
  let allowed: Decision | undefined;
  for (const { name, document } of policies) {
    for (const [index, statement] of statementsOf(document).entries()) {
      if (allowed && statement.Effect === 'Allow') continue;
      const applies = speaksOf(statement, principalArn) && covers(statement, request, steps) && conditionsHold(statement, context, steps);
      const tooMuch = steps.left < 0;
      if (!applies && !tooMuch) continue;
      const decidedBy = { policy: name, sid: statement.Sid, index };
      if (statement.Effect === 'Deny' || tooMuch) return { allowed: false, reason: 'explicitDeny', decidedBy };
      allowed = { allowed: true, reason: 'allowed', decidedBy };
    }
  }
  return allowed ?? NOTHING_ALLOWS;
}

function speaksOf({ Principal, Effect }: Statement, principalArn: string): boolean {
  if (Principal === undefined || Principal === '*') return true;
  if (listOf(Principal.Service).some((one) => one === principalArn || (one === THRUM_SERVICE && OF_THE_SERVICE.test(principalArn)))) return true;
  return listOf(Principal.AWS).some((one) => {
    if (one === '*' || one === principalArn) return true;
    const account = /^\d{12}$/.test(one) ? one : one.endsWith(':root') ? accountOf(one) : undefined;
    return account === accountOf(principalArn) && (Effect === 'Deny' || principalArn.endsWith(':root'));
  });
}

function covers({ Action, NotAction, Resource, NotResource }: Statement, { action, resource }: AccessRequest, steps: Steps): boolean {
  const inAny = (patterns: OneOrMany | undefined, matches: (pattern: string) => boolean): boolean => listOf(patterns).some(matches);
  const ofAction = (pattern: string): boolean => fits(pattern.toLowerCase(), action.toLowerCase(), steps);
  const ofResource = (pattern: string): boolean => fits(pattern, resource, steps);
  return (
    (NotAction === undefined ? inAny(Action, ofAction) : !inAny(NotAction, ofAction)) &&
    (NotResource === undefined ? inAny(Resource, ofResource) : !inAny(NotResource, ofResource))
  );
}

function conditionsHold({ Effect, Condition }: Statement, context: Context, steps: Steps): boolean {
  return Object.entries(Condition ?? {}).every(([operator, tests]) =>
    Object.entries(tests).every(([key, values]) => conditionHolds(Effect, operator, key, listOf(values), context, steps)),
  );
}

/** The account's 12 digits; empty where there are none, as for a service. */
function accountOf(arn: string): string {
  return /^arn:aws:iam::(\d{12}):/.exec(arn)?.[1] ?? '';
}
