/**
 * The tables of a report, as cells: the summary pads them, the page marks them up. Promises: cells are not yet escaped; a
 * table without rows is left out, and so is a column without figures; what was not measured is `–`.
 */
import { Measures, type Latency } from '../measures.ts';
import type { LoadReport, SearchTrial, SeriesPoint } from '../report.ts';
import { PERCENTILES, highestRate, inFlight, latencyFigures, percentileMs, ratePerS } from './figures.ts';
import { bytesText, countText, durationText, numberText } from './text.ts';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns that hold words; the others hold numbers. */
  readonly words: readonly number[];
}

const NONE = '–';
/** Kinds of errors and handshakes that are shown; the document has all. */
const MAX_ROWS = 40;
const MAX_TRIALS = 60;
/** With fewer, what a worker needs for itself would look like what its clients need. */
const MIN_CLIENTS_FOR_COST = 100;
const MIN_MESSAGES_FOR_COST = 1_000;

export function tablesOf(report: LoadReport): Table[] {
  const total = Measures.of(report.total);
  const all = [
    stagesTable(report),
    groupsTable(report),
    latenciesTable('Where connect time goes', total, ['connect', 'tcp', 'tls', 'connack', 'subscribe', 'identity']),
    latenciesTable('Message latency', total, ['publish', 'delivery', 'slip']),
    deliveriesTable(total),
    handshakesTable(total, report),
    errorsTable(total),
    costTable(report),
    ...report.searches.map((search): Table => ({
      title: `Search in stage ${search.stage} for ${search.objective.join(', ')}`,
      head: ['rate tried', 'achieved', 'publish p99', 'outcome', 'why'],
      words: [3, 4],
      rows: search.trials.slice(-MAX_TRIALS).map(trialRow),
    })),
  ];
  return all.filter(({ rows }) => rows.length > 0).map(withoutEmptyColumns);
}

function withoutEmptyColumns({ title, head, rows, words }: Table): Table {
  const kept = head.map((_, at) => at).filter((at) => words.includes(at) || rows.some((row) => row[at] !== NONE));
  const keep = (row: readonly string[]): string[] => kept.map((at) => row[at]!);
  return { title, head: keep(head), rows: rows.map(keep), words: kept.flatMap((at, index) => (words.includes(at) ? [index] : [])) };
}

function stagesTable({ stages, series }: LoadReport): Table {
  const rows = stages.map(({ name, startMs, durationMs, measures: data }) => {
    const measures = Measures.of(data);
    const points = series.filter(({ stage }) => stage === name);
    const { connected, due, acknowledged } = measures.counters;
    const rates = (['connect', 'acknowledge'] as const).map((rate) => rateText(ratePerS(rate, measures, durationMs, points)));
    const errors = [...measures.errors].reduce((sum, [kind, times]) => (kind.startsWith('expected.') ? sum : sum + times), 0);
    return [name, durationText(startMs), durationText(durationMs), countOrNone(connected), rates[0]!, countOrNone(due), countOrNone(acknowledged), rates[1]!, msText(percentileMs(measures, 'publish', 50)), msText(percentileMs(measures, 'publish', 99)), countText(errors)];
  });
  return { title: 'Stages', head: ['stage', 'from', 'lasted', 'connected', 'connects/s', 'due', 'acknowledged', 'acknowledged/s', 'publish p50', 'p99', 'errors'], rows, words: [0] };
}

/** Only where stages have several groups: else it would say the same again. Who did nothing in a stage is left out. */
function groupsTable({ stages }: LoadReport): Table {
  const rows = stages.flatMap((stage) => (stage.groups.length < 2 ? [] : stage.groups.flatMap(({ clients, measures: data }) => {
    const measures = Measures.of(data);
    const { connected, connectFailed, refusedAsExpected, unexpectedlyAccepted, due, acknowledged, received } = measures.counters;
    const counts = [connected, connectFailed, refusedAsExpected, unexpectedlyAccepted, due, acknowledged, received];
    return counts.every((count) => count === 0) ? [] : [[stage.name, clients, ...counts.map(countOrNone), msText(percentileMs(measures, 'connect', 99)), msText(percentileMs(measures, 'publish', 99))]];
  })));
  return { title: 'Groups of clients', head: ['stage', 'clients', 'connected', 'failed', 'refused as expected', 'accepted against it', 'due', 'acknowledged', 'received', 'connect p99', 'publish p99'], rows, words: [0, 1] };
}

function latenciesTable(title: string, measures: Measures, names: readonly Latency[]): Table {
  const rows = names.flatMap((name) => {
    const figures = latencyFigures(measures, name);
    return figures ? [[name, countText(figures.times), ...figures.percentilesMs.map((ms, at) => tailText(ms, PERCENTILES[at]!, figures.times)), durationText(figures.maxMs), durationText(figures.meanMs)]] : [];
  });
  return { title, head: ['', 'times', ...PERCENTILES.map((percentile) => `p${percentile}`), 'max', 'mean'], rows, words: [0] };
}

