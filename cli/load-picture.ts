/** What a load test looks like while it runs, in a panel and in a line. */
import type { LoadProgress, Measures } from '../gateway/load/mod.ts';
import { sparkline, type Picture } from './live-panel.ts';
import { count } from './output.ts';

const CHART_POINTS = 32;
const CHART_STEP_MS = 1_000;

/** A function that draws the test as it is now. */
export function loadPicture(name: string, progressOf: () => LoadProgress): () => Picture {
  const rates: number[] = [];
  let last = { ms: 0, acknowledged: 0, connected: 0 };
  let perS = { acknowledged: 0, connected: 0 };
  return () => {
    const progress = progressOf();
    const { elapsedMs, total } = progress;
    const { acknowledged, connected } = total.counters;
    if (elapsedMs - last.ms >= CHART_STEP_MS) {
      const s = (elapsedMs - last.ms) / 1000;
      perS = { acknowledged: (acknowledged - last.acknowledged) / s, connected: (connected - last.connected) / s };
      rates.push(perS.acknowledged);
      if (rates.length > CHART_POINTS) rates.shift();
      last = { ms: elapsedMs, acknowledged, connected };
    }
    const heading = `thrum load · ${name} · ${phaseOf(progress)}`;
    return { heading, rows: rowsOf(progress, perS, rates), line: lineOf(progress, perS) };
  };
}

function phaseOf({ phase, stage, stageNumber, stages, elapsedMs, prepared, clients }: LoadProgress): string {
  if (phase === 'preparing') return `preparing ${count(prepared)} of ${count(clients)} clients`;
  if (phase === 'finishing') return 'finishing';
  return `${stage} (${stageNumber} of ${stages}) · ${clock(elapsedMs)}`;
}

function rowsOf({ connectedNow, clients, inFlightNow, total }: LoadProgress, perS: { readonly acknowledged: number; readonly connected: number }, rates: readonly number[]): [string, string][] {
  const { counters } = total;
  const rows: [string, string][] = [
    ['connected', `${count(connectedNow)} of ${count(clients)} · ${count(perS.connected)}/s · ${count(counters.connectFailed)} failed`],
    ['messages', `${count(counters.due)} due · ${count(counters.sent)} sent · ${count(counters.acknowledged)} acknowledged · ${count(inFlightNow)} in flight · ${count(counters.failed)} failed`],
    ['latency', `connect ${figures(total, 'connect')} · publish ${figures(total, 'publish')}`],
    ['acknowledged/s', `${sparkline(rates)} ${count(perS.acknowledged)}`],
  ];
  if (counters.received > 0) rows.push(['received', `${count(counters.received)} · ${count(counters.duplicates)} twice · ${count(counters.reordered)} out of order · ${count(counters.corrupted)} corrupted · ${figures(total, 'delivery')}`]);
  const worst = [...total.errors].sort(([, a], [, b]) => b - a).slice(0, 3);
  if (worst.length > 0) rows.push(['errors', worst.map(([kind, times]) => `${kind} × ${count(times)}`).join(' · ')]);
  return rows;
}

function lineOf(progress: LoadProgress, perS: { readonly acknowledged: number }): string {
  const { phase, connectedNow, clients, total } = progress;
  if (phase === 'preparing') return phaseOf(progress);
  const { counters } = total;
  return `${phaseOf(progress)} · ${count(connectedNow)}/${count(clients)} connected · ${count(counters.acknowledged)} acknowledged (${count(perS.acknowledged)}/s) · publish ${figures(total, 'publish')} · ${count(counters.connectFailed + counters.failed)} failed`;
}

function figures(total: Measures, name: 'connect' | 'publish' | 'delivery'): string {
  if (!total.has(name)) return '–';
  const histogram = total.latency(name);
  const ms = (percentile: number): string => (histogram.getValueAtPercentile(percentile) / 1000).toFixed(1);
  return `p50 ${ms(50)} ms, p99 ${ms(99)} ms`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
