/**
 * A second reader of what lies in a home, written from docs/store.md alone and sharing no line with `broker/` or
 * `gateway/`: keys, projects, segments and spools. Every byte that a checksum, tag or chain covers is checked; the first
 * thing that is wrong throws a Damage that names the file. It reads, it never writes, and it takes no lock.
 */
import { createDecipheriv, createHash, createHmac, hkdfSync, scryptSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';

/** What was sealed as JSON. */
export type Json = Readonly<Record<string, unknown>>;

export class Damage extends Error {
  readonly file: string;

  constructor(file: string, why: string) {
    super(`${file}: ${why}`);
    this.name = 'Damage';
    this.file = file;
  }
}

/** The secrets of the key service: material id and key id, both in hex, give the material. */
export type Keys = ReadonlyMap<string, Buffer>;

export interface Entry {
  readonly receivedMs: number;
  readonly channel: 'data' | 'event';
  readonly payload: Buffer;
}

export interface Segment {
  readonly file: string;
  readonly segmentId: string;
  readonly ordinal: number;
  /** Batch numbers stored before this segment, as its snapshot says. */
  readonly snapshot: Json;
  readonly entries: readonly Entry[];
  /** False if the writer was killed, or the end cut off. */
  readonly sealed: boolean;
}

export interface Project {
  readonly projectId: string;
  readonly document: Json;
  readonly segments: readonly Segment[];
}

export interface Spool {
  readonly file: string;
  readonly checkpoint: Json;
  readonly batches: readonly { readonly about: Json; readonly frame: Buffer }[];
  readonly acknowledged: readonly Json[];
}

const MIB = 2 ** 20;
const NO_NONCE = Buffer.alloc(12);

/** A file or a part of one, cut into fields from left to right. */
class Bytes {
  readonly file: string;
  readonly all: Buffer;
  at = 0;

  constructor(file: string, all: Buffer) {
    this.file = file;
    this.all = all;
  }

  get left(): number {
    return this.all.length - this.at;
  }

  damaged(why: string): never {
    throw new Damage(this.file, `${why}, at byte ${this.at}`);
  }

  take(count: number): Buffer {
    if (count > this.left) this.damaged(`${count} bytes wanted, ${this.left} left`);
    this.at += count;
    return this.all.subarray(this.at - count, this.at);
  }

  rest(): Buffer {
    return this.take(this.left);
  }

  unsigned(byteCount: 1 | 2 | 4 | 6 | 8): number {
    return byteCount === 8 ? Number(this.take(8).readBigUInt64LE()) : this.take(byteCount).readUIntLE(0, byteCount);
  }

  hex(byteCount: number): string {
    return this.take(byteCount).toString('hex');
  }

  zeros(byteCount: number): void {
    if (!this.take(byteCount).every((byte) => byte === 0)) this.damaged('zero bytes that are not zero');
  }

  start(magic: string, versionBytes: 1 | 2): void {
    if (this.take(8).toString('latin1') !== magic) this.damaged(`not ${magic}`);
    if (this.unsigned(versionBytes) !== 1) this.damaged('not version 1');
  }
}

const read = (file: string): Bytes => new Bytes(file, readFileSync(file));
const sha256 = (...parts: readonly Uint8Array[]): Buffer => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const hkdf = (secret: Uint8Array, salt: Uint8Array | string, info: string): Buffer => Buffer.from(hkdfSync('sha256', secret, salt, info, 32));

/** Decrypts ciphertext and tag. */
function unseal(file: string, key: Buffer, nonce: Buffer, sealed: Buffer, associated: Uint8Array): Buffer {
  if (sealed.length < 16) throw new Damage(file, 'shorter than a tag');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(associated).setAuthTag(sealed.subarray(-16));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  } catch {
    throw new Damage(file, 'does not decrypt');
  }
}

function parse(file: string, json: Buffer): Json {
  try {
    return JSON.parse(json.toString('utf8')) as Record<string, unknown>;
  } catch {
    throw new Damage(file, 'what was sealed is no JSON');
  }
}

/** 32 bytes in lower-case hex and the end of the line. */
function readHexKey(file: string): Buffer {
  const text = readFileSync(file, 'latin1');
  if (!/^[0-9a-f]{64}\n$/.test(text)) throw new Damage(file, 'not 32 bytes in hex');
  return Buffer.from(text.trim(), 'hex');
}

function parts(all: readonly (Uint8Array | string)[]): Buffer {
  const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer); // little-endian where tests run
  return Buffer.concat([u32(all.length), ...all.flatMap((part) => [u32(Buffer.from(part).length), Buffer.from(part)])]);
}

