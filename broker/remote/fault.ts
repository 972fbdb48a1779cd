/**
 * What went wrong at a bucket or a table, in one line that says what to do. The SDK's own messages are not passed on:
 * some hold what was signed.
 */
import { RemoteError, type RemoteErrorCode } from '../errors.ts';

/** The part of an SDK's error that is looked at. */
interface SdkError {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number | undefined };
}

const CREDENTIALS = new Set([
  'CredentialsProviderError', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'TokenProviderError',
  'UnrecognizedClientException', 'InvalidClientTokenId', 'InvalidSignatureException', 'MissingAuthenticationToken', 'MissingAuthenticationTokenException', 'IncompleteSignatureException', 'RequestTimeTooSkewed',
]);
const DENIED = new Set(['AccessDenied', 'AccessDeniedException', 'AllAccessDisabled', 'AccountProblem', 'KMS.DisabledException', 'KMSAccessDeniedException']);
const MISSING = new Set(['NoSuchBucket', 'ResourceNotFoundException', 'TableNotFoundException']);
const ELSEWHERE = new Set(['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException']);
/** Answered with 4xx although the next try may succeed. */
const PASSING = new Set([
  'SlowDown', 'Throttling', 'ThrottlingException', 'ProvisionedThroughputExceededException', 'RequestLimitExceeded', 'TooManyRequestsException', 'LimitExceededException',
  'RequestTimeout', 'TimeoutError', 'BadDigest', 'XAmzContentSHA256Mismatch', 'ConditionalRequestConflict', 'OperationAborted', 'IncompleteBody', 'ResourceInUseException',
]);

export function nameOf(error: unknown): string {
  return (error as SdkError).name ?? '';
}

export function statusOf(error: unknown): number | undefined {
  return (error as SdkError).$metadata?.httpStatusCode;
}

/** The error for what an SDK threw; `place`: `bucket b at http://…` or `table t …`. */
export function remoteFault(error: unknown, place: string): RemoteError {
  if (error instanceof RemoteError) return error;
  const name = nameOf(error);
  const status = statusOf(error);
  const as = (code: RemoteErrorCode, what: string): RemoteError => new RemoteError(code, `${place}: ${what}`, { cause: error });
  if (/region is missing/i.test((error as SdkError).message ?? '')) return as('REMOTE_ADDRESS', 'no region is set: give it with --region or AWS_REGION');
  if (CREDENTIALS.has(name)) return as('REMOTE_CREDENTIALS', `no usable credentials (${name}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, and check the clock`);
  if (MISSING.has(name)) return as('REMOTE_MISSING', 'it does not exist: make it first (docs/remote.md), or correct its name');
  if (DENIED.has(name)) return as('REMOTE_DENIED', `access is denied (${name}): allow what docs/remote.md lists`);
  if (ELSEWHERE.has(name) || status === 301) return as('REMOTE_ADDRESS', 'it is in another region: give that with --region');
  if (status === undefined) return as('REMOTE_UNREACHABLE', `no answer (${(error as SdkError).code ?? name}): check endpoint and network`);
  if (status >= 500 || status === 408 || status === 429 || PASSING.has(name)) return as('REMOTE_UNREACHABLE', `it answered ${status} ${name}`);
  if (status === 403) return as('REMOTE_DENIED', 'access is denied (403): allow what docs/remote.md lists');
  return as('REMOTE_FAILED', `it answered ${status} ${name}`);
}
