/**
 * Makes texts comparable that look alike: compatibility forms (full-width letters and digits) become plain ones, digits of all scripts
 * become 0 to 9, all spaces a space, all dashes '-', and what is not seen at all (zero-width, direction marks, soft hyphens), or stands around a
 * character (circles, accents), goes.
 */

const DASHES = /[\p{Pd}\u2212\u00b7\u2022\u30fb]/gu;
const UNSEEN = /[\p{Cf}\p{Mn}\p{Me}\u115f\u1160\u3164\uffa0]/gu;

export function normalise(text: string): string {
   
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text
    .normalize('NFKC')
    .replaceAll(UNSEEN, '')
    .replaceAll(DASHES, '-')
    .replaceAll(/\p{Nd}/gu, (digit) => String(valueOf(digit)))
    .replaceAll(/[\s\p{Z}\p{Cc}]/gu, ' ');
}

/** Of several separators in a row one stays, a dash or a dot rather than a space: numbers are read over any of them. */
export function oneSeparator(text: string): string {
  return text.replaceAll(/[ .-]{2,}/g, (run) => (run.includes('-') ? '-' : run.includes('.') ? '.' : ' '));
}

/** Unicode keeps the ten digits of a script side by side, zero first. */
function valueOf(digit: string): number {
  const code = digit.codePointAt(0)!;
  if (code <= 0x39) return code - 0x30;
  let zero = code;
  while (zero > code - 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return (code - zero) % 10;
}
