/**
 * A choice of cases by id, as `protocol.tls-1.0` or `protocol.*`. Promises that a pattern which chooses nothing is an
 * error: a misspelt id must not look like a run without failures.
 */

import { CertsError } from '../../errors.ts';
import type { CaseInfo } from '../model.ts';
import { printable } from './printable.ts';

/** The most patterns of one choice. */
const MAX_PATTERNS = 1_000;

/** Whether an id is chosen; `*` stands for any characters. No pattern chooses all. */
export function matchesCase(id: string, patterns: readonly string[]): boolean {
  return patterns.length === 0 || patterns.some((pattern) => matches(id, pattern));
}

/** The chosen cases, in their own order. Throws CERTS_NO_CASE for a pattern without any. */
export function selectCases<T extends { readonly info: CaseInfo }>(cases: readonly T[], patterns: readonly string[]): readonly T[] {
  if (patterns.length > MAX_PATTERNS) throw new CertsError('CERTS_NO_CASE', `at most ${MAX_PATTERNS} choices of cases are taken, these are ${patterns.length}: choose many at once with *`);
  for (const pattern of patterns) {
    if (!cases.some(({ info }) => matches(info.id, pattern))) {
      throw new CertsError('CERTS_NO_CASE', `no case is called '${printable(pattern, 100)}': --list prints all of them`);
    }
  }
  return cases.filter(({ info }) => matchesCase(info.id, patterns));
}

/** Takes time in proportion to the two lengths, whatever the pattern: the parts between stars are looked for from left to right. */
function matches(id: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return id === first;
  if (!id.startsWith(first) || !id.endsWith(last) || id.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = id.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= id.length - last.length;
}
