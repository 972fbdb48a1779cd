/**
 * What of an event may be written down. Whoever reports one leaves secrets out; this is the second net: values under the names of secrets,
 * bytes, and texts that hold a credential are replaced, and everything is bounded in size and depth.
 */
import { screen, type SensitiveKind } from '../screening/screen.ts';

const TEXT_CHARS_MAX = 1024;
const ENTRIES_MAX = 64;
const DEPTH_MAX = 6;
/** Names, without regard to case and separators, whose values are secrets. */
const SECRET_NAME = /^(plaintext(key|data)?|ciphertext(blob|forrecipient)?|(wrapped|data|private|root|secret|session)key|keymaterial|.*token|granttokens|secret(accesskey)?|clientsecret|passphrase|password|passwd|credentials?|signature|authorization|mfacode|totp.*)$/;
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
  const kept = entries.slice(0, ENTRIES_MAX).map(([name, one]): [string, unknown] => [redactText(name), isSecretName(name) ? '[redacted]' : redact(one, depth + 1)]);
  if (entries.length > ENTRIES_MAX) kept.push(['…', `${entries.length - ENTRIES_MAX} more`]);
  return Object.fromEntries(kept);
}

/** A text of at most 1,024 characters, without credentials and without what a terminal would act on. */
export function redactText(text: string): string {
  const cut = text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text;
  const found = screen(cut).find(({ kind }) => CREDENTIALS.has(kind));
  return found ? `[redacted: ${found.kind}]` : cut.replaceAll(/\p{C}/gu, ' ');
}

function more(length: number): string[] {
  return length > ENTRIES_MAX ? [`… ${length - ENTRIES_MAX} more`] : [];
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replaceAll(/[-_ ]/g, ''));
}
