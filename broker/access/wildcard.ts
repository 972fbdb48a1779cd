/** Wildcards of policies: `*` stands for any run of characters, `?` for one. No regular expressions, so no blow-up. */

/**
 * Comparisons of characters that one evaluation of policies may take: a few milliseconds. Patterns are as long as a policy, and
 * texts as an encryption context; who may write both could otherwise keep a server busy for seconds with one request.
 */
export const MAX_STEPS = 1_000_000;

/** How many comparisons are left; below zero some were left out, and what came of the others says nothing. */
export interface Steps {
  left: number;
}

/** Whether all of `text` fits `pattern`; false also where `steps` are used up. Remembers one star, not all of them. */
export function fits(pattern: string, text: string, steps: Steps): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let resumeAt = 0;
  while (at < text.length) {
    if (--steps.left < 0) return false;
    const wanted = pattern[inPattern];
    if (wanted === '*') {
      star = inPattern++;
      resumeAt = at;
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[at])) {
      inPattern += 1;
      at += 1;
    } else if (star >= 0) {
      inPattern = star + 1; // the last star takes one character more
      at = ++resumeAt;
    } else return false;
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}

/** As {@link fits}, in each of an ARN's six parts by itself: a star in one part does not reach into the next. */
export function fitsArn(pattern: string, arn: string, steps: Steps): boolean {
  const wanted = arnParts(pattern);
  const given = arnParts(arn);
  return wanted.length === 6 && given.length === 6 && wanted.every((part, n) => fits(part, given[n]!, steps));
}

/** `arn:partition:service:region:account:resource`; the resource may hold colons. */
function arnParts(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}
