/** Medians of repeated runs: what a noisy machine can be quoted with. */

/** Middle value; the mean of the two in the middle for an even number. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Calls `work` once to warm up, then `repeats` times; gives operations per second of each. */
export function perSecond(repeats: number, operations: number, work: () => void): number[] {
  work();
  return Array.from({ length: repeats }, () => {
    const start = performance.now();
    work();
    return operations / ((performance.now() - start) / 1000);
  });
}

/** The value that `share` (0 to 1) of the values do not exceed. NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
