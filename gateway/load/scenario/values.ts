/** Single values of a scenario as zod checks them: quantities, names, ids, topics. What comes out has the unit in its name. */
import { z } from 'zod';
import { SCENARIO_LIMITS as MOST } from './limits.ts';
import { ID_PLACEHOLDERS, PATH_PLACEHOLDERS, placeholderFault, TOPIC_PLACEHOLDERS } from './placeholders.ts';
import { bytesOf, DURATION, DURATION_HINT, durationMsOf, durationText, RATE, RATE_HINT, ratePerSOf, SIZE, SIZE_HINT } from './quantities.ts';

/** Text in a form; `range` says what is wrong with its value, undefined when nothing is. */
function quantity(
  pattern: RegExp,
  hint: string,
  of: (text: string) => number | undefined,
  range: (value: number) => string | undefined,
): z.ZodType<number, string> {
  return z
    .string({ error: hint })
    .regex(pattern, { error: hint, abort: true })
    .superRefine((text, context) => {
      const value = of(text);
      const fault = value === undefined ? hint : range(value);
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
    })
    .transform((text) => of(text)!);
}

/** `90s` → ms. */
export function durationMs(leastMs = 1, mostMs: number = MOST.durationMs): z.ZodType<number, string> {
  const range = `write a duration from ${durationText(leastMs)} to ${durationText(mostMs)}`;
  return quantity(DURATION, DURATION_HINT, durationMsOf, (ms) => (ms >= leastMs && ms <= mostMs ? undefined : range));
}

/** `500/s` → per second, above zero; with `zero` also zero. */
export function ratePerS(zero: 'zero' | 'above zero' = 'above zero'): z.ZodType<number, string> {
  return quantity(RATE, RATE_HINT, ratePerSOf, (perS) => {
    if (perS === 0 && zero === 'above zero') return 'write a rate above zero';
    return perS <= MOST.ratePerS ? undefined : `write a rate of at most ${MOST.ratePerS}/s`;
  });
}

/** `4KiB` → bytes, from 1. */
export function sizeBytes(): z.ZodType<number, string> {
  const range = `write a size from 1B to ${MOST.payloadBytes / 1_048_576}MiB`;
  return quantity(SIZE, SIZE_HINT, bytesOf, (bytes) => (bytes >= 1 && bytes <= MOST.payloadBytes ? undefined : range));
}

export function wholeNumber(least: number, most: number): z.ZodInt | z.ZodNumber {
  const hint = `write a whole number from ${least} to ${most}`;
  return z.number({ error: hint }).int({ error: hint }).min(least, { error: hint }).max(most, { error: hint });
}

const NAME_HINT = `a name has 1 to ${MOST.nameChars} letters, digits, spaces and . _ -, the first a letter or digit`;

/** Of a scenario, stage, group or broker. */
export const name = z.string({ error: NAME_HINT }).regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/, { error: NAME_HINT });

function text(most: number, fault: (text: string) => string | undefined): z.ZodString {
  return z
    .string({ error: 'write text, in quotes when it begins with a brace: "{n}"' })
    .min(1, { error: 'write some text' })
    .max(most, { error: `write at most ${most} characters` })
    .superRefine((value, context) => {
      const message = fault(value);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    });
}

export const clientId = text(MOST.clientIdChars, (id) => (hasControl(id) ? 'an id has no control characters' : placeholderFault(id, ID_PLACEHOLDERS)));

export const topic = text(MOST.topicChars, (value) => {
  if (hasControl(value)) return 'a topic has no control characters';
  return /[+#]/.test(value) ? 'messages are published to a topic without + and #' : placeholderFault(value, TOPIC_PLACEHOLDERS);
});

export const filter = text(MOST.topicChars, (value) => {
  if (hasControl(value)) return 'a filter has no control characters';
  const levels = value.split('/');
  if (levels[0] === '$share' && (levels.length < 3 || /^$|[+#]/.test(levels[1]!))) return 'a shared subscription is $share/NAME/FILTER';
  if (levels.some((level, at) => /[+#]/.test(level) && (level.length > 1 || (level === '#' && at < levels.length - 1)))) {
    return '+ and # stand for whole levels, # only for the last ones';
  }
  return placeholderFault(value, TOPIC_PLACEHOLDERS);
});

/** Of one file, the same for all clients. */
export const path = text(MOST.pathChars, (value) => (value.includes('\0') ? 'a path has no NUL' : undefined));
/** Of a file for each client. */
export const pathOfClient = path.superRefine((value, context) => {
  const message = placeholderFault(value, PATH_PLACEHOLDERS);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const ASSERTION_HINT = 'write a condition such as p99<50ms, lost==0 or connect_rate>200';

/** The form only; which figures there are is known to whoever judges. */
export const assertion = z
  .string({ error: ASSERTION_HINT })
  .max(MOST.assertionChars, { error: `write at most ${MOST.assertionChars} characters` })
  .regex(/^[^<>=!]*[A-Za-z0-9_.]\s*(<=|>=|==|!=|<|>)\s*\d/, { error: ASSERTION_HINT });
export const assertions = z
  .array(assertion, { error: `write a list, each line a condition: ${ASSERTION_HINT}` })
  .max(MOST.assertions, { error: `there are at most ${MOST.assertions}` });

/** One, or a list of at least one. */
export function oneOrMore<T>(one: z.ZodType<T, T>, most: number, hint: string): z.ZodType<readonly T[], T | T[]> {
  return z
    .union([one, z.array(one).min(1, { error: hint }).max(most, { error: `there are at most ${most}` })], { error: hint })
    .transform((value) => (Array.isArray(value) ? (value) : [value]));
}

/** A list of at least one. */
export function list<T extends z.ZodType>(one: T, most: number, [single, many]: readonly [string, string]): z.ZodArray<T> {
  return z
    .array(one, { error: `write a list of ${many}` })
    .min(1, { error: `write at least one ${single}` })
    .max(most, { error: `there are at most ${most} ${many}` });
}

/** Refuses an object that has none of these keys, or more than one of them. */
export function exactlyOne(keys: readonly string[], what: string): (value: object, context: z.RefinementCtx) => void {
  return (value, context) => {
    const given = keys.filter((key) => (value as Readonly<Record<string, unknown>>)[key] !== undefined);
    if (given.length === 1) return;
    const path = given.length > 1 ? [given[1]!] : [];
    const message = given.length > 1 ? `${what} has ${given[0]} already: give one of them` : `${what} needs one of ${keys.join(', ')}`;
    context.addIssue({ code: 'custom', path, message });
  };
}

function hasControl(value: string): boolean {
  return /\p{Cc}|\p{Cs}/u.test(value);
}
