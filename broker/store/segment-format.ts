/**
 * The bytes of a segment file, format version 2 (docs/store.md). A segment is a header and records; a record is sealed
 * with AES-256-GCM under a key that only this segment has, bound to its number.
 *
 * Header, 160 bytes, little-endian:
 *   0 magic "THRUMSEG"   8 version u16   10 suite u16   12 zero u32   16 segment id (16)   32 ordinal u64
 *   40 previous segment's id (16)   56 its record count u64   64 its chain (32)   96 key commitment (32)
 *   128 HMAC-SHA-256(header key, bytes 0–127) (32)
 *
 * Records follow as in certs/sealed-record.ts.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKey, RECORD_HEADER_BYTES, TAG_BYTES, type RecordKeys } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import type { EncryptionContext } from '../keys/ciphertext.ts';
import { projectContext } from '../keys/project-context.ts';

export const HEADER_BYTES = 160;
/** Largest sealed record: a snapshot of all the batches that a project may have (seen-batches.ts); groups are far smaller. */
export const MAX_SEALED_BYTES = 32 * 2 ** 20;
/** A segment is closed once it is this long. */
export const SEGMENT_ROLL_BYTES = 128 * 2 ** 20;
/**
 * And once its first group is so old: others, and a bucket, see a quiet project's data within the hour. Sooner would be many small
 * segments: at 24 a day a project's list of what was rewritten (amendments.ts) holds seven years of them.
 */
export const SEAL_AFTER_MS = 3_600_000;

/** Types of records: one snapshot first, commit groups, then an index and, last, one seal. */
export const RECORD = { snapshot: 0, group: 1, index: 2, seal: 3 } as const;
export type RecordType = keyof typeof RECORD;

const MAGIC = Buffer.from('THRUMSEG');
const VERSION = 2;
const SUITE_AES_256_GCM = 1;

/** Where a log of segments stands: enough to link the next one to it. */
export interface ChainPosition {
  /** 16 bytes; zeros before the first segment. */
  readonly segmentId: Buffer;
  readonly records: number;
  /** SHA-256 over all that was written, 32 bytes. */
  readonly chain: Buffer;
}

export const NO_SEGMENT: ChainPosition = { segmentId: Buffer.alloc(16), records: 0, chain: Buffer.alloc(32) };

export interface SegmentHeader {
  readonly segmentId: Buffer;
  /** Place in the project's log, from 1. */
  readonly ordinal: number;
  readonly previous: ChainPosition;
  /** The 160 bytes themselves. */
  readonly bytes: Buffer;
}

/** What a segment's data key becomes. The data key itself is wiped after this. */
export interface SegmentKeys extends RecordKeys {
  readonly header: Buffer;
  readonly commitment: Buffer;
}

/** Encryption context of a segment's data key. `customerId`: account of the project's owner; older segments have none. */
export function segmentContext(projectId: string, segmentId: Buffer, customerId?: string): EncryptionContext {
  return { ...projectContext('segment', projectId, customerId), 'thrum:segment': segmentId.toString('hex') };
}

/** Derives all sub-keys of a segment with HKDF-SHA-256, salted with its id, and wipes `dataKey`. */
export function segmentKeys(dataKey: Buffer, segmentId: Buffer): SegmentKeys {
  const sub = (purpose: string): Buffer => deriveKey(dataKey, segmentId, `thrum segment v2 ${purpose}`);
  const keys = { record: sub('record'), baseNonce: sub('nonce').subarray(0, 12), header: sub('header'), commitment: sub('commitment') };
  dataKey.fill(0);
  return keys;
}

/** Overwrites the secrets once nothing more is to be written or read. */
export function wipe(keys: SegmentKeys): void {
  for (const secret of [keys.record, keys.baseNonce, keys.header]) secret.fill(0);
}

export function buildHeader(segmentId: Buffer, ordinal: number, previous: ChainPosition, keys: SegmentKeys): SegmentHeader {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt16LE(VERSION, 8);
  bytes.writeUInt16LE(SUITE_AES_256_GCM, 10);
  segmentId.copy(bytes, 16);
  bytes.writeBigUInt64LE(BigInt(ordinal), 32);
  previous.segmentId.copy(bytes, 40);
  bytes.writeBigUInt64LE(BigInt(previous.records), 56);
  previous.chain.copy(bytes, 64);
  keys.commitment.copy(bytes, 96);
  createHmac('sha256', keys.header).update(bytes.subarray(0, 128)).digest().copy(bytes, 128);
  return { segmentId, ordinal, previous, bytes };
}

/** Reads a header's fields, or says what is wrong with them. Authentic only after `headerIsAuthentic`. */
export function parseHeader(bytes: Buffer): SegmentHeader | string {
  if (bytes.length < HEADER_BYTES) return 'the header is cut off';
  if (!bytes.subarray(0, 8).equals(MAGIC)) return 'it does not begin with THRUMSEG';
  if (bytes.readUInt16LE(8) !== VERSION) return `format version ${bytes.readUInt16LE(8)} is not known`;
  if (bytes.readUInt16LE(10) !== SUITE_AES_256_GCM || bytes.readUInt32LE(12) !== 0) return 'the cipher suite is not known';
  const ordinal = bytes.readBigUInt64LE(32);
  const records = bytes.readBigUInt64LE(56);
  if (ordinal > BigInt(Number.MAX_SAFE_INTEGER) || records > BigInt(Number.MAX_SAFE_INTEGER)) return 'a header number is out of range';
  return {
    segmentId: bytes.subarray(16, 32),
    ordinal: Number(ordinal),
    previous: { segmentId: bytes.subarray(40, 56), records: Number(records), chain: bytes.subarray(64, 96) },
    bytes: bytes.subarray(0, HEADER_BYTES),
  };
}

/** Whether header and keys belong together: key commitment first, then the header's HMAC, both in constant time. */
export function headerIsAuthentic(header: SegmentHeader, keys: SegmentKeys): boolean {
  const mac = createHmac('sha256', keys.header).update(header.bytes.subarray(0, 128)).digest();
  return timingSafeEqual(header.bytes.subarray(96, 128), keys.commitment) && timingSafeEqual(header.bytes.subarray(128, 160), mac);
}

/** The chain before the first record. */
export function firstChain(header: SegmentHeader): Buffer {
  return createHash('sha256').update(header.bytes).digest();
}

/** What a seal says: how many records come before it, where the index stands, and the chain before the seal. */
export interface Seal {
  readonly records: number;
  readonly indexOffset: number;
  readonly chain: Buffer;
}

const SEAL_BYTES = 48;
/** All that a seal takes: it stands at the very end of its file, so it is found without reading what is before it. */
export const SEAL_RECORD_BYTES = RECORD_HEADER_BYTES + SEAL_BYTES + TAG_BYTES;

/** u32 records   u32 zero   u64 offset of the index record   chain (32). */
export function encodeSeal({ records, indexOffset, chain }: Seal): Buffer {
  const bytes = Buffer.alloc(SEAL_BYTES);
  bytes.writeUInt32LE(records, 0);
  bytes.writeBigUInt64LE(BigInt(indexOffset), 8);
  chain.copy(bytes, 16);
  return bytes;
}

/** STORE_DAMAGED when it does not parse. */
export function decodeSeal(bytes: Buffer): Seal {
  if (bytes.length !== SEAL_BYTES || bytes.readUInt32LE(4) !== 0) throw new StoreError('STORE_DAMAGED', 'a seal does not parse');
  return { records: bytes.readUInt32LE(0), indexOffset: Number(bytes.readBigUInt64LE(8)), chain: bytes.subarray(16, SEAL_BYTES) };
}
