/**
 * Reports of shards made one. Promises: sums are exact and histograms are added, so percentiles are those of all messages,
 * not means of percentiles; what does not belong together, is there twice or is missing is refused by name; assertions are
 * judged again, on the whole.
 */
import { LoadError } from '../errors.ts';
import { Measures, type MeasuresData } from '../measures.ts';
import type { GeneratorFacts, GeneratorLimit, LoadReport, StageReport } from '../report.ts';
import { assertionsOf, judgeReport, type Assertion } from './assertion.ts';
import { mergeSeries } from './merge-series.ts';
import { printable } from './printable.ts';

/** Assertions of the merged report are those of the shards, and `more`. Throws LOAD_REPORT. */
export function mergeReports(reports: readonly LoadReport[], more: readonly Assertion[] = []): LoadReport {
  const inOrder = [...reports].sort((a, b) => a.shards[0]!.index - b.shards[0]!.index);
  const [first] = inOrder;
  if (!first) throw new LoadError('LOAD_REPORT', 'no report was given: name the files of all shards');
  checkBelonging(inOrder, first);
  const stages = mergeStages(inOrder);
  const last = stages.at(-1);
  const whole = {
    total: sumOf(inOrder.map(({ total }) => total)),
    durationMs: Math.max(...inOrder.map(({ durationMs }) => durationMs), last ? last.startMs + last.durationMs : 0),
    limit: uniteLimits(inOrder.map((report) => [report, report.limit])),
    series: inOrder.length === 1 ? first.series : mergeSeries(inOrder, stages),
    stages,
  };
  return {
    format: first.format,
    version: first.version,
    name: first.name,
    startedAt: inOrder.map(({ startedAt }) => startedAt).sort()[0]!,
    startAt: first.startAt,
    ended: endOf(inOrder),
    shards: inOrder.flatMap(({ shards }) => shards),
    generator: uniteGenerators(inOrder),
    brokers: distinct(inOrder.flatMap(({ brokers }) => brokers)),
    ...whole,
    searches: inOrder.length === 1 ? first.searches : [],
    assertions: judgeReport(distinct([...inOrder.flatMap(({ assertions }) => assertionsOf(assertions)), ...more]), whole),
  };
}

/** Shards that were told when to begin were told the same; others are of one run only if they ran at the same time. */
function checkOneRun(reports: readonly LoadReport[], first: LoadReport): void {
  const other = reports.find(({ startAt }) => startAt !== first.startAt);
  const whenOf = ({ startAt }: LoadReport): string => (startAt === null ? 'as soon as it was ready' : `at ${startAt}`);
  if (other) throw refused(`shard ${first.shards[0]!.index} was to begin ${whenOf(first)}, and shard ${other.shards[0]!.index} ${whenOf(other)}`);
  if (first.startAt !== null) return;
  const beganMs = ({ startedAt }: LoadReport): number => Date.parse(startedAt);
  const early = reports.reduce((one, next) => (beganMs(next) + next.durationMs < beganMs(one) + one.durationMs ? next : one));
  const late = reports.find((report) => beganMs(report) > beganMs(early) + early.durationMs);
  if (late) throw refused(`shard ${early.shards[0]!.index} was over when shard ${late.shards[0]!.index} began, ${late.startedAt}`, 'give reports of one run, whose shards begin together (--start-at)');
}

function checkBelonging(reports: readonly LoadReport[], first: LoadReport): void {
  const shards = reports.flatMap((report) => report.shards);
  const of = first.shards[0]!.of;
  const other = reports.find(({ name }) => name !== first.name);
  if (other) throw refused(`they are of two scenarios, '${printable(first.name, 80)}' and '${printable(other.name, 80)}'`);
  const stranger = shards.find((shard) => shard.of !== of);
  if (stranger) throw refused(`shard ${shards[0]!.index} is of ${of}, and shard ${stranger.index} is of ${stranger.of}`);
  const indexes = shards.map(({ index }) => index);
  const twice = indexes.find((index, at) => indexes.indexOf(index) !== at);
  if (twice !== undefined) throw refused(`shard ${twice}/${of} is there twice`, 'give each file once');
  const missing = Array.from({ length: Math.min(of, 10_000) }, (_, at) => at + 1).filter((index) => !indexes.includes(index));
  if (missing.length > 0) {
    throw refused(`shard${missing.length === 1 ? '' : 's'} ${missing.slice(0, 10).map((index) => `${index}/${of}`).join(', ')}${missing.length > 10 ? ' and more' : ''} missing`, 'give the files of all shards');
  }
  checkOneRun(reports, first);
  if (reports.length > 1 && reports.some(({ searches }) => searches.length > 0)) {
    throw refused('they hold searches, in which each shard went its own way', 'search for a rate with one process, or run shards at rates of your choice');
  }
}

