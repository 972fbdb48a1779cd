/**
 * Trying again: with capped exponential back-off, half of it jitter, until it succeeds, the tries are used up, or nobody
 * wants it any more. Trouble is told once, not at every try, and so is its end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { RemoteError } from '../errors.ts';

/** Bounds of the first and of the longest wait. */
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 30_000;
/** Tries of a command that somebody waits for: about six seconds of waiting in all. */
export const READ_TRIES = 6;

export interface Patience {
  /** Infinity: as long as it takes. */
  readonly tries: number;
  /** [0, 1). */
  readonly random: () => number;
  /** Ends it: what was thrown last is thrown then. */
  readonly signal?: AbortSignal;
  /** Called when trying again begins, with other words when the reason changes, and with undefined when all is well again. */
  readonly onTrouble?: (error: RemoteError | undefined) => void;
  /** Divides every wait; for tests. */
  readonly hurry?: number;
}

/** Runs `work` until it succeeds. REMOTE_CONFLICT and REMOTE_ADDRESS do not pass by themselves; whatever is no RemoteError is thrown at once. */
export async function persist<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  let told: string | undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      const result = await work();
      if (told !== undefined) patience.onTrouble?.(undefined);
      return result;
    } catch (error) {
      if (!(error instanceof RemoteError) || !mayPass(error, patience) || attempt + 1 >= patience.tries || patience.signal?.aborted) throw error;
      if (told !== error.message) patience.onTrouble?.(error);
      told = error.message;
      await wait(attempt, patience).catch(() => {
        throw error;
      });
    }
  }
}

/** Who keeps trying for ever is helped when an owner mends a permission; who has few tries is told at once. */
function mayPass({ code }: RemoteError, { tries }: Patience): boolean {
  if (code === 'REMOTE_UNREACHABLE') return true;
  return tries === Infinity && code !== 'REMOTE_CONFLICT' && code !== 'REMOTE_ADDRESS';
}

async function wait(attempt: number, { random, signal, hurry = 1 }: Patience): Promise<void> {
  const longestMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 20)) / hurry;
  await delay((0.5 + random() / 2) * longestMs, undefined, signal ? { signal } : {});
}