/** A percentile beyond what so few times can tell is only the largest again. */
function tailText(ms: number, percentile: number, times: number): string {
  return times * (100 - percentile) < 99.999 ? NONE : durationText(ms);
}

/** The two equations that hold for messages, as they are. */
export function messageEquations(measures: Measures): string[] {
  const { due, sent, unsent, acknowledged, failed } = measures.counters;
  if (due === 0 && sent === 0) return [];
  return [
    `due ${countText(due)} = sent ${countText(sent)} + unsent ${countText(unsent)}${due === sent + unsent ? '' : ' (does not add up)'}`,
    `sent ${countText(sent)} = acknowledged ${countText(acknowledged)} + in flight ${countText(inFlight(measures))} + failed ${countText(failed)}${inFlight(measures) < 0 ? ' (does not add up)' : ''}`,
  ];
}

function deliveriesTable({ counters }: Measures): Table {
  const { received, expectedDeliveries, lost, duplicates, reordered, corrupted, foreign, unchecked } = counters;
  const rows = received + expectedDeliveries === 0 ? [] : [[received, expectedDeliveries, lost, duplicates, reordered, corrupted, foreign, unchecked].map(countText)];
  return { title: 'Deliveries to subscribers', head: ['received', 'expected', 'lost', 'duplicates', 'reordered', 'corrupted', 'foreign', 'unchecked'], rows, words: [] };
}

/** Handshakes per second are those of the stage with the highest rate of connects. */
function handshakesTable(measures: Measures, report: LoadReport): Table {
  const highest = highestRate('connect', report);
  const stage = report.stages.find(({ name }) => name === highest?.stage);
  const perS = (kind: string): number | null => {
    const connected = stage?.measures.counters.connected ?? 0;
    const times = stage?.measures.handshakes[kind] ?? 0;
    return highest === null || times === 0 || connected === 0 ? null : (highest.perS * times) / connected;
  };
  const rows = topKinds(measures.handshakes).map(([kind, times]) => [kind, countText(times), rateText(perS(kind))]);
  return { title: 'TLS handshakes', head: ['version, kind, group, cipher suite, client key, chain', 'times', stage ? `per second in ${stage.name}` : 'per second'], rows, words: [0] };
}

function errorsTable(measures: Measures): Table {
  return { title: 'Errors', head: ['kind', 'times'], rows: topKinds(measures.errors).map(([kind, times]) => [kind, countText(times)]), words: [0] };
}

function topKinds(kinds: ReadonlyMap<string, number>): (readonly [string, number])[] {
  const all = [...kinds].sort(([, a], [, b]) => b - a);
  const rest = all.slice(MAX_ROWS);
  return rest.length === 0 ? all : [...all.slice(0, MAX_ROWS), [`${rest.length} more kinds`, rest.reduce((sum, [, times]) => sum + times, 0)]];
}

function costTable(report: LoadReport): Table {
  const { cpuMs, peakRssBytes, bytesPerClient, clients, workers, prepareMs } = report.generator;
  const connecting = costPer(report.series, 'connected', 'sent');
  const publishing = costPer(report.series, 'acknowledged', 'connects');
  return {
    title: 'What the generator used',
    head: ['clients', 'workers', 'CPU', 'CPU per connection', 'CPU per message', 'peak memory', 'memory per client', 'preparation'],
    rows: [[
      countText(clients), countText(workers), durationText(cpuMs), connecting === null ? NONE : durationText(connecting), publishing === null || (report.total.counters.acknowledged ?? 0) < MIN_MESSAGES_FOR_COST ? NONE : `${numberText(publishing * 1_000)} µs`,
      bytesText(peakRssBytes), bytesPerClient === null || clients < MIN_CLIENTS_FOR_COST ? NONE : bytesText(bytesPerClient), durationText(prepareMs),
    ]],
    words: [],
  };
}

/** CPU, ms, for each of what was counted, over the intervals that had nothing else; null when there are none. */
export function costPer(series: readonly SeriesPoint[], counted: 'connected' | 'acknowledged', without: 'sent' | 'connects'): number | null {
  let [cpuMs, times] = [0, 0];
  for (const { measures: { counters }, cpuMs: used } of series) {
    if ((counters[counted] ?? 0) === 0 || (counters[without] ?? 0) > 0) continue;
    cpuMs += used;
    times += counters[counted]!;
  }
  return times === 0 ? null : cpuMs / times;
}

function trialRow({ ratePerS: rate, outcome, achievedPerS, publishP99Ms, reason }: SearchTrial): string[] {
  return [rateText(rate), rateText(achievedPerS), msText(publishP99Ms), outcome, reason];
}

function countOrNone(value: number): string {
  return value === 0 ? NONE : countText(value);
}

function msText(ms: number | null): string {
  return ms === null ? NONE : durationText(ms);
}

function rateText(perS: number | null): string {
  return perS === null ? NONE : `${numberText(perS)}/s`;
}
