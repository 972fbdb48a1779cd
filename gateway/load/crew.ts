/**
 * The workers of one machine, as processes. Promises: a worker that dies is noticed and named; all end with this process,
 * whatever happens to it.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { LoadError } from './errors.ts';
import type { FromWorker, ToWorker, WorkerPlan } from './run-plan.ts';

const GOODBYE_MS = 5_000;
/** Of 74 kB a connected client 8 were garbage: workers collect it before the start, and keep less of what is new. */
const WORKER_FLAGS = ['--expose-gc', '--max-semi-space-size=4'];

export interface CrewOptions {
  readonly plans: readonly WorkerPlan[];
  /** Told of everything that is no answer. */
  readonly onMessage: (worker: number, message: FromWorker) => void;
}

export class Crew {
  readonly #children: readonly ChildProcess[];
  readonly #onMessage: CrewOptions['onMessage'];
  /** Rejects when a worker is lost; never resolves. */
  readonly lost: Promise<never>;
  #lose: (error: LoadError) => void = () => undefined;
  #waiting: { readonly kind: FromWorker['kind']; readonly from: number; readonly isMeant: (answer: FromWorker) => boolean; readonly got: FromWorker[]; resolve(messages: FromWorker[]): void } | undefined;
  #isClosing = false;

  constructor({ plans, onMessage }: CrewOptions) {
    this.#onMessage = onMessage;
    this.lost = new Promise<never>((_, reject) => (this.#lose = reject));
    this.lost.catch(() => undefined); // whoever asks waits for it too
    this.#children = plans.map((_, index) => this.#start(index));
  }

  get size(): number {
    return this.#children.length;
  }

  /** Tells all workers; resolves with their answers of that kind that are meant, one each. Rejects with LOAD_WORKER when one is lost. */
  ask(messageFor: (worker: number) => ToWorker, kind: FromWorker['kind'], isMeant: (answer: FromWorker) => boolean = () => true): Promise<FromWorker[]> {
    return Promise.race([this.#answers(messageFor, kind, this.size, isMeant), this.lost]);
  }

  /** The same of the workers that are left, when one is lost; no longer than `patienceMs`. */
  async askSurvivors(messageFor: (worker: number) => ToWorker, kind: FromWorker['kind'], patienceMs: number): Promise<void> {
    const survivors = this.#children.filter((child) => child.connected).length;
    if (survivors === 0) return;
    const over = new AbortController();
    await Promise.race([this.#answers(messageFor, kind, survivors, () => true), delay(patienceMs, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
  }

  #answers(messageFor: (worker: number) => ToWorker, kind: FromWorker['kind'], from: number, isMeant: (answer: FromWorker) => boolean): Promise<FromWorker[]> {
    const answers = new Promise<FromWorker[]>((resolve) => (this.#waiting = { kind, from, isMeant, got: [], resolve }));
    this.tell(messageFor);
    return answers;
  }

  tell(messageFor: (worker: number) => ToWorker): void {
    for (const [index, child] of this.#children.entries()) if (child.connected) child.send(messageFor(index));
  }

  /** Ends all workers. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        if (child.connected) child.disconnect();
        const impatience = setTimeout(() => child.kill('SIGKILL'), GOODBYE_MS);
        await exited;
        clearTimeout(impatience);
      }),
    );
  }

  #start(index: number): ChildProcess {
    const child = fork(new URL('./worker-process.js', import.meta.url), { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: WORKER_FLAGS });
    child.on('message', (message: FromWorker) => this.#take(index, message));
    child.on('error', (error) => this.#lose(new LoadError('LOAD_WORKER', `worker ${index + 1} cannot be started: ${error.message}`, { cause: error })));
    child.on('exit', (code, signal) => {
      if (!this.#isClosing) this.#lose(new LoadError('LOAD_WORKER', `worker ${index + 1} ended before its work (${signal ?? `exit code ${code ?? 'none'}`})`));
    });
    return child;
  }

  #take(index: number, message: FromWorker): void {
    if (message.kind === 'failed') return this.#lose(failureOf(index, message));
    const waiting = this.#waiting;
    if (waiting?.kind !== message.kind || !waiting.isMeant(message)) return this.#onMessage(index, message);
    waiting.got.push(message);
    if (waiting.got.length < waiting.from) return;
    this.#waiting = undefined;
    waiting.resolve(waiting.got);
  }
}

/** What went wrong in a worker, with the code that it had there, so that the command says the same as if it were here. */
function failureOf(index: number, { code, message }: FromWorker & { kind: 'failed' }): LoadError {
  if (/^(LOAD|CERTS|FRAME|PLAN)_/.test(code)) return Object.assign(new LoadError('LOAD_IDENTITY', message), { code: code as 'LOAD_IDENTITY' });
  return new LoadError('LOAD_WORKER', `worker ${index + 1} failed: ${message}`);
}
