/**
 * Ctrl-C and a request to terminate end a command cleanly: the first asks, the second insists. To be caught only from
 * when there is something to undo: until then the first one ends the process, as it does by itself.
 */
import { Interrupted } from './errors.ts';

export interface Interrupt {
  /** Aborts at the first SIGINT or SIGTERM, its reason an Interrupted. */
  readonly signal: AbortSignal;
  /** Lets the signals go back to what they did before. */
  release(): void;
}

export function catchInterrupt(): Interrupt {
  const controller = new AbortController();
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    const reason = new Interrupted(signal);
    if (controller.signal.aborted) process.exit(reason.exitCode);
    controller.abort(reason);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    release: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
