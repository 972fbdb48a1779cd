/**
 * Reads one segment: unwraps its key, checks header and chain, and gives record after record, each only after it has
 * authenticated. Never returns altered data: the first fault is a StoreError naming file and record. Holds a piece of the
 * file at a time.
 */
import { isDeepStrictEqual } from 'node:util';
import { openRecord, RecordError, streamRecords, type OpenedRecord, type ReadRecord } from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';
import type { EncryptionContext } from '../keys/ciphertext.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { damaged, MAX_SEGMENT_BYTES, type SegmentFile, type WrappedKey } from './segment-files.ts';
import {
  decodeSeal,
  firstChain,
  HEADER_BYTES,
  headerIsAuthentic,
  MAX_SEALED_BYTES,
  parseHeader,
  RECORD,
  SEAL_RECORD_BYTES,
  segmentContext,
  segmentKeys,
  wipe,
  type ChainPosition,
  type SegmentHeader,
  type SegmentKeys,
} from './segment-format.ts';
import { decodeIndex, type IndexPart, type SegmentIndex } from './segment-index.ts';
import type { SegmentSource } from './segment-source.ts';

/** How long a segment is read with its keys before the key service is asked again: a disabled key bites in long reads too. */
const CONFIRM_MS = 500;
/** Zeros after the last record are looked for in pieces of so many bytes. */
const PIECE_BYTES = 2 ** 20;
const ZEROS = Buffer.alloc(PIECE_BYTES);

export interface OpenedSegment {
  readonly source: SegmentSource;
  readonly file: SegmentFile;
  readonly header: SegmentHeader;
  readonly bytes: number;
  readonly keys: SegmentKeys;
  /** Asks the key service whether the data key may still be had, unless it was asked a moment ago; throws its refusal. */
  readonly confirm: () => Promise<void>;
}

/** How a segment ends. */
export interface SegmentEnd {
  readonly position: ChainPosition;
  readonly sealed: boolean;
  /** Bytes of header and whole records. */
  readonly wholeBytes: number;
  /** Bytes after them, but for zeros at the end: of a record whose write was cut off, never acknowledged. */
  readonly tornBytes: number;
}

/** What the seal tells without anything before it being read. */
export interface SealedEnd {
  readonly position: ChainPosition;
  readonly index: SegmentIndex;
}

/** Opens a segment with the project's key. Throws the key's own error (KEY_DISABLED …) or STORE_DAMAGED. */
export async function openSegment(source: SegmentSource, file: SegmentFile, projectId: string, service: KeyProvider): Promise<OpenedSegment> {
  const wrapped = await source.readKeyFile(file);
  const bytes = await source.size(file);
  if (bytes > MAX_SEGMENT_BYTES) throw damaged(file.path, -1, `it is longer (${bytes} B) than a segment can be`);
  const header = parseHeader(await source.read(file, 0, HEADER_BYTES));
  if (typeof header === 'string') throw damaged(file.path, -1, header);
  if (header.ordinal !== file.ordinal || header.segmentId.toString('hex') !== file.segmentId) {
    throw damaged(file.path, -1, 'name and header differ: it was renamed, or its header altered');
  }
  let askedMs = performance.now();
  const keys = segmentKeys(await unwrapDataKey(file, wrapped, projectId, service), header.segmentId);
  if (!headerIsAuthentic(header, keys)) {
    wipe(keys);
    throw damaged(file.path, -1, 'the header was altered, or the key is another segment’s');
  }
  const confirm = async (): Promise<void> => {
    const nowMs = performance.now();
    if (nowMs - askedMs < CONFIRM_MS) return;
    (await unwrapDataKey(file, wrapped, projectId, service)).fill(0);
    askedMs = nowMs;
  };
  return { source, file, header, bytes, keys, confirm };
}

/** The encryption context of a segment's key file; STORE_DAMAGED when it is not that of this segment. Whose customer it is, the key service vouches for. */
export function expectedContext(file: SegmentFile, { context }: WrappedKey, projectId: string): EncryptionContext {
  const expected = segmentContext(projectId, Buffer.from(file.segmentId, 'hex'), context['thrum:customer']);
  if (!isDeepStrictEqual(context, expected)) throw damaged(file.keyPath, -1, 'it is another segment’s, or another project’s');
  return expected;
}

/** What the file says it is bound to must be what it has to be bound to here. */
export async function unwrapDataKey(file: SegmentFile, key: WrappedKey, projectId: string, service: KeyProvider): Promise<Buffer> {
  const expected = expectedContext(file, key, projectId);
  try {
    return await service.decrypt(key.wrapped, expected, key.keyId);
  } catch (error) {
    if (error instanceof KeyError && error.code === 'KEY_CIPHERTEXT') throw damaged(file.keyPath, -1, error.message, error);
    throw error;
  }
}

