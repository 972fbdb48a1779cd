/** How hard a worker works: CPU, memory, and how late its event loop is, interval by interval. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;

export interface MeterReading {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly loopDelayP99Ms: number;
  /** CPU time as a share of a core. */
  readonly busy: number;
}

export class Meter {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #cpu = process.cpuUsage();
  #atMs = performance.now();

  constructor() {
    this.#delay.enable();
  }

  /** Since the last reading. */
  read(): MeterReading {
    const { user, system } = process.cpuUsage(this.#cpu);
    const nowMs = performance.now();
    const cpuMs = (user + system) / 1000;
    const busy = cpuMs / Math.max(1, nowMs - this.#atMs);
    // The monitor tells the time between two looks, which is its resolution when nothing is late.
    const loopDelayP99Ms = Math.max(0, this.#delay.percentile(99) / 1e6 - RESOLUTION_MS);
    this.#delay.reset();
    this.#cpu = process.cpuUsage();
    this.#atMs = nowMs;
    return { cpuMs, rssBytes: process.memoryUsage.rss(), loopDelayP99Ms: Number.isFinite(loopDelayP99Ms) ? loopDelayP99Ms : 0, busy };
  }

  stop(): void {
    this.#delay.disable();
  }
}
