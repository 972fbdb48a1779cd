/**
 * Reads one segment: unwraps its key, checks header and chain, and gives record after record, each only after it has
 * authenticated. Never returns altered data: the first fault is a StoreError naming file and record.
 */
import { readRecords, RecordError, type ReadRecord } from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';
import type { KeyService } from '../keys/key-service.ts';
import { damaged, readSegmentBytes, readWrappedKey, type SegmentFile } from './segment-files.ts';
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

export interface OpenedSegment {
  readonly file: SegmentFile;
  readonly header: SegmentHeader;
  readonly bytes: Buffer;
  readonly keys: SegmentKeys;
}

/** How a segment ends. */
export interface SegmentEnd {
  readonly position: ChainPosition;
  readonly sealed: boolean;
  /** Bytes of header and whole records. */
  readonly wholeBytes: number;
  /** Bytes after them: the beginning of a record whose write was cut off, never acknowledged. */
  readonly tornBytes: number;
}

/** Opens a segment with the project's key. Throws the key's own error (KEY_DISABLED …) or STORE_DAMAGED. */
export async function openSegment(file: SegmentFile, projectId: string, service: KeyService): Promise<OpenedSegment> {
  const wrapped = await readWrappedKey(file);
  const bytes = await readSegmentBytes(file);
  const header = parseHeader(bytes);
  if (typeof header === 'string') throw damaged(file.path, -1, header);
  if (header.ordinal !== file.ordinal || header.segmentId.toString('hex') !== file.segmentId) {
    throw damaged(file.path, -1, 'name and header differ: it was renamed, or its header altered');
  }
  const keys = segmentKeys(await unwrap(file, wrapped, projectId, service), header.segmentId);
  if (!headerIsAuthentic(header, keys)) {
    wipe(keys);
    throw damaged(file.path, -1, 'the header was altered, or the key is another segment’s');
  }
  return { file, header, bytes, keys };
}

async function unwrap(file: SegmentFile, wrapped: Buffer, projectId: string, service: KeyService): Promise<Buffer> {
  try {
    return await service.decrypt(wrapped, segmentContext(projectId, Buffer.from(file.segmentId, 'hex')));
  } catch (error) {
    if (error instanceof KeyError && error.code === 'KEY_CIPHERTEXT') throw damaged(file.keyPath, -1, error.message, error);
    throw error;
  }
}

/** The records of an opened segment in order; the generator's return value says how it ends. */
export function* recordsOf(segment: OpenedSegment): Generator<ReadRecord, SegmentEnd> {
  const { bytes, file, header, keys } = segment;
  const records = readRecords(bytes, HEADER_BYTES, firstChain(header), keys, MAX_SEALED_BYTES);
  let sealed = false;
  try {
    for (let step = records.next(); ; step = records.next()) {
      if (step.done) {
        const end = step.value;
        if (end.records === 0) throw new RecordError(0, 'the first record is cut off');
        const position = { segmentId: header.segmentId, records: end.records, chain: end.chain };
        const tornBytes = bytes.length - end.wholeBytes;
        if (sealed && tornBytes > 0) throw new RecordError(end.records, 'bytes follow the seal');
        return { position, sealed, wholeBytes: end.wholeBytes, tornBytes };
      }
      const { number, type } = step.value;
      const inPlace = (type === RECORD.snapshot) === (number === 0) && type <= RECORD.seal && !sealed;
      if (!inPlace) throw new RecordError(number, 'a record of this type has no place here');
      sealed = type === RECORD.seal;
      yield step.value;
    }
  } catch (error) {
    if (error instanceof RecordError) throw damaged(file.path, error.record, error.message, error);
    throw error;
  }
}
