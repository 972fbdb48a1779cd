/**
 * Policy documents in IAM's JSON (version 2012-10-17): what they may say, and reading them. Promises: what is wrong is
 * told with its place in the document; what is not understood is refused, never passed over, since a condition that is
 * not looked at gives access that nobody meant to give.
 */
import { z } from 'zod';
import { AccessError } from '../errors.ts';
import { isConditionKey } from './condition-keys.ts';
import { conditionFault } from './condition.ts';
import { lostName } from './json-names.ts';

/** As AWS KMS allows for a key policy; an identity's policies may be as long here. */
export const MAX_POLICY_BYTES = 32_768;
const MAX_STATEMENTS = 100;
/** Characters of one action, resource, principal or condition value. */
const MAX_TEXT_CHARS = 2048;
/** What a key's policy calls the broker where it speaks of services. */
export const THRUM_SERVICE = 'thrum.internal';
const SERVICE = /^([a-z0-9-]+\.)+amazonaws\.com$/;

export type OneOrMany = string | readonly string[];

export interface Statement {
  readonly Sid?: string | undefined;
  readonly Effect: 'Allow' | 'Deny';
  /** Whom a resource's policy speaks of; the policy of an identity has none. */
  readonly Principal?: '*' | Readonly<Partial<Record<'AWS' | 'Service', OneOrMany | undefined>>> | undefined;
  readonly Action?: OneOrMany | undefined;
  readonly NotAction?: OneOrMany | undefined;
  readonly Resource?: OneOrMany | undefined;
  readonly NotResource?: OneOrMany | undefined;
  /** Operator (`StringEquals`, `ForAnyValue:StringLike`, `BoolIfExists` …) → condition key → values. */
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany>>>> | undefined;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Id?: string | undefined;
  readonly Statement: Statement | readonly Statement[];
}

export interface NamedPolicy {
  readonly name: string;
  readonly document: PolicyDocument;
}

/** `identity`: attached to a principal, who is meant by that. `resource`: a key's own, which names its principals. */
export type PolicyKind = 'identity' | 'resource';

const text = z.string().min(1).max(MAX_TEXT_CHARS).refine((one) => !one.includes('${'), 'policy variables (${…}) are not supported: write the value');
const oneOrMany = <T extends z.ZodType<string>>(one: T): z.ZodUnion<[T, z.ZodReadonly<z.ZodArray<T>>]> => z.union([one, z.array(one).min(1).readonly()]);
const action = text.regex(/^(\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+)$/, 'an action is written service:Name, such as kms:Decrypt, or *');
const resource = text.regex(/^(\*|arn:.*)$/s, 'a resource is an ARN, or *');
const awsPrincipal = text.regex(/^(\*|\d{12}|arn:aws:iam::\d{12}:(root|(user|role)\/[^*?]+))$/, 'a principal is an account, arn:aws:iam::ACCOUNT:root, …:user/NAME, …:role/NAME, or *');
const conditionValue = z.union([text, z.literal(''), z.boolean(), z.number()]).transform(String);

const statement = z
  .strictObject({
    Sid: z.string().max(128).optional(),
    Effect: z.enum(['Allow', 'Deny']),
    Principal: z
      .union([z.literal('*'), z.strictObject({ AWS: oneOrMany(awsPrincipal).optional(), Service: oneOrMany(text).optional() })])
      .optional(),
    Action: oneOrMany(action).optional(),
    NotAction: oneOrMany(action).optional(),
    Resource: oneOrMany(resource).optional(),
    NotResource: oneOrMany(resource).optional(),
    Condition: z.record(z.string(), z.record(z.string(), z.union([conditionValue, z.array(conditionValue).min(1).readonly()]))).optional(),
  })
  .superRefine((one, context) => {
    const fault = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
    if ((one.Action === undefined) === (one.NotAction === undefined)) fault(['Action'], 'a statement has either Action or NotAction');
    if ((one.Resource === undefined) === (one.NotResource === undefined)) fault(['Resource'], 'a statement has either Resource or NotResource');
    for (const [operator, tests] of Object.entries(one.Condition ?? {})) {
      for (const [key, values] of Object.entries(tests)) {
        const wrong = conditionFault(operator, key, listOf(values));
        if (wrong) fault(['Condition', operator, ...(wrong.of === 'operator' ? [] : [key])], wrong.message);
      }
    }
  });

const document = z.strictObject({
  Version: z.literal('2012-10-17', { error: 'the version of a policy is "2012-10-17"' }),
  Id: z.string().max(128).optional(),
  Statement: z.union([statement, z.array(statement).min(1).max(MAX_STATEMENTS).readonly()]),
});

