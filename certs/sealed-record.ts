/**
 * A log of sealed records on disk, as the store's segments and a gateway's spool are: each record is AES-256-GCM under
 * the file's own key, with its number as nonce, bound to its header. So each opens alone, at its own place and nowhere
 * else; that none is missing at the end is told by the chain, which whoever continues the log writes down.
 *
 *   0 sealed length u32 LE   4 number u32 LE   8 type u8   9 zero (3)   12 CRC-32 (zlib) of bytes 0–11   16 sealed bytes
 *   then zeros up to a multiple of eight
 *
 * A write that a power cut interrupted leaves whole sectors of it, in any order, and zeros for the others: that is told
 * from damage by a sector of zeros, of which at least eight bytes belong to the record: no ciphertext has these.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { RecordError, SealError } from './errors.ts';
import { openAt, sealInParts } from './sealed.ts';

export const RECORD_HEADER_BYTES = 16;
export const TAG_BYTES = 16;
/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;
const ZEROS = Buffer.alloc(SECTOR_BYTES);
/** Records begin at its multiples, counted from the beginning of the file, when its header is one too. */
const ALIGNMENT = 8;

/** The secrets of one file. A file is written by one process from start to end, so no number is used twice. */
export interface RecordKeys {
  /** 32 bytes. */
  readonly record: Buffer;
  /** 12 bytes. */
  readonly baseNonce: Buffer;
}

export interface SealedRecord {
  readonly header: Buffer;
  /** Ciphertext, tag, and the zeros after them. */
  readonly sealed: Buffer;
  /** The chain after this record. */
  readonly chain: Buffer;
}

/** Seals one record: number 0 to 2^32 - 1, type 0 to 255, `chain` as it stands before it. */
export function sealRecord(type: number, number: number, chain: Buffer, keys: RecordKeys, plaintext: Uint8Array): SealedRecord {
  const { parts, chain: next } = sealRecordInParts(type, number, chain, keys, plaintext);
  const [header, ...sealed] = parts;
  return { header: header!, sealed: Buffer.concat(sealed), chain: next };
}

