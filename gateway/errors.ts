/** What can go wrong in the gateway room. */
import { CodedError } from '../certs/mod.ts';

export type GatewayErrorCode =
  | 'SPOOL_DAMAGED'
  | 'SPOOL_FAILED'
  | 'UPLINK_URL'
  | 'GATEWAY_IDENTITY'
  /** The broker's certificate is not to be believed. */
  | 'GATEWAY_UNTRUSTED'
  /** The authority does not give a certificate; the message has its reason. */
  | 'GATEWAY_REFUSED'
  /** No answer came to a request for a certificate. */
  | 'GATEWAY_NO_ANSWER'
  | 'GATEWAY_STOPPED';

/** A gateway cannot start or go on; `code` says of what kind, the message what, where and what to do. */
export class GatewayError extends CodedError<GatewayErrorCode> {
  override readonly name = 'GatewayError';
}
