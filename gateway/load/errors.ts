/** Errors of load tests, named for what went wrong. */
import { CodedError } from '../../certs/mod.ts';

export type LoadErrorCode =
  /** The scenario says something that cannot be: a name nobody has, a step without its connection. */
  | 'LOAD_SCENARIO'
  /** A condition to be asserted is none. */
  | 'LOAD_ASSERTION'
  /** A file is no report of a load test, or two do not belong together. */
  | 'LOAD_REPORT'
  /** The machine allows too few files, ports or addresses for so many clients, or not the port for the figures; a client has no more numbers for its messages. */
  | 'LOAD_LIMIT'
  /** Certificates or keys of the clients cannot be had or used. */
  | 'LOAD_IDENTITY'
  /** A worker process ended before its work. */
  | 'LOAD_WORKER';

export class LoadError extends CodedError<LoadErrorCode> {
  override readonly name = 'LoadError';
}
