/**
 * The conditions of a policy's statement, as IAM evaluates them: an operator compares what the request's context says of
 * a key with the values of the policy. Names of keys do not depend on case. A key that is missing fails the condition,
 * unless the operator negates or ends in `IfExists`.
 */
import { BlockList, isIP } from 'node:net';
import { fits, fitsArn, type Steps } from './wildcard.ts';

/** Whether what a request says fits one value of a policy. */
type Match = (given: string, wanted: string, steps: Steps) => boolean;

interface Operator {
  readonly matches: Match;
  /** True when the condition holds where no value fits. */
  readonly negated: boolean;
  /** What is wrong with a value of a policy; undefined when nothing is. */
  readonly valueFault?: (value: string) => string | undefined;
}

const plain = (matches: Match, valueFault?: Operator['valueFault']): Operator => ({ matches, negated: false, ...(valueFault && { valueFault }) });
const negated = ({ matches, valueFault }: Operator): Operator => ({ matches, negated: true, ...(valueFault && { valueFault }) });

const compares = (of: (text: string) => number, holds: (given: number, wanted: number) => boolean, what: string): Operator =>
  plain(
    (given, wanted) => holds(of(given), of(wanted)),
    (value) => (Number.isNaN(of(value)) ? `'${value}' is not ${what}` : undefined),
  );
const number = (holds: (given: number, wanted: number) => boolean): Operator => compares(numberOf, holds, 'a number');
const date = (holds: (given: number, wanted: number) => boolean): Operator => compares(timeMsOf, holds, 'a time such as 2026-01-31T12:00:00Z');

const stringEquals = plain((given, wanted) => given === wanted);
const stringEqualsIgnoreCase = plain((given, wanted) => given.toLowerCase() === wanted.toLowerCase());
const stringLike = plain((given, wanted, steps) => fits(wanted, given, steps));
const arnLike = plain((given, wanted, steps) => fitsArn(wanted, given, steps));
const numericEquals = number((given, wanted) => given === wanted);
const dateEquals = date((given, wanted) => given === wanted);
const trueOrFalse = (value: string): string | undefined => (/^(true|false)$/i.test(value) ? undefined : `'${value}' is neither true nor false`);
const ipAddress = plain(isInRange, (value) => (rangeOf(value) ? undefined : `'${value}' is not an address range such as 203.0.113.0/24`));

const OPERATORS = new Map<string, Operator>([
  ['StringEquals', stringEquals],
  ['StringNotEquals', negated(stringEquals)],
  ['StringEqualsIgnoreCase', stringEqualsIgnoreCase],
  ['StringNotEqualsIgnoreCase', negated(stringEqualsIgnoreCase)],
  ['StringLike', stringLike],
  ['StringNotLike', negated(stringLike)],
  ['NumericEquals', numericEquals],
  ['NumericNotEquals', negated(numericEquals)],
  ['NumericLessThan', number((given, wanted) => given < wanted)],
  ['NumericLessThanEquals', number((given, wanted) => given <= wanted)],
  ['NumericGreaterThan', number((given, wanted) => given > wanted)],
  ['NumericGreaterThanEquals', number((given, wanted) => given >= wanted)],
  ['DateEquals', dateEquals],
  ['DateNotEquals', negated(dateEquals)],
  ['DateLessThan', date((given, wanted) => given < wanted)],
  ['DateLessThanEquals', date((given, wanted) => given <= wanted)],
  ['DateGreaterThan', date((given, wanted) => given > wanted)],
  ['DateGreaterThanEquals', date((given, wanted) => given >= wanted)],
  ['Bool', plain((given, wanted) => given.toLowerCase() === wanted.toLowerCase(), trueOrFalse)],
  ['IpAddress', ipAddress],
  ['NotIpAddress', negated(ipAddress)],
  // IAM treats the two alike.
  ['ArnEquals', arnLike],
  ['ArnLike', arnLike],
  ['ArnNotEquals', negated(arnLike)],
  ['ArnNotLike', negated(arnLike)],
  // `Null` is looked at by itself: it asks whether there is a value, not which.
  ['Null', plain(() => false, trueOrFalse)],
]);