/** As {@link sealRecord}, for records of any length: parts that follow one another, and their sum. */
export function sealRecordInParts(type: number, number: number, chain: Buffer, keys: RecordKeys, plaintext: Uint8Array): SealedParts {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  const sealedBytes = plaintext.length + TAG_BYTES;
  header.writeUInt32LE(sealedBytes, 0);
  header.writeUInt32LE(number, 4);
  header.writeUInt8(type, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  const sealed = sealInParts(keys.record, keys.baseNonce, number, header, plaintext);
  const padding = paddingAfter(sealedBytes);
  return {
    parts: [header, ...sealed, ZEROS.subarray(0, padding)],
    bytes: RECORD_HEADER_BYTES + sealedBytes + padding,
    chain: nextChain(chain, header, sealed.at(-1)!),
  };
}

export interface SealedParts {
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  /** The chain after this record. */
  readonly chain: Buffer;
}

/** Zeros that follow so many sealed bytes. */
function paddingAfter(sealedBytes: number): number {
  return -sealedBytes & (ALIGNMENT - 1);
}

export interface ReadRecord {
  readonly type: number;
  readonly number: number;
  readonly plaintext: Buffer;
  /** Where the record begins in its file, and where it ends. */
  readonly offset: number;
  readonly end: number;
  /** The chain after it. */
  readonly chain: Buffer;
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
export function* readRecords(bytes: Buffer, from: number, firstChain: Buffer, keys: RecordKeys, maxSealedBytes: number): Generator<ReadRecord, RecordsEnd> {
  const end = yield* readPiece(bytes, from, firstChain, keys, maxSealedBytes, 0);
  if (hasLaterRecord(bytes, end.wholeBytes, end.records)) throw new RecordError(end.records, 'the record was altered: others follow it');
  return end;
}

/**
 * Whether a record later than `number` seems to begin at or after byte `from`. Each record is synced before the next one begins, so what
 * a crash left unfinished is the last.
 */
export function hasLaterRecord(bytes: Buffer, from: number, number: number): boolean {
  for (let at = from; at + RECORD_HEADER_BYTES <= bytes.length; at += ALIGNMENT) {
    if (bytes.readUInt32LE(at) < TAG_BYTES || bytes.readUInt32LE(at + 4) <= number || bytes.readUIntLE(at + 9, 3) !== 0) continue;
    if (hasChecksum(bytes.subarray(at, at + RECORD_HEADER_BYTES))) return true;
  }
  return false;
}

/**
 * As `readRecords` for a piece of a file that begins at a sector; `firstNumber` is the number of the record at `from`. What comes after the
 * last whole record is the caller's to judge.
 */
export function* readPiece(
  bytes: Buffer,
  from: number,
  firstChain: Buffer,
  keys: RecordKeys,
  maxSealedBytes: number,
  firstNumber: number,
): Generator<ReadRecord, RecordsEnd> {
  let chain = firstChain;
  let at = from;
  let number = firstNumber;
  for (; at + RECORD_HEADER_BYTES <= bytes.length; number++) {
    const header = bytes.subarray(at, at + RECORD_HEADER_BYTES);
    if (!hasChecksum(header) && isTorn(bytes, at, at + RECORD_HEADER_BYTES)) break;
    const sealedBytes = checkHeader(header, number, maxSealedBytes);
    const sealedEnd = at + RECORD_HEADER_BYTES + sealedBytes;
    const end = sealedEnd + paddingAfter(sealedBytes);
    if (end > bytes.length) break;
    const sealed = bytes.subarray(at + RECORD_HEADER_BYTES, sealedEnd);
    const plaintext = isZero(bytes, sealedEnd, end) ? tryOpen(header, keys, sealed) : undefined;
    if (!plaintext) {
      if (isTorn(bytes, at, end) && !hasChecksum(bytes.subarray(end, end + RECORD_HEADER_BYTES))) break;
      throw new RecordError(number, 'the record was altered');
    }
    chain = nextChain(chain, header, sealed);
    yield { type: header[8]!, number, plaintext, offset: at, end, chain };
    at = end;
  }
  return { records: number, chain, wholeBytes: at };
}

/** Opens the record that begins a buffer, wherever it stood in its file. Throws RecordError unless it is whole, authentic, and record `number`. */
export function openRecord(bytes: Buffer, number: number, keys: RecordKeys, chain: Buffer): OpenedRecord {
  if (bytes.length < RECORD_HEADER_BYTES) throw new RecordError(number, 'the record is cut off');
  const header = bytes.subarray(0, RECORD_HEADER_BYTES);
  const sealedBytes = checkHeader(header, number, bytes.length);
  const end = RECORD_HEADER_BYTES + sealedBytes;
  const bytesLong = end + paddingAfter(sealedBytes);
  if (bytesLong > bytes.length) throw new RecordError(number, 'the record is cut off');
  const sealed = bytes.subarray(RECORD_HEADER_BYTES, end);
  const plaintext = isZero(bytes, end, bytesLong) ? tryOpen(header, keys, sealed) : undefined;
  if (!plaintext) throw new RecordError(number, 'the record was altered');
  return { type: header[8]!, number, plaintext, bytes: bytesLong, chain: nextChain(chain, header, sealed) };
}

export interface OpenedRecord {
  readonly type: number;
  readonly number: number;
  readonly plaintext: Buffer;
  /** All that it takes in its file. */
  readonly bytes: number;
  /** The chain after it, if the one given stood before it. */
  readonly chain: Buffer;
}

/** `sealed` ends with the tag. */
function nextChain(chain: Buffer, header: Buffer, sealed: Buffer): Buffer {
  return createHash('sha256').update(chain).update(header).update(sealed.subarray(sealed.length - TAG_BYTES)).digest();
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  return bytes.compare(ZEROS, 0, to - from, from, to) === 0;
}

/** Whether a sector of bytes `from` to `to`, as far as it lies between them, is nothing but zeros. */
function isTorn(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    if (isZero(bytes, at, end)) return true;
    at = end;
  }
  return false;
}

/** All that a record takes whose header begins `bytes`, and the header after it; undefined when there is no such header. */
export function bytesToJudge(bytes: Buffer): number | undefined {
  const header = bytes.subarray(0, RECORD_HEADER_BYTES);
  if (!hasChecksum(header)) return undefined;
  const sealedBytes = header.readUInt32LE(0);
  return RECORD_HEADER_BYTES + sealedBytes + paddingAfter(sealedBytes) + RECORD_HEADER_BYTES;
}

function hasChecksum(header: Buffer): boolean {
  return header.length === RECORD_HEADER_BYTES && crc32(header.subarray(0, 12)) === header.readUInt32LE(12) && header.readUInt32LE(0) > 0;
}

function checkHeader(header: Buffer, number: number, maxSealedBytes: number): number {
  const sealedBytes = header.readUInt32LE(0);
  if (!hasChecksum(header)) throw new RecordError(number, 'the record header was altered');
  if (header.readUIntLE(9, 3) !== 0 || sealedBytes < TAG_BYTES || sealedBytes > maxSealedBytes) {
    throw new RecordError(number, 'the record header is not one of this version');
  }
  if (header.readUInt32LE(4) !== number) throw new RecordError(number, 'a record is missing or out of place');
  return sealedBytes;
}

function tryOpen(header: Buffer, { record, baseNonce }: RecordKeys, sealed: Buffer): Buffer | undefined {
  try {
    return openAt(record, baseNonce, header.readUInt32LE(4), header, sealed);
  } catch (cause) {
    if (cause instanceof SealError) return undefined;
    throw cause;
  }
}
