/**
 * Keys in any KMS endpoint: AWS's own, `thrum keys serve` of another home, or what else speaks its protocol. The credentials are
 * those of the SDK's own chain, and none is kept here. Whoever runs this may make grants (`grant`), or has one (all else).
 */
import type { KMSClientConfig } from '@aws-sdk/client-kms';
import { KeyError } from '../errors.ts';
import type { EncryptionContext } from './ciphertext.ts';
import { DataKeyCache } from './data-key-cache.ts';
import { grantInput, LOOK_LIMIT, whenGone } from './embedded-provider.ts';
import type { DataKey, KeyDescription } from './key-service.ts';
import { DryRunSucceeded, kmsCalls, type KmsEndpoint } from './kms-calls.ts';
import { accountOf } from './project-context.ts';
import type { GrantedKey, ProjectKeys } from './provider.ts';

const DATA_KEY_BYTES = 32;
const MAX_WRAPPED_BYTES = 6144;
const WATCH_MS = 500;
/** For one check; past it nothing is known. */
export const CHECK_MS = 800;
/** A new grant may not be known everywhere at once; its token stands for it. So long, in AWS's words, at most. */
const TOKEN_MS = 5 * 60_000;

interface KmsProviderOptions extends KmsEndpoint {
  /** ARN of the principal that the broker is there: grants are to it. */
  readonly grantee?: string;
  readonly config?: KMSClientConfig;
}

export interface RemoteKeys extends Omit<ProjectKeys, 'serviceKeyFor'> {
  close(): void;
}

type Answer = Readonly<Record<string, unknown>>;

export function kmsProvider(options: KmsProviderOptions): RemoteKeys {
  const calls = kmsCalls(options, options.config);
  const cache = new DataKeyCache();
  const tokens = grantTokens();

  const unwrap = (wrapped: Uint8Array, context: EncryptionContext, keyId: string): Promise<Buffer> =>
    tokens.use(keyId, context, (token) =>
      calls.call('Decrypt', { CiphertextBlob: wrapped, KeyId: keyId, EncryptionContext: context, ...token }, { key: keyId, read: ({ Plaintext }) => dataKeyOf(Plaintext) }));

  const describeKey = (keyId: string): Promise<KeyDescription> => calls.call('DescribeKey', { KeyId: keyId }, { key: keyId, read: descriptionOf });

  return {
    watchMs: WATCH_MS,
    describeKey,

    generateDataKey: (keyId, context): Promise<DataKey> =>
      tokens.use(keyId, context, (token) =>
        calls.call('GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: context, ...token }, {
          key: keyId,
          read: (answer) => {
            const plaintext = dataKeyOf(answer['Plaintext']);
            const wrapped = wrappedOf(answer);
            return plaintext && wrapped && { plaintext, ...wrapped };
          },
        })),

    decrypt(wrapped, context, keyId): Promise<Buffer> {
      if (keyId === undefined) throw new KeyError('KEY_BAD_REQUEST', 'a data key of another key service is asked for with its key');
      return cache.get(wrapped, context, keyId, () => unwrap(wrapped, context, keyId));
    },

    reEncrypt: (wrapped, context, toKeyId, fromKeyId): Promise<Omit<DataKey, 'plaintext'>> =>
      tokens.use(toKeyId, context, (token) =>
        calls.call('ReEncrypt', {
          CiphertextBlob: wrapped, SourceKeyId: fromKeyId, DestinationKeyId: toKeyId, SourceEncryptionContext: context, DestinationEncryptionContext: context, ...token,
        }, { key: toKeyId, read: wrappedOf })),

    async grant(key, projectId): Promise<GrantedKey> {
      if (options.grantee === undefined) throw new KeyError('KEY_BAD_REQUEST', 'say to whom the key is granted, the principal that the broker is for the KMS: --kms-grantee ARN');
      await calls.call('ListKeys', { Limit: LOOK_LIMIT }, { key, read: ({ Keys }) => (Array.isArray(Keys) ? Keys : undefined) });
      await calls.call('ListAliases', { Limit: LOOK_LIMIT }, { key, read: ({ Aliases }) => (Array.isArray(Aliases) ? Aliases : undefined) });
      const { arn } = await describeKey(key);
      return calls.call('CreateGrant', grantInput(arn, projectId, options.grantee), {
        key,
        read: ({ GrantId, GrantToken }) => {
          if (typeof GrantId !== 'string' || GrantId === '') return undefined;
          if (typeof GrantToken === 'string') tokens.keep(arn, projectId, GrantToken);
          return { keyArn: arn, grantId: GrantId };
        },
      });
    },

    async retire({ keyArn, grantId }): Promise<void> {
      await calls.call('RetireGrant', { KeyId: keyArn, GrantId: grantId }, { key: keyArn, read: () => true }).catch(whenGone);
    },

    keyIdOf: (keyArn) => Promise.resolve(keyArn),

    async checkUse(keyId, context): Promise<void> {
      try {
        // A service that does not know dry runs gives a data key; that it does is what was asked.
        await calls.call('GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: context, DryRun: true }, { key: keyId, onceMs: CHECK_MS, read: ({ Plaintext }) => dataKeyOf(Plaintext)?.fill(0) });
      } catch (error) {
        if (error instanceof DryRunSucceeded) return;
        cache.clear();
        throw error;
      }
    },

    close(): void {
      cache.clear();
      calls.close();
    },
  };
}

