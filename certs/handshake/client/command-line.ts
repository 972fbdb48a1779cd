/** A command as a user types it, split into words without a shell, with what it is to be told filled in. */
import { CertsError } from '../../errors.ts';

/** What may stand in braces in a command. */
export const PLACEHOLDERS = ['host', 'port', 'ca', 'cert', 'key', 'crl', 'client_id', 'url', 'dir'] as const;
export type Placeholders = Readonly<Record<(typeof PLACEHOLDERS)[number], string>>;

/**
 * Splits at blanks; 'single' and "double" quotes hold words together, a backslash outside single quotes takes the next
 * character as it is. No variables, globs, pipes. Throws CERTS_BAD_REQUEST for an open quote, an empty command, an unknown
 * placeholder.
 */
export function splitCommand(command: string, option = '--exec', known: readonly string[] = PLACEHOLDERS): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < command.length; at++) {
    const character = command[at]!;
    if (character === '\\' && quote !== "'" && at + 1 < command.length) word = (word ?? '') + command[++at]!;
    else if (quote !== '') {
      if (character === quote) quote = '';
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') throw new CertsError('CERTS_BAD_REQUEST', `${option} has an open ${quote}: close the quote`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new CertsError('CERTS_BAD_REQUEST', `${option} is empty: write a command`);
  for (const one of words) checkPlaceholders(one, option, known);
  return words;
}

/** The words with every placeholder replaced. */
export function fillIn(words: readonly string[], values: Placeholders): string[] {
  return words.map((word) => word.replaceAll(/\{([a-z_]+)\}/g, (_, name: string) => values[name as keyof Placeholders]));
}

function checkPlaceholders(word: string, option: string, known: readonly string[]): void {
  for (const [, name] of word.matchAll(/\{([a-z_]+)\}/g)) {
    if (!known.includes(name!)) {
      throw new CertsError('CERTS_BAD_REQUEST', `${option} names {${name!}}, which is not known: use ${known.map((one) => `{${one}}`).join(' ')}`);
    }
  }
}