/** Reads a policy document that is to be put. Throws ACCESS_POLICY with the place of what is wrong, such as `Statement[1].Condition.Bool`. */
export function readPolicy(json: string, kind: PolicyKind): PolicyDocument {
  const read = readKeptPolicy(json, kind);
  statementsOf(read).forEach((one, n) => {
    const fault = emptyPart(one);
    if (fault !== undefined) throw faulty(`${placeOf(read, n)}.${fault}`);
  });
  return read;
}

/** What would be passed over in each request: a principal or a condition that nobody here can be or fulfil. */
function emptyPart({ Principal, Condition }: Statement): string | undefined {
  if (Principal !== undefined && Principal !== '*') {
    if (Principal.AWS === undefined && Principal.Service === undefined) return 'Principal: it names nobody: write { "AWS": … } or { "Service": … }';
    const strange = listOf(Principal.Service).some((one) => one !== THRUM_SERVICE && !SERVICE.test(one));
    if (strange) return `Principal.Service: a service is NAME.amazonaws.com, or ${THRUM_SERVICE} for the broker`;
  }
  for (const [operator, tests] of Object.entries(Condition ?? {})) {
    const unknown = Object.keys(tests).find((key) => !isConditionKey(key));
    if (unknown !== undefined) return `Condition.${operator}.${unknown.slice(0, 64).replaceAll(/\p{C}/gu, ' ')}: no request has this key here, so it would decide nothing (docs/access.md lists those there are)`;
  }
  return undefined;
}

/** As `readPolicy`, of a document that was put, maybe by an earlier version that took more. */
export function readKeptPolicy(json: string, kind: PolicyKind): PolicyDocument {
  if (Buffer.byteLength(json) > MAX_POLICY_BYTES) throw faulty(`it is longer than ${MAX_POLICY_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw faulty(`it is not JSON: ${(cause as Error).message}`, cause);
  }
  const lost = lostName(json);
  if (lost) throw faulty(`line ${json.slice(0, lost.offset).split('\n').length}: "${lost.name.slice(0, 64)}" ${lost.what}`);
  const parsed = document.safeParse(value, { reportInput: false });
  if (!parsed.success) throw faulty(describe(parsed.error.issues[0]!, value));
  statementsOf(parsed.data).forEach((one, n) => {
    const place = placeOf(parsed.data, n);
    if (kind === 'identity' && one.Principal !== undefined) throw faulty(`${place}.Principal: whom it is attached to is meant; leave Principal out`);
    if (kind === 'resource' && one.Principal === undefined) throw faulty(`${place}.Principal: a key's policy says whom it speaks of, such as { "AWS": "arn:aws:iam::ACCOUNT:root" }`);
  });
  return parsed.data;
}

function placeOf(policy: PolicyDocument, statementNumber: number): string {
  return isMany(policy.Statement) ? `Statement[${statementNumber}]` : 'Statement';
}

export function statementsOf(policy: PolicyDocument): readonly Statement[] {
  return isMany(policy.Statement) ? policy.Statement : [policy.Statement];
}

/** One or many, as a list; none as an empty one. */
export function listOf(value: OneOrMany | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function isMany(value: Statement | readonly Statement[]): value is readonly Statement[] {
  return Array.isArray(value);
}

/** The first thing that is wrong and where; of several forms that are allowed, what is wrong with the one that was meant. */
function describe(issue: z.core.$ZodIssue, value: unknown): string {
  let found = issue;
  const path = [...issue.path];
  while (found.code === 'invalid_union') {
    const at = path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
    const meant = found.errors.find((issues) => issues[0] && !isOtherForm(issues[0], at)) ?? found.errors[0];
    if (!meant?.[0]) break;
    found = meant[0];
    path.push(...found.path);
  }
  const place = path.map((key, n) => (typeof key === 'number' ? `[${key}]` : `${n === 0 ? '' : '.'}${String(key).slice(0, 64)}`)).join('');
  return `${place === '' ? 'the document' : place}: ${found.message.slice(0, 200)}`;
}

/** Whether an alternative failed since it is another form than was written: a list where there is an object, and so on. */
function isOtherForm(issue: z.core.$ZodIssue, value: unknown): boolean {
  if (issue.path.length > 0) return false;
  const form = Array.isArray(value) ? 'array' : typeof value;
  return (issue.code === 'invalid_type' && issue.expected !== form) || (issue.code === 'invalid_value' && typeof value !== 'string');
}

function faulty(what: string, cause?: unknown): AccessError {
  return new AccessError('ACCESS_POLICY', `not a policy: ${what}`, { cause });
}
