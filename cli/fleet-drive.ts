/** Runs a started fleet to its end, whatever ends it: its time, an interrupt, a failure. */
import type { BackoffLimits, Fleet, FleetProgress } from '../gateway/mod.ts';

/** Against the broker of the same process there is no crowd to avoid: a cut is over within seconds. */
export const LOCAL_BACKOFF: BackoffLimits = { baseMs: 100, capMs: 1_000 };
/** How long to wait at the end for what is queued to be acknowledged, and when somebody pressed Ctrl-C. */
const DRAIN_MS = 30_000;
const HURRIED_DRAIN_MS = 3_000;
/** setTimeout takes no longer delays: it would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

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
  const cancel = options.durationMs === undefined ? () => undefined : after(options.durationMs, stop);
  options.interrupted.addEventListener('abort', stop, { once: true });
  if (options.interrupted.aborted) stop();
  try {
    await Promise.race([fleet.run(), options.failed ?? never()]);
    const drained = await drain(fleet, options);
    return { progress: fleet.progress(), drained };
  } finally {
    cancel();
    options.interrupted.removeEventListener('abort', stop);
  }
}

/** Waits for what is queued, for a limited time; an interrupt, before or meanwhile, shortens it. */
async function drain(fleet: Fleet, { interrupted, failed }: DriveOptions): Promise<boolean> {
  const enough = new AbortController();
  const giveUp = (): void => enough.abort();
  let cancel = after(interrupted.aborted ? HURRIED_DRAIN_MS : DRAIN_MS, giveUp);
  const hurry = (): void => {
    cancel();
    cancel = after(HURRIED_DRAIN_MS, giveUp);
  };
  interrupted.addEventListener('abort', hurry, { once: true });
  try {
    return await Promise.race([fleet.drain(enough.signal), failed ?? never()]);
  } finally {
    interrupted.removeEventListener('abort', hurry);
    cancel();
    giveUp();
  }
}

/** Calls `act` after any time, however long; the returned function calls it off. */
function after(ms: number, act: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    const stepMs = Math.min(leftMs, MAX_TIMER_MS);
    timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : act()), stepMs);
  };
  wait(ms);
  return () => clearTimeout(timer);
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
