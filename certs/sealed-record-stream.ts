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

/** A fault counts when it is still there so many looks later: while a writer is at work, a look may come amid a write, or before one whose successors the next look sees. */
const LOOKS_AGAIN = 3;

/** As `readRecords` for a whole file, which may be written meanwhile. Throws what `file.read` throws, and RecordError. */
export async function* streamRecords(file: RecordFile, from: number, firstChain: Buffer, keys: RecordKeys, maxSealedBytes: number): AsyncGenerator<ReadRecord, RecordsEnd> {
  let end: RecordsEnd = { records: 0, chain: firstChain, wholeBytes: from };
  for (let wanted = PIECE_BYTES, looks = 0; ; ) {
    const before = end.wholeBytes;
    const base = before - (before % SECTOR_BYTES);
    const asked = Math.min(file.size - base, wanted + SECTOR_BYTES);
    const piece = await file.read(base, asked);
    let fault: RecordError | undefined;
    try {
      for (const record of readPiece(piece, before - base, end.chain, keys, maxSealedBytes, end.records)) {
        end = { records: record.number + 1, chain: record.chain, wholeBytes: base + record.end };
        yield { ...record, offset: base + record.offset, end: end.wholeBytes };
      }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      fault = error;
    }
    if (end.wholeBytes > before) looks = 0;
    const rest = piece.subarray(end.wholeBytes - base);
    // The piece may have ended before this record did, or before what tells whether it was cut off.
    const needed = rest.length < RECORD_HEADER_BYTES ? PIECE_BYTES : bytesToJudge(rest);
    const isAll = base + asked >= file.size || piece.length < asked || needed === undefined || (end.wholeBytes === before && needed <= wanted);
    if (!fault && isAll) {
      if (!(await othersFollow(file, end))) return end;
      fault = new RecordError(end.records, 'the record was altered: others follow it');
    }
    if (fault && ++looks > LOOKS_AGAIN) throw fault;
    if (!fault) wanted = Math.max(PIECE_BYTES, Math.min(needed!, maxSealedBytes + 3 * RECORD_HEADER_BYTES));
  }
}

/** Whether there is another record after the last whole one and what stands in its successor's place. */
async function othersFollow(file: RecordFile, end: RecordsEnd): Promise<boolean> {
  for (let at = end.wholeBytes; at < file.size; at += PIECE_BYTES) {
    const piece = await file.read(at, Math.min(file.size - at, PIECE_BYTES + RECORD_HEADER_BYTES));
    if (hasLaterRecord(piece, 0, end.records)) return true;
  }
  return false;
}
