/**
 * The key store, wrapped keys and the small sealed documents of a home (project, places, amendments), as docs/store.md
 * and docs/audit.md ("Places") describe them. A key that is not enabled is not used: KeyNotEnabled.
 */
import { scryptSync } from 'node:crypto';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Bytes, Damage, hkdf, MIB, NO_NONCE, opened, parse, parts, read, readHexKey, sha256, unsealRest, type Json } from './store-bytes.ts';

/** The data is sound, but its key must not be used. */
export class KeyNotEnabled extends Error {}

interface Key {
  readonly keyId: string;
  readonly state: string;
  readonly materials: readonly { readonly materialId: string; readonly secret: string }[];
}

/** The secrets of the key service: key id and material id, both in hex, give the material, or why there is none. */
export type Keys = ReadonlyMap<string, Buffer | string>;

type Context = Readonly<Record<string, string>>;

export function readKeys(home: string, passphrase?: string): Keys {
  const bytes = read(join(home, 'keys', 'keystore'));
  bytes.start('THRUMKEY', 1, 1);
  const rootKind = bytes.unsigned(1);
  const [rootSalt, fileSalt] = [bytes.take(16), bytes.take(16)];
  if (rootKind > 1 || (rootKind === 1 && passphrase === undefined)) bytes.damaged(`root kind ${rootKind} needs what is not there`);
  const root = rootKind === 0
    ? readHexKey(join(home, 'keys', 'root.key'))
    : scryptSync((passphrase ?? '').normalize('NFKC'), rootSalt, 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * MIB });
  const document = parse(bytes.file, unsealRest(bytes, hkdf(root, fileSalt, 'thrum key store v1')));
  if (document['version'] !== 1 && document['version'] !== 2) bytes.damaged('a key store of another version');
  const keys = new Map<string, Buffer | string>();
  for (const { keyId, state, materials } of document['keys'] as Key[]) {
    for (const { materialId, secret } of materials) {
      const material = Buffer.from(secret, 'base64');
      if (sha256(Buffer.from('thrum key material v1'), material).toString('hex') !== materialId) bytes.damaged('a material id is not its hash');
      keys.set(keyId.replaceAll('-', '') + materialId, state === 'Enabled' ? material : `key ${keyId} is ${state}`);
    }
  }
  return keys;
}

function unwrap(wrapped: Bytes, keys: Keys, context: Context): Buffer {
  if (wrapped.unsigned(1) !== 1) wrapped.damaged('not version 1');
  const material = keys.get(wrapped.hex(16) + wrapped.hex(32));
  if (material === undefined) wrapped.damaged('its key is not in the key store');
  if (typeof material === 'string') throw new KeyNotEnabled(`${wrapped.file}: ${material}`);
  const key = hkdf(material, wrapped.take(16), 'thrum key service ciphertext v1');
  const pairs = Object.entries(context).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const associated = parts([wrapped.before, ...pairs.flat()]);
  const dataKey = opened(key, NO_NONCE, wrapped.rest(), associated) ?? wrapped.damaged('the data key does not unwrap');
  return dataKey.length === 32 ? dataKey : wrapped.damaged(`a data key of ${dataKey.length} bytes`);
}

/** A project's file: version 2 says whose key it is, in clear and once more in what is sealed. */
export function readProjectFile(file: string, keys: Keys): Json {
  const bytes = read(file);
  const version = bytes.all[8] === 1 ? 1 : 2;
  bytes.start('THRUMPRJ', 1, version);
  const [keyArn, account] = version === 1 ? [] : [bytes.counted(2).toString('utf8'), bytes.counted(2).toString('utf8')];
  if (version === 2) bytes.counted(2); // the broker's grant
  const wrapped = new Bytes(file, bytes.counted(2));
  const dataKey = unwrap(wrapped, keys, { 'thrum:purpose': 'project', 'thrum:project': basename(file, '.project'), ...customer(account) });
  const document = parse(file, unsealRest(bytes, hkdf(dataKey, 'THRUMPRJ', `thrum project v${version}`)));
  if (keyArn !== undefined && !isNamed(keyArn, wrapped)) bytes.damaged('names another key than the one it is wrapped under');
  if (document['customerId'] !== account) bytes.damaged('belongs to another customer than it says');
  return document;
}

