/**
 * Reading what KMS operations are given: JSON of the wire, parsed once into what the engine works with. What does not fit
 * is told as AWS tells it, naming the member. Members that an operation does not know are passed over, as KMS does.
 */
import { z } from 'zod';
import type { EncryptionContext } from './ciphertext.ts';
import { breaksConstraint, KmsError } from './kms-error.ts';

/** Names and values of an encryption context, in UTF-8 bytes. */
const MAX_CONTEXT_BYTES = 8192;
const MAX_CONTEXT_PAIRS = 100;
/** Of a name of a member or of a value that is repeated in a message. */
const MAX_TOLD_CHARS = 64;
const LONE_SURROGATE = /\p{Surrogate}/u;

export const text = (min: number, max: number): z.ZodString => z.string().min(min).max(max).refine((one) => !LONE_SURROGATE.test(one), 'Member must be valid Unicode');
export const keyId = text(1, 2048);
export const limit = (max: number): z.ZodOptional<z.ZodNumber> => z.number().int().min(1).max(max).optional();
export const marker = text(1, 1024).optional();
export const grantTokens = z.array(text(1, 8192)).max(10).optional();
export const flag = z.boolean().optional();
export const algorithm = z.enum(['SYMMETRIC_DEFAULT']).optional();

/** Base64 of `min` to `max` bytes. */
export function blob(min: number, max: number): z.ZodType<Buffer> {
  return z.string().transform((base64, context) => {
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.toString('base64') !== base64) context.addIssue({ code: 'invalid_format', format: 'base64' });
    else if (bytes.length < min) context.addIssue({ code: 'too_small', origin: 'string', minimum: min, inclusive: true, input: '' });
    else if (bytes.length > max) context.addIssue({ code: 'too_big', origin: 'string', maximum: max, inclusive: true, input: '' });
    return bytes;
  });
}

/** An object of strings, whatever its names: also `__proto__` is a name like any other, and none may get lost. `maxBytes`: UTF-8, of names and values. */
export function stringMap(maxPairs: number, maxValueChars: number, maxBytes: number): z.ZodType<EncryptionContext> {
  return z.custom<Record<string, unknown>>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)).transform((value, context) => {
    const pairs = Object.entries(value);
    const map = Object.create(null) as Record<string, string>;
    let bytes = 0;
    for (const [name, one] of pairs) {
      if (typeof one !== 'string') context.addIssue({ code: 'invalid_type', expected: 'string', input: one });
      else if (LONE_SURROGATE.test(name) || LONE_SURROGATE.test(one)) context.addIssue({ code: 'custom', message: 'Member must be valid Unicode' });
      else if (one.length > maxValueChars) context.addIssue({ code: 'too_big', origin: 'string', maximum: maxValueChars, inclusive: true, input: '' });
      else map[name] = one;
      bytes += Buffer.byteLength(name) + (typeof one === 'string' ? Buffer.byteLength(one) : 0);
    }
    if (pairs.length > maxPairs) context.addIssue({ code: 'too_big', origin: 'array', maximum: maxPairs, inclusive: true, input: [] });
    if (bytes > maxBytes) context.addIssue({ code: 'too_big', origin: 'string', maximum: maxBytes, inclusive: true, input: '' });
    return map;
  });
}

export const encryptionContext = stringMap(MAX_CONTEXT_PAIRS, MAX_CONTEXT_BYTES, MAX_CONTEXT_BYTES).optional();

/** Parses an operation's input. Throws ValidationException, or SerializationException for what has another type. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw refusal(parsed.error.issues[0]!);
}

function refusal(issue: z.core.$ZodIssue): KmsError {
  const place = issue.path.map((part) => (typeof part === 'number' ? `${part + 1}.member` : lowerFirst(String(part)).slice(0, MAX_TOLD_CHARS))).join('.');
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined && issue.path.length > 0) return breaksConstraint(place, 'Member must not be null', 'null');
      if (issue.expected === 'int') return new KmsError('SerializationException', `${place} is not a whole number`);
      return new KmsError('SerializationException', place === '' ? 'The request is not a JSON object' : `${place} is not of the type ${issue.expected}`);
    case 'invalid_format':
      return new KmsError('SerializationException', `${place} is not base64`);
    case 'too_big':
    case 'too_small':
      return outOfRange(place, issue);
    case 'invalid_value':
      return breaksConstraint(place, `Member must satisfy enum value set: [${issue.values.map(String).join(', ')}]`, told(issue.input));
    default:
      return breaksConstraint(place, issue.message === 'Invalid input' ? 'Member must be a map of strings' : issue.message);
  }
}

function outOfRange(place: string, issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): KmsError {
  const [order, bound] = issue.code === 'too_big' ? ['less', issue.maximum] : ['greater', issue.minimum];
  const isNumber = issue.origin === 'number' || issue.origin === 'int';
  return breaksConstraint(place, `Member must have ${isNumber ? 'value' : 'length'} ${order} than or equal to ${String(bound)}`, isNumber ? told(issue.input) : undefined);
}

function told(value: unknown): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return `'${String(value).slice(0, MAX_TOLD_CHARS)}'`;
}

function lowerFirst(name: string): string {
  return name.slice(0, 1).toLowerCase() + name.slice(1);
}
