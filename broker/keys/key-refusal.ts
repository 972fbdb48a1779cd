/** What a refusal of a KMS means to the broker: its name and text, as a KeyError with one line that says what to do. */
import { KeyError, type KeyErrorCode } from '../errors.ts';

const CODES: Readonly<Record<string, KeyErrorCode>> = {
  DisabledException: 'KEY_DISABLED',
  KMSInvalidStateException: 'KEY_DISABLED',
  NotFoundException: 'KEY_NOT_FOUND',
  InvalidGrantIdException: 'KEY_NOT_FOUND',
  AccessDeniedException: 'KEY_DENIED',
  InvalidGrantTokenException: 'KEY_DENIED',
  InvalidCiphertextException: 'KEY_CIPHERTEXT',
  IncorrectKeyException: 'KEY_CIPHERTEXT',
  InvalidKeyUsageException: 'KEY_BAD_REQUEST',
  InvalidArnException: 'KEY_BAD_REQUEST',
  ValidationException: 'KEY_BAD_REQUEST',
  LimitExceededException: 'KEY_BAD_REQUEST',
  UnsupportedOperationException: 'KEY_BAD_REQUEST',
  UnrecognizedClientException: 'KEY_DENIED',
  InvalidSignatureException: 'KEY_DENIED',
  IncompleteSignatureException: 'KEY_DENIED',
  MissingAuthenticationTokenException: 'KEY_DENIED',
  InvalidClientTokenId: 'KEY_DENIED',
  ExpiredTokenException: 'KEY_DENIED',
  CredentialsProviderError: 'KEY_DENIED',
};

const CREDENTIALS = new Set(['UnrecognizedClientException', 'InvalidSignatureException', 'IncompleteSignatureException', 'MissingAuthenticationTokenException', 'InvalidClientTokenId', 'ExpiredTokenException', 'CredentialsProviderError']);

/** Part of the broker's name in a key service of thrum (principals.ts). */
const BROKER = 'role/aws-service-role/thrum/broker';

/** The KeyError for a refusal by its name; undefined when the name is none of a refusal, but of a trouble that may pass. `key` is what was asked for. */
export function refusalOf(name: string, message: string, key: string, embedded: boolean, cause: unknown): KeyError | undefined {
  const code = CODES[name];
  return code && new KeyError(code, textOf(name, message, key, embedded), { cause });
}

function textOf(name: string, message: string, key: string, embedded: boolean): string {
  if (name === 'DisabledException') return `key ${key} is disabled${embedded ? `: 'thrum keys enable ${key}' gives access again` : ''}`;
  if (name === 'KMSInvalidStateException') {
    if (!message.includes('pending deletion')) return `key ${key} cannot be used: ${message}`;
    return `key ${key} is pending deletion${embedded ? `: 'thrum keys cancel-deletion ${key}' keeps it, then it has to be enabled` : ''}`;
  }
  if (name === 'NotFoundException') return embedded ? `there is no key ${key} in this home: 'thrum keys list' shows those there are` : `the KMS has no key ${key}`;
  if (name === 'InvalidGrantIdException') return `key ${key} has no such grant: it was retired or revoked`;
  if (name === 'InvalidCiphertextException') return 'the wrapped key was altered, or belongs to something else';
  if (name === 'IncorrectKeyException') return `the wrapped key is not under key ${key}`;
  if (CREDENTIALS.has(name)) return `the KMS does not accept the credentials of this process (${name}): check AWS_PROFILE or AWS_ACCESS_KEY_ID, and the clock`;
  if (name === 'AccessDeniedException' && message.includes(BROKER)) return `the broker has no grant on key ${key}, or none for this: its owner revoked it ('thrum keys grant list ${key}')`;
  return name === 'AccessDeniedException' ? `use of key ${key} is denied: ${message || 'its grant was revoked'}` : `the KMS refuses: ${message || name}`;
}

/** True for what says that a key is not to be used now, and may be again. */
export function isKeyUnavailable(error: unknown): error is KeyError {
  return error instanceof KeyError && UNAVAILABLE.has(error.code);
}

const UNAVAILABLE = new Set<KeyErrorCode>(['KEY_DISABLED', 'KEY_DENIED', 'KEY_UNREACHABLE']);
