/** How often each caller may call, or how much it may have: a bucket of tokens that fills with time. Remembers a bounded number of callers. */

/** Callers remembered; those that were not seen for longest are forgotten, which fills their bucket. */
const MAX_CALLERS = 4096;

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Whether `caller` may have so many tokens now; each `true` takes them. */
export type RateLimit = (caller: string, nowMs: number, tokens?: number) => boolean;

/** `most`: what may come at once; a second's worth unless it is said. */
export function rateLimit(perS: number, most = perS): RateLimit {
  const buckets = new Map<string, Bucket>();
  return (caller, nowMs, wanted = 1) => {
    const before = buckets.get(caller) ?? { tokens: most, atMs: nowMs };
    const passedMs = Math.max(0, nowMs - before.atMs);
    const tokens = Math.min(most, before.tokens + (passedMs * perS) / 1000);
    const allowed = tokens >= wanted;
    buckets.delete(caller);
    buckets.set(caller, { tokens: allowed ? tokens - wanted : tokens, atMs: nowMs });
    if (buckets.size > MAX_CALLERS) buckets.delete(buckets.keys().next().value!);
    return allowed;
  };
}
