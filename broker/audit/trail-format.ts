/**
 * The bytes of an audit trail (docs/audit.md): files of sealed records, each record bound to all before it, and a head that says
 * where the trail ends. Several processes append in turns, so each record has a key of its own, from a random salt: there is
 * no nonce that two of them, or an old copy of the file, could share.
 *
 * File header, 152 bytes, little-endian:
 *   0 magic "THRUMAUD"   8 version u16   10 root kind u8   11 zero (5)   16 root salt (16)   32 file id (16)   48 ordinal u64
 *   56 previous file's id (16)   72 its record count u64   80 its chain (32)   112 records in all files before u64
 *   120 HMAC-SHA-256(header key, bytes 0–119) (32)
 * Record: 0 sealed length u32   4 number in its file u32   8 CRC-32 of bytes 0–7 and 12–31 u32   12 zero u32   16 salt (16)   32 sealed
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { deriveKey, openOnce, RecordError, sealOnce, SealError } from '../../certs/mod.ts';
import type { RootNote } from '../keys/root-key.ts';

export const HEADER_BYTES = 152;
export const RECORD_HEADER_BYTES = 32;
const TAG_BYTES = 16;
/** Largest record in clear; larger ones lose their parameters first (record.ts). */
export const RECORD_BYTES_MAX = 16 * 1024;

const MAGIC = Buffer.from('THRUMAUD');
const VERSION = 1;
const SIGNED_BYTES = 120;

/** Where a trail stands. */
export interface TrailPosition {
  /** Of the file, from 1; 0 before the first. */
  readonly ordinal: number;
  /** 32 hex digits. */
  readonly fileId: string;
  /** Whole records of the file, and where they end in it. */
  readonly records: number;
  readonly bytes: number;
  /** SHA-256 over all of the file so far, hex. */
  readonly chain: string;
  /** Records of all files so far. */
  readonly total: number;
}

export const TRAIL_START: TrailPosition = { ordinal: 0, fileId: '0'.repeat(32), records: 0, bytes: 0, chain: '0'.repeat(64), total: 0 };

export interface FileHeader {
  readonly root: RootNote;
  readonly fileId: string;
  readonly ordinal: number;
  /** As it was when this file was begun; `bytes` is not kept. */
  readonly previous: Omit<TrailPosition, 'bytes' | 'ordinal'>;
  readonly bytes: Buffer;
}

/** The secrets of one file. */
export interface FileKeys {
  readonly header: Buffer;
  readonly record: Buffer;
}

export function fileKeys(rootKey: Buffer, fileId: string): FileKeys {
  const id = Buffer.from(fileId, 'hex');
  return { header: deriveKey(rootKey, id, 'thrum audit v1 header'), record: deriveKey(rootKey, id, 'thrum audit v1 record') };
}

/** The header of the file that follows `previous`. */
export function buildHeader(root: RootNote, fileId: string, ordinal: number, previous: TrailPosition, keys: FileKeys): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt16LE(VERSION, 8);
  bytes.writeUInt8(root.kind, 10);
  root.salt.copy(bytes, 16);
  bytes.write(fileId, 32, 'hex');
  bytes.writeBigUInt64LE(BigInt(ordinal), 48);
  bytes.write(previous.fileId, 56, 'hex');
  bytes.writeBigUInt64LE(BigInt(previous.records), 72);
  bytes.write(previous.chain, 80, 'hex');
  bytes.writeBigUInt64LE(BigInt(previous.total), 112);
  macOf(bytes, keys).copy(bytes, SIGNED_BYTES);
  return bytes;
}

/** Reads a header's fields, or says what is wrong with them. Authentic only after `headerIsAuthentic`. */
export function parseHeader(bytes: Buffer): FileHeader | string {
  if (bytes.length < HEADER_BYTES) return 'the header is cut off';
  if (!bytes.subarray(0, 8).equals(MAGIC)) return 'it does not begin with THRUMAUD';
  if (bytes.readUInt16LE(8) !== VERSION) return `format version ${bytes.readUInt16LE(8)} is not known`;
  const [ordinal, records, total] = [48, 72, 112].map((at) => bytes.readBigUInt64LE(at)) as [bigint, bigint, bigint];
  if ([ordinal, records, total].some((one) => one > BigInt(Number.MAX_SAFE_INTEGER))) return 'a header number is out of range';
  return {
    root: { kind: bytes[10]!, salt: bytes.subarray(16, 32) },
    fileId: bytes.toString('hex', 32, 48),
    ordinal: Number(ordinal),
    previous: { fileId: bytes.toString('hex', 56, 72), records: Number(records), chain: bytes.toString('hex', 80, 112), total: Number(total) },
    bytes: bytes.subarray(0, HEADER_BYTES),
  };
}

