/**
 * Calls to a KMS endpoint through the official SDK, with what networks and services do to them: each try has its time, what may
 * pass is tried again with a jittered back-off, and all of it ends at a deadline. What is a refusal is never tried again.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KMSClient, KMSClientConfig } from '@aws-sdk/client-kms';
import { KeyError } from '../errors.ts';
import { refusalOf } from './key-refusal.ts';

const KMS_CALL_LIMITS = {
  /** For one try: name, connection, answer. */
  tryMs: 2_000,
  tries: 8,
  /** For all tries of one call together. */
  deadlineMs: 8_000,
  /** The wait before the second try; doubles up to the longest. Half of each is jitter. */
  firstWaitMs: 50,
  longestWaitMs: 1_000,
} as const;

export interface KmsEndpoint {
  /** Of a KMS other than the region's own. */
  readonly endpoint?: string;
  readonly region: string;
}

type Sdk = typeof import('@aws-sdk/client-kms');

interface KmsCalls {
  /** One operation by its name without `Command`; an answer that `wish.read` cannot take apart is none. KeyError, DryRunSucceeded. */
  call<Result>(operation: KmsOperation, input: object, wish: CallWish<Result>): Promise<Result>;
  close(): void;
}

type KmsOperation = 'CreateGrant' | 'Decrypt' | 'DescribeKey' | 'GenerateDataKey' | 'ListAliases' | 'ListKeys' | 'ReEncrypt' | 'RetireGrant';

interface CallWish<Result> {
  /** What the call is about, for messages. */
  readonly key: string;
  /** Takes an answer apart; undefined when it is none. */
  readonly read: (answer: Readonly<Record<string, unknown>>) => Result | undefined;
  /** One try in so much time, where asking again is somebody else's. */
  readonly onceMs?: number;
}

/** A dry run says by an error that the request would have been done. */
export class DryRunSucceeded extends Error {
  override readonly name = 'DryRunSucceeded';
}

/** `config`: beyond endpoint and region; credentials come from the SDK's own chain unless they are in it. */
export function kmsCalls({ endpoint, region }: KmsEndpoint, config: KMSClientConfig = {}): KmsCalls {
  let loaded: Promise<{ readonly sdk: Sdk; readonly client: KMSClient }> | undefined;
  const load = async (): Promise<{ readonly sdk: Sdk; readonly client: KMSClient }> => {
    const sdk = await import('@aws-sdk/client-kms'); // only who has keys elsewhere needs it
    return { sdk, client: new sdk.KMSClient({ region, ...(endpoint === undefined ? {} : { endpoint }), ...config, maxAttempts: 1 }) };
  };
  const tryOnce = async (operation: KmsOperation, input: object, tryMs: number): Promise<Readonly<Record<string, unknown>>> => {
    const { sdk, client } = await (loaded ??= load());
    const Command = sdk[`${operation}Command`] as new (input: object) => Parameters<KMSClient['send']>[0];
    return (await client.send(new Command(input), { abortSignal: AbortSignal.timeout(Math.ceil(tryMs)) })) as unknown as Readonly<Record<string, unknown>>;
  };
  return {
    call: (operation, input, wish) => persist((tryMs) => tryOnce(operation, input, tryMs), endpoint ?? `AWS KMS in ${region}`, wish),
    close: () => void loaded?.then(({ client }) => client.destroy()),
  };
}

async function persist<Result>(once: (tryMs: number) => Promise<Readonly<Record<string, unknown>>>, where: string, { key, read, onceMs }: CallWish<Result>): Promise<Result> {
  const endMs = performance.now() + (onceMs ?? KMS_CALL_LIMITS.deadlineMs);
  let waitMs: number = KMS_CALL_LIMITS.firstWaitMs;
  for (let tries = 1; ; tries++) {
    const left = endMs - performance.now();
    let trouble: unknown;
    try {
      const result = read(await once(Math.max(1, Math.min(left, KMS_CALL_LIMITS.tryMs))));
      if (result !== undefined) return result;
      trouble = new Error('its answer is none');
    } catch (error) {
      // The SDK takes the server's time from an answer that refuses its signature: the next try has the right date.
      if (tries > 1 || (error as SdkError).name !== 'InvalidSignatureException') throwRefusal(error, key);
      trouble = error;
    }
    const pauseMs = waitMs / 2 + randomInt(1 + Math.ceil(waitMs / 2));
    if (onceMs !== undefined || tries === KMS_CALL_LIMITS.tries || performance.now() + pauseMs >= endMs) {
      throw new KeyError('KEY_UNREACHABLE', `no use of key ${key} now: ${where} ${troubleText(trouble)}`, { cause: slim(trouble) });
    }
    await sleep(pauseMs);
    waitMs = Math.min(waitMs * 2, KMS_CALL_LIMITS.longestWaitMs);
  }
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Throws what is a refusal; what is left may pass. */
function throwRefusal(error: unknown, key: string): void {
  const { name = '', message = '' } = error as SdkError;
  if (name === 'DryRunOperationException') throw new DryRunSucceeded();
  const refusal = refusalOf(name, message, key, false, slim(error));
  if (refusal) throw refusal;
}

/** The SDK's error without request and answer, which have signatures and ciphertexts in them. */
function slim(error: unknown): Error {
  const { name = 'Error', message = '' } = error as SdkError;
  return new Error(`${name}: ${message}`);
}

/** In few words, without what a stranger's answer says. */
function troubleText(error: unknown): string {
  const { name = '', code, $metadata } = error as SdkError;
  if (name === 'TimeoutError' || name === 'AbortError' || code === 'ETIMEDOUT') return 'does not answer in time';
  if (name === 'ThrottlingException' || $metadata?.httpStatusCode === 429) return 'is throttling requests';
  if (typeof code === 'string' && /^[A-Z_]+$/.test(code)) return `cannot be reached (${code})`;
  if (($metadata?.httpStatusCode ?? 0) >= 500) return `has a fault inside (HTTP ${$metadata!.httpStatusCode!})`;
  return 'gives answers that are none';
}
