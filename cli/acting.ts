/**
 * For whom this process acts: the home's owner, or a principal of the home. It is decided once, before a command runs
 * (access-guard.ts), and counts to its end.
 */
import { createInterface } from 'node:readline/promises';
import { AccessError, callerOf, KeyError, KmsError, ownerCaller, type Caller, type Decision, type Identity, type Principals } from '../broker/mod.ts';
import { now } from './clock.ts';

export interface Acting {
  readonly name: string;
  readonly identity: Identity;
  readonly principals: Principals;
  /** A code of the second factor was taken, which counts for all that the command does. */
  readonly mfa: boolean;
}

let acting: Acting | undefined;

export function actFor(principal: Acting): void {
  acting = principal;
}

/** ARN of the principal for whom this process acts; undefined for the owner. */
export function actingPrincipal(): string | undefined {
  return acting?.identity.arn;
}

/** Makes a call of the key service for whom this process acts. One that lacks nothing but the second factor asks for a code. */
export async function callForActing<T>(accountId: string, call: (caller: Caller) => Promise<T>): Promise<T> {
  if (!acting) return call(ownerCaller(accountId));
  const { identity, mfa } = acting;
  const caller = callerOf(identity, { nowMs: now(), mfa });
  const withCode = callerOf(identity, { nowMs: now(), mfa: true });
  let lacksCode: string | undefined;
  const watching: Caller = {
    ...caller,
    authorize: (request, ofResource): Decision => {
      const decision = caller.authorize(request, ofResource);
      if (!decision.allowed && !mfa && identity.secondFactor && withCode.authorize(request, ofResource).allowed) lacksCode = request.action;
      return decision;
    },
  };
  try {
    return await call(watching);
  } catch (error) {
    if (lacksCode === undefined) throw deniedToPrincipal(error);
    acting = await takeCode(acting, lacksCode);
    return call(withCode).catch((fault: unknown) => {
      throw deniedToPrincipal(fault);
    });
  }
}

/** What the key service refuses to a principal is a matter of their policies, and not of the key. */
function deniedToPrincipal(error: unknown): unknown {
  const isDenied = (error instanceof KeyError && error.code === 'KEY_DENIED') || (error instanceof KmsError && error.type === 'AccessDeniedException');
  return isDenied ? new AccessError('ACCESS_DENIED', error.message, { cause: error }) : error;
}

/** Takes a code from THRUM_MFA_CODE or the terminal. ACCESS_SECOND_FACTOR where there is none, or it is not right. */
export async function takeCode(principal: Acting, action: string): Promise<Acting> {
  const { name, principals } = principal;
  const code = process.env['THRUM_MFA_CODE'] ?? (process.stdin.isTTY ? await ask(`code of ${name}'s second factor, for ${action}: `) : undefined);
  if (code === undefined) throw new AccessError('ACCESS_SECOND_FACTOR', `${action} needs a code of ${name}'s second factor: give it in THRUM_MFA_CODE`);
  await principals.useCode(name, code.trim());
  return { ...principal, mfa: true };
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}
