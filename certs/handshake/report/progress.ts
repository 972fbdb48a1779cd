/**
 * What is happening while cases run: on a terminal one line that is written over itself, with counts and the case that
 * began last; or a line a case; or nothing. Promises: the line is gone when it is stopped, and is never wider than the
 * terminal.
 */

import { OUTCOMES } from '../model.ts';
import type { CaseInfo, CaseResult, Outcome } from '../model.ts';
import { printable } from './printable.ts';
import { SIGNS, durationText, painted, signed } from './style.ts';
import type { Style } from './style.ts';

/** Where progress is written, as `process.stderr` is. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly columns?: number;
}

export interface ProgressLook {
  /** `line`: one line, written over; `cases`: a line for each case when it ends; `silent`: nothing. */
  readonly kind: 'line' | 'cases' | 'silent';
  readonly style: Style;
  /** How many cases will run. */
  readonly total: number;
}

export interface Progress {
  started(info: CaseInfo): void;
  finished(result: CaseResult): void;
  /** Takes the line away. */
  stop(): void;
}

const CLEAR = '\r\u001b[K';
const DEFAULT_COLUMNS = 80;

/** The width of a stream; a terminal that does not know its own says 0. */
function columnsOf({ columns = 0 }: ProgressStream): number {
  return columns > 0 ? columns : DEFAULT_COLUMNS;
}

/** Shows how far a run is. Cases may run side by side. */
export function createProgress(stream: ProgressStream, { kind, style, total }: ProgressLook): Progress {
  if (kind === 'silent') return { started: () => undefined, finished: () => undefined, stop: () => undefined };
  if (kind === 'cases') {
    return {
      started: () => undefined,
      finished: (result) => void stream.write(`${painted(style, result.outcome, signed(result.outcome))}  ${printable(result.info.id)}  ${printable(result.reason)} (${durationText(result.durationMs)})\n`),
      stop: () => undefined,
    };
  }
  const counts: Record<Outcome, number> = { pass: 0, fail: 0, warn: 0, 'not-run': 0 };
  const running = new Set<string>();
  let drawn = false;
  const draw = (): void => {
    const done = OUTCOMES.reduce((sum, outcome) => sum + counts[outcome], 0);
    const tally = OUTCOMES.filter((outcome) => counts[outcome] > 0).map((outcome) => `${SIGNS[outcome]} ${counts[outcome]}`).join('  ');
    const line = `${done}/${total}  ${tally}  ${[...running].at(-1) ?? ''}`;
    stream.write(CLEAR + line.slice(0, columnsOf(stream) - 1));
    drawn = true;
  };
  return {
    started: (info) => {
      running.add(printable(info.id));
      draw();
    },
    finished: (result) => {
      running.delete(printable(result.info.id));
      counts[result.outcome] += 1;
      draw();
    },
    stop: () => {
      if (drawn) stream.write(CLEAR);
      drawn = false;
    },
  };
}
