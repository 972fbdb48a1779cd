/**
 * Time within a load test: microseconds since 1970, from the machine's monotonic clock. All workers of a machine share it, so a
 * message's way from one to another can be timed; it neither jumps nor runs backwards while a test runs.
 */

/** Pairs the monotonic clock with the wall clock, once, for all workers. */
export interface ClockOrigin {
  /** Microseconds since 1970 at `monotonicUs`. */
  readonly wallUs: number;
  readonly monotonicUs: number;
}

/** Now. */
export type NowUs = () => number;

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** `wallMs`: milliseconds since 1970, now. */
export function clockOrigin(wallMs: number): ClockOrigin {
  return { wallUs: Math.round(wallMs * 1000), monotonicUs: monotonicUs() };
}

/** A clock on that origin, also in another process of this machine. */
export function startClock(origin: ClockOrigin): NowUs {
  // performance.now() counts from the start of this process on the same monotonic clock, and costs a tenth of hrtime.
  const offsetUs = origin.wallUs + (monotonicUs() - origin.monotonicUs) - performance.now() * 1000;
  return () => offsetUs + performance.now() * 1000;
}
