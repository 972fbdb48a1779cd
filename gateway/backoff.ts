/**
 * Waiting before the next try: capped exponential back-off with full jitter, so that a fleet cut off at one moment does
 * not return at one moment (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export interface BackoffLimits {
  /** Upper bound of the first wait. */
  readonly baseMs: number;
  /** No wait is longer. */
  readonly capMs: number;
}

export const DEFAULT_BACKOFF: BackoffLimits = { baseMs: 250, capMs: 30_000 };

/** Wait before try number `attempt` (0 the first): uniform in 0 … min(cap, base × 2^attempt). `random` gives [0, 1). */
export function backoffMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  return random() * Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(attempt, 30));
}
