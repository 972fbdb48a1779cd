/** For tests of workers: one in this process, told what a run tells it, and a broker that it finds. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, beforeEach } from 'vitest';
import { parse } from 'yaml';
import { clockOrigin, startClock } from './clock.ts';
import { Measures } from './measures.ts';
import type { FromWorker } from './run-plan.ts';
import type { Scenario } from './scenario.ts';
import { parseScenario } from './scenario/mod.ts';
import { Worker } from './worker.ts';

const workers: Driven[] = [];

/** A broker that does what it should, or what the test makes of it; another one for each test. */
export const broker = {
  aedes: undefined as unknown as Aedes,
  /** Where clients look for it. */
  port: 0,
  /** Connections so far. */
  connects: 0,
  /** Whether it wants the n-th connection, from 1. */
  takes: (() => true) as (n: number) => boolean,
  sockets: new Set<Socket>(),
  cutAll: (): void => {
    for (const socket of broker.sockets) socket.destroy();
  },
};

/** Has the broker run for each test of the file. */
export function withBroker(): void {
  let server: Server;

  beforeEach(async () => {
    const aedes = await Aedes.createBroker();
    server = createServer((socket) => {
      socket.on('error', () => undefined).on('close', () => broker.sockets.delete(socket));
      if (!broker.takes(++broker.connects)) {
        socket.destroy();
        return;
      }
      broker.sockets.add(socket);
      aedes.handle(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    Object.assign(broker, { aedes, port: (server.address() as AddressInfo).port, connects: 0, takes: () => true });
  });

  afterEach(async () => {
    for (const worker of workers.splice(0)) await worker.finish();
    broker.cutAll();
    server.close();
    broker.aedes.close();
  });
}

/** A worker in this process, told what a run tells it. */
export class Driven {
  readonly measures = new Measures();
  readonly heard: FromWorker[] = [];
  readonly #worker: Worker;
  readonly #origin = clockOrigin(1_790_000_000_000);
  readonly #now = startClock(this.#origin);
  #isFinished = false;

  constructor(scenario: Scenario) {
    const settings = { authorityPem: undefined, authorityDirectory: undefined, projectId: 'p', workers: 1, shard: { index: 1, of: 1 } };
    this.#worker = new Worker({ scenario, settings, part: 0, parts: 1, origin: this.#origin, runEpoch: 1_790_000_000 }, (message) => this.#hear(message), () => 1); // the longest waits
    workers.push(this);
  }

  #hear(message: FromWorker): void {
    this.heard.push(message);
    if (message.kind === 'tick') for (const [, data] of message.groups) this.measures.add(data);
  }

  get counters(): Measures['counters'] {
    return this.measures.counters;
  }

  prepare(): Promise<void> {
    return this.#worker.take({ kind: 'prepare', plan: {} as never });
  }

  /** Resolves when the stage is done. */
  stage(stage = 0): Promise<void> {
    return this.#worker.take({ kind: 'start-stage', stage, startUs: this.#now() });
  }

  endStage(): Promise<void> {
    return this.#worker.take({ kind: 'end-stage' });
  }

  async finish(): Promise<void> {
    if (!this.#isFinished) await this.#worker.take({ kind: 'finish' });
    this.#isFinished = true;
  }

  /** What it told in the end. */
  async finished(): Promise<FromWorker & { kind: 'finished' }> {
    await this.finish();
    return this.heard.at(-1) as FromWorker & { kind: 'finished' };
  }
}

/** `more` of its life, `group` of what it is, `others` beside it: `sender: [steps]`. */
export function scenarioOf(steps: string, more = '', group = '', others: Readonly<Record<string, string>> = {}): Scenario {
  const names = Object.keys(others);
  const clients = [`c: { count: 1, id: "c-{n}" ${group}}`, ...names.map((name) => `${name}: { id: ${name} }`)];
  const lives = [`{ clients: c, do: ${steps} ${more}}`, ...names.map((name) => `{ clients: ${name}, do: ${others[name]!} }`)];
  const text = `{ name: t, brokers: { b: "mqtt://127.0.0.1:${broker.port}" }, clients: { ${clients.join(', ')} }, settle: 1s, stages: [{ name: s, groups: [${lives.join(', ')}] }] }`;
  return parseScenario(parse(text) as object);
}

export async function started(...scenario: Parameters<typeof scenarioOf>): Promise<Driven> {
  const worker = new Driven(scenarioOf(...scenario));
  await worker.prepare();
  return worker;
}