function refused(why: string, todo = 'give reports of one run'): LoadError {
  return new LoadError('LOAD_REPORT', `these reports cannot be merged: ${why}: ${todo}`);
}

/** A run that ended early lacks the last stages; else all have the same. */
function mergeStages(reports: readonly LoadReport[]): StageReport[] {
  const longest = reports.reduce((most, report) => (report.stages.length > most.stages.length ? report : most));
  for (const { stages, shards } of reports) {
    const odd = stages.findIndex(({ name }, at) => name !== longest.stages[at]!.name);
    if (odd >= 0) throw refused(`stage ${odd + 1} of shard ${shards[0]!.index} is '${printable(stages[odd]!.name, 80)}', and '${printable(longest.stages[odd]!.name, 80)}' elsewhere`);
  }
  let end = 0;
  return longest.stages.map(({ name }, at) => {
    const members = reports.flatMap((report) => (report.stages[at] ? [{ report, stage: report.stages[at] }] : []));
    const startMs = Math.max(end, Math.min(...members.map(({ stage }) => stage.startMs)));
    const durationMs = Math.max(...members.map(({ stage }) => stage.durationMs));
    end = startMs + durationMs;
    const groups = distinct(members.flatMap(({ stage }) => stage.groups.map(({ clients }) => clients)));
    return {
      name,
      startMs,
      durationMs,
      measures: sumOf(members.map(({ stage }) => stage.measures)),
      groups: groups.map((clients) => ({ clients, measures: sumOf(members.flatMap(({ stage }) => stage.groups.filter((group) => group.clients === clients).map(({ measures }) => measures))) })),
      limit: uniteLimits(members.map(({ report, stage }) => [report, stage.limit])),
    };
  });
}

function sumOf(all: readonly MeasuresData[]): MeasuresData {
  const sum = new Measures();
  for (const measures of all) sum.add(measures);
  return sum.toData();
}

/** With several shards, reasons say whose they are. */
function uniteLimits(limits: readonly (readonly [LoadReport, GeneratorLimit])[]): GeneratorLimit {
  const reasons = limits.flatMap(([{ shards }, { reasons: own }]) => own.map((reason) => (limits.length === 1 ? reason : `Shard ${shards[0]!.index} (${shards[0]!.host}): ${reason}`)));
  const highest = (pick: (limit: GeneratorLimit) => number | null): number | null => {
    const known = limits.flatMap(([, limit]) => pick(limit) ?? []);
    return known.length === 0 ? null : Math.max(...known);
  };
  return { reasons, slipP99Ms: highest((one) => one.slipP99Ms), loopDelayP99Ms: highest((one) => one.loopDelayP99Ms), busiestWorker: highest((one) => one.busiestWorker) };
}

function uniteGenerators(reports: readonly LoadReport[]): GeneratorFacts {
  const all = reports.map(({ generator }) => generator);
  const sum = (pick: (facts: GeneratorFacts) => number): number => all.reduce((total, facts) => total + pick(facts), 0);
  const coresOfHost = new Map(reports.map(({ shards, generator }) => [shards[0]!.host, generator.cores]));
  const weighed = all.filter(({ bytesPerClient }) => bytesPerClient !== null);
  const clients = weighed.reduce((total, facts) => total + facts.clients, 0);
  return {
    thrum: distinct(all.map(({ thrum }) => thrum)).join(' and '),
    node: distinct(all.map(({ node }) => node)).join(' and '),
    cpu: distinct(all.map(({ cpu }) => cpu)).join(' and '),
    cores: [...coresOfHost.values()].reduce((total, cores) => total + cores, 0),
    workers: sum(({ workers }) => workers),
    clients: sum((facts) => facts.clients),
    prepareMs: Math.max(...all.map(({ prepareMs }) => prepareMs)),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    peakRssBytes: sum(({ peakRssBytes }) => peakRssBytes),
    bytesPerClient: clients === 0 ? null : Math.round(weighed.reduce((total, facts) => total + facts.bytesPerClient! * facts.clients, 0) / clients),
  };
}

function endOf(reports: readonly LoadReport[]): string {
  const early = reports.filter(({ ended }) => ended !== 'done');
  if (reports.length === 1 || early.length === 0) return early[0]?.ended ?? 'done';
  return early.map(({ shards, ended }) => `shard ${shards[0]!.index}: ${ended}`).join('; ');
}

/** Each once, in order; what is equal as JSON is the same. */
function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