/** Keys that have a list of values: without a set operator nobody can tell what was meant. */
const MULTI_VALUED = new Set(['kms:encryptioncontextkeys', 'kms:grantoperations', 'kms:resourcealiases', 'aws:tagkeys']);

interface ReadOperator {
  readonly name: string;
  readonly set: 'ForAnyValue' | 'ForAllValues' | undefined;
  readonly ifExists: boolean;
}

function readOperator(operator: string): ReadOperator {
  const [, set, name, ifExists] = /^(?:(ForAnyValue|ForAllValues):)?(.*?)(IfExists)?$/s.exec(operator)!;
  return { name: name!, set: set as ReadOperator['set'], ifExists: ifExists !== undefined };
}

/** What is wrong with a condition as a policy writes it, and with which part of it; undefined when nothing is. */
export function conditionFault(operator: string, key: string, values: readonly string[]): { readonly of: 'operator' | 'key'; readonly message: string } | undefined {
  const { name, set, ifExists } = readOperator(operator);
  const known = OPERATORS.get(name);
  if (!known) return { of: 'operator', message: 'there is no such condition operator' };
  if (name === 'Null' && (set !== undefined || ifExists)) return { of: 'operator', message: 'Null takes neither a set operator nor IfExists' };
  if (!/^[A-Za-z0-9-]+:./s.test(key)) return { of: 'key', message: 'a condition key has a prefix, such as aws: or kms:' };
  if (MULTI_VALUED.has(key.toLowerCase()) && set === undefined && name !== 'Null') {
    return { of: 'key', message: 'this key has several values: write ForAnyValue: or ForAllValues: before the operator' };
  }
  const fault = values.map((value) => known.valueFault?.(value)).find((one) => one !== undefined);
  return fault === undefined ? undefined : { of: 'key', message: fault.slice(0, 120) };
}

/** What a request says: values by the key's name in lower case; an absent key has none. */
export type Context = ReadonlyMap<string, readonly string[]>;

export function contextOf(context: Readonly<Record<string, string | readonly string[]>>): Context {
  const values = new Map<string, string[]>();
  for (const [name, given] of Object.entries(context)) {
    const key = name.toLowerCase();
    values.set(key, [...(values.get(key) ?? []), ...(typeof given === 'string' ? [given] : given)]);
  }
  return values;
}

/**
 * Whether one condition of a statement holds. Where a key that should have one value has several, as encryption contexts
 * with names that differ in case only, that counts against the caller: all must fit to allow, one suffices to deny.
 */
export function conditionHolds(effect: 'Allow' | 'Deny', operator: string, key: string, wanted: readonly string[], context: Context, steps: Steps): boolean {
  const { name, set, ifExists } = readOperator(operator);
  const known = OPERATORS.get(name)!;
  const given = context.get(key.toLowerCase());
  if (name === 'Null') return wanted.some((value) => (value.toLowerCase() === 'true') === (given === undefined));
  const fitsPolicy = (value: string): boolean => wanted.some((one) => known.matches(value, one, steps)) !== known.negated;
  if (set === 'ForAllValues') return (given ?? []).every(fitsPolicy);
  if (given === undefined) return ifExists || (known.negated && set === undefined);
  if (set === 'ForAnyValue' || effect === 'Deny') return given.some(fitsPolicy);
  return given.length > 0 && given.every(fitsPolicy);
}

function numberOf(text: string): number {
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
}

/** ISO 8601 with a zone, or seconds since 1970. */
function timeMsOf(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  return /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text) ? Date.parse(text) : NaN;
}

function isInRange(given: string, range: string): boolean {
  const family = isIP(given);
  const list = rangeOf(range);
  return family !== 0 && list !== undefined && list.check(given, family === 4 ? 'ipv4' : 'ipv6');
}

/** `203.0.113.0/24`, `2001:db8::/32` or one address. */
function rangeOf(range: string): BlockList | undefined {
  const [address, bits, ...more] = range.split('/');
  const family = isIP(address!);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || more.length > 0 || (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most))) return undefined;
  const list = new BlockList();
  list.addSubnet(address!, bits === undefined ? most : Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return list;
}