export function readKeys(home: string, passphrase?: string): Keys {
  const bytes: Bytes = read(join(home, 'keys', 'keystore'));
  bytes.start('THRUMKEY', 1);
  const rootKind = bytes.unsigned(1);
  const [rootSalt, fileSalt] = [bytes.take(16), bytes.take(16)];
  if (rootKind > 1 || (rootKind === 1 && passphrase === undefined)) bytes.damaged(`root kind ${rootKind} needs what is not there`);
  const root = rootKind === 0
    ? readHexKey(join(home, 'keys', 'root.key'))
    : scryptSync((passphrase ?? '').normalize('NFKC'), rootSalt, 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * MIB });
  const document = parse(bytes.file, unseal(bytes.file, hkdf(root, fileSalt, 'thrum key store v1'), NO_NONCE, bytes.rest(), bytes.all.subarray(0, 42)));
  const keys = new Map<string, Buffer>();
  for (const { keyId, materials } of document['keys'] as { keyId: string; materials: { materialId: string; secret: string }[] }[]) {
    for (const { materialId, secret } of materials) {
      const material = Buffer.from(secret, 'base64');
      if (sha256(Buffer.from('thrum key material v1'), material).toString('hex') !== materialId) bytes.damaged('a material id is not its hash');
      keys.set(keyId.replaceAll('-', '') + materialId, material);
    }
  }
  return keys;
}

function unwrap(file: string, wrapped: Bytes, keys: Keys, context: Readonly<Record<string, string>>): Buffer {
  if (wrapped.unsigned(1) !== 1) wrapped.damaged('not version 1');
  const material = keys.get(wrapped.hex(16) + wrapped.hex(32));
  if (material === undefined) throw new Damage(file, 'its key is not in the key store');
  const key = hkdf(material, wrapped.take(16), 'thrum key service ciphertext v1');
  const pairs = Object.entries(context).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const dataKey = unseal(file, key, NO_NONCE, wrapped.rest(), parts([wrapped.all.subarray(0, 65), ...pairs.flat()]));
  if (dataKey.length !== 32) throw new Damage(file, `a data key of ${dataKey.length} bytes`);
  return dataKey;
}

export function readProjectFile(file: string, keys: Keys): Json {
  const bytes = read(file);
  bytes.start('THRUMPRJ', 1);
  const wrapped = new Bytes(file, bytes.take(bytes.unsigned(2)));
  const dataKey = unwrap(file, wrapped, keys, { 'thrum:purpose': 'project', 'thrum:project': basename(file, '.project') });
  const before = bytes.all.subarray(0, bytes.at);
  return parse(file, unseal(file, hkdf(dataKey, 'THRUMPRJ', 'thrum project v1'), NO_NONCE, bytes.rest(), before));
}

export function readKeyFile(file: string, keys: Keys, projectId: string, segmentId: string): Buffer {
  const bytes = read(file);
  bytes.start('THRUMDEK', 1);
  const wrapped = new Bytes(file, bytes.take(bytes.unsigned(2)));
  const checksum = crc32(bytes.all.subarray(0, bytes.at));
  if (bytes.unsigned(4) !== checksum || bytes.left > 0) bytes.damaged('the checksum does not match');
  return unwrap(file, wrapped, keys, { 'thrum:purpose': 'segment', 'thrum:project': projectId, 'thrum:segment': segmentId });
}

interface Log {
  readonly records: readonly { readonly type: number; readonly plain: Bytes }[];
  readonly chain: Buffer;
}

/** All whole sealed records to the end of a file. A torn end is what a killed writer left: it is left out. */
function readRecords(bytes: Bytes, key: Buffer, baseNonce: Buffer, firstChain: Buffer, longest: number): Log {
  const records: Log['records'][number][] = [];
  let chain = firstChain;
  while (bytes.left >= 16 && !bytes.all.subarray(bytes.at).every((byte) => byte === 0)) {
    const header = new Bytes(bytes.file, bytes.take(16));
    const [length, number, type] = [header.unsigned(4), header.unsigned(4), header.unsigned(1)];
    header.zeros(3);
    if (header.unsigned(4) !== crc32(header.all.subarray(0, 12))) bytes.damaged(`the header of record ${records.length} was altered`);
    if (number !== records.length) bytes.damaged(`record ${number} stands where ${records.length} should`);
    if (length < 16 || length > longest) bytes.damaged(`record ${number} has a length of ${length}`);
    if (length > bytes.left) break;
    const nonce = Buffer.from(baseNonce);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ BigInt(number), 4);
    const sealed = bytes.take(length);
    records.push({ type, plain: new Bytes(bytes.file, unseal(bytes.file, key, nonce, sealed, Buffer.concat([header.all, chain]))) });
    chain = sha256(chain, header.all, sealed.subarray(-16));
  }
  return { records, chain };
}

interface Link {
  readonly segmentId: string;
  readonly records: number;
  readonly chain: string;
}

const NO_LINK: Link = { segmentId: '0'.repeat(32), records: 0, chain: '0'.repeat(64) };

