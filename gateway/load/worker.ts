/**
 * A worker: its share of the clients, stage by stage, told what to do and telling once a second what it saw. Promises: all
 * that it counts is told exactly once; whatever fails in it is told as one line and ends it.
 */
import { brokerUrl, certificateFacts } from './broker-facts.ts';
import { startClock, type NowUs } from './clock.ts';
import { connect, forgetSubscriptions } from './steps.ts';
import type { Member, Squad } from './member.ts';
import { Meter } from './meter.ts';
import { Pacer } from './pacer.ts';
import type { BrokerFacts } from './report.ts';
import { INTERVAL_MS, type FromWorker, type ToWorker, type WorkerPlan } from './run-plan.ts';
import { JUDGE_MS, SelfTuningRate } from './self-tuning.ts';
import { identifySquads, musterSquads } from './squads.ts';
import type { ConnectStep } from './scenario.ts';
import { isExpected, TakenOver } from './stage-context.ts';
import { prepareStage, StageRun } from './stage-run.ts';
import { streamData } from './streams.ts';
import { noteInFlight, workerHost } from './worker-host.ts';

/** So often clients are looked at for keep-alive and patience. */
const SWEEP_MS = 250;
const PROGRESS_EVERY = 100;

interface Tuning {
  readonly rate: SelfTuningRate;
  readonly kind: 'connects' | 'messages';
  readonly squad: Squad;
  failures: number;
}

export class Worker {
  readonly #plan: WorkerPlan;
  readonly #tell: (message: FromWorker) => void;
  readonly #random: () => number;
  readonly #now: NowUs;
  readonly #pacer: Pacer;
  readonly #squads: ReadonlyMap<string, Squad>;
  readonly #members = new Map<number, Member>();
  readonly #brokers: Map<string, BrokerFacts>;
  readonly #meter = new Meter();
  /** Before there were any clients. */
  readonly #idleRssBytes = process.memoryUsage.rss();
  readonly #timers: NodeJS.Timeout[] = [];
  #tunings = new Map<object, Tuning>();
  #run: StageRun | undefined;
  #interval = 0;
  #tickedUs = 0;

  constructor(plan: WorkerPlan, tell: (message: FromWorker) => void, random: () => number) {
    this.#plan = plan;
    this.#tell = tell;
    this.#random = random;
    this.#now = startClock(plan.origin);
    this.#pacer = new Pacer(this.#now);
    const host = workerHost({ now: this.#now, runEpoch: plan.runEpoch, memberOf: ({ number }) => this.#members.get(number)!, onLost: (member) => this.#onLost(member) });
    this.#squads = musterSquads(plan, host);
    for (const { members } of this.#squads.values()) for (const member of members) this.#members.set(member.client.number, member);
    this.#brokers = new Map([...plan.scenario.brokers].map(([name, broker]) => [name, { name, url: brokerUrl(broker), certificate: null }]));
  }

  async take(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case 'prepare':
        return this.#prepare();
      case 'start-stage':
        return this.#stage(message);
      case 'end-stage':
        return this.#run?.end();
      case 'tell':
        this.#tick();
        this.#tell({ kind: 'told' });
        return;
      case 'finish':
        return this.#finish();
    }
  }

  async #prepare(): Promise<void> {
    const clients = this.#members.size;
    await identifySquads(this.#squads, this.#plan, this.#now() / 1000, (prepared) => {
      if (prepared % PROGRESS_EVERY === 0) this.#tell({ kind: 'progress', prepared, clients });
    });
    globalThis.gc?.(); // what making identities left
    for (const { lives } of this.#plan.scenario.stages) prepareStage(lives, this.#squads, this.#plan.runEpoch);
    this.#restartMeter();
    this.#timers.push(setInterval(() => this.#sweep(), SWEEP_MS), setInterval(() => this.#judge(), JUDGE_MS), setInterval(() => this.#tickWhenDue(), INTERVAL_MS / 20));
    this.#tell({ kind: 'prepared', idleRssBytes: this.#idleRssBytes });
  }

  async #stage({ stage, startUs, searched }: ToWorker & { kind: 'start-stage' }): Promise<void> {
    const { scenario, runEpoch, settings } = this.#plan;
    this.#tunings = new Map();
    this.#restartMeter();
    const run = new StageRun(
      {
        scenario, stage: scenario.stages[stage]!, startUs, searched, runEpoch,
        now: this.#now, random: this.#random, pacer: this.#pacer, authorityPem: settings.authorityPem,
        onBroker: (name, verified, socket) => {
          const facts = this.#brokers.get(name)!;
          if (!facts.certificate) this.#brokers.set(name, { ...facts, certificate: certificateFacts(scenario.brokers.get(name)!, verified, socket) });
        },
        selfTuning: (owner, kind, group, atMostPerS) => this.#tuning(owner, kind, group, atMostPerS),
      },
      this.#squads,
    );
    this.#run = run;
    await run.run();
    this.#tick();
    this.#tell({ kind: 'stage-done', startUs });
  }

