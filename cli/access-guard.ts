/**
 * Asks the policies before a command runs for a principal of the home (`--as`, or THRUM_PRINCIPAL). Without one a
 * command acts as the home's owner, the root of its account, who is asked nothing. Whoever can read the home's files needs
 * no permission from here (docs/access.md): this keeps people who share a machine's account to their tasks, and on record.
 */
import type { Command } from 'commander';
import { AccessError, authorize, contextOf, HOME_ARN, newAliasArns, projectArn, type AuditEvent, type Decision, type Identity } from '../broker/mod.ts';
import { needsOf, type Need } from './access-needs.ts';
import { actFor, takeCode, type Acting } from './acting.ts';
import { now } from './clock.ts';
import { openHome, openPrincipals, type Home, type HomeOptions } from './home.ts';

/** One question to the policies. */
interface Question {
  readonly action: string;
  readonly resource: string;
}

/** Throws ACCESS_DENIED, or ACCESS_SECOND_FACTOR where a code would be needed and was not given, or not right. */
export async function guardCommand(command: Command, name: string): Promise<void> {
  const words = wordsOf(command);
  const needs = needsOf(words);
  if (needs === 'no home') return;
  if (!needs) throw new AccessError('ACCESS_DENIED', `only the home's owner may do 'thrum ${words.join(' ')}': leave out --as and THRUM_PRINCIPAL`);
  const home = await openHome(command.opts<HomeOptions>(), 'refuse');
  const principals = await openPrincipals(home);
  const identity = await principals.identity(name);
  let acting: Acting = { name, identity, principals, mfa: false };
  const given = command.opts<Record<string, unknown>>();
  const asked = needs.filter(({ options }) => options === undefined || options.some((option) => given[option] !== undefined && given[option] !== false));
  for (const question of (await Promise.all(asked.map((need) => questionsOf(need, home, command)))).flat()) {
    const decision = decide(identity, question, acting.mfa);
    if (decision.allowed) continue;
    if (acting.mfa || !identity.secondFactor || !decide(identity, question, true).allowed) {
      const error = refusal(name, question, decision);
      home.trail.record(denialEvent(identity.arn, question, error));
      throw error;
    }
    acting = await takeCode(acting, question.action);
  }
  actFor(acting);
}

function decide({ arn, policies }: Identity, question: Question, mfa: boolean): Decision {
  return authorize({ principalArn: arn, ...question, context: contextOf({ nowMs: now(), mfa }) }, policies, []);
}

async function questionsOf({ action, of }: Need, home: Home, command: Command): Promise<Question[]> {
  const about = (resource: string): Question => ({ action, resource });
  const { project, alias } = command.opts<{ project?: string; alias?: string }>();
  const named = of === 'argument project' ? command.args[0] : of === 'project' ? project : undefined;
  if (named !== undefined) return [about(projectArn((await home.projects.find(named)).projectId))];
  if (of === 'home') return [about(HOME_ARN)];
  if (of === 'option alias') return alias === undefined ? [] : (await newAliasArns(home.keys.store, alias)).map(about);
  // All projects means each of them: a policy may deny one.
  return [about(projectArn('*')), ...(await home.projects.ids()).map((id) => about(projectArn(id)))];
}

function refusal(name: string, { action, resource }: Question, { reason, decidedBy }: Decision): AccessError {
  const why = reason === 'explicitDeny' && decidedBy ? `${statementText(decidedBy)} denies it` : 'no policy allows it';
  return new AccessError('ACCESS_DENIED', `principal ${name} may not do ${action} on ${resource}: ${why}`);
}

function denialEvent(principal: string, { action, resource }: Question, { message }: AccessError): AuditEvent {
  const [service, operation] = action.split(':');
  const eventSource = service === 'kms' ? 'kms.amazonaws.com' : 'thrum';
  return { eventSource, eventName: operation!, principal, sourceIpAddress: undefined, requestParameters: {}, errorCode: 'AccessDenied', errorMessage: message, readOnly: true, resources: [resource] };
}

/** `statement 'Read' of policy data-reader`; by its number where it has no name. */
export function statementText({ policy, sid, index }: NonNullable<Decision['decidedBy']>): string {
  return `statement ${sid === undefined ? index + 1 : `'${sid}'`} of policy ${policy}`;
}

function wordsOf(command: Command): string[] {
  const words: string[] = [];
  for (let one = command; one.parent; one = one.parent) words.unshift(one.name());
  return words;
}
