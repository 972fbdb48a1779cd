/**
 * How a device without an identity gets one: it connects with a claim that it shares with others, asks for a certificate
 * for a key of its own, and is done. Promises: the key never leaves the device; killed at any moment it goes on with the
 * same key; a broker that cannot be reached is tried again, a refusal is final.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { backoffMs, type BackoffLimits } from './backoff.ts';
import { connectToBroker } from './broker-connection.ts';
import { askForCertificate } from './certificate-exchange.ts';
import { GatewayError } from './errors.ts';
import type { Credentials, IdentityStore } from './identity-store.ts';
import type { Target } from './target.ts';

export interface ProvisionOptions {
  readonly store: IdentityStore;
  readonly projectId: string;
  readonly gatewayId: string;
  readonly target: Target;
  /** The claim's certificate and key. */
  readonly claim: Credentials;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** Why a try was in vain. */
  readonly onTrouble: (error: Error) => void;
}

/** Resolves once the identity is on disk. GATEWAY_REFUSED when the broker gives none; the signal's reason when it aborts. */
export async function provision(options: ProvisionOptions): Promise<void> {
  const { store, projectId, gatewayId, signal } = options;
  const requestPem = await store.request();
  for (let attempt = 0; ; attempt++) {
    try {
      const client = await connected(options);
      try {
        await store.accept(await askForCertificate(client, `thrum/${projectId}/${gatewayId}/claim`, requestPem));
        return;
      } finally {
        client.end(true);
      }
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'GATEWAY_REFUSED') throw error;
      signal.throwIfAborted();
      options.onTrouble(error as Error);
      await delay(backoffMs(attempt, options.backoff, options.random), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

/** A connection with the claim; rejects when there is none, or `signal` aborts first, which also ends it later. */
function connected({ target, claim, gatewayId, now, signal }: ProvisionOptions): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    const client = connectToBroker({ target, credentials: claim, now, mqtt: { clientId: gatewayId, keepalive: 30 } });
    const stop = (): void => void client.end(true);
    let why = 'the connection was closed';
    signal.addEventListener('abort', stop, { once: true });
    client.on('error', (error) => {
      why = error.message || why;
      client.end(true);
    });
    client.once('close', () => {
      signal.removeEventListener('abort', stop);
      reject(new GatewayError('GATEWAY_NO_ANSWER', `no certificate came: ${why}`));
    });
    client.once('connect', () => resolve(client));
    if (signal.aborted) stop();
  });
}