  /** This worker's share of a self-tuning rate; all clients of the group take turns in it. */
  #tuning(owner: object, kind: Tuning['kind'], group: string, atMostPerS: number): SelfTuningRate {
    const known = this.#tunings.get(owner);
    if (known) return known.rate;
    const squad = this.#squads.get(group)!;
    const rate = new SelfTuningRate((atMostPerS * squad.members.length) / squad.group.count, squad.members.length);
    this.#tunings.set(owner, { rate, kind, squad, failures: squad.fortune.failures });
    return rate;
  }

  #judge(): void {
    for (const tuning of this.#tunings.values()) {
      const { fortune, members } = tuning.squad;
      const unanswered = tuning.kind === 'connects' ? fortune.connecting : members.reduce((sum, { client }) => sum + client.inFlight.size, 0);
      tuning.rate.judge(unanswered, fortune.failures - tuning.failures);
      tuning.failures = fortune.failures;
    }
  }

  #sweep(): void {
    const nowUs = this.#now();
    for (const { client } of this.#members.values()) client.sweep(nowUs);
  }

  /** Who lost its connection and has tries left connects again; others leave their messages unsent. */
  #onLost(member: Member): void {
    clearTimeout(member.readingTimer);
    forgetSubscriptions(member);
    member.exchange?.fail('closed');
    if (member.isReconnecting) return; // which goes on
    const { connection } = member;
    const run = this.#run;
    if (connection && connection.step.tries > 1 && run && !run.context.isOver) void this.#reconnect(member, connection.step, run);
    else member.publication?.endIfUnbounded(this.#now());
  }

  async #reconnect(member: Member, step: ConnectStep, { context }: StageRun): Promise<void> {
    try {
      const connecting = connect(member, step, Infinity, context);
      member.isReconnecting = true;
      await connecting;
      member.isReconnecting = false;
      member.publication?.pump(this.#now(), 'room');
    } catch (error) {
      if (error instanceof TakenOver) return;
      member.isReconnecting = false;
      if (!isExpected(error)) this.#fail(error);
      else member.publication?.endIfUnbounded(this.#now());
    }
  }

  #fail(error: unknown): void {
    const { code = '', message } = error as NodeJS.ErrnoException;
    this.#tell({ kind: 'failed', code, message });
  }

  #intervalNow(): number {
    return Math.floor((this.#now() - this.#plan.origin.wallUs) / 1000 / INTERVAL_MS);
  }

  /** What was used so far is not the load's. */
  #restartMeter(): void {
    this.#meter.read();
    this.#interval = this.#intervalNow();
    this.#tickedUs = this.#now();
  }

  /** Before the first stage there is nothing to tell: idle seconds would only thin out the busy ones that come. */
  #tickWhenDue(): void {
    if (this.#run && this.#intervalNow() > this.#interval) this.#tick();
  }

  /** Tells what was counted since the last time, and forgets it. */
  #tick(): void {
    const nowUs = this.#now();
    let connectedNow = 0;
    let inFlightNow = 0;
    for (const { client, publication, streams } of this.#members.values()) {
      if (client.connected) connectedNow += 1;
      inFlightNow += client.inFlight.size;
      for (const { unwritten } of streams) inFlightNow += unwritten;
      publication?.countDue(nowUs);
    }
    const groups = [...this.#squads].map(([name, { measures }]) => {
      const data = measures.toData();
      measures.reset();
      return [name, data] as const;
    });
    this.#tell({ kind: 'tick', interval: this.#interval, atMs: (nowUs - this.#plan.origin.wallUs) / 1000, lengthMs: (nowUs - this.#tickedUs) / 1000, groups, connectedNow, inFlightNow, ...this.#meter.read() });
    this.#interval = this.#intervalNow();
    this.#tickedUs = nowUs;
  }

  async #finish(): Promise<void> {
    this.#run?.end();
    await new Promise(setImmediate); // so that what was ended is counted
    for (const timer of this.#timers) clearInterval(timer);
    this.#pacer.stop();
    this.#tick(); // what is in flight now stays so
    for (const member of this.#members.values()) {
      noteInFlight(member);
      clearTimeout(member.readingTimer);
      member.client.disconnect();
    }
    this.#meter.stop();
    const members = [...this.#members.values()];
    this.#tell({
      kind: 'finished',
      streams: members.flatMap(({ streams }) => streams.filter(({ sent, isStamped }) => sent > 0 && isStamped).map(streamData)),
      subscriptions: members.flatMap(({ subscriber }) => (subscriber ? [subscriber.toData()] : [])),
      brokers: [...this.#brokers.values()],
    });
  }
}
