/** A worker as a process of its own: `fork` starts it, and it ends with the channel to who started it. */
import type { FromWorker, ToWorker } from './run-plan.ts';
import { Worker } from './worker.ts';

let worker: Worker | undefined;

function tell(message: FromWorker): void {
  if (process.connected) process.send!(message);
}

function fail(error: unknown): void {
  const { code = '', message } = error as NodeJS.ErrnoException;
  tell({ kind: 'failed', code, message });
}

// Signals go to the whole group of processes: what they mean here is for who started us to say.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit(1));
process.on('message', (message: ToWorker) => {
  if (message.kind === 'prepare') worker = new Worker(message.plan, tell, Math.random); // eslint-disable-line no-restricted-properties -- waits that only have to differ
  worker!.take(message).catch(fail);
});
process.on('uncaughtException', (error) => {
  fail(error);
});
