/** Puts one case to a device of this process, on a port of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bait } from '../../certs/handshake/client/bait.ts';
import type { ClientCase } from '../../certs/handshake/client/case.ts';
import { testClient } from '../../certs/handshake/client/run.ts';
import type { CaseResult } from '../../certs/handshake/model.ts';

/** A device; runs until it is done, or `signal` aborts. */
export type Device = (host: string, port: number, signal: AbortSignal) => Promise<void>;

const LIMIT_MS = 25_000;

export class CarelessTest {
  readonly #bait: Bait;
  readonly #directory: string;

  private constructor(bait: Bait, directory: string) {
    this.#bait = bait;
    this.#directory = directory;
  }

  static async open(nowMs: number): Promise<CarelessTest> {
    const directory = await mkdtemp(join(tmpdir(), 'thrum-careless-'));
    return new CarelessTest(await Bait.make({ directory: join(directory, 'bait'), nowMs, host: 'localhost' }), directory);
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** The result for the first of these hosts that the case can be put to. */
  async tryHosts(one: ClientCase, hosts: readonly string[], device: Device): Promise<CaseResult> {
    for (const host of hosts) {
      const result = await this.try(one, host, device);
      if (result.outcome !== 'not-run' || host === hosts.at(-1)) return result;
    }
    throw new RangeError('no hosts');
  }

  async try(one: ClientCase, host: string, device: Device): Promise<CaseResult> {
    const over = new AbortController();
    let running: Promise<unknown> = Promise.resolve();
    const report = await testClient({
      ...this.#settings([one]),
      bait: this.#bait.forHost(host),
      onListening: (port) => {
        running = device(host, port, over.signal).catch(() => undefined); // whatever it could not go along with
      },
    });
    over.abort();
    await running;
    return report.results[0]!;
  }

  /** Puts a case to a device that is a process of its own. */
  async start(one: ClientCase, command: readonly string[]): Promise<CaseResult> {
    return (await testClient({ ...this.#settings([one]), bait: this.#bait, command, onListening: () => undefined })).results[0]!;
  }

  #settings(cases: readonly ClientCase[]) {
    return {
      cases, address: '127.0.0.1', port: 0, parallel: 1, limitMs: LIMIT_MS, slowLimitMs: LIMIT_MS,
      directory: join(this.#directory, 'devices'), target: 'a careless device', now: () => performance.now(),
      onStart: () => undefined, onResult: () => undefined, signal: new AbortController().signal,
    };
  }
}

/** Runs work at so many at once. */
export async function inParallel<In, Out>(items: readonly In[], atOnce: number, work: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  const queue = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
