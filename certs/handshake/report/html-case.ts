/** One case in the HTML report: a line that opens to what was offered, expected, and seen. */

import type { CaseResult, EvidenceStep } from '../model.ts';
import { escaped } from './printable.ts';
import { sourceUrl } from './sources.ts';
import { SIGNS, durationText } from './style.ts';
import { OUTCOME_WORDS } from './summary.ts';

const ARROWS: Readonly<Record<EvidenceStep['kind'], readonly [sign: string, word: string]>> = {
  sent: ['→', 'sent'],
  received: ['←', 'received'],
  note: ['·', 'note'],
};

/** A `details` element. Failures are open from the start. */
export function caseHtml({ info, outcome, reason, evidence, durationMs }: CaseResult): string {
  return `<details class="is-${outcome}" id="${escaped(info.id)}"${outcome === 'fail' ? ' open' : ''}>
<summary><span class="outcome ${outcome}">${SIGNS[outcome]} ${OUTCOME_WORDS[outcome]}</span><span class="title">${escaped(info.title)}<code>${escaped(info.id)}</code></span><span class="severity">${info.severity}</span></summary>
<div class="body">
<p class="reason">${escaped(reason)}</p>
<dl><dt>Offered</dt><dd>${escaped(info.offered)}</dd><dt>Expected</dt><dd>${escaped(info.expected)}</dd><dt>Sources</dt><dd>${info.sources.map(sourceHtml).join('; ')}</dd><dt>Time</dt><dd>${durationText(durationMs)}</dd></dl>
${evidence.length === 0 ? '' : `<ol class="evidence">${evidence.map(stepHtml).join('')}</ol>`}
</div>
</details>`;
}

function sourceHtml(source: string): string {
  const url = sourceUrl(source);
  return url === undefined ? escaped(source) : `<a href="${escaped(url)}" rel="noreferrer">${escaped(source)}</a>`;
}

function stepHtml({ atMs, kind, text }: EvidenceStep): string {
  const [sign, word] = ARROWS[kind];
  return `<li class="${kind}"><time>${atMs.toFixed(1)} ms</time><b aria-hidden="true">${sign}</b><span><i>${word}: </i>${escaped(text)}</span></li>`;
}
