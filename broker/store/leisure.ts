/** Whether there is time for what can wait: the event loop knows how long it had nothing to do. */

/** Over so long it is looked back. */
const SAMPLE_MS = 100;
/** Of that time so much may be used, what waits for time included. */
const MOST_USED = 0.5;

let sampledMs = performance.now();
let sample = performance.eventLoopUtilization();
let hasTime = true;

/** False while this thread was busy for more than half of the last tenth of a second. */
export function loopHasTime(): boolean {
  const nowMs = performance.now();
  if (nowMs - sampledMs < SAMPLE_MS) return hasTime;
  const now = performance.eventLoopUtilization();
  hasTime = performance.eventLoopUtilization(now, sample).utilization < MOST_USED;
  [sampledMs, sample] = [nowMs, now];
  return hasTime;
}