interface GrantTokens {
  keep(keyArn: string, projectId: string, token: string): void;
  /** Does a call with the token of the project's grant if that is new; without it when it is not, or is not taken any more. */
  use<T>(keyArn: string, context: EncryptionContext, call: (token: { GrantTokens?: string[] }) => Promise<T>): Promise<T>;
}

/** Tokens of grants made a moment ago, by key and project. */
function grantTokens(): GrantTokens {
  const kept = new Map<string, { readonly token: string; readonly untilMs: number }>();
  return {
    keep: (keyArn, projectId, token) => void kept.set(`${keyArn} ${projectId}`, { token, untilMs: performance.now() + TOKEN_MS }),
    use: async (keyArn, context, call) => {
      const name = `${keyArn} ${context['thrum:project'] ?? ''}`;
      const found = kept.get(name);
      if (!found || found.untilMs <= performance.now()) {
        kept.delete(name);
        return call({});
      }
      return call({ GrantTokens: [found.token] }).catch((error: unknown) => {
        if (!(error instanceof KeyError) || error.code !== 'KEY_DENIED') throw error;
        kept.delete(name);
        return call({});
      });
    },
  };
}

function dataKeyOf(value: unknown): Buffer | undefined {
  return value instanceof Uint8Array && value.length === DATA_KEY_BYTES ? Buffer.from(value.buffer, value.byteOffset, value.length) : undefined;
}

function wrappedOf({ CiphertextBlob, KeyId }: Answer): Omit<DataKey, 'plaintext'> | undefined {
  if (!(CiphertextBlob instanceof Uint8Array) || CiphertextBlob.length === 0 || CiphertextBlob.length > MAX_WRAPPED_BYTES) return undefined;
  return typeof KeyId === 'string' && accountOf(KeyId) !== undefined ? { wrapped: Buffer.from(CiphertextBlob), keyId: KeyId } : undefined;
}

function descriptionOf({ KeyMetadata }: Answer): KeyDescription | undefined {
  if (typeof KeyMetadata !== 'object' || KeyMetadata === null) return undefined;
  const { Arn, KeyState, Description, CreationDate, DeletionDate, CurrentKeyMaterialId } = KeyMetadata as Answer;
  if (typeof Arn !== 'string' || accountOf(Arn) === undefined) return undefined;
  return {
    keyId: Arn,
    arn: Arn,
    aliases: [],
    owner: 'customer',
    state: KeyState === 'Enabled' || KeyState === 'PendingDeletion' ? KeyState : 'Disabled', // unavailable, waiting for its material …
    ...(DeletionDate instanceof Date ? { deletionMs: DeletionDate.getTime() } : {}),
    description: typeof Description === 'string' ? Description : '',
    createdMs: CreationDate instanceof Date ? CreationDate.getTime() : 0,
    currentMaterialId: typeof CurrentKeyMaterialId === 'string' ? CurrentKeyMaterialId : '',
  };
}
