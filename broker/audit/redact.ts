/**
 * What of an event may be written down. Whoever reports one leaves secrets out; this is the second net: values under the names of secrets,
 * bytes, and texts that hold a credential are replaced, and everything is bounded in size and depth. Policies are looked at text by text, and
 * kept with their hash. Names and ARNs of principals and keys are never taken for credentials, whatever they are.
 */
import { createHash } from 'node:crypto';
import { screen, type SensitiveKind } from '../screening/screen.ts';

const TEXT_CHARS_MAX = 1024;
const ENTRIES_MAX = 64;
const DEPTH_MAX = 6;
/** Of a policy document: its own limit (access/policy.ts, keys/key-state.ts); and of one text in it, and how deep they stand. */
const DOCUMENT_CHARS_MAX = 32_768;
const DOCUMENT_TEXT_CHARS_MAX = 2048;
const DOCUMENT_DEPTH_MAX = 16;
/** Shorter texts hold no credential. */
const CREDENTIAL_CHARS_MIN = 8;
const TOO_LARGE = '[omitted: too large for a record]';
/** Names, without regard to case and separators, whose values are secrets. */
const SECRET_NAME = /^(plaintext(key|data)?|ciphertext(blob|forrecipient)?|(wrapped|data|private|root|secret|session)key|keymaterial|.*token|granttokens|secret(accesskey)?|clientsecret|passphrase|password|passwd|credentials?|signature|authorization|mfacode|totp.*)$/;
/** Names, as above, of policy documents and of a principal's name. */
const DOCUMENT_NAME = /^policy(document)?$/;
const PRINCIPAL_NAME = /^username$/;
const PRINCIPAL = /^[A-Za-z0-9+=,.@_-]{1,64}$/;
/** ARNs of principals, keys, and what thrum keeps. */
const OWN_ARN = /arn:aws:(?:iam|sts)::\d{12}:[\w+=,.@/-]+|arn:aws:kms:[a-z0-9-]+:\d{12}:(?:key|alias)\/[\w/-]+|arn:thrum:[a-z]+:::[\w*/-]+/g;
/** Kinds of text that are credentials; the rest (addresses, numbers) is what a trail may have to name. */
const CREDENTIALS: ReadonlySet<SensitiveKind> = new Set(['private key', 'token', 'secret', 'credentials in a URL']);

/** A copy that can go into a record: JSON values only. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object') return undefined;
  if (depth >= DEPTH_MAX) return '[too deep]';
  if (Array.isArray(value)) return [...value.slice(0, ENTRIES_MAX).map((one) => redact(one, depth + 1)), ...more(value.length)];
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  const kept = entries.slice(0, ENTRIES_MAX).flatMap(([name, one]) => redactEntry(name, one, depth));
  if (entries.length > ENTRIES_MAX) kept.push(['…', `${entries.length - ENTRIES_MAX} more`]);
  return Object.fromEntries(kept);
}

function redactEntry(name: string, value: unknown, depth: number): [string, unknown][] {
  const told = redactText(name);
  if (isSecretName(name)) return [[told, '[redacted]']];
  if (typeof value !== 'string') return [[told, redact(value, depth + 1)]];
  if (isNamed(name, PRINCIPAL_NAME) && PRINCIPAL.test(value)) return [[told, value]];
  if (!isNamed(name, DOCUMENT_NAME)) return [[told, redactText(value)]];
  return [[told, redactDocument(value)], [`${told}Sha256`, createHash('sha256').update(value).digest('hex')]];
}

/** A policy document, compact, without the texts that hold a credential; as any text where it is no JSON. */
function redactDocument(text: string): string {
  if (text.length > DOCUMENT_CHARS_MAX) return TOO_LARGE;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return redactText(text);
  }
  const redacted = redactPart(document, 0);
  return typeof redacted === 'string' ? redacted : JSON.stringify(redacted);
}

function redactPart(part: unknown, depth: number): unknown {
  if (typeof part === 'string') return part.length < CREDENTIAL_CHARS_MIN ? plainText(part) : redactText(part, DOCUMENT_TEXT_CHARS_MAX);
  if (typeof part !== 'object' || part === null) return part;
  if (depth >= DOCUMENT_DEPTH_MAX) return '[too deep]';
  if (Array.isArray(part)) return part.map((one) => redactPart(one, depth + 1));
  return Object.fromEntries(Object.entries(part).map(([name, one]) => [redactPart(name, depth) as string, isSecretName(name) ? '[redacted]' : redactPart(one, depth + 1)]));
}

/** Parameters without their policy documents, whose hashes stay. */
export function withoutDocuments(parameters: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parameters).map(([name, one]) => [name, isNamed(name, DOCUMENT_NAME) ? TOO_LARGE : one]));
}

/** A text of at most 1,024 characters, without credentials and without what a terminal would act on. */
export function redactText(text: string, charsMax = TEXT_CHARS_MAX): string {
  const cut = text.length > charsMax ? `${text.slice(0, charsMax)}…` : text;
  const found = screen(cut.replaceAll(OWN_ARN, 'arn')).find(({ kind }) => CREDENTIALS.has(kind));
  return found ? `[redacted: ${found.kind}]` : plainText(cut);
}

/** Without what a terminal would act on. */
export function plainText(text: string): string {
  return text.replaceAll(/\p{C}/gu, ' ');
}

function more(length: number): string[] {
  return length > ENTRIES_MAX ? [`… ${length - ENTRIES_MAX} more`] : [];
}

function isSecretName(name: string): boolean {
  return isNamed(name, SECRET_NAME);
}

/** Without regard to case and separators. */
function isNamed(name: string, names: RegExp): boolean {
  return names.test(name.toLowerCase().replaceAll(/[-_ ]/g, ''));
}
