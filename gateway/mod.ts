/** The gateway room: what others may use. */
export { DEFAULT_BACKOFF, type BackoffLimits } from './backoff.ts';
export type { Speed } from './clock.ts';
export { GatewayError, type GatewayErrorCode } from './errors.ts';
export { Fleet, gatewayFolder, type FleetMember, type FleetOptions, type FleetProgress } from './fleet.ts';
export { GATEWAY_LIMITS, type GatewayIdentity } from './gateway.ts';
export { IdentityStore, type Credentials, type FirstIdentity, type StoreOwner } from './identity-store.ts';
export { Ledger, MAX_LEDGER_MESSAGES, type Reconciliation } from './ledger.ts';
export { provision, type ProvisionOptions } from './provision.ts';
export type { ServerRevocation } from './server-certificate.ts';
export { parseTarget, type Target } from './target.ts';
