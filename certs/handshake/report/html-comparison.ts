/** What changed since an earlier report, in the HTML report; each case that is still there is a link to its place. */

import { comparisonLines } from './baseline.ts';
import type { Change, Comparison } from './baseline.ts';
import { escaped } from './printable.ts';
import { OUTCOME_WORDS } from './summary.ts';

/** The section of the page. */
export function comparisonHtml(comparison: Comparison, target: string): string {
  const [head] = comparisonLines(comparison, target);
  const { regressions, mended, noted, added, gone } = comparison;
  const rows = [
    ...regressions.map((change) => changeHtml('fail', 'worse', change)),
    ...mended.map((change) => changeHtml('pass', 'mended', change)),
    ...noted.map((change) => changeHtml('warn', 'changed', change)),
    ...added.map((id) => rowHtml('not-run', 'new', link(id))),
    ...gone.map((id) => rowHtml('not-run', 'gone', escaped(id))),
  ];
  const list = rows.length === 0 ? '' : `<ul class="changes">${rows.join('\n')}</ul>`;
  return `<h2>Before and now</h2>\n<div class="card"><p>${escaped(head!)}</p>${list}</div>`;
}

function changeHtml(tone: string, word: string, { id, before, now, reason }: Change): string {
  const why = now === 'pass' ? '' : `: ${escaped(reason)}`;
  return rowHtml(tone, word, `${link(id)} ${OUTCOME_WORDS[before]} → ${OUTCOME_WORDS[now]}${why}`);
}

function rowHtml(tone: string, word: string, html: string): string {
  return `<li><b class="${tone}">${word}</b><span>${html}</span></li>`;
}

function link(id: string): string {
  return `<a href="#${escaped(id)}"><code>${escaped(id)}</code></a>`;
}
