/**
 * A whole load test on this machine: workers, stages one after another, and the report. Promises: it ends with a report
 * whenever it is interrupted or a worker is lost; nothing that was counted is left out of it.
 */
import { cpus, hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { clockOrigin, startClock, type NowUs } from './clock.ts';
import { Collector } from './collector.ts';
import { Crew } from './crew.ts';
import { judgeDeliveries } from './deliveries.ts';
import { LoadError } from './errors.ts';
import { checkMachine } from './machine-limits.ts';
import type { Measures } from './measures.ts';
import { REPORT_FORMAT, REPORT_VERSION, type BrokerFacts, type LoadReport, type SearchReport, type StageReport } from './report.ts';
import { judgeTrialsBy, runAssertions } from './run-assertions.ts';
import type { FromWorker, RunSettings, WorkerPlan } from './run-plan.ts';
import type { Scenario, Stage } from './scenario.ts';
import { judgeReport, type Assertion } from './report/assertion.ts';
import type { LiveFigures } from './report/prometheus.ts';
import { search, searchedGroup, type Trial } from './search.ts';
import { clientsOf } from './squads.ts';

export interface LoadRunOptions {
  readonly scenario: Scenario;
  readonly settings: RunSettings;
  /** Version of thrum, for the report. */
  readonly version: string;
  /** Milliseconds since 1970, now. */
  readonly nowMs: number;
  /** When the first stage begins, for machines that begin together; undefined: as soon as all is prepared. */
  readonly startAtMs: number | undefined;
  /** Ends the test early, with a report. */
  readonly signal: AbortSignal;
}

/** How a test stands, for who watches. */
export interface LoadProgress {
  readonly phase: 'preparing' | 'running' | 'finishing';
  readonly prepared: number;
  readonly clients: number;
  readonly stage: string;
  readonly stageNumber: number;
  readonly stages: number;
  readonly elapsedMs: number;
  readonly connectedNow: number;
  readonly inFlightNow: number;
  readonly total: Measures;
}

/** Lead time so that all workers have heard of a stage when it begins. */
const LEAD_MS = 50;
/** How long workers may take to end a stage that was ended. */
const END_MS = 5_000;
const SETTLE_POLL_MS = 150;
/** Who interrupts a test waits no longer for what is on its way. */
const INTERRUPTED_SETTLE_MS = 2_000;
/** How long the other workers have to tell what they counted, when one is lost. */
const SURVIVORS_MS = 1_000;
/** A timer lasts no longer than 24.8 days. */
const LONGEST_DELAY_MS = 86_400_000;
/** Fewer clients than this say nothing of the memory that each takes. */
const LEAST_CROWD = 500;
/** Between trials of a search. */
const REST_MS = 500;

export class LoadRun {
  readonly #options: LoadRunOptions;
  readonly #collector: Collector;
  readonly #now: NowUs;
  readonly #originUs: number;
  readonly #crew: Crew;
  readonly #plans: readonly WorkerPlan[];
  readonly #prepared = new Map<number, number>();
  #brokers: readonly BrokerFacts[] = [];
  #phase: LoadProgress['phase'] = 'preparing';
  #stageNumber = 0;
  #stageName = '';
  #ended = 'done';
  #prepareMs = 0;
  #idleRssBytes = 0;
  readonly #searches: SearchReport[] = [];
  readonly #assertions: readonly Assertion[];
  /** Rejects when the test is to end early. */
  readonly #aborted: Promise<never>;

  /** Starts the workers. Throws LOAD_LIMIT when the machine does not allow so many clients, LOAD_ASSERTION. */
  constructor(options: LoadRunOptions) {
    const { scenario, settings, nowMs } = options;
    checkMachine(scenario, settings.workers, settings.shard.of);
    this.#assertions = runAssertions(scenario);
    this.#options = options;
    this.#aborted = aborted(options.signal);
    this.#aborted.catch(() => undefined);
    this.#collector = new Collector(settings.workers);
    const origin = clockOrigin(nowMs);
    this.#now = startClock(origin);
    this.#originUs = origin.wallUs;
    const { index, of } = settings.shard;
    // Shards first, then workers: shards need not have as many of them.
    this.#plans = Array.from({ length: settings.workers }, (_, worker): WorkerPlan => {
      return { scenario, settings, part: index - 1 + of * worker, parts: of * settings.workers, origin, runEpoch: Math.floor((options.startAtMs ?? nowMs) / 1000) };
    });
    this.#crew = new Crew({ plans: this.#plans, onMessage: (worker, message) => this.#hear(worker, message) });
  }

  get progress(): LoadProgress {
    return {
      phase: this.#phase,
      prepared: [...this.#prepared.values()].reduce((sum, one) => sum + one, 0),
      clients: clientsOf(this.#options.scenario.groups.values(), this.#options.settings.shard),
      stage: this.#stageName,
      stageNumber: this.#stageNumber,
      stages: this.#options.scenario.stages.length,
      elapsedMs: this.#elapsedMs,
      connectedNow: this.#collector.connectedNow,
      inFlightNow: this.#collector.inFlightNow,
      total: this.#collector.total,
    };
  }

  /** The same for a machine that watches. */
  get figures(): LiveFigures {
    return this.#collector.figures;
  }

  /** Runs all stages. Rejects with what keeps it from starting; later troubles are in the report. */
  async run(): Promise<LoadReport> {
    try {
      const isReady = await this.#prepare().then(() => true, (error: unknown) => this.#isInterrupt(error));
      if (!isReady) return this.#report();
      try {
        await this.#stages();
        await this.#finish();
      } catch (error) {
        if (!(error instanceof LoadError)) throw error;
        this.#ended = error.message;
        this.#crew.tell(() => ({ kind: 'end-stage' }));
        await this.#crew.askSurvivors(() => ({ kind: 'tell' }), 'told', SURVIVORS_MS);
        this.#collector.writeOff();
      }
      return this.#report();
    } finally {
      await this.#crew.close();
    }
  }

  /** Whoever interrupts a test that has not begun gets a report too. Throws what else went wrong. */
  #isInterrupt(error: unknown): false {
    if (!this.#options.signal.aborted) throw error;
    this.#ended = 'interrupted';
    return false;
  }

  async #prepare(): Promise<void> {
    const beganMs = performance.now();
    const answers = this.#crew.ask((worker) => ({ kind: 'prepare', plan: this.#plans[worker]! }), 'prepared');
    const prepared = (await Promise.race([answers, this.#aborted])) as (FromWorker & { kind: 'prepared' })[];
    this.#idleRssBytes = prepared.reduce((sum, { idleRssBytes }) => sum + idleRssBytes, 0);
    this.#prepareMs = performance.now() - beganMs;
    const { startAtMs, signal } = this.#options;
    if (startAtMs !== undefined) await Promise.race([this.#waitUntil(startAtMs, signal), this.#crew.lost]);
  }

  async #waitUntil(atMs: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const restMs = atMs - this.#now() / 1000;
      if (restMs <= 0) return;
      await delay(Math.min(restMs, LONGEST_DELAY_MS), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async #stages(): Promise<void> {
    this.#phase = 'running';
    for (const [index, stage] of this.#options.scenario.stages.entries()) {
      if (this.#options.signal.aborted) break;
      this.#stageNumber = index + 1;
      if (stage.search) {
        this.#searches.push(await search(stage.name, searchedGroup(stage), stage.search, (perS, forMs) => this.#trial(stage, index, perS, forMs), judgeTrialsBy(stage.search.objective), () => this.#options.signal.aborted));
      } else await this.#stage(stage, index, stage.name);
    }
    if (this.#options.signal.aborted) this.#ended = 'interrupted';
    this.#phase = 'finishing';
  }

  async #trial(stage: Stage, index: number, perS: number, forMs: number): Promise<Trial> {
    const report = await this.#stage(stage, index, this.#trialName(stage.name, perS), { perS, forMs });
    await delay(REST_MS);
    return report;
  }

  /** Each stage has a name of its own. */
  #trialName(stage: string, perS: number): string {
    const name = `${stage} at ${Math.round(perS)}/s`;
    const before = this.#collector.stages.filter((one) => one.name === name || one.name.startsWith(`${name} (`)).length;
    return before === 0 ? name : `${name} (${before + 1})`;
  }

  async #stage(stage: Stage, index: number, name: string, searched?: { readonly perS: number; readonly forMs: number }): Promise<StageReport> {
    this.#stageName = name;
    const startMs = this.#elapsedMs + LEAD_MS;
    this.#collector.beginStage(name, startMs);
    const startUs = this.#originUs + startMs * 1000;
    const done = this.#crew.ask(() => ({ kind: 'start-stage', stage: index, startUs, ...(searched && { searched }) }), 'stage-done', (answer) => answer.kind === 'stage-done' && answer.startUs === startUs);
    const over = new AbortController();
    const limit = delay(stage.limitMs + LEAD_MS, 'limit' as const, { signal: over.signal }).catch(() => 'over' as const);
    const how = await Promise.race([done.then(() => 'done' as const), limit, this.#aborted.catch(() => 'interrupted' as const)]).finally(() => over.abort());
    if (how !== 'done') {
      this.#crew.tell(() => ({ kind: 'end-stage' }));
      await Promise.race([done, delay(END_MS, undefined, { ref: false })]);
    }
    // A trial that takes too long has missed its objective, and a life without end is ended by nothing else.
    if (how === 'limit' && !searched && this.#ended === 'done' && !stage.lives.some(({ repeat }) => repeat === Infinity)) this.#ended = `stage '${name}' took longer than its limit`;
    const endMs = this.#elapsedMs;
    const { settleMs } = this.#options.scenario;
    await this.#settle(endMs + (how === 'interrupted' ? Math.min(settleMs, INTERRUPTED_SETTLE_MS) : settleMs));
    return this.#collector.endStage(endMs - startMs);
  }

  /** Waits until subscribers get nothing more, or the scenario's patience ends. */
  async #settle(untilMs: number): Promise<void> {
    const subscribes = this.#options.scenario.stages.some(({ lives }) => lives.some(({ steps }) => steps.some(({ kind }) => kind === 'subscribe')));
    if (!subscribes) return;
    let received = -1;
    for (let quiet = 0; quiet < 2 && this.#elapsedMs < untilMs; ) {
      await this.#crew.ask(() => ({ kind: 'tell' }), 'told');
      const now = this.#collector.total.counters.received;
      quiet = now === received ? quiet + 1 : 0;
      received = now;
      await delay(SETTLE_POLL_MS);
    }
  }

  async #finish(): Promise<void> {
    const answers = (await this.#crew.ask(() => ({ kind: 'finish' }), 'finished')) as (FromWorker & { kind: 'finished' })[];
    const { expected, lost, duplicates } = judgeDeliveries(answers.flatMap(({ streams }) => streams), answers.flatMap(({ subscriptions }) => subscriptions));
    this.#collector.total.counters.expectedDeliveries += expected;
    this.#collector.total.counters.lost += lost;
    this.#collector.total.counters.duplicates += duplicates;
    this.#brokers = answers[0]!.brokers.map((facts, index) => ({ ...facts, certificate: answers.map(({ brokers }) => brokers[index]!.certificate).find((one) => one !== null) ?? null }));
  }

  #hear(worker: number, message: FromWorker): void {
    if (message.kind === 'tick') this.#collector.take(worker, message);
    else if (message.kind === 'progress') this.#prepared.set(worker, message.prepared);
  }

  get #elapsedMs(): number {
    return (this.#now() - this.#originUs) / 1000;
  }

  #report(): LoadReport {
    const { scenario, settings, version, nowMs, startAtMs } = this.#options;
    const limit = this.#collector.finish(this.#elapsedMs);
    const { crowd, peakRssBytes, cpuMs } = this.#collector;
    const total = this.#collector.total.toData();
    const durationMs = this.#elapsedMs;
    return {
      format: REPORT_FORMAT,
      version: REPORT_VERSION,
      name: scenario.name,
      startedAt: new Date(nowMs).toISOString(),
      startAt: startAtMs === undefined ? null : new Date(startAtMs).toISOString(),
      durationMs,
      ended: this.#ended,
      shards: [{ ...settings.shard, host: hostname() }],
      generator: {
        thrum: version,
        node: process.version,
        cpu: cpus()[0]?.model ?? 'unknown',
        cores: cpus().length,
        workers: settings.workers,
        clients: clientsOf(scenario.groups.values(), settings.shard),
        prepareMs: this.#prepareMs,
        cpuMs,
        peakRssBytes,
        bytesPerClient: crowd.connected >= LEAST_CROWD ? Math.max(0, crowd.rssBytes - this.#idleRssBytes) / crowd.connected : null,
      },
      brokers: this.#brokers,
      stages: this.#collector.stages,
      total,
      series: this.#collector.series,
      searches: this.#searches,
      assertions: judgeReport(this.#assertions, { total, durationMs, limit, series: this.#collector.series, stages: this.#collector.stages }),
      limit,
    };
  }
}

/** Rejects with the signal's reason when it aborts; never resolves. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise<never>((_, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
