/** Runs a started fleet to its end, whatever ends it: its time, an interrupt, a failure. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BackoffLimits, Fleet, FleetProgress } from '../gateway/mod.ts';

/** Against a broker on this machine there is no crowd to avoid: a cut is over within seconds. */
export const LOCAL_BACKOFF: BackoffLimits = { baseMs: 100, capMs: 1_000 };
/** How long to wait at the end for what is queued to be acknowledged, and when somebody pressed Ctrl-C. */
const DRAIN_MS = 30_000;
const HURRIED_DRAIN_MS = 3_000;

export interface DriveOptions {
  /** Real time to measure for; undefined: until simulated time or the recordings end. */
  readonly durationMs: number | undefined;
  readonly interrupted: AbortSignal;
  /** Rejects when going on makes no sense. */
  readonly failed?: Promise<never>;
}

/** Measures and drains; says how far it came and whether everything was acknowledged. The caller closes the fleet. */
export async function driveFleet(fleet: Fleet, options: DriveOptions): Promise<{ progress: FleetProgress; drained: boolean }> {
  const stop = (): void => fleet.stop();
  const ended = new AbortController();
  const timer = options.durationMs === undefined ? undefined : delay(options.durationMs, undefined, { signal: ended.signal }).then(stop, () => undefined);
  options.interrupted.addEventListener('abort', stop, { once: true });
  if (options.interrupted.aborted) stop();
  try {
    await Promise.race([fleet.run(), options.failed ?? never()]);
    const drained = await Promise.race([fleet.drain(AbortSignal.any([AbortSignal.timeout(options.interrupted.aborted ? HURRIED_DRAIN_MS : DRAIN_MS), ended.signal])), options.failed ?? never()]);
    return { progress: fleet.progress(), drained };
  } finally {
    ended.abort();
    await timer;
    options.interrupted.removeEventListener('abort', stop);
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
