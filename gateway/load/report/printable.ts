/**
 * Text that came from elsewhere (a broker's certificate, names in a scenario, kinds of errors), made fit to be shown.
 * Promises: what is returned is one line without control characters, escape sequences, direction changes, invisible
 * characters or halves of surrogate pairs, and not longer than asked for, so nobody can paint on a terminal or break a
 * document.
 */

/** Characters that are shown of any one text. */
const MAX_TEXT = 500;
/** Unicode's "other" (control, format, surrogate, private, unassigned) and the separators of lines and paragraphs. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** The text in one line; what cannot be seen is spelled, as `\u{1b}`; what is too long is cut, with `…`. */
export function printable(text: string, longest = MAX_TEXT): string {
  const kept = text.length <= longest ? text : `${text.slice(0, longest).replace(/[\ud800-\udbff]$/, '')}…`;
  return kept.replaceAll(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Printable, and with what XML and HTML give a meaning to escaped: for content and for quoted attributes. */
export function escaped(text: string, longest = MAX_TEXT): string {
  return printable(text, longest).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