/** The records of an opened segment in order; the generator's return value says how it ends. */
export async function* recordsOf(segment: OpenedSegment): AsyncGenerator<ReadRecord, SegmentEnd> {
  const { bytes, file, source, header, keys } = segment;
  const bytesOf = { size: bytes, read: (offset: number, length: number) => source.read(file, offset, length) };
  const records = streamRecords(bytesOf, HEADER_BYTES, firstChain(header), keys, MAX_SEALED_BYTES);
  let indexed = false;
  let sealed = false;
  try {
    for (let step = await records.next(); ; step = await records.next()) {
      if (step.done) {
        const end = step.value;
        if (end.records === 0) throw new RecordError(0, 'the first record is cut off');
        const position = { segmentId: header.segmentId, records: end.records, chain: end.chain };
        if (sealed && bytes > end.wholeBytes) throw new RecordError(end.records, 'bytes follow the seal');
        return { position, sealed, wholeBytes: end.wholeBytes, tornBytes: (await lengthWithoutZeros(segment, end.wholeBytes)) - end.wholeBytes };
      }
      const { number, type } = step.value;
      const inPlace = (type === RECORD.snapshot) === (number === 0) && (type === RECORD.seal) === indexed && type <= RECORD.seal && !sealed;
      if (!inPlace) throw new RecordError(number, 'a record of this type has no place here');
      indexed = type === RECORD.index;
      sealed = type === RECORD.seal;
      yield step.value;
    }
  } catch (error) {
    throw inFile(file, error);
  }
}

/** Length of a segment without the zeros at its end, not looking before `from`: what a writer has not filled yet. */
async function lengthWithoutZeros({ source, file, bytes }: OpenedSegment, from: number): Promise<number> {
  for (let end = bytes; end > from; ) {
    const start = Math.max(from, end - PIECE_BYTES);
    const piece = await source.read(file, start, end - start);
    if (!piece.equals(ZEROS.subarray(0, piece.length))) return start + piece.findLastIndex((byte) => byte !== 0) + 1;
    end = start;
  }
  return from;
}

/** Index and end of a sealed segment, without what is before them; undefined when it has no seal. STORE_DAMAGED when seal and index contradict each other. */
export async function readSeal(segment: OpenedSegment): Promise<SealedEnd | undefined> {
  const { source, file, bytes, header, keys } = segment;
  if (bytes < HEADER_BYTES + SEAL_RECORD_BYTES) return undefined;
  const offset = bytes - SEAL_RECORD_BYTES;
  const last = await source.read(file, offset, SEAL_RECORD_BYTES);
  if (last.length < SEAL_RECORD_BYTES) return undefined;
  const number = last.readUInt32LE(4);
  const opened = openOrUndefined(() => openRecord(last, number, keys, Buffer.alloc(32)));
  if (opened?.type !== RECORD.seal) return undefined; // open, cut off, or altered: who reads it whole is told
  try {
    const seal = decodeSeal(opened.plaintext);
    if (seal.records !== number || seal.indexOffset < HEADER_BYTES || seal.indexOffset >= offset) throw new RecordError(number, 'the seal contradicts itself');
    const record = openRecord(await source.read(file, seal.indexOffset, offset - seal.indexOffset), number - 1, keys, seal.chain);
    if (record.type !== RECORD.index || record.bytes !== offset - seal.indexOffset) throw new RecordError(number - 1, 'a record of this type has no place here');
    const { chain } = openRecord(last, number, keys, seal.chain);
    return { position: { segmentId: header.segmentId, records: number + 1, chain }, index: decodeIndex(record.plaintext) };
  } catch (error) {
    throw inFile(file, error);
  }
}

/** The commit groups of one part of a sealed segment. */
export async function* groupsOf(segment: OpenedSegment, part: IndexPart): AsyncGenerator<Pick<ReadRecord, 'number' | 'plaintext'>> {
  const { source, file, keys } = segment;
  const bytes = await source.read(file, part.offset, part.bytes);
  try {
    for (let at = 0, number = part.record; at < part.bytes; number++) {
      const record = openRecord(bytes.subarray(at), number, keys, Buffer.alloc(32));
      if (record.type !== RECORD.group) throw new RecordError(number, 'a record of this type has no place here');
      yield { number, plaintext: record.plaintext };
      at += record.bytes;
    }
  } catch (error) {
    throw inFile(file, error);
  }
}

function openOrUndefined(work: () => OpenedRecord): OpenedRecord | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof RecordError) return undefined;
    throw error;
  }
}

function inFile(file: SegmentFile, error: unknown): unknown {
  return error instanceof RecordError ? damaged(file.path, error.record, error.message, error) : error;
}
