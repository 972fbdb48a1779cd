/**
 * Waiting before the next try: capped exponential back-off with equal jitter, half of it fixed and half of it drawn, so
 * that a fleet cut off at one moment does not return at one moment, and no gateway returns at once
 * (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export interface BackoffLimits {
  /** Upper bound of the first wait. */
  readonly baseMs: number;
  /** No wait is longer. */
  readonly capMs: number;
}

/** The first wait is a second at least: what device qualifications ask for after a server has closed the connection. */
export const DEFAULT_BACKOFF: BackoffLimits = { baseMs: 2_000, capMs: 30_000 };

/** Wait before try number `attempt` (0 the first): uniform in the upper half of 0 … min(cap, base × 2^attempt). `random` gives [0, 1). */
export function backoffMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  return (0.5 + random() / 2) * Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(attempt, 30));
}
