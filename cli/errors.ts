/**
 * What the command line makes of an error: one line on stderr and an exit code.
 * 0 done, 1 a check found a failure, 2 wrong use or bad input, 3 the environment failed, 4 the store is an older copy.
 */
import { CommanderError } from 'commander';
import { CodedError } from '../certs/mod.ts';

export const EXIT = { done: 0, failure: 1, usage: 2, environment: 3, rollback: 4 } as const;

export type CliErrorCode = 'CLI_USAGE' | 'AUDIT_DAMAGED' | 'HOME_MISSING' | 'HOME_DAMAGED' | 'HOME_FOREIGN' | 'FLEET_FILE';

/** Wrong use, or bad input. */
export class CliError extends CodedError<CliErrorCode> {
  override readonly name = 'CliError';
}

/** Somebody pressed Ctrl-C, or asked to terminate, and what had to be undone is undone. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** As a shell tells it: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('interrupted');
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

const FAILURES = new Set(['STORE_DAMAGED', 'AUDIT_DAMAGED', 'DIRECTORY_DAMAGED', 'GATEWAY_REFUSED']);
const ENVIRONMENT = new Set(['PEER_UNREACHABLE', 'LOCK_HELD', 'CERTS_WRITE_FAILED', 'STORE_FAILED', 'STORE_UNREADABLE', 'STORE_FULL', 'STORE_CLOSED', 'STORE_BUSY', 'SPOOL_FAILED', 'KEY_DISABLED', 'KEY_UNREACHABLE', 'ACCESS_DENIED', 'ACCESS_SECOND_FACTOR', 'GATEWAY_STOPPED', 'GATEWAY_NO_ANSWER', 'LOAD_LIMIT', 'LOAD_WORKER', 'REMOTE_CREDENTIALS', 'REMOTE_DENIED', 'REMOTE_MISSING', 'REMOTE_UNREACHABLE', 'REMOTE_CONFLICT', 'REMOTE_FAILED']);
/** Our own errors; whatever else has a code in capitals comes from the system. */
const OURS = /^(CLI|SENSITIVE|DIRECTORY|AUDIT|ACCESS|HOME|FLEET|FRAME|CERTS|CLAIM|KEY|KEYSTORE|PROJECT|PLAN|SENSOR|WAV|SPOOL|UPLINK|GATEWAY|SEAL|LOCK|LOAD|STORE|REMOTE|ADMISSION)_?/;

const SYSTEM: Readonly<Record<string, (error: NodeJS.ErrnoException) => string>> = {
  EADDRINUSE: (e) => `port ${(e as { port?: number }).port ?? ''} is taken: choose another with --port, or 0 for a free one`,
  EADDRNOTAVAIL: (e) => `address ${(e as { address?: string }).address ?? ''} is not one of this machine's: choose another with --host`,
  ENOSPC: (e) => `the disk is full${at(e)}: free some space and try again`,
  EACCES: (e) => `permission denied${at(e)}: check who may use it`,
  EPERM: (e) => `not permitted${at(e)}: check who may use it`,
  EROFS: (e) => `the file system is read-only${at(e)}`,
  ENOENT: (e) => `no such file or folder${at(e)}`,
  EISDIR: (e) => `a folder stands where a file is needed${at(e)}`,
  ENOTDIR: (e) => `a file stands where a folder is needed${at(e)}`,
  EEXIST: (e) => `it exists already${at(e)}`,
  EMFILE: () => 'too many open files: raise the limit (ulimit -n) or run fewer gateways',
  ENOTFOUND: (e) => `host ${(e as { hostname?: string }).hostname ?? ''} is not known: check --url`,
};

function at(error: NodeJS.ErrnoException): string {
  return error.path === undefined ? '' : ` (${error.path})`;
}

/** The line and the exit code for anything that was thrown. */
export function explain(error: unknown): { readonly message: string; readonly exitCode: number } {
  if (error instanceof CommanderError) return { message: '', exitCode: error.exitCode === 0 ? EXIT.done : EXIT.usage };
  if (error instanceof Interrupted) return { message: error.message, exitCode: error.exitCode };
  if (!(error instanceof Error)) return { message: `unexpected: ${String(error)}`, exitCode: EXIT.environment };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (FAILURES.has(code)) return { message: oneLine(error.message), exitCode: EXIT.failure };
  if (ENVIRONMENT.has(code)) return { message: oneLine(error.message), exitCode: EXIT.environment };
  if (OURS.test(code)) return { message: oneLine(error.message), exitCode: EXIT.usage };
  const system = SYSTEM[code];
  if (system) return { message: system(error), exitCode: code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR' ? EXIT.usage : EXIT.environment };
  return { message: `unexpected: ${oneLine(error.message)}`, exitCode: EXIT.environment };
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
