/** How a gateway without an identity gets one with the claim that it was handed out. */
import { X509Certificate } from 'node:crypto';
import { claimIdentity, readHandout } from '../certs/mod.ts';
import { provision, type BackoffLimits, type Target } from '../gateway/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { identityStoreOf, type OwnIdentity } from './fleet-members.ts';
import type { Home } from './home.ts';
import { catchInterrupt } from './interrupt.ts';
import { random } from './random.ts';

/** A claim as a device has it. */
export interface DeviceClaim {
  readonly projectId: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly authorityPem: string;
}

/** Reads the folder that was handed out. CLI_USAGE when it holds no claim. */
export async function readDeviceClaim(folder: string): Promise<DeviceClaim> {
  const { certificatePem, keyPem, authorityPem } = await readHandout(folder);
  let claim;
  try {
    claim = claimIdentity(new X509Certificate(certificatePem));
  } catch {
    claim = undefined;
  }
  if (!claim) throw new CliError('CLI_USAGE', `${folder} is not the folder of a claim: 'thrum certs claim' makes one`);
  return { projectId: claim.projectId, certificatePem, keyPem, authorityPem };
}

/** The gateway's own identity: what it has, else what it asks for, until it gets it, is refused, or is interrupted. */
export async function provisioned(home: Home, claim: DeviceClaim, gatewayId: string, target: Target, backoff: BackoffLimits, say: (line: string) => void): Promise<OwnIdentity> {
  const owner = { projectId: claim.projectId, gatewayId };
  const store = await identityStoreOf(home, owner);
  const { current } = store;
  if (!current || Date.parse(new X509Certificate(current.certificatePem).validTo) <= now()) {
    const interrupt = catchInterrupt();
    try {
      await provision({ ...owner, store, target, claim, backoff, random, now, signal: interrupt.signal, onTrouble: (error) => say(error.message) });
    } finally {
      interrupt.release();
    }
    say(`gateway ${gatewayId} has an identity of its own now`);
  }
  return { identity: { ...owner, ...store.toTry() }, store };
}
