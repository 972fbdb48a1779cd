/**
 * How outcomes look on a terminal: a sign and a word for each, and a colour only where one is wanted. So nothing is told
 * by colour alone.
 */

import type { Outcome } from '../model.ts';
import { OUTCOME_WORDS } from './summary.ts';

export type Style = 'plain' | 'coloured';
export type Tone = Outcome | 'strong' | 'faint';

export const SIGNS: Readonly<Record<Outcome, string>> = { pass: '✔', fail: '✘', warn: '!', 'not-run': '–' };

const SGR: Readonly<Record<Tone, string>> = { pass: '32', fail: '1;31', warn: '33', 'not-run': '2', strong: '1', faint: '2' };

/** The text in a tone. It must be printable already. */
export function painted(style: Style, tone: Tone, text: string): string {
  return style === 'coloured' && text !== '' ? `\u001b[${SGR[tone]}m${text}\u001b[0m` : text;
}

/** `✘ FAIL    `: as wide for every outcome; a failure stands out without colour too. */
export function signed(outcome: Outcome): string {
  const word = OUTCOME_WORDS[outcome];
  return `${SIGNS[outcome]} ${(outcome === 'fail' ? word.toUpperCase() : word).padEnd(7)}`;
}

/** Milliseconds as people read them: `0.4 ms`, `120 ms`, `4.2 s`. */
export function durationText(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`;
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** `2026-03-01T12:00:00.000Z` → `2026-03-01 12:00:00 UTC`. */
export function instantText(iso: string): string {
  return iso.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}
