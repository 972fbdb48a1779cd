/**
 * Every error the certificate room throws. The `code` is stable: programs branch on it, the command line turns it into
 * a message and an exit code. The message is one line for a person: what is wrong, where, and what to do.
 */

export type CertsErrorCode =
  /** No certificate authority stands in the directory. */
  | 'CERTS_NO_AUTHORITY'
  /** The root's private key is not in its place. */
  | 'CERTS_NO_ROOT_KEY'
  /** No identity has that name or serial number, or none with its key here. */
  | 'CERTS_NOT_FOUND'
  /** A certificate signing request asks for what it may not have, or is none. */
  | 'CERTS_CSR_REFUSED'
  /** The thing to create is there already; nothing was overwritten. */
  | 'CERTS_EXISTS'
  /** The authority has expired, so nothing it signs would be accepted. */
  | 'CERTS_AUTHORITY_EXPIRED'
  /** A request carries a value that is out of range or badly formed. */
  | 'CERTS_BAD_REQUEST'
  /** Text that should be a PEM certificate is not. */
  | 'CERTS_BAD_PEM'
  /** A file is there but cannot be read or does not hold what it should. */
  | 'CERTS_UNREADABLE'
  /** A private file may be read or written by users other than its owner. */
  | 'CERTS_KEY_EXPOSED'
  /** A private key and a certificate do not belong together. */
  | 'CERTS_KEY_MISMATCH'
  /** A revocation list is damaged, not signed by the authority, or older than the one before it. */
  | 'CERTS_BAD_CRL'
  /** An OCSP answer is malformed, or not to be believed. */
  | 'CERTS_BAD_OCSP'
  /** No certificate with that serial number or id was issued here. */
  | 'CERTS_UNKNOWN'
  /** A limit on what is kept has been reached. */
  | 'CERTS_LIMIT'
  /** A file or directory could not be written. */
  | 'CERTS_WRITE_FAILED'
  /** A file is no handshake report, a damaged one, or one of another version. */
  | 'CERTS_BAD_REPORT'
  /** A choice of handshake cases matches none. */
  | 'CERTS_NO_CASE';

/** An error with a stable code; `cause` carries the one behind it. Other rooms' errors are of this shape too. */
export class CodedError<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What went wrong in the certificate room; `cause` carries the system's own error where there is one. */
export class CertsError extends CodedError<CertsErrorCode> {
  override readonly name = 'CertsError';
}

/** A sealed record does not authenticate: another key, another place, or altered bytes; nobody can tell which. */
export class SealError extends Error {
  override readonly name = 'SealError';
  readonly code = 'SEAL_BROKEN';

  constructor(options?: ErrorOptions) {
    super('sealed data does not authenticate: it was altered or moved, or this is not its key', options);
  }
}

/**
 * The system error code (`ENOENT`, `EEXIST`, …) of anything caught, or '' when it carries none.
 */
export function systemCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return '';
}

/** For `catch`: a file that is not there gives `fallback`, whatever else is wrong is thrown on. */
export function whenMissing<T>(fallback: T): (error: unknown) => T {
  return (error) => {
    if (systemCode(error) === 'ENOENT') return fallback;
    throw error;
  };
}

/** A record that is not what was written. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly code = 'RECORD_BROKEN';
  /** Number of the record in its file. */
  readonly record: number;

  constructor(record: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.record = record;
  }
}

/** Somebody else holds the lock. */
export class LockError extends Error {
  override readonly name = 'LockError';
  readonly code = 'LOCK_HELD';
}

export type ClaimErrorCode =
  | 'CLAIM_UNKNOWN'
  | 'CLAIM_EXPIRED'
  | 'CLAIM_REVOKED'
  /** All identities that it may give are given. */
  | 'CLAIM_QUOTA'
  /** The gateway has, or had, an identity, with another key. */
  | 'CLAIM_TAKEN';

/** A claim gives no identity; the message is for the device that asks. */
export class ClaimError extends CodedError<ClaimErrorCode> {
  override readonly name = 'ClaimError';
}
