/**
 * Sealed records, as docs/store.md describes them: all whole records of a file, the chain after each, and where they end. What
 * a crash or a power cut leaves at the end ("Damage and cuts") is left out; everything else that is not as written is a Damage.
 */
import { crc32 } from 'node:zlib';
import { Bytes, isZero, MIB, opened, sha256 } from './store-bytes.ts';

const HEADER_BYTES = 16;
const SECTOR_BYTES = 512;
export const LONGEST_IN_SEGMENT = 32 * MIB;
export const LONGEST_IN_SPOOL = 4 * MIB;

export interface SealedRecord {
  readonly type: number;
  /** Where its header begins in the file. */
  readonly offset: number;
  /** From its header to its last zero. */
  readonly bytes: number;
  readonly plain: Bytes;
  /** The chain after it. */
  readonly chain: Buffer;
}

export interface Log {
  readonly records: readonly SealedRecord[];
  /** Bytes after the last whole record: zeros kept ready, or what was never finished. */
  readonly tailBytes: number;
}

export interface LogKeys {
  readonly record: Buffer;
  readonly baseNonce: Buffer;
}

/** Whether, of some sector that `from` to `to` touches, that range's part is zeros. */
function hasZeroPart(all: Buffer, from: number, to: number): boolean {
  for (let part = from; part < to;) {
    const partEnd = Math.min(to, (Math.floor(part / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (isZero(all.subarray(part, partEnd))) return true;
    part = partEnd;
  }
  return false;
}

/** The header at a place, undefined where its checksum is not right. */
function headerAt(bytes: Bytes, place: number): { length: number; number: number; type: number; raw: Buffer } | undefined {
  const raw = bytes.all.subarray(place, place + HEADER_BYTES);
  if (raw.length < HEADER_BYTES || raw.readUInt32LE(12) !== crc32(raw.subarray(0, 12))) return undefined;
  return { length: raw.readUInt32LE(0), number: raw.readUInt32LE(4), type: raw[8]!, raw };
}

function nonceOf({ baseNonce }: LogKeys, number: number): Buffer {
  const nonce = Buffer.from(baseNonce);
  nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ BigInt(number), 4);
  return nonce;
}

/** The record at a place; undefined where the log ends. */
function recordAt(bytes: Bytes, offset: number, count: number, keys: LogKeys, longest: number, chain: Buffer): SealedRecord | undefined {
  bytes.at = offset;
  if (bytes.left < HEADER_BYTES) return undefined;
  const header = headerAt(bytes, offset);
  if (header === undefined) {
    return hasZeroPart(bytes.all, offset, offset + HEADER_BYTES) ? undefined : bytes.damaged(`the header of record ${count} was altered`);
  }
  const { length, number, type, raw } = header;
  if (length < 16 || length > longest) bytes.damaged(`record ${count} has a length of ${length}`);
  const ciphertextEnd = offset + HEADER_BYTES + length;
  const end = Math.ceil(ciphertextEnd / 8) * 8;
  if (end > bytes.all.length) return undefined;
  const sealed = bytes.all.subarray(offset + HEADER_BYTES, ciphertextEnd);
  const plain = opened(keys.record, nonceOf(keys, count), sealed, raw);
  if (plain === undefined) {
    const next = headerAt(bytes, end);
    const isLast = next === undefined || next.length === 0;
    return isLast && hasZeroPart(bytes.all, offset, end) ? undefined : bytes.damaged(`record ${count} does not decrypt`);
  }
  if (number !== count) bytes.damaged(`record ${number} stands where ${count} should`);
  if (!isZero(raw.subarray(9, 12))) bytes.damaged(`the header of record ${count} has more in it than it should`);
  if (!isZero(bytes.all.subarray(ciphertextEnd, end))) bytes.damaged(`the zeros after record ${count} are none`);
  return { type, offset, bytes: end - offset, plain: new Bytes(bytes.file, plain), chain: sha256(chain, raw, sealed.subarray(-16)) };
}

/** All whole records from where the bytes stand. */
export function readRecords(bytes: Bytes, keys: LogKeys, firstChain: Buffer, longest: number): Log {
  const records: SealedRecord[] = [];
  let offset = bytes.at;
  let chain = firstChain;
  for (;;) {
    const record = recordAt(bytes, offset, records.length, keys, longest, chain);
    if (record === undefined) return { records, tailBytes: bytes.all.length - offset };
    records.push(record);
    offset += record.bytes;
    chain = record.chain;
  }
}
