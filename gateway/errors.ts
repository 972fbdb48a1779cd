/** What can go wrong in the gateway room. */

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
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: GatewayErrorCode;

  constructor(code: GatewayErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
