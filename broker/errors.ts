/** What can go wrong in the broker room. Each class has a stable `code`; the command line turns codes into exit codes. */

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
export class KeyError extends Error {
  override readonly name = 'KeyError';
  readonly code: KeyErrorCode;

  constructor(code: KeyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A key is named that no key service known here has. */
export class KeyElsewhereError extends KeyError {
  constructor(keyId: string) {
    super('KEY_UNREACHABLE', `key ${keyId} is in another key service: say which with --kms-endpoint URL or --kms-region REGION`);
  }
}

export type ProjectErrorCode = 'PROJECT_NOT_FOUND' | 'PROJECT_EXISTS' | 'PROJECT_BAD_NAME' | 'PROJECT_DAMAGED';

/** A project does not exist, cannot be made, or its file was altered. */
export class ProjectError extends Error {
  override readonly name = 'ProjectError';
  readonly code: ProjectErrorCode;

  constructor(code: ProjectErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A name, id, tag or URL looks as if it holds something that must not be kept there. The message does not hold it. */
export class SensitiveTextError extends Error {
  override readonly name = 'SensitiveTextError';
  readonly code = 'SENSITIVE_TEXT';
}

export type DirectoryErrorCode = 'DIRECTORY_BAD_ENTRY' | 'DIRECTORY_FULL' | 'DIRECTORY_DAMAGED';

/** A project's table of places cannot be written as asked, or was altered. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError';
  readonly code: DirectoryErrorCode;

  constructor(code: DirectoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type StoreErrorCode = 'STORE_DAMAGED' | 'STORE_UNREADABLE' | 'STORE_BUSY' | 'STORE_FULL' | 'STORE_CLOSED' | 'STORE_FAILED';

/** Where in the store something is wrong; `record` is -1 when it concerns the whole file. */
export interface StorePlace {
  readonly file: string;
  readonly record: number;
}

/** The store cannot take, give or vouch for data. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly place: StorePlace | undefined;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions & { readonly place?: StorePlace }) {
    super(message, options);
    this.code = code;
    this.place = options?.place;
  }
}

export type RemoteErrorCode = 'REMOTE_ADDRESS' | 'REMOTE_CREDENTIALS' | 'REMOTE_DENIED' | 'REMOTE_MISSING' | 'REMOTE_UNREACHABLE' | 'REMOTE_CONFLICT' | 'REMOTE_FAILED';

/** The bucket or the table that segments are kept in refuses, does not answer, or is not what it should be. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly code: RemoteErrorCode;

  constructor(code: RemoteErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type AdmissionErrorCode =
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
export class AdmissionError extends Error {
  override readonly name = 'AdmissionError';
  readonly code: AdmissionErrorCode;
  readonly returnCode: number;

  constructor(code: AdmissionErrorCode, message: string, returnCode = 5) {
    super(message);
    this.code = code;
    this.returnCode = returnCode;
  }
}

/** What is on disk as a revocation list is not taken; the one before it stays in use. */
export class RevocationError extends Error {
  override readonly name = 'RevocationError';
  readonly code = 'REVOCATION_OLD';
}

export type AccessErrorCode =
  | 'ACCESS_POLICY'
  | 'ACCESS_DENIED'
  | 'ACCESS_NOT_FOUND'
  | 'ACCESS_EXISTS'
  | 'ACCESS_BAD_REQUEST'
  | 'ACCESS_SECOND_FACTOR'
  | 'ACCESS_DAMAGED';

/** A policy does not allow it, or what was said of policies and principals cannot be taken. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly code: AccessErrorCode;

  constructor(code: AccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
