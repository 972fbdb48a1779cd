/** When each message of one client is due. Open-loop schedules follow from time alone; a closed loop has none. */
import type { RateCurve } from './pace.ts';
import type { SelfTuningRate } from './self-tuning.ts';

export interface Schedule {
  /** When the k-th message (from 0) is due, µs since 1970. -Infinity: as soon as there is room. */
  dueUs(k: number): number;
  /** How many have been due by then; `sent` of them have been sent. */
  dueBy(us: number, sent: number): number;
}

/** The share of client n of N in a curve that begins at `startUs`: one message after the other, evenly, in turn. */
export function curveSchedule(curve: RateCurve, startUs: number, n: number, clients: number): Schedule {
  const dueUs = (k: number): number => startUs + curve.timeOfS(k * clients + n) * 1e6;
  return {
    dueUs,
    dueBy: (us) => {
      // Times since 1970 are rounded to a quarter of a microsecond: what is due is what `dueUs` says, to the message.
      let due = Math.max(0, Math.floor((curve.messagesAt((us - startUs) / 1e6) - n) / clients + 1));
      while (due > 0 && dueUs(due - 1) > us) due -= 1;
      while (dueUs(due) <= us) due += 1;
      return due;
    },
  };
}

/** The window is kept full: whatever is sent was due then. */
export const CLOSED_LOOP: Schedule = { dueUs: () => -Infinity, dueBy: (_us, sent) => sent };

/** A share in a rate that changes with what the broker bears; `phase` 0 to 1 spreads the first messages. */
export function selfTuningSchedule(rate: SelfTuningRate, startUs: number, phase: number): Schedule {
  let index = 0;
  let atUs = startUs + phase * rate.intervalUs;
  return {
    dueUs: (k) => {
      for (; index < k; index++) atUs += rate.intervalUs;
      return atUs;
    },
    dueBy: (us, sent) => sent + (us >= atUs && index === sent ? 1 : 0),
  };
}
