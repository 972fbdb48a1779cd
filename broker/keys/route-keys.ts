/**
 * All keys of a home: its own, and those of a KMS elsewhere if it has one. Which of them a key is in, its ARN says: keys of the
 * home go by their id, or an ARN of its account and region; keys of elsewhere by an ARN.
 */
import { KeyElsewhereError, KeyError } from '../errors.ts';
import type { KeyDescription, KeyService } from './key-service.ts';
import type { RemoteKeys } from './kms-provider.ts';
import type { KeyProvider, ProjectKeys } from './provider.ts';

export interface RoutedKeys extends ProjectKeys {
  /** A key as a person names it (id, ARN or `alias/…`): of the KMS elsewhere if there is one, unless it is the ARN of a key of this home. */
  describeNamed(name: string): Promise<KeyDescription>;
}

/** `remote`: the KMS elsewhere, to which new grants go unless their key is named by an ARN of this home. */
export function routeKeys(local: KeyService, remote: RemoteKeys | undefined): RoutedKeys {
  const isLocal = async (keyId: string): Promise<boolean> => {
    if (!keyId.startsWith('arn:')) return true;
    const { accountId, region } = await local.store.read();
    return keyId.startsWith(`arn:aws:kms:${region}:${accountId}:`);
  };
  const keysOf = async (keyId: string): Promise<Omit<ProjectKeys, 'serviceKeyFor'>> => {
    if (await isLocal(keyId)) return local;
    if (!remote) throw new KeyElsewhereError(keyId);
    return remote;
  };
  const keysNamed = async (name: string): Promise<Omit<ProjectKeys, 'serviceKeyFor'>> => (remote && !(name.startsWith('arn:') && (await isLocal(name))) ? remote : keysOf(name));
  const reEncrypt: KeyProvider['reEncrypt'] = async (wrapped, context, toKeyId, fromKeyId) => {
    const from = fromKeyId === undefined ? local : await keysOf(fromKeyId);
    if (from !== (await keysOf(toKeyId))) throw new KeyError('KEY_BAD_REQUEST', "a wrapped data key cannot go from one key service to another: 'thrum store reencrypt' now writes what is stored anew under the project's new key");
    return from.reEncrypt(wrapped, context, toKeyId, fromKeyId);
  };
  return {
    watchMs: (remote ?? local).watchMs,
    generateDataKey: async (keyId, context) => (await keysOf(keyId)).generateDataKey(keyId, context),
    decrypt: async (wrapped, context, keyId) => (keyId === undefined ? local : await keysOf(keyId)).decrypt(wrapped, context, keyId),
    reEncrypt,
    describeKey: async (keyId) => (await keysOf(keyId)).describeKey(keyId),
    describeNamed: async (name) => (await keysNamed(name)).describeKey(name),
    serviceKeyFor: () => local.serviceKeyFor(),
    grant: async (key, projectId) => (await keysNamed(key)).grant(key, projectId),
    retire: async (grant) => (await keysOf(grant.keyArn)).retire(grant),
    keyIdOf: async (keyArn) => ((await isLocal(keyArn)) ? local.keyIdOf(keyArn) : keyArn),
    checkUse: async (keyId, context) => (await keysOf(keyId)).checkUse(keyId, context),
  };
}
