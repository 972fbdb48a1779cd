/**
 * A report as one HTML page that stands by itself: no script, no request to anywhere, its policy says so; light and dark,
 * narrow and wide, screen and paper. Promises: whatever a peer or a scenario wrote is text in it, never markup; when the
 * generator was the limit, that comes before any figure.
 */
import { createHash } from 'node:crypto';
import { Measures } from '../measures.ts';
import type { AssertionResult, LoadReport } from '../report.ts';
import { chartHtml } from './chart.ts';
import { distributionCharts, timeCharts } from './charts.ts';
import { errorShare, highestRate, percentileMs } from './figures.ts';
import { escaped } from './printable.ts';
import { STYLE } from './style.ts';
import { OUTCOME_SIGNS, certificateText, limitReasons, searchSentence } from './summary.ts';
import { messageEquations, tablesOf, type Table } from './tables.ts';
import { bytesText, countText, durationText, instantText, numberText } from './text.ts';
import { LIMIT_SENTENCE, verdictOf } from './verdict.ts';

/** The whole page. */
export function reportToHtml(report: LoadReport): string {
  const verdict = verdictOf(report);
  const tone = !verdict.passed ? 'failed' : verdict.limited ? 'unknown' : 'met';
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;
  const name = escaped(report.name, 200);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Load test ${name}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${limitHtml(report)}<header>
<p class="kind">Load test</p>
<h1>${name}</h1>
<p class="when">${escaped(instantText(report.startedAt))} · ${durationText(report.durationMs)}${report.ended === 'done' ? '' : ` · ended early: ${escaped(report.ended)}`}</p>
<p class="verdict ${tone}">${escaped(verdict.sentence)}</p>
</header>
${tilesHtml(report)}
${assertionsHtml(report.assertions)}
${searchesHtml(report)}
${section('Over time', chartsHtml(timeCharts(report).map(chartHtml)))}
${section('Latencies by percentile', chartsHtml(distributionCharts(report).map(chartHtml)))}
${messagesHtml(report)}
${tablesOf(report).map(tableHtml).join('\n')}
${section('Who and what', factsHtml(report))}
<footer>Made by thrum. Latencies are counted from when a message was due.</footer>
</main>
</body>
</html>
`;
}

function limitHtml(report: LoadReport): string {
  const reasons = limitReasons(report);
  if (reasons.length === 0) return '';
  return `<div class="verdict unknown limit">${escaped(LIMIT_SENTENCE)}<ul>${reasons.map((reason) => `<li>${escaped(reason)}</li>`).join('')}</ul></div>\n`;
}

/** What most look for first. */
function tilesHtml(report: LoadReport): string {
  const measures = Measures.of(report.total);
  const { connected, received, expectedDeliveries, lost } = measures.counters;
  const [connects, acknowledged] = [highestRate('connect', report), highestRate('acknowledge', report)];
  const [p99, errors] = [percentileMs(measures, 'publish', 99), errorShare(measures)];
  const { bytesPerClient } = report.generator;
  const tiles: (readonly [string, string] | undefined)[] = [
    [countText(report.generator.clients), 'clients'],
    connects === null ? undefined : [`${numberText(connects.perS)}/s`, `connects in ${connects.stage}, ${countText(connected)} in all`],
    acknowledged === null ? undefined : [`${numberText(acknowledged.perS)}/s`, `messages acknowledged in ${acknowledged.stage}`],
    p99 === null ? undefined : [durationText(p99), 'publish p99'],
    received + expectedDeliveries === 0 ? undefined : [countText(lost), 'messages lost'],
    errors === null ? undefined : [`${numberText(100 * errors)} %`, 'of messages failed or unsent'],
    bytesPerClient === null ? undefined : [bytesText(bytesPerClient), 'memory per client'],
  ];
  return `<ul class="tiles">${tiles.flatMap((tile) => (tile ? [`<li class="card"><b>${tile[0]}</b><span>${escaped(tile[1], 80)}</span></li>`] : [])).join('')}</ul>`;
}

function assertionsHtml(assertions: readonly AssertionResult[]): string {
  const rows = assertions.map(({ text, stage, outcome, reason }) =>
    `<tr><td class="sign ${outcome}" title="${outcome}">${OUTCOME_SIGNS[outcome]}</td><td class="word"><code>${stage === null ? '' : `${escaped(stage)}: `}${escaped(text)}</code></td><td class="word">${outcome}</td><td class="word">${escaped(reason)}</td></tr>`);
  const head = '<tr><th></th><th class="word">condition</th><th class="word">outcome</th><th class="word">why</th></tr>';
  return rows.length === 0 ? '' : section('Assertions', `<div class="card scroll"><table><thead>${head}</thead><tbody>${rows.join('\n')}</tbody></table></div>`);
}

function searchesHtml({ searches }: LoadReport): string {
  return searches.length === 0 ? '' : section('Searches', `<div class="card">${searches.map((search) => `<p>${escaped(searchSentence(search), 2_000)}</p>`).join('')}</div>`);
}

function messagesHtml(report: LoadReport): string {
  const equations = messageEquations(Measures.of(report.total));
  return equations.length === 0 ? '' : section('Messages', `<div class="card">${equations.map((equation) => `<p>${escaped(equation)}</p>`).join('')}</div>`);
}

function tableHtml({ title, head, rows, words }: Table): string {
  const cells = (tag: string, row: readonly string[]): string => `<tr>${row.map((cell, at) => `<${tag}${words.includes(at) ? ' class="word"' : ''}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return section(title, `<div class="card scroll"><table><thead>${cells('th', head)}</thead><tbody>${rows.map((row) => cells('td', row)).join('\n')}</tbody></table></div>`);
}

function factsHtml({ brokers, generator, shards, limit }: LoadReport): string {
  const facts: (readonly [string, string])[] = [
    ...brokers.map((broker) => [`broker ${broker.name}`, `${broker.url}${certificateText(broker.certificate)}`] as const),
    ['generator', `thrum ${generator.thrum}, Node.js ${generator.node}, ${generator.workers} workers on ${generator.cores} cores (${generator.cpu})`],
    ['shards', shards.map(({ index, of, host }) => `${index}/${of} on ${host}`).join(', ')],
    ['slip p99', limit.slipP99Ms === null ? '–' : durationText(limit.slipP99Ms)],
    ['event-loop delay p99', limit.loopDelayP99Ms === null ? '–' : durationText(limit.loopDelayP99Ms)],
    ['busiest worker', limit.busiestWorker === null ? '–' : `${numberText(100 * limit.busiestWorker)} % of a core`],
  ];
  return `<dl class="card">${facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>`;
}

function chartsHtml(charts: readonly string[]): string {
  return charts.length === 0 ? '' : `<div class="charts">${charts.join('\n')}</div>`;
}

function section(title: string, content: string): string {
  return content === '' ? '' : `<h2>${escaped(title)}</h2>\n${content}`;
}
