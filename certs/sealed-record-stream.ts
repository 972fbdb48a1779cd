/** Reads a log of sealed records piece by piece, so that a file of any length takes the memory of a piece, or of its longest record. */
import { RecordError } from './errors.ts';
import { bytesToJudge, hasLaterRecord, readPiece, RECORD_HEADER_BYTES, SECTOR_BYTES, type ReadRecord, type RecordKeys, type RecordsEnd } from './sealed-record.ts';

/** What is read at once: many times a usual record. */
const PIECE_BYTES = 4 * 2 ** 20;

/** A file of `size` bytes; `read` gives fewer than `length` only where it ends. */
export interface RecordFile {
  readonly size: number;
  read(offset: number, length: number): Promise<Buffer>;
}

/** As `readRecords` for a whole file. Throws what `file.read` throws, and RecordError. */
export async function* streamRecords(file: RecordFile, from: number, firstChain: Buffer, keys: RecordKeys, maxSealedBytes: number): AsyncGenerator<ReadRecord, RecordsEnd> {
  let end: RecordsEnd = { records: 0, chain: firstChain, wholeBytes: from };
  for (let wanted = PIECE_BYTES; ; ) {
    const base = end.wholeBytes - (end.wholeBytes % SECTOR_BYTES);
    const asked = Math.min(file.size - base, wanted + SECTOR_BYTES);
    const piece = await file.read(base, asked);
    const records = readPiece(piece, end.wholeBytes - base, end.chain, keys, maxSealedBytes, end.records);
    let step = records.next();
    for (; !step.done; step = records.next()) yield { ...step.value, offset: base + step.value.offset };
    const before = end.wholeBytes;
    end = { ...step.value, wholeBytes: base + step.value.wholeBytes };
    if (base + asked >= file.size || piece.length < asked) return judged(file, end);
    // The piece ended before this record did, or before what tells whether it was cut off.
    const rest = piece.subarray(end.wholeBytes - base);
    const needed = rest.length < RECORD_HEADER_BYTES ? PIECE_BYTES : bytesToJudge(rest);
    if (needed === undefined || (end.wholeBytes === before && needed <= wanted)) return judged(file, end);
    wanted = Math.max(PIECE_BYTES, Math.min(needed, maxSealedBytes + 3 * RECORD_HEADER_BYTES));
  }
}

/** What comes after the last whole record must not have another one. */
async function judged(file: RecordFile, end: RecordsEnd): Promise<RecordsEnd> {
  for (let at = end.wholeBytes; at < file.size; at += PIECE_BYTES) {
    const piece = await file.read(at, Math.min(file.size - at, PIECE_BYTES + RECORD_HEADER_BYTES));
    if (hasLaterRecord(piece, 0, end.records)) throw new RecordError(end.records, 'the record was altered: others follow it');
  }
  return end;
}
