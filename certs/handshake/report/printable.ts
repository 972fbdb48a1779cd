/**
 * Text that came from a peer, made fit to be shown. Promises: what is returned is one line without control characters,
 * escape sequences, direction changes, invisible characters or halves of surrogate pairs, so no peer can paint on a
 * terminal, hide words, or break an XML document; and it is never longer than asked for.
 */

/** Characters kept of any one text in a report that is written; what is cut off is counted. */
export const MAX_TEXT = 1_000;

/** Unicode's "other" (control, format, surrogate, private, unassigned) and the separators of lines and paragraphs. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text in one line of at most `longest` characters and a count of those left out; what cannot be seen is spelled, as `\x1b`. */
export function printable(text: string, longest = MAX_TEXT): string {
  return shorten(text, longest).replaceAll(UNPRINTABLE, (character) => SHORT[character] ?? spelled(character.codePointAt(0)!));
}

/** The first `longest` characters and how many more there were. Whole characters are kept or left out. */
export function shorten(text: string, longest = MAX_TEXT): string {
  if (text.length <= longest) return text;
  const kept = text.slice(0, longest).replace(/[\ud800-\udbff]$/, '');
  return `${kept}… (${text.length - kept.length} more characters)`;
}

function spelled(codePoint: number): string {
  const hex = codePoint.toString(16);
  return codePoint <= 0xff ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
}

/** Printable, and with what XML and HTML give a meaning to escaped: for content and for quoted attributes. */
export function escaped(text: string, longest = MAX_TEXT): string {
  return printable(text, longest).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
