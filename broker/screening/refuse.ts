/** Refuses sensitive text where it would be kept: names, ids, tags, descriptions, URLs. */
import { SensitiveTextError } from '../errors.ts';
import { screen } from './screen.ts';

/**
 * Throws SENSITIVE_TEXT for the first text in which something is found; `texts` by what they are: `the project name`. The error names
 * place and kind, never the text.
 */
export function refuseSensitiveText(texts: Readonly<Record<string, string | undefined>>): void {
  for (const [what, text] of Object.entries(texts)) {
    const [found] = text === undefined ? [] : screen(text);
    if (found) {
      throw new SensitiveTextError(`${what} looks as if it holds ${article(found.kind)} ${found.kind}: names show up in lists, logs and exports, so choose another, or give --allow-sensitive-text`);
    }
  }
}

function article(kind: string): string {
  if (kind.startsWith('credentials')) return 'the';
  return /^[aeiI]/.test(kind) ? 'an' : 'a';
}