export function headerIsAuthentic(header: FileHeader, keys: FileKeys): boolean {
  return timingSafeEqual(header.bytes.subarray(SIGNED_BYTES), macOf(header.bytes, keys));
}

/** The chain before a file's first record, hex. */
export function firstChain(header: Buffer): string {
  return createHash('sha256').update(header).digest('hex');
}

/** Seals one record; `number` is its place in the file, `chain` stands as before it. */
export function sealAuditRecord(number: number, chain: string, keys: FileKeys, plaintext: Uint8Array): { readonly bytes: Buffer; readonly chain: string } {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32LE(plaintext.length + TAG_BYTES, 0);
  header.writeUInt32LE(number, 4);
  randomBytes(16).copy(header, 16);
  header.writeUInt32LE(checksumOf(header), 8);
  const sealed = sealOnce(recordKey(keys, header), Buffer.concat([header, Buffer.from(chain, 'hex')]), plaintext);
  return { bytes: Buffer.concat([header, sealed]), chain: nextChain(chain, header, sealed) };
}

/** A record and where the trail stands after it. */
export interface OpenedRecord {
  readonly number: number;
  readonly plaintext: Buffer;
  readonly after: TrailPosition;
}

/**
 * The records of a file from `from` on, each only after it has authenticated; `bytes` is the whole file. Ends at the torn end of a write.
 * Throws RecordError at the first that was altered, is missing or out of place.
 */
export function* openAuditRecords(bytes: Buffer, from: TrailPosition, keys: FileKeys): Generator<OpenedRecord, TrailPosition> {
  let position = from;
  while (position.bytes + RECORD_HEADER_BYTES <= bytes.length) {
    const { records: number, bytes: at, chain } = position;
    const header = bytes.subarray(at, at + RECORD_HEADER_BYTES);
    if (isZero(header) && isZero(bytes.subarray(at))) break; // what a power cut can leave
    const end = at + RECORD_HEADER_BYTES + checkedLength(header, number);
    if (end > bytes.length) break;
    const sealed = bytes.subarray(at + RECORD_HEADER_BYTES, end);
    const plaintext = openRecord(header, number, chain, keys, sealed);
    position = { ...position, records: number + 1, bytes: end, chain: nextChain(chain, header, sealed), total: position.total + 1 };
    yield { number, plaintext, after: position };
  }
  return position;
}

function checkedLength(header: Buffer, number: number): number {
  const length = header.readUInt32LE(0);
  if (checksumOf(header) !== header.readUInt32LE(8)) throw new RecordError(number, 'the record header was altered');
  if (header.readUInt32LE(12) !== 0 || length < TAG_BYTES || length > RECORD_BYTES_MAX + TAG_BYTES) {
    throw new RecordError(number, 'the record header is not one of this version');
  }
  if (header.readUInt32LE(4) !== number) throw new RecordError(number, 'a record is missing or out of place');
  return length;
}

function openRecord(header: Buffer, number: number, chain: string, keys: FileKeys, sealed: Buffer): Buffer {
  try {
    return openOnce(recordKey(keys, header), Buffer.concat([header, Buffer.from(chain, 'hex')]), sealed);
  } catch (cause) {
    if (cause instanceof SealError) throw new RecordError(number, 'the record was altered, or one before it was removed', { cause });
    throw cause;
  }
}

function recordKey(keys: FileKeys, header: Buffer): Buffer {
  return deriveKey(keys.record, header.subarray(16), 'thrum audit v1 key');
}

function nextChain(chain: string, header: Buffer, sealed: Buffer): string {
  return createHash('sha256').update(Buffer.from(chain, 'hex')).update(header).update(sealed.subarray(sealed.length - TAG_BYTES)).digest('hex');
}

function checksumOf(header: Buffer): number {
  return crc32(header.subarray(12), crc32(header.subarray(0, 8)));
}

function macOf(header: Buffer, keys: FileKeys): Buffer {
  return createHmac('sha256', keys.header).update(header.subarray(0, SIGNED_BYTES)).digest();
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
