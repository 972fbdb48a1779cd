/**
 * The embedded key service as the broker uses it: through the KMS engine, as the service's principal, which may use what the
 * service owns and, of customers' keys, what a grant says; nothing else. Grants are made in the name of whoever acts.
 */
import type { AuditSink } from '../audit/event.ts';
import { blobNames } from './ciphertext.ts';
import type { DataKey } from './key-service.ts';
import type { KeyStore } from './key-store.ts';
import type { Caller } from './kms-call.ts';
import { KmsEngine } from './kms-engine.ts';
import { KmsError } from './kms-error.ts';
import { ownerCaller, serviceCaller, servicePrincipal } from './principals.ts';
import { BROKER_OPERATIONS, type GrantedKey, type ProjectKeys } from './provider.ts';
import { refusalOf } from './key-refusal.ts';

/** Does a call as whoever acts: by default the home's owner. */
export type ActAs = <T>(accountId: string, call: (caller: Caller) => Promise<T>) => Promise<T>;

/** What the console of the service modelled looks at to offer keys: one page. */
export const LOOK_LIMIT = 100;
/** The file is looked at each time, which costs microseconds. */
const WATCH_MS = 250;
/** How long a check's answer holds while no key is changed: a policy may have conditions on the time. */
export const CHECK_HOLDS_MS = 1_000;

type Answer = Readonly<Record<string, string>>;

export function embeddedProvider(store: KeyStore, audit?: AuditSink, actAs?: ActAs): Omit<ProjectKeys, 'describeKey' | 'serviceKeyFor'> {
  const engine = new KmsEngine({ store, ...(audit ? { audit } : {}) });
  /** A look four times a second is not worth a record each. */
  const unrecorded = new KmsEngine({ store });
  const act: ActAs = actAs ?? ((accountId, call) => call(ownerCaller(accountId)));
  /** The keys as they were, and when, at the last check that found a project's key usable. */
  const checked = new Map<string, { readonly state: object; readonly atMs: number }>();

  const asService = async (operation: string, input: object, key: string, by = engine): Promise<Answer> => {
    const { accountId } = await store.readOrCreate();
    return called(by.call(operation, input, serviceCaller(accountId)), key);
  };

  return {
    watchMs: WATCH_MS,

    async generateDataKey(keyId, context): Promise<DataKey> {
      const answer = await asService('GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: context }, keyId);
      return { plaintext: Buffer.from(answer['Plaintext']!, 'base64'), ...wrappedOf(answer) };
    },

    async decrypt(wrapped, context, keyId = blobNames(wrapped).keyId): Promise<Buffer> {
      const answer = await asService('Decrypt', { CiphertextBlob: base64(wrapped), KeyId: keyId, EncryptionContext: context }, keyId);
      return Buffer.from(answer['Plaintext']!, 'base64');
    },

    async reEncrypt(wrapped, context, toKeyId, fromKeyId = blobNames(wrapped).keyId): Promise<Omit<DataKey, 'plaintext'>> {
      const contexts = { SourceEncryptionContext: context, DestinationEncryptionContext: context };
      return wrappedOf(await asService('ReEncrypt', { CiphertextBlob: base64(wrapped), SourceKeyId: fromKeyId, DestinationKeyId: toKeyId, ...contexts }, toKeyId));
    },

    async grant(key, projectId): Promise<GrantedKey> {
      const { accountId } = await store.readOrCreate();
      return act(accountId, async (caller) => {
        const call = (operation: string, input: object): Promise<Answer> => called(engine.call(operation, input, caller), key);
        await call('ListKeys', { Limit: LOOK_LIMIT });
        await call('ListAliases', { Limit: LOOK_LIMIT });
        const { KeyMetadata } = (await call('DescribeKey', { KeyId: key })) as unknown as { KeyMetadata: { Arn: string } };
        const { GrantId } = await call('CreateGrant', grantInput(KeyMetadata.Arn, projectId, servicePrincipal(accountId)));
        return { keyArn: KeyMetadata.Arn, grantId: GrantId! };
      });
    },

    async retire({ keyArn, grantId }): Promise<void> {
      await asService('RetireGrant', { KeyId: keyArn, GrantId: grantId }, keyArn).catch(whenGone);
    },

    keyIdOf: (keyArn) => Promise.resolve(keyArn.slice(keyArn.lastIndexOf('/') + 1)),

    async checkUse(keyId, context): Promise<void> {
      const state = await store.readOrCreate();
      const name = `${keyId} ${JSON.stringify(context)}`;
      const last = checked.get(name);
      const nowMs = store.now();
      if (last?.state === state && Math.abs(nowMs - last.atMs) < CHECK_HOLDS_MS) return;
      checked.delete(name);
      await asService('GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: context, DryRun: true }, keyId, unrecorded).catch((error: unknown) => {
        if (!isDryRun(error)) throw error;
      });
      checked.set(name, { state, atMs: nowMs });
    },
  };
}

/** The key that a wrapped data key of the embedded service names, which nothing vouches for yet. KEY_CIPHERTEXT. */
export function embeddedKeyOf(wrapped: Uint8Array): string {
  return blobNames(wrapped).keyId;
}

/** One grant for each project; asking again with the same name makes no second one. */
export function grantInput(keyArn: string, projectId: string, grantee: string): {
  KeyId: string; Name: string; GranteePrincipal: string; RetiringPrincipal: string; Operations: typeof BROKER_OPERATIONS[number][]; Constraints: { EncryptionContextSubset: Record<string, string> };
} {
  return {
    KeyId: keyArn,
    Name: `thrum:${projectId}`,
    GranteePrincipal: grantee,
    RetiringPrincipal: grantee,
    Operations: [...BROKER_OPERATIONS],
    Constraints: { EncryptionContextSubset: { 'thrum:project': projectId } },
  };
}

async function called(call: Promise<object>, key: string): Promise<Answer> {
  try {
    return (await call) as Answer;
  } catch (error) {
    throw error instanceof KmsError ? (refusalOf(error.type, error.message, key, true, error) ?? error) : error;
  }
}

function wrappedOf({ CiphertextBlob, KeyId }: Answer): Omit<DataKey, 'plaintext'> {
  return { wrapped: Buffer.from(CiphertextBlob!, 'base64'), keyId: KeyId!.slice(KeyId!.lastIndexOf('/') + 1) };
}

function isDryRun(error: unknown): boolean {
  return error instanceof KmsError && error.type === 'DryRunOperationException';
}

/** For `catch`: a grant that is not there any more is no error. */
export function whenGone(error: unknown): void {
  if ((error as { code?: string }).code !== 'KEY_NOT_FOUND') throw error;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

