/**
 * How long a device waits before it comes again, and whether those waits grow and differ. A wait is measured from the end
 * of one connection to the next TCP connection, so neither the device's own time-outs nor ours count.
 */
import { fail, notRun, pass, warn, type Verdict } from '../model.ts';
import type { CaseContext } from './case.ts';
import { ENDED_CONTENT } from './device.ts';
import { openSession, type Session } from './session.ts';

/** Tries that Device Advisor looks at. */
export const TRIES = 6;
/** A device that comes again sooner than this, over and over, loops. */
const TIGHT_MS = 100;
/** Timers are early by a little. */
export const TIMER_SLACK_MS = 20;
/** Waits whose ratios differ by less follow a fixed rule. */
const SAME_RATIO = 0.05;

export interface Reconnects {
  /** In ms, oldest first. */
  readonly waitsMs: readonly number[];
  /** Why there are no more, when there are fewer than were asked for. */
  readonly stopped?: string;
}

/** Lets the device connect `tries` times, does `cut` to each connection, and notes the waits between them. */
export async function watchReconnects(context: CaseContext, tries: number, cut: (session: Session) => Promise<void>): Promise<Reconnects> {
  const waitsMs: number[] = [];
  let endedMs: number | undefined;
  for (let attempt = 0; attempt < tries; attempt++) {
    const session = await openSession(context);
    if (!session) {
      const ending = context.deviceEnding();
      const stopped = ending === undefined ? 'it did not come again in the time given' : `the device ${ending}`;
      return { waitsMs, stopped: `after ${attempt} ${attempt === 1 ? 'connection' : 'connections'} ${stopped}` };
    }
    if (endedMs !== undefined) waitsMs.push(session.connection.acceptedAtMs - endedMs);
    await cut(session);
    await session.connection.closed(2_000);
    endedMs = session.connection.closedAtMs ?? context.evidence.elapsedMs;
    session.connection.destroy();
  }
  context.evidence.note(`waits: ${waitsText(waitsMs)}`);
  return { waitsMs };
}

export function waitsText(waitsMs: readonly number[]): string {
  return waitsMs.map((wait) => `${(wait / 1_000).toFixed(2)} s`).join(', ');
}

/** What to say when there are too few waits to judge; `undefined` when there are enough. */
export function tooFew({ waitsMs, stopped }: Reconnects, least: number): Verdict | undefined {
  if (waitsMs.length >= least) return undefined;
  if (stopped?.startsWith('after 0') || stopped?.endsWith(ENDED_CONTENT)) return notRun(stopped);
  return warn(`cannot be judged: ${stopped ?? 'too few tries'}; whoever starts it again must wait longer each time`);
}

/** Exponential back-off: later waits are longer than earlier ones. With jitter single waits may shrink, so halves are compared. */
export function judgeGrowth(waitsMs: readonly number[]): Verdict {
  const text = waitsText(waitsMs);
  if (waitsMs.every((wait) => wait < TIGHT_MS)) return fail(`comes again at once, over and over: ${text}`);
  const half = Math.floor(waitsMs.length / 2);
  const [early, late] = [mean(waitsMs.slice(0, half)), mean(waitsMs.slice(-half))];
  return late >= 1.5 * early ? pass(`waits grow: ${text}`) : fail(`waits do not grow: ${text}`);
}

/** Jitter: no fixed rule gives the waits. Strictly doubling or constant waits have none, as all devices then return together. */
export function judgeJitter(waitsMs: readonly number[]): Verdict {
  const text = waitsText(waitsMs);
  if (waitsMs.every((wait) => wait < TIGHT_MS)) return fail(`comes again at once, over and over: ${text}`);
  const ratios = waitsMs.slice(1).map((wait, index) => wait / waitsMs[index]!);
  const constant = ratios.every((ratio) => near(ratio, 1));
  if (constant) return fail(`waits are all the same: ${text}`);
  const doubling = ratios.every((ratio) => near(ratio, 2) || near(ratio, 1));
  return doubling ? warn(`waits double exactly, without jitter: ${text}`) : pass(`waits differ: ${text}`);
}

function near(ratio: number, fixed: number): boolean {
  return Math.abs(ratio / fixed - 1) <= SAME_RATIO;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
