/**
 * Reads one segment: unwraps its key, checks header and chain, and gives record after record, each only after it has
 * authenticated. Never returns altered data: the first fault is a StoreError naming file and record.
 */
import { isDeepStrictEqual } from 'node:util';
import { readRecords, RecordError, type ReadRecord } from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { damaged, readKeyFile, readSegmentBytes, type SegmentFile, type WrappedKey } from './segment-files.ts';
import {
  firstChain,
  HEADER_BYTES,
  headerIsAuthentic,
  MAX_SEALED_BYTES,
  parseHeader,
  RECORD,
  segmentContext,
  segmentKeys,
  wipe,
  type ChainPosition,
  type SegmentHeader,
  type SegmentKeys,
} from './segment-format.ts';

/** How long a segment is read with its keys before the key service is asked again: a disabled key bites in long reads too. */
const CONFIRM_MS = 500;
const ZEROS = Buffer.alloc(64 * 1024);

export interface OpenedSegment {
  readonly file: SegmentFile;
  readonly header: SegmentHeader;
  readonly bytes: Buffer;
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

/** Opens a segment with the project's key. Throws the key's own error (KEY_DISABLED …) or STORE_DAMAGED. */
export async function openSegment(file: SegmentFile, projectId: string, service: KeyProvider): Promise<OpenedSegment> {
  const wrapped = await readKeyFile(file);
  const bytes = await readSegmentBytes(file);
  const header = parseHeader(bytes);
  if (typeof header === 'string') throw damaged(file.path, -1, header);
  if (header.ordinal !== file.ordinal || header.segmentId.toString('hex') !== file.segmentId) {
    throw damaged(file.path, -1, 'name and header differ: it was renamed, or its header altered');
  }
  let askedMs = performance.now();
  const keys = segmentKeys(await unwrap(file, wrapped, projectId, service), header.segmentId);
  if (!headerIsAuthentic(header, keys)) {
    wipe(keys);
    throw damaged(file.path, -1, 'the header was altered, or the key is another segment’s');
  }
  const confirm = async (): Promise<void> => {
    const nowMs = performance.now();
    if (nowMs - askedMs < CONFIRM_MS) return;
    (await unwrap(file, wrapped, projectId, service)).fill(0);
    askedMs = nowMs;
  };
  return { file, header, bytes, keys, confirm };
}

/** What the file says it is bound to must be what it has to be bound to here. */
async function unwrap(file: SegmentFile, { keyId, wrapped, context }: WrappedKey, projectId: string, service: KeyProvider): Promise<Buffer> {
  const expected = segmentContext(projectId, Buffer.from(file.segmentId, 'hex'), context['thrum:customer']); // whoever that is, the key service vouches for it
  if (!isDeepStrictEqual(context, expected)) throw damaged(file.keyPath, -1, 'it is another segment’s, or another project’s');
  try {
    return await service.decrypt(wrapped, expected, keyId);
  } catch (error) {
    if (error instanceof KeyError && error.code === 'KEY_CIPHERTEXT') throw damaged(file.keyPath, -1, error.message, error);
    throw error;
  }
}

/** The records of an opened segment in order; the generator's return value says how it ends. */
export function* recordsOf(segment: OpenedSegment): Generator<ReadRecord, SegmentEnd> {
  const { bytes, file, header, keys } = segment;
  const records = readRecords(bytes, HEADER_BYTES, firstChain(header), keys, MAX_SEALED_BYTES);
  let indexed = false;
  let sealed = false;
  try {
    for (let step = records.next(); ; step = records.next()) {
      if (step.done) {
        const end = step.value;
        if (end.records === 0) throw new RecordError(0, 'the first record is cut off');
        const position = { segmentId: header.segmentId, records: end.records, chain: end.chain };
        if (sealed && bytes.length > end.wholeBytes) throw new RecordError(end.records, 'bytes follow the seal');
        return { position, sealed, wholeBytes: end.wholeBytes, tornBytes: lengthWithoutZeros(bytes, end.wholeBytes) - end.wholeBytes };
      }
      const { number, type } = step.value;
      const inPlace = (type === RECORD.snapshot) === (number === 0) && (type === RECORD.seal) === indexed && type <= RECORD.seal && !sealed;
      if (!inPlace) throw new RecordError(number, 'a record of this type has no place here');
      indexed = type === RECORD.index;
      sealed = type === RECORD.seal;
      yield step.value;
    }
  } catch (error) {
    if (error instanceof RecordError) throw damaged(file.path, error.record, error.message, error);
    throw error;
  }
}

/** Length of `bytes` without the zeros at its end, not looking before `from`: what a writer has not filled yet. */
function lengthWithoutZeros(bytes: Buffer, from: number): number {
  let end = bytes.length;
  while (end - ZEROS.length >= from && bytes.compare(ZEROS, 0, ZEROS.length, end - ZEROS.length, end) === 0) end -= ZEROS.length;
  while (end > from && bytes[end - 1] === 0) end -= 1;
  return end;
}
