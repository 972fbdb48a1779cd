/** The two principals that need no account of their own: the home's owner, and the broker as the service. */

/** The home's owner, whom the default key policy allows everything. */
export function ownerPrincipal(accountId: string): string {
  return `arn:aws:iam::${accountId}:root`;
}

/**
 * The broker. It uses the keys that the service owns, and a customer's key by grants to this name; no user of a home can
 * have it, since users are `…:user/NAME`.
 */
export function servicePrincipal(accountId: string): string {
  return `arn:aws:iam::${accountId}:role/aws-service-role/thrum/broker`;
}
