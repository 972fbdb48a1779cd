/** Numbers that name a person's money: cards, IBANs, and runs of digits beside a word that says so. Texts are normalised, with one separator in a row. */

/** Leading digits (from, to) and lengths of the cards in use (ISO/IEC 7812). Cards of 13 digits are no longer issued, product codes are. */
const CARDS: readonly (readonly [from: number, to: number, lengths: readonly number[]])[] = [
  [4, 4, [16, 19]], // Visa
  [51, 55, [16]], [2221, 2720, [16]], // Mastercard
  [34, 34, [15]], [37, 37, [15]], // American Express
  [6011, 6011, [16, 17, 18, 19]], [644, 649, [16, 17, 18, 19]], [65, 65, [16, 17, 18, 19]], // Discover
  [300, 305, [14, 16]], [36, 36, [14, 16]], [38, 39, [14, 16]], // Diners Club
  [3528, 3589, [16, 17, 18, 19]], // JCB
  [62, 62, [16, 17, 18, 19]], // UnionPay
  [5018, 5018, [16, 17, 18, 19]], [5020, 5020, [16, 17, 18, 19]], [5038, 5038, [16, 17, 18, 19]], [6304, 6304, [16, 17, 18, 19]],
  [6759, 6759, [16, 17, 18, 19]], [6761, 6763, [16, 17, 18, 19]], // Maestro
  [2200, 2204, [16, 17, 18, 19]], // Mir
];
const CARD_DIGITS_MAX = 19;
/** Digits that tell whose card it is. */
const PREFIX_DIGITS = 4;
/** How cards are printed in groups; groups of one size are taken too. */
const CARD_GROUPS = new Set(['4-6-5', '4-6-4', '4-4-4-4-3', '4-4-4-4-2', '4-4-4-4-1', '6-13', '8-8', '8-11']);

/** Countries with IBANs and how long theirs are (ISO 13616 registry). */
const IBAN_CHARS: ReadonlyMap<string, number> = new Map(
  ('AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 ' +
    'HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 ' +
    'RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30')
    .split(' ')
    .map((entry): [string, number] => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Words after which a run of digits is somebody's number, in some languages. */
const ACCOUNT_WORD =
  /(?<!\p{L})(account|acct|a\/c|accounts?[ -]?(no|nr|number|id)|iban|sort[ -]?code|routing|aba|swift|ssn|social[ -]?security|tax[ -]?id|passport|credit[ -]?card|debit[ -]?card|card[ -]?(no|nr|number)|cvv|konto(nummer|nr)?|bankverbindung|blz|compte|cuenta|conto|rekening(nummer)?|steuer-?id|n[ií]n|nhs[ -]?(no|number))(?!\p{L})/giu;
/** How far behind the word its number begins, and how far it may reach. */
const ACCOUNT_REACH = 40;
const ACCOUNT_NUMBER = /^[^\p{L}\d]{0,6}(?:(?:no|nr|num|number|id|is|of|:|#|\.)[^\p{L}\d]{0,4}){0,2}(\d(?:[ .-]?\d){5,16})(?!\d)/iu;

/** True when a card number stands in it: prefix, length and check digit (Luhn) all fit. */
export function hasCardNumber(text: string): boolean {
  for (const match of text.matchAll(/\d+(?:[ .\-/]\d+)*/g)) {
    if (match[0].length < 14 || touchesWord(text, match.index, match[0].length)) continue;
    const groups = match[0].split(/[ .\-/]/);
    for (let first = 0; first < groups.length; first++) if (cardFrom(groups, first)) return true;
  }
  return false;
}

/** Whether a card number begins with this group. */
function cardFrom(groups: readonly string[], first: number): boolean {
  let digits = '';
  let lengths: ReadonlySet<number> | undefined;
  for (let last = first; last < groups.length; last++) {
    if (digits.length + groups[last]!.length > CARD_DIGITS_MAX) return false;
    digits += groups[last]!;
    if (digits.length < PREFIX_DIGITS) continue;
    lengths ??= cardLengths(digits);
    if (lengths.size === 0) return false;
    if (lengths.has(digits.length) && isCard(digits) && isGroupedAsCard(groups.slice(first, last + 1))) return true;
  }
  return false;
}

/** How long cards are that begin with these digits. */
function cardLengths(digits: string): ReadonlySet<number> {
  const prefix = Number(digits.slice(0, PREFIX_DIGITS));
  return new Set(CARDS.flatMap(([from, to, lengths]) => {
    const unit = 10 ** (PREFIX_DIGITS - String(from).length);
    return prefix >= from * unit && prefix < (to + 1) * unit ? lengths : [];
  }));
}

/** Letters of a longer name, a hexadecimal id or a serial number right beside the digits: then they are not a number by themselves. */
function touchesWord(text: string, at: number, length: number): boolean {
  const after = text.slice(at + length, at + length + 1);
  const before = /[\p{L}\d_]{1,24}$/u.exec(text.slice(Math.max(0, at - 24), at))?.[0] ?? '';
  return /[\p{L}_]/u.test(after) || (before !== '' && !/^(card|cc|visa|mastercard|mc|amex|pan|no|nr)$/i.test(before));
}

function isGroupedAsCard(groups: readonly string[]): boolean {
  const sizes = groups.map((group) => group.length);
  if (CARD_GROUPS.has(sizes.join('-'))) return true;
  return sizes.slice(0, -1).every((size) => size === sizes[0]) && sizes.at(-1)! <= sizes[0]!;
}

function isCard(digits: string): boolean {
  return passesLuhn(digits) && !/^(\d)\1+$/.test(digits);
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** True when an IBAN stands in it: country, length and check digits (mod 97) all fit. */
export function hasIban(text: string): boolean {
  const upper = text.toUpperCase();
  for (const match of upper.matchAll(/(?<![A-Z0-9])[A-Z]{2}[ .-]?\d[ .-]?\d/g)) {
    const chars = IBAN_CHARS.get(match[0].slice(0, 2));
    if (chars !== undefined && isIban(upper.slice(match.index, match.index + 2 * chars + 1), chars)) return true;
  }
  return false;
}

/** `text` begins with the country; separators count for nothing, and the number must not go on after its last character. */
function isIban(text: string, chars: number): boolean {
  let compact = '';
  let at = 0;
  for (; at < text.length && compact.length < chars; at++) {
    if (/[A-Z0-9]/.test(text[at]!)) compact += text[at]!;
    else if (!' .-'.includes(text[at]!)) return false;
  }
  if (compact.length < chars || /[A-Z0-9]/.test(text[at] ?? '')) return false;
  let remainder = 0;
  for (const char of compact.slice(4) + compact.slice(0, 4)) {
    const value = parseInt(char, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

/** True when six or more digits stand right behind a word such as "account". */
export function hasAccountNumber(text: string): boolean {
  for (const match of text.matchAll(ACCOUNT_WORD)) {
    const end = match.index + match[0].length;
    if (ACCOUNT_NUMBER.test(text.slice(end, end + ACCOUNT_REACH))) return true;
  }
  return false;
}
