/**
 * A log of sealed records on disk, as the store's segments and a gateway's spool are: each record is AES-256-GCM under
 * the file's own key, with its number as nonce, bound to its header and to everything before it.
 *
 *   0 sealed length u32 LE   4 number u32 LE   8 type u8   9 zero (3)   12 CRC-32 (zlib) of bytes 0–11   16 sealed bytes
 *
 * The header's checksum tells damage from the torn end of a write: a header that is whole but wrong was altered; one
 * that promises more bytes than there are was cut off.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { RecordError, SealError } from './errors.ts';
import { openAt, sealAt } from './sealed.ts';

export const RECORD_HEADER_BYTES = 16;
export const TAG_BYTES = 16;

/** The secrets of one file. A file is written by one process from start to end, so no number is used twice. */
export interface RecordKeys {
  /** 32 bytes. */
  readonly record: Buffer;
  /** 12 bytes. */
  readonly baseNonce: Buffer;
}

export interface SealedRecord {
  readonly header: Buffer;
  readonly sealed: Buffer;
  /** The chain after this record. */
  readonly chain: Buffer;
}

/** Seals one record: number 0 to 2^32 - 1, type 0 to 255, `chain` as it stands before it. */
export function sealRecord(type: number, number: number, chain: Buffer, keys: RecordKeys, plaintext: Uint8Array): SealedRecord {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32LE(plaintext.length + TAG_BYTES, 0);
  header.writeUInt32LE(number, 4);
  header.writeUInt8(type, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  const sealed = sealAt(keys.record, keys.baseNonce, number, Buffer.concat([header, chain]), plaintext);
  return { header, sealed, chain: nextChain(chain, header, sealed) };
}

export interface ReadRecord {
  readonly type: number;
  readonly number: number;
  readonly plaintext: Buffer;
}

/** Where the whole records end; what follows is the torn end of a write. */
export interface RecordsEnd {
  readonly records: number;
  readonly chain: Buffer;
  readonly wholeBytes: number;
}

/**
 * Gives the records of a file from byte `from` on, each only after it has authenticated.
 * Throws RecordError at the first that was altered, is missing or out of place.
 */
export function* readRecords(
  bytes: Buffer,
  from: number,
  firstChain: Buffer,
  keys: RecordKeys,
  maxSealedBytes: number,
): Generator<ReadRecord, RecordsEnd> {
  let chain = firstChain;
  let at = from;
  let number = 0;
  for (; at + RECORD_HEADER_BYTES <= bytes.length; number++) {
    const header = bytes.subarray(at, at + RECORD_HEADER_BYTES);
    if (isZero(header) && isZero(bytes.subarray(at))) break;
    const sealedBytes = checkHeader(header, number, maxSealedBytes);
    const end = at + RECORD_HEADER_BYTES + sealedBytes;
    if (end > bytes.length) break;
    const sealed = bytes.subarray(at + RECORD_HEADER_BYTES, end);
    yield { type: header[8]!, number, plaintext: openRecord(header, number, chain, keys, sealed) };
    chain = nextChain(chain, header, sealed);
    at = end;
  }
  return { records: number, chain, wholeBytes: at };
}

/** A power cut can leave a file longer than what was written to it: zeros to its end are as good as nothing. */
function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

function checkHeader(header: Buffer, number: number, maxSealedBytes: number): number {
  const sealedBytes = header.readUInt32LE(0);
  if (crc32(header.subarray(0, 12)) !== header.readUInt32LE(12)) throw new RecordError(number, 'the record header was altered');
  if (header.readUIntLE(9, 3) !== 0 || sealedBytes < TAG_BYTES || sealedBytes > maxSealedBytes) {
    throw new RecordError(number, 'the record header is not one of this version');
  }
  if (header.readUInt32LE(4) !== number) throw new RecordError(number, 'a record is missing or out of place');
  return sealedBytes;
}

function openRecord(header: Buffer, number: number, chain: Buffer, keys: RecordKeys, sealed: Buffer): Buffer {
  try {
    return openAt(keys.record, keys.baseNonce, number, Buffer.concat([header, chain]), sealed);
  } catch (cause) {
    if (cause instanceof SealError) throw new RecordError(number, 'the record was altered', { cause });
    throw cause;
  }
}

function nextChain(chain: Buffer, header: Buffer, sealed: Buffer): Buffer {
  return createHash('sha256').update(chain).update(header).update(sealed.subarray(sealed.length - TAG_BYTES)).digest();
}
