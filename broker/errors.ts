/** What can go wrong in the broker room. Each class has a stable `code`; the command line turns codes into exit codes. */
import { CodedError } from '../certs/mod.ts';

export type KeyErrorCode =
  | 'KEY_NOT_FOUND'
  | 'KEY_DISABLED'
  | 'KEY_DENIED'
  | 'KEY_UNREACHABLE'
  | 'KEY_CIPHERTEXT'
  | 'KEY_BAD_REQUEST'
  | 'KEY_ALIAS_EXISTS'
  | 'KEY_PASSPHRASE'
  | 'KEYSTORE_DAMAGED';

/** The key service refuses, or its file cannot be used. */
export class KeyError extends CodedError<KeyErrorCode> {
  override readonly name = 'KeyError';
}

/** A key is named that no key service known here has. */
export class KeyElsewhereError extends KeyError {
  constructor(keyId: string) {
    super('KEY_UNREACHABLE', `key ${keyId} is in another key service: say which with --kms-endpoint URL or --kms-region REGION`);
  }
}

type ProjectErrorCode = 'PROJECT_NOT_FOUND' | 'PROJECT_EXISTS' | 'PROJECT_BAD_NAME' | 'PROJECT_DAMAGED';

/** A project does not exist, cannot be made, or its file was altered. */
export class ProjectError extends CodedError<ProjectErrorCode> {
  override readonly name = 'ProjectError';
}

/** A name, id, tag or URL looks as if it holds something that must not be kept there. The message does not hold it. */
export class SensitiveTextError extends Error {
  override readonly name = 'SensitiveTextError';
  readonly code = 'SENSITIVE_TEXT';
}

type DirectoryErrorCode = 'DIRECTORY_BAD_ENTRY' | 'DIRECTORY_FULL' | 'DIRECTORY_DAMAGED';

/** A project's table of places cannot be written as asked, or was altered. */
export class DirectoryError extends CodedError<DirectoryErrorCode> {
  override readonly name = 'DirectoryError';
}

export type StoreErrorCode = 'STORE_DAMAGED' | 'STORE_UNREADABLE' | 'STORE_BUSY' | 'STORE_FULL' | 'STORE_CLOSED' | 'STORE_FAILED';

/** Where in the store something is wrong; `record` is -1 when it concerns the whole file. */
export interface StorePlace {
  readonly file: string;
  readonly record: number;
}

/** The store cannot take, give or vouch for data. */
export class StoreError extends CodedError<StoreErrorCode> {
  override readonly name = 'StoreError';
  readonly place: StorePlace | undefined;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions & { readonly place?: StorePlace }) {
    super(code, message, options);
    this.place = options?.place;
  }
}

export type RemoteErrorCode = 'REMOTE_ADDRESS' | 'REMOTE_CREDENTIALS' | 'REMOTE_DENIED' | 'REMOTE_MISSING' | 'REMOTE_UNREACHABLE' | 'REMOTE_CONFLICT' | 'REMOTE_FAILED';

/** The bucket or the table that segments are kept in refuses, does not answer, or is not what it should be. */
export class RemoteError extends CodedError<RemoteErrorCode> {
  override readonly name = 'RemoteError';
}

type AdmissionErrorCode =
  | 'ADMISSION_NO_IDENTITY'
  | 'ADMISSION_CLIENT_ID'
  | 'ADMISSION_REVOKED'
  | 'ADMISSION_EXPIRED'
  | 'ADMISSION_REQUEST'
  | 'ADMISSION_TOPIC'
  | 'ADMISSION_PAYLOAD'
  | 'ADMISSION_QOS'
  | 'ADMISSION_SIZE';

/** A client is refused, and why; `returnCode` is the CONNACK's where there is one (MQTT 3.1.1, table 3.1). */
export class AdmissionError extends CodedError<AdmissionErrorCode> {
  override readonly name = 'AdmissionError';
  readonly returnCode: number;

  constructor(code: AdmissionErrorCode, message: string, returnCode = 5) {
    super(code, message);
    this.returnCode = returnCode;
  }
}

/** What is on disk as a revocation list is not taken; the one before it stays in use. */
export class RevocationError extends Error {
  override readonly name = 'RevocationError';
  readonly code = 'REVOCATION_OLD';
}

type AccessErrorCode =
  | 'ACCESS_POLICY'
  | 'ACCESS_DENIED'
  | 'ACCESS_NOT_FOUND'
  | 'ACCESS_EXISTS'
  | 'ACCESS_BAD_REQUEST'
  | 'ACCESS_SECOND_FACTOR'
  | 'ACCESS_DAMAGED';

/** A policy does not allow it, or what was said of policies and principals cannot be taken. */
export class AccessError extends CodedError<AccessErrorCode> {
  override readonly name = 'AccessError';
}