function readSegment(file: string, keys: Keys, projectId: string, before: Link, ordinal: number): { segment: Segment; link: Link } {
  const bytes = read(file);
  bytes.start('THRUMSEG', 2);
  if (bytes.unsigned(2) !== 1) bytes.damaged('not suite 1');
  bytes.zeros(4);
  const segmentId = bytes.hex(16);
  if (bytes.unsigned(8) !== ordinal) bytes.damaged(`not segment ${ordinal}`);
  if (basename(file) !== `${String(ordinal).padStart(12, '0')}-${segmentId}.seg`) bytes.damaged('not the name of this segment');
  const claimed: Link = { segmentId: bytes.hex(16), records: bytes.unsigned(8), chain: bytes.hex(32) };
  if (JSON.stringify(claimed) !== JSON.stringify(before)) bytes.damaged('does not continue the segment before it');
  const dataKey = readKeyFile(file.replace(/\.seg$/, '.key'), keys, projectId, segmentId);
  const subKey = (purpose: string): Buffer => hkdf(dataKey, Buffer.from(segmentId, 'hex'), `thrum segment v1 ${purpose}`);
  if (!subKey('commitment').equals(bytes.take(32))) bytes.damaged('the key commitment does not match');
  if (!createHmac('sha256', subKey('header')).update(bytes.all.subarray(0, 128)).digest().equals(bytes.take(32))) bytes.damaged('the header was altered');
  const log = readRecords(bytes, subKey('record'), subKey('nonce').subarray(0, 12), sha256(bytes.all.subarray(0, 160)), 32 * MIB);
  const { records } = log;
  const [first, last] = [records[0], records.at(-1)];
  if (first?.type !== 0) throw new Damage(file, 'record 0 is no snapshot');
  const sealed = last?.type === 2;
  if (sealed && (parse(file, last.plain.all)['records'] !== records.length - 1 || bytes.left > 0)) bytes.damaged('the seal does not fit');
  const groups = records.slice(1, sealed ? -1 : undefined);
  if (groups.some(({ type }) => type !== 1)) bytes.damaged('a record of the wrong type');
  const segment = { file, segmentId, ordinal, snapshot: parse(file, first.plain.all), entries: groups.flatMap(({ plain }) => readGroup(plain)), sealed };
  return { segment, link: { segmentId, records: records.length, chain: log.chain.toString('hex') } };
}

function readGroup(plain: Bytes): Entry[] {
  const entries = Array.from({ length: plain.unsigned(4) }, (): Entry => {
    const receivedMs = plain.unsigned(6);
    const channel = (['data', 'event'] as const)[plain.unsigned(1)] ?? plain.damaged('no such channel');
    return { receivedMs, channel, payload: plain.take(plain.unsigned(4)) };
  });
  if (plain.left > 0) plain.damaged('bytes after the last entry');
  return entries;
}

export function readProject(home: string, projectId: string, keys: Keys): Project {
  const document = readProjectFile(join(home, 'projects', `${projectId}.project`), keys);
  const folder = join(home, 'store', projectId);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.seg')).sort() : [];
  const segments: Segment[] = [];
  let before = NO_LINK;
  for (const name of files) {
    const { segment, link } = readSegment(join(folder, name), keys, projectId, before, segments.length + 1);
    segments.push(segment);
    before = link;
  }
  return { projectId, document, segments };
}

export function readHome(home: string, passphrase?: string): Project[] {
  const keys = readKeys(home, passphrase);
  const names = readdirSync(join(home, 'projects')).filter((name) => name.endsWith('.project'));
  return names.map((name) => readProject(home, basename(name, '.project'), keys));
}

/** A gateway's queue: the newest file in the folder. */
export function readSpool(folder: string): Spool {
  const spoolKey = readHexKey(join(folder, 'spool.key'));
  const newest = readdirSync(folder).filter((name) => /^\d+\.spool$/.test(name)).sort().at(-1);
  if (newest === undefined) throw new Damage(folder, 'no spool');
  const bytes = read(join(folder, newest));
  bytes.start('THRUMSPL', 2);
  bytes.zeros(6);
  const fileId = bytes.take(16);
  const subKey = (purpose: string): Buffer => hkdf(spoolKey, fileId, `thrum spool v1 ${purpose}`);
  const { records } = readRecords(bytes, subKey('record'), subKey('nonce').subarray(0, 12), sha256(bytes.all.subarray(0, 32)), 4 * MIB);
  const [first, ...others] = records;
  if (first?.type !== 0 || others.some(({ type }) => type !== 1 && type !== 2)) throw new Damage(bytes.file, 'a record of the wrong type');
  const batches = others.filter(({ type }) => type === 1).map(({ plain }) => ({ about: parse(bytes.file, plain.take(plain.unsigned(4))), frame: plain.rest() }));
  const acknowledged = others.filter(({ type }) => type === 2).map(({ plain }) => parse(bytes.file, plain.all));
  return { file: bytes.file, checkpoint: parse(bytes.file, first.plain.all), batches, acknowledged };
}
