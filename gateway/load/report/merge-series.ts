/**
 * Intervals of several shards put over one another. Each shard has its own clock, so stages are laid beginning upon
 * beginning. Promises: every interval goes into exactly one of the merged ones, so sums stay exact; shards with longer
 * intervals decide how long the merged ones are.
 */
import { Measures } from '../measures.ts';
import type { LoadReport, SeriesPoint } from '../report.ts';
import { condensed } from './condense.ts';
import { MAX_POINTS } from './document.ts';

/** When a merged stage begins, since the start of the merged run. */
export interface StagePlace {
  readonly name: string;
  readonly startMs: number;
}

interface Placed {
  readonly shard: number;
  readonly point: SeriesPoint;
  /** Since the stage's start. */
  readonly untilMs: number;
}

/** In order of time, at most {@link MAX_POINTS}. */
export function mergeSeries(reports: readonly LoadReport[], stages: readonly StagePlace[]): readonly SeriesPoint[] {
  const latest = new Map<number, SeriesPoint>();
  const merged = stages.flatMap((stage) => mergeStage(reports, stage, latest));
  return condensed(merged, MAX_POINTS);
}

function mergeStage(reports: readonly LoadReport[], { name, startMs }: StagePlace, latest: Map<number, SeriesPoint>): SeriesPoint[] {
  const placed = reports.flatMap((report, shard) => {
    const begun = report.stages.find((stage) => stage.name === name)?.startMs ?? 0;
    return report.series.filter(({ stage }) => stage === name).map((point): Placed => ({ shard, point, untilMs: Math.max(point.atMs - begun, 0) }));
  });
  const lengthMs = placed.reduce((most, { point }) => Math.max(most, point.lengthMs), 0);
  const bins = new Map<number, Placed[]>();
  for (const one of placed) {
    const bin = Math.floor(Math.max(one.untilMs - one.point.lengthMs / 2, 0) / lengthMs);
    const others = bins.get(bin);
    if (others) others.push(one);
    else bins.set(bin, [one]);
  }
  let before = 0;
  return [...bins].sort(([a], [b]) => a - b).map(([, members]) => {
    const untilMs = Math.max(before + 1, ...members.map((member) => member.untilMs));
    const point = mergePoints(members, { stage: name, atMs: startMs + untilMs, lengthMs: untilMs - before }, latest);
    before = untilMs;
    return point;
  });
}

/** What is a state, not a count, is the last known of each shard. */
function mergePoints(members: readonly Placed[], head: Pick<SeriesPoint, 'stage' | 'atMs' | 'lengthMs'>, latest: Map<number, SeriesPoint>): SeriesPoint {
  const measures = new Measures();
  for (const { shard, point } of members) {
    measures.add(point.measures);
    latest.set(shard, point);
  }
  const states = [...latest.values()];
  const points = members.map(({ point }) => point);
  return {
    ...head,
    measures: measures.toData(),
    connectedNow: total(states, 'connectedNow'),
    inFlightNow: total(states, 'inFlightNow'),
    rssBytes: total(states, 'rssBytes'),
    cpuMs: total(points, 'cpuMs'),
    loopDelayP99Ms: highest(points, 'loopDelayP99Ms'),
    busiestWorker: highest(points, 'busiestWorker'),
  };
}

type Amount = 'connectedNow' | 'inFlightNow' | 'rssBytes' | 'cpuMs' | 'loopDelayP99Ms' | 'busiestWorker';

function total(points: readonly SeriesPoint[], name: Amount): number {
  return points.reduce((sum, point) => sum + point[name], 0);
}

function highest(points: readonly SeriesPoint[], name: Amount): number {
  return points.reduce((most, point) => Math.max(most, point[name]), 0);
}
