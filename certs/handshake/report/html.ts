/**
 * A report as one HTML page that stands by itself: no script, no request to anywhere, its policy says so; light and dark,
 * narrow and wide, screen and paper. Promises: whatever a peer wrote is text in it, never markup.
 */

import { createHash } from 'node:crypto';

import { OUTCOMES } from '../model.ts';
import type { HandshakeReport } from '../model.ts';
import type { Comparison } from './baseline.ts';
import { caseHtml } from './html-case.ts';
import { comparisonHtml } from './html-comparison.ts';
import { STYLE } from './html-style.ts';
import { escaped } from './printable.ts';
import { SIGNS, durationText, instantText } from './style.ts';
import { FAMILY_TITLES, OUTCOME_WORDS, byFamily, countsText, summarise } from './summary.ts';
import type { Counts, Judgement, Summary } from './summary.ts';

/** Between parts of a bar, in hundredths of the longest bar. */
const GAP = 0.4;

/** The whole page. */
export function reportToHtml(report: HandshakeReport, judgement: Judgement, comparison?: Comparison): string {
  const summary = summarise(report);
  const tone = judgement.exitCode === 0 ? 'pass' : 'fail';
  const target = escaped(report.target, 200);
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${SIGNS[tone]} Handshakes of ${target}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="kind">Handshake test of a ${report.subject}</p>
<h1>${target}</h1>
<p class="when">${escaped(instantText(report.startedAt))} · ${durationText(report.durationMs)} · ${summary.cases} cases</p>
<p class="verdict ${tone}">${SIGNS[tone]} ${escaped(judgement.sentence)}</p>
</header>
${comparison === undefined ? '' : comparisonHtml(comparison, report.target)}
<h2>Outcomes</h2>
${chartHtml(summary)}
${factsHtml(report.facts)}
<h2>Cases</h2>
${filterHtml(summary.outcomes)}
${byFamily(report.results).map(([family, results], at) => `<section class="family">
<h3>${escaped(FAMILY_TITLES[family])}<small>${countsText(summary.families[at]!.outcomes)}</small></h3>
<div class="cases">
${results.map(caseHtml).join('\n')}
</div>
</section>`).join('\n')}
<footer>Made by thrum. Fails for cases at or above severity ${judgement.failOn}.</footer>
</main>
</body>
</html>
`;
}

/** A bar for each family, as long as it has cases, in parts as long as its outcomes. */
function chartHtml({ families }: Summary): string {
  const most = Math.max(1, ...families.map(({ cases }) => cases));
  const rows = families.map(({ family, outcomes }) =>
    `<div><span>${escaped(FAMILY_TITLES[family])}</span>${barSvg(outcomes, most, `${FAMILY_TITLES[family]}: ${countsText(outcomes)}`)}<span class="numbers">${numbersHtml(outcomes)}</span></div>`);
  return rows.length === 0 ? '<p class="card">No cases.</p>' : `<div class="card bars">${rows.join('\n')}</div>`;
}

function barSvg(outcomes: Counts, most: number, label: string): string {
  let x = 0;
  const parts = OUTCOMES.filter((outcome) => outcomes[outcome] > 0).map((outcome) => {
    const width = (outcomes[outcome] / most) * 100;
    const rect = `<rect class="${outcome}" x="${x.toFixed(2)}" y="0" width="${Math.max(0.5, width - GAP).toFixed(2)}" height="10"><title>${outcomes[outcome]} ${OUTCOME_WORDS[outcome]}</title></rect>`;
    x += width;
    return rect;
  });
  return `<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="${escaped(label)}">${parts.join('')}</svg>`;
}

function numbersHtml(outcomes: Counts): string {
  return OUTCOMES.filter((outcome) => outcomes[outcome] > 0).map((outcome) => `<span class="${outcome}" title="${OUTCOME_WORDS[outcome]}">${SIGNS[outcome]} ${outcomes[outcome]}</span>`).join('&#160; ');
}

function factsHtml(facts: HandshakeReport['facts']): string {
  const rows = Object.entries(facts).map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`);
  return rows.length === 0 ? '' : `<h2>Found out</h2>\n<dl class="card">${rows.join('\n')}</dl>`;
}

/** Works by style sheet alone: the buttons are radio buttons. */
function filterHtml(outcomes: Counts): string {
  const choices = OUTCOMES.filter((outcome) => outcomes[outcome] > 0).map((outcome) =>
    `<label><input type="radio" name="only" id="only-${outcome}"> <span class="${outcome}">${SIGNS[outcome]}</span> ${OUTCOME_WORDS[outcome]} ${outcomes[outcome]}</label>`);
  return `<fieldset class="filter" aria-label="Show"><label><input type="radio" name="only" id="only-all" checked> all</label>${choices.join('')}</fieldset>`;
}
