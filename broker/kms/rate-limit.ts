/** How often each caller may call: a bucket of tokens that fills with time. Remembers a bounded number of callers. */

/** Callers remembered; those that were not seen for longest are forgotten, which fills their bucket. */
const MAX_CALLERS = 4096;

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Whether `caller` may call now; each `true` counts. A second's worth may come at once. */
type RateLimit = (caller: string, nowMs: number) => boolean;

export function rateLimit(perS: number): RateLimit {
  const buckets = new Map<string, Bucket>();
  return (caller, nowMs) => {
    const before = buckets.get(caller) ?? { tokens: perS, atMs: nowMs };
    const passedMs = Math.max(0, nowMs - before.atMs);
    const tokens = Math.min(perS, before.tokens + (passedMs * perS) / 1000);
    const allowed = tokens >= 1;
    buckets.delete(caller);
    buckets.set(caller, { tokens: allowed ? tokens - 1 : tokens, atMs: nowMs });
    if (buckets.size > MAX_CALLERS) buckets.delete(buckets.keys().next().value!);
    return allowed;
  };
}
