/**
 * A worker's share of one stage: begins each of its clients' lives when it is due, and knows when all are over. Promises:
 * beginning thousands at once leaves room for answers in between; the stage's end ends every life, whatever it waits for.
 */
import { live } from './life.ts';
import type { Member, Squad } from './member.ts';
import { preparePublish } from './publish-step.ts';
import type { Life, Start } from './scenario.ts';
import { StageContext, type StageOptions } from './stage-context.ts';

/** Work in one go before others get a turn. */
const GO_US = 5_000;

/** Makes packets for all publish steps of the stage. */
export function prepareStage(lives: readonly Life[], squads: ReadonlyMap<string, Squad>, runEpoch: number): void {
  for (const life of lives) {
    const publishes = life.steps.filter((step) => step.kind === 'publish');
    for (const member of squads.get(life.clients)!.members) for (const step of publishes) preparePublish(member, step, runEpoch);
  }
}

export class StageRun {
  readonly context: StageContext;
  readonly #options: StageOptions;
  readonly #squads: ReadonlyMap<string, Squad>;
  readonly #living = new Set<Promise<void>>();
  /** Of ours, the first. */
  #fault: { readonly error: unknown } | undefined;

  constructor(options: StageOptions, squads: ReadonlyMap<string, Squad>) {
    this.#options = options;
    this.#squads = squads;
    this.context = new StageContext(options);
  }

  /** Resolves when all lives are over. Rejects for a fault of ours. */
  async run(): Promise<void> {
    await Promise.all(this.#options.stage.lives.map((life) => this.#begin(life)));
    while (this.#living.size > 0) await Promise.all(this.#living);
    if (this.#fault) throw this.#fault.error;
  }

  /** Ends what is left of it. */
  end(): void {
    this.context.end();
    for (const { members } of this.#squads.values()) {
      for (const { client, publication, exchange } of members) {
        client.abandon('abandoned');
        exchange?.fail('abandoned');
        publication?.end(this.#options.now());
      }
    }
  }

  /** Begins the lives of a group, each at its time. */
  async #begin(life: Life): Promise<void> {
    const { now, startUs } = this.#options;
    const { members, group } = this.#squads.get(life.clients)!;
    const dueOf = startTimes(life.start, group.count, startUs);
    const tuning = life.start.kind === 'self-tuning' ? this.#options.selfTuning(life, 'connects', group.name, life.start.atMostPerS) : undefined;
    let tunedUs = startUs;
    let goneUs = now();
    for (const member of members) {
      const dueUs = tuning ? (tunedUs += tuning.turnUs) : dueOf(member.names.n);
      while (!this.context.isOver && dueUs > now()) {
        await this.context.sleep(Math.max(1, Math.floor((dueUs - now()) / 1000))).catch(() => undefined);
        goneUs = now();
      }
      if (this.context.isOver) return;
      this.#start(member, life, dueUs);
      if (now() - goneUs > GO_US) {
        await new Promise(setImmediate);
        goneUs = now();
      }
    }
  }

  #start(member: Member, life: Life, dueUs: number): void {
    const lived = live(member, life, dueUs, this.context)
      .catch((error: unknown) => {
        this.#fault ??= { error };
        this.end();
      })
      .finally(() => this.#living.delete(lived));
    this.#living.add(lived);
  }
}

/** When client n of a group begins, µs since 1970. */
function startTimes(start: Start, clients: number, startUs: number): (n: number) => number {
  switch (start.kind) {
    case 'spread':
      return (n) => startUs + (start.overMs * 1000 * n) / clients;
    case 'rate':
      return (n) => startUs + (n / start.perS) * 1e6;
    case 'at-once':
    case 'self-tuning':
      return () => startUs;
  }
}