/** The table of sites, assets, positions, sensors and gateways; version 2 names its key and, if there is one, the account. */
export function readPlaces(file: string, keys: Keys): Json {
  const bytes = read(file);
  const version = bytes.all[8] === 1 ? 1 : 2;
  bytes.start('THRUMDIR', 1, version);
  const [key, account] = version === 1 ? ['', ''] : [bytes.counted(2).toString('utf8'), bytes.counted(2).toString('utf8')];
  const wrapped = new Bytes(file, bytes.counted(2));
  const context = { 'thrum:purpose': 'directory', 'thrum:project': basename(file, '.places'), ...customer(account === '' ? undefined : account) };
  const dataKey = unwrap(wrapped, keys, context);
  const document = parse(file, unsealRest(bytes, hkdf(dataKey, 'THRUMDIR', 'thrum directory v1')));
  return version === 1 || isNamed(key, wrapped) ? document : bytes.damaged('names another key than the one it is wrapped under');
}

const customer = (account: string | undefined): Context => (account === undefined ? {} : { 'thrum:customer': account });

/** Whether an id or ARN names the key that a wrapped key says. */
const isNamed = (name: string, wrapped: Bytes): boolean => name.replaceAll('-', '').slice(-32) === wrapped.all.subarray(1, 17).toString('hex');

/** The data key of a segment's key file, or of a part of that form; `context` is what it must be wrapped for. */
function readKeyPart(bytes: Bytes, keys: Keys, context: Context): Buffer {
  bytes.start('THRUMDEK', 1, 2);
  const key = bytes.counted(2).toString('utf8');
  const wrapped = new Bytes(bytes.file, bytes.counted(2));
  const written: Record<string, string> = {};
  while (bytes.left > 4) written[bytes.counted(2).toString('utf8')] = bytes.counted(2).toString('utf8');
  const checksum = crc32(bytes.before);
  if (bytes.unsigned(4) !== checksum) bytes.damaged('the checksum does not match');
  bytes.end();
  const { 'thrum:customer': account, ...others } = written;
  const sorted = (pairs: Context): string => JSON.stringify(Object.entries(pairs).sort());
  if (sorted(others) !== sorted(context)) bytes.damaged('wrapped for something else');
  if (!isNamed(key, wrapped)) bytes.damaged('names another key than the one it is wrapped under');
  return unwrap(wrapped, keys, { ...context, ...customer(account) });
}

export function readKeyFile(file: string, keys: Keys, projectId: string, segmentId: string): Buffer {
  return readKeyPart(read(file), keys, { 'thrum:purpose': 'segment', 'thrum:project': projectId, 'thrum:segment': segmentId });
}

/** How a segment ends: its id, its records, its chain in hex. */
export interface Position {
  readonly segmentId: string;
  readonly records: number;
  readonly chain: string;
}

export interface Amendments {
  readonly version: number;
  readonly removed: null | { readonly through: number; readonly position: Position };
  readonly rewritten: readonly { readonly ordinal: number; readonly original: Position; readonly now: Position }[];
  readonly leftovers: readonly { readonly ordinal: number; readonly segmentId: string }[];
  readonly reencrypting: null | { readonly through: number; readonly done: number };
}

export function readAmendments(file: string, keys: Keys, projectId: string): Amendments {
  const bytes = read(file);
  bytes.start('THRUMAMD', 1, 1);
  const dataKey = readKeyPart(new Bytes(file, bytes.counted(4)), keys, { 'thrum:purpose': 'amendments', 'thrum:project': projectId });
  const list: unknown = parse(file, unsealRest(bytes, hkdf(dataKey, 'THRUMAMD', 'thrum amendments v1')));
  if (typeof (list as Amendments).version !== 'number') throw new Damage(file, 'a list without a version');
  return list as Amendments;
}
