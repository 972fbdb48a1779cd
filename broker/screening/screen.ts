/**
 * Looks for what does not belong into a name, a tag or a URL: numbers of cards and accounts, addresses of people, keys, tokens, passwords.
 * Takes time in proportion to the text, whatever the text. Promise: a finding says what kind of thing was found, never the thing.
 */
import { hasAccessKey, hasLabelledSecret, hasPrivateKey, hasToken, hasUrlCredentials } from './credentials.ts';
import { normalise, oneSeparator } from './normalise.ts';
import { hasAccountNumber, hasCardNumber, hasIban } from './numbers.ts';

export type SensitiveKind =
  | 'card number'
  | 'IBAN'
  | 'account number'
  | 'e-mail address'
  | 'access key'
  | 'private key'
  | 'token'
  | 'secret'
  | 'credentials in a URL';

export interface Finding {
  readonly kind: SensitiveKind;
}

type Look = readonly [SensitiveKind, (text: string) => boolean];

/** In texts with one separator in a row. */
const NUMBERS: readonly Look[] = [
  ['card number', hasCardNumber],
  ['IBAN', hasIban],
  ['account number', hasAccountNumber],
];
const OTHERS: readonly Look[] = [
  ['e-mail address', hasEmail],
  ['access key', hasAccessKey],
  ['private key', hasPrivateKey],
  ['token', hasToken],
  ['secret', hasLabelledSecret],
  ['credentials in a URL', hasUrlCredentials],
];

/** What was found, each kind once; empty when nothing was. */
export function screen(text: string): Finding[] {
  const plain = normalise(text);
  const spaced = oneSeparator(plain);
  return [...NUMBERS.filter(([, isIn]) => isIn(spaced)), ...OTHERS.filter(([, isIn]) => isIn(plain))].map(([kind]) => ({ kind }));
}

/** A domain of letters at its end: `4-20mA@24V` is none. */
function hasEmail(text: string): boolean {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    if (!/[\p{L}\p{N}_%+-]$/u.test(text.slice(Math.max(0, at - 2), at))) continue;
    if (/^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}{2,24}(?![\p{L}\p{N}])/u.test(text.slice(at + 1, at + 256))) return true;
  }
  return false;
}
