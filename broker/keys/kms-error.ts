/** Refusals of the KMS engine: the names, texts and HTTP statuses that AWS KMS documents. */
import type { KeyRecord, KeyState } from './key-state.ts';
import { keyArn } from './key-index.ts';

type KmsErrorType =
  | 'AccessDeniedException'
  | 'AlreadyExistsException'
  | 'DisabledException'
  | 'DryRunOperationException'
  | 'IncorrectKeyException'
  | 'InvalidAliasNameException'
  | 'InvalidArnException'
  | 'InvalidCiphertextException'
  | 'InvalidGrantIdException'
  | 'InvalidGrantTokenException'
  | 'InvalidKeyUsageException'
  | 'InvalidMarkerException'
  | 'KMSInternalException'
  | 'KMSInvalidStateException'
  | 'LimitExceededException'
  | 'MalformedPolicyDocumentException'
  | 'NotFoundException'
  | 'SerializationException'
  | 'TagException'
  | 'UnknownOperationException'
  | 'UnsupportedOperationException'
  | 'ValidationException';

/** `message` is empty where AWS sends none (InvalidCiphertextException). */
export class KmsError extends Error {
  override readonly name = 'KmsError';
  readonly code = 'KMS_REFUSED';
  readonly type: KmsErrorType;
  /** HTTP status. */
  readonly status: 400 | 500;

  constructor(type: KmsErrorType, message: string, options?: ErrorOptions) {
    super(message, options);
    this.type = type;
    this.status = type === 'KMSInternalException' ? 500 : 400;
  }
}

export function noSuchKey(arn: string): KmsError {
  return new KmsError('NotFoundException', `Key '${arn}' does not exist`);
}

export function disabled(state: KeyState, key: KeyRecord): KmsError {
  return new KmsError('DisabledException', `${keyArn(state, key.keyId)} is disabled.`);
}

export function pendingDeletion(state: KeyState, key: KeyRecord): KmsError {
  return new KmsError('KMSInvalidStateException', `${keyArn(state, key.keyId)} is pending deletion.`);
}

export function invalidCiphertext(): KmsError {
  return new KmsError('InvalidCiphertextException', '');
}

export function invalid(message: string): KmsError {
  return new KmsError('ValidationException', message);
}

/** As AWS says that one member of a request breaks a constraint. `place`: `tags.1.member.tagKey`. */
export function breaksConstraint(place: string, constraint: string, value?: string): KmsError {
  return invalid(`1 validation error detected: Value ${value === undefined ? '' : `${value} `}at '${place}' failed to satisfy constraint: ${constraint}`);
}
