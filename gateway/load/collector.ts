/**
 * Adds up what workers tell: by interval, by stage and group, and in all. Promises: every tick is in exactly one interval, one
 * stage, and the total; a long run keeps at most 3,600 points, of longer intervals.
 */
import { Measures } from './measures.ts';
import { generatorLimit, Intervals } from './generator-limit.ts';
import type { LiveFigures } from './report/prometheus.ts';
import type { GeneratorLimit, SeriesPoint, StageReport } from './report.ts';
import { INTERVAL_MS, type Tick } from './run-plan.ts';

const MAX_POINTS = 3_600;

/** A point of the series while workers still add to it. */
interface OpenPoint {
  readonly interval: number;
  readonly stage: string;
  readonly measures: Measures;
  readonly workers: Map<number, Tick>;
}

interface OpenStage {
  readonly name: string;
  readonly startMs: number;
  readonly measures: Measures;
  readonly groups: Map<string, Measures>;
  readonly intervals: Intervals;
}

export class Collector {
  readonly total = new Measures();
  readonly #workers: number;
  readonly #stages: StageReport[] = [];
  #series: SeriesPoint[] = [];
  readonly #intervals = new Intervals();
  #pointMs = INTERVAL_MS;
  #open = new Map<number, OpenPoint>();
  #stage: OpenStage | undefined;
  /** Last interval of this stage that nothing is added to any more. */
  #closed = -Infinity;
  /** Ticks that came while no stage was open. */
  readonly #between: [worker: number, tick: Tick][] = [];
  readonly #latest = new Map<number, Tick>();
  peakRssBytes = 0;
  /** Resident memory of all workers when most clients were connected, and how many those were. */
  crowd = { connected: 0, rssBytes: 0 };
  cpuMs = 0;

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** What comes from now on is the stage's, and what came since the last one ended. */
  beginStage(name: string, startMs: number): void {
    this.#stage = { name, startMs, measures: new Measures(), groups: new Map(), intervals: new Intervals() };
    for (const [worker, tick] of this.#between.splice(0)) this.take(worker, tick);
  }

  endStage(durationMs: number): StageReport {
    const stage = this.#stage!;
    this.#closePoints(0);
    this.#stage = undefined;
    this.#closed = -Infinity; // the next stage may begin in the same interval
    const report = {
      name: stage.name,
      startMs: stage.startMs,
      durationMs,
      measures: stage.measures.toData(),
      groups: [...stage.groups].map(([clients, measures]) => ({ clients, measures: measures.toData() })),
      limit: generatorLimit(stage.measures, stage.intervals),
    };
    this.#stages.push(report);
    return report;
  }

  /** Ends a stage that is still open, adds what came after the last to the total, and judges the whole. */
  finish(atMs: number): GeneratorLimit {
    if (this.#stage) this.endStage(Math.max(0, atMs - this.#stage.startMs));
    for (const [, { groups, cpuMs }] of this.#between.splice(0)) {
      this.cpuMs += cpuMs;
      for (const [, data] of groups) this.total.add(data);
    }
    return generatorLimit(this.total, this.#intervals);
  }

  take(worker: number, tick: Tick): void {
    this.#latest.set(worker, tick);
    const stage = this.#stage;
    if (!stage) {
      this.#between.push([worker, tick]);
      return;
    }
    this.cpuMs += tick.cpuMs;
    const interval = this.#intervalFor(tick);
    let point = this.#open.get(interval);
    if (!point) this.#open.set(interval, (point = { interval, stage: stage.name, measures: new Measures(), workers: new Map() }));
    const before = point.workers.get(worker);
    point.workers.set(worker, before ? joinTicks(before, tick) : tick);
    for (const [group, data] of tick.groups) {
      const measures = Measures.of(data);
      point.measures.add(measures);
      stage.measures.add(measures);
      this.total.add(measures);
      let own = stage.groups.get(group);
      if (!own) stage.groups.set(group, (own = new Measures()));
      own.add(measures);
    }
    this.#note();
    this.#closePoints(2);
  }

  get stages(): readonly StageReport[] {
    return this.#stages;
  }

  get series(): readonly SeriesPoint[] {
    return this.#series;
  }

  /** What a lost worker had due will never be sent, and what it had begun to connect never will be. */
  writeOff(): void {
    const [latest] = this.#latest;
    if (!this.#stage || !latest) return;
    const groups = [...this.#stage.groups].map(([name, { counters }]) => {
      const unsent = counters.due - counters.sent - counters.unsent;
      const connectsAbandoned = counters.connects - counters.connected - counters.connectFailed - counters.refusedAsExpected - counters.unexpectedlyAccepted - counters.connectsAbandoned;
      return [name, { counters: { unsent, connectsAbandoned }, latenciesUs: {}, errors: {}, handshakes: {} }] as const;
    });
    this.take(latest[0], { ...latest[1], groups, cpuMs: 0, lengthMs: 1 });
  }

  /** As things are now. */
  get figures(): LiveFigures {
    const ticks = [...this.#latest.values()];
    const running = this.#stage ? [{ name: this.#stage.name, measures: this.#stage.measures }] : [];
    return {
      stages: [...this.#stages.map(({ name, measures }) => ({ name, measures })), ...running],
      connectedNow: this.connectedNow,
      inFlightNow: this.inFlightNow,
      cpuMs: this.cpuMs,
      rssBytes: sumOf(ticks, ({ rssBytes }) => rssBytes),
      loopDelayP99Ms: Math.max(0, ...ticks.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
      busiestWorker: Math.max(0, ...ticks.map(({ busy }) => busy)),
    };
  }

  get connectedNow(): number {
    return sumOf(this.#latest.values(), ({ connectedNow }) => connectedNow);
  }

  get inFlightNow(): number {
    return sumOf(this.#latest.values(), ({ inFlightNow }) => inFlightNow);
  }

  #note(): void {
    if (this.#latest.size < this.#workers) return;
    const rssBytes = sumOf(this.#latest.values(), (tick) => tick.rssBytes);
    this.peakRssBytes = Math.max(this.peakRssBytes, rssBytes);
    const connected = this.connectedNow;
    if (connected > this.crowd.connected) this.crowd = { connected, rssBytes };
  }

  /** A tick that comes after its point was closed goes into the newest: the series is in order of time. */
  #intervalFor({ interval }: Tick): number {
    return interval > this.#closed ? interval : Math.max(this.#closed + 1, ...this.#open.keys());
  }

  /** Closes all points but the newest `keep`: no worker is so late that it adds to them. */
  #closePoints(keep: number): void {
    const intervals = [...this.#open.keys()].sort((a, b) => a - b);
    for (const interval of intervals.slice(0, Math.max(0, intervals.length - keep))) {
      const point = pointOf(this.#open.get(interval)!);
      this.#series.push({ ...point, atMs: Math.max(point.atMs, this.#series.at(-1)?.atMs ?? 0) });
      this.#intervals.add(point);
      this.#stage!.intervals.add(point);
      this.#open.delete(interval);
      this.#closed = interval;
    }
    if (this.#series.length > MAX_POINTS) {
      this.#pointMs *= 2;
      this.#series = joinPairs(this.#series, this.#pointMs);
    }
  }
}

/** Two ticks of one worker within one interval. */
function joinTicks(before: Tick, tick: Tick): Tick {
  return {
    ...tick,
    lengthMs: before.lengthMs + tick.lengthMs,
    cpuMs: before.cpuMs + tick.cpuMs,
    busy: (before.cpuMs + tick.cpuMs) / Math.max(1, before.lengthMs + tick.lengthMs),
    loopDelayP99Ms: Math.max(before.loopDelayP99Ms, tick.loopDelayP99Ms),
  };
}

function sumOf(ticks: Iterable<Tick>, value: (tick: Tick) => number): number {
  let sum = 0;
  for (const tick of ticks) sum += value(tick);
  return sum;
}

function pointOf({ stage, measures, workers }: OpenPoint): SeriesPoint {
  const ticks = [...workers.values()];
  return {
    atMs: Math.max(...ticks.map((tick) => tick.atMs)),
    lengthMs: Math.max(...ticks.map((tick) => tick.lengthMs)),
    stage,
    measures: measures.toData(),
    connectedNow: sumOf(ticks, (tick) => tick.connectedNow),
    inFlightNow: sumOf(ticks, (tick) => tick.inFlightNow),
    cpuMs: sumOf(ticks, (tick) => tick.cpuMs),
    rssBytes: sumOf(ticks, (tick) => tick.rssBytes),
    loopDelayP99Ms: Math.max(...ticks.map((tick) => tick.loopDelayP99Ms)),
    busiestWorker: Math.max(...ticks.map((tick) => tick.busy)),
  };
}

/** Points of twice the length; what is of two stages is not joined. */
function joinPairs(points: readonly SeriesPoint[], lengthMs: number): SeriesPoint[] {
  const joined: SeriesPoint[] = [];
  for (const point of points) {
    const last = joined.at(-1);
    const slot = Math.ceil(point.atMs / lengthMs);
    if (last?.stage !== point.stage || Math.ceil(last.atMs / lengthMs) !== slot) {
      joined.push(point);
      continue;
    }
    const measures = Measures.of(last.measures);
    measures.add(point.measures);
    joined[joined.length - 1] = {
      ...point,
      lengthMs: last.lengthMs + point.lengthMs,
      measures: measures.toData(),
      cpuMs: last.cpuMs + point.cpuMs,
      loopDelayP99Ms: Math.max(last.loopDelayP99Ms, point.loopDelayP99Ms),
      busiestWorker: Math.max(last.busiestWorker, point.busiestWorker),
    };
  }
  return joined;
}
