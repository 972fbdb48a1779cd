/**
 * Writes one new segment, from header to seal. Each process start begins a new one, so no nonce counter is ever read
 * back from disk and none can repeat. A failed write or sync is final: the writer refuses all that follows.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { CertsError, sealRecord, TAG_BYTES, writePrivateFile, type SealedRecord } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import type { KeyService } from '../keys/key-service.ts';
import { segmentFile, writeWrappedKey, type SegmentFile } from './segment-files.ts';
import {
  buildHeader,
  firstChain,
  MAX_SEALED_BYTES,
  RECORD,
  segmentContext,
  segmentKeys,
  wipe,
  type ChainPosition,
  type SegmentKeys,
} from './segment-format.ts';

export interface NewSegment {
  readonly directory: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly ordinal: number;
  readonly previous: ChainPosition;
  /** What record 0 holds: the batches stored so far. */
  readonly snapshot: Buffer;
}

export class SegmentWriter {
  readonly file: SegmentFile;
  readonly #handle: FileHandle;
  readonly #keys: SegmentKeys;
  readonly #segmentId: Buffer;
  #chain: Buffer;
  #records: number;
  #bytes: number;
  #ended = false;

  private constructor(file: SegmentFile, handle: FileHandle, keys: SegmentKeys, position: ChainPosition, bytes: number) {
    this.file = file;
    this.#handle = handle;
    this.#keys = keys;
    this.#segmentId = position.segmentId;
    this.#chain = position.chain;
    this.#records = position.records;
    this.#bytes = bytes;
  }

  /**
   * Makes key file and segment, each whole and synced before it has its name. Throws the key's own error, or
   * STORE_FAILED, and then leaves neither behind.
   */
  static async create(wish: NewSegment, service: KeyService): Promise<SegmentWriter> {
    const segmentId = randomBytes(16);
    const file = segmentFile(wish.directory, wish.ordinal, segmentId.toString('hex'));
    const { plaintext, wrapped } = await service.generateDataKey(wish.keyId, segmentContext(wish.projectId, segmentId));
    const keys = segmentKeys(plaintext, segmentId);
    const header = buildHeader(segmentId, wish.ordinal, wish.previous, keys);
    const first = seal('snapshot', 0, firstChain(header), keys, wish.snapshot);
    const bytes = Buffer.concat([header.bytes, first.header, first.sealed]);
    try {
      await writeWrappedKey(file, wrapped);
      await writePrivateFile(file.path, bytes);
      const handle = await open(file.path, 'a');
      return new SegmentWriter(file, handle, keys, { segmentId, records: 1, chain: first.chain }, bytes.length);
    } catch (cause) {
      wipe(keys);
      for (const path of [file.path, file.keyPath]) await rm(path, { force: true }).catch(() => undefined);
      throw failed(file, cause);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  get position(): ChainPosition {
    return { segmentId: this.#segmentId, records: this.#records, chain: this.#chain };
  }

  /** Seals `plaintext` as the next record, writes it, and returns once it is on disk. */
  async append(type: keyof typeof RECORD, plaintext: Buffer): Promise<void> {
    if (this.#ended) throw new StoreError('STORE_CLOSED', 'the segment is closed');
    const record = seal(type, this.#records, this.#chain, this.#keys, plaintext);
    try {
      await writeFully(this.#handle, Buffer.concat([record.header, record.sealed]));
      await this.#handle.datasync();
    } catch (cause) {
      // After a failed sync the system may have dropped the pages and call them clean: trying again would lie, and so
      // would a later start that finds the record in the cache.
      await this.#handle.truncate(this.#bytes).catch(() => undefined);
      await this.abandon();
      throw failed(this.file, cause);
    }
    this.#chain = record.chain;
    this.#records += 1;
    this.#bytes += record.header.length + record.sealed.length;
  }

  /** Ends the segment for good: nothing may follow its seal. */
  async seal(): Promise<void> {
    await this.append('seal', Buffer.from(JSON.stringify({ records: this.#records })));
    await this.abandon();
  }

  /** Closes the file as it is and forgets the keys. What had to be on disk was synced before: nothing can fail. */
  async abandon(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    wipe(this.#keys);
    await this.#handle.close().catch(() => undefined);
  }
}

async function writeFully(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
}

/** A record that could not be read again must not be written. */
function seal(type: keyof typeof RECORD, number: number, chain: Buffer, keys: SegmentKeys, plaintext: Buffer): SealedRecord {
  assert(plaintext.length + TAG_BYTES <= MAX_SEALED_BYTES, 'a record is within its limit');
  return sealRecord(RECORD[type], number, chain, keys, plaintext);
}

function failed(file: SegmentFile, cause: unknown): StoreError {
  return new StoreError('STORE_FAILED', `cannot write ${file.path}: ${reason(cause)}`, { cause });
}

function reason(error: unknown): string {
  const { code } = (error instanceof CertsError ? error.cause : error) as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return 'the disk is full: free some space and start again; nothing acknowledged is lost';
  if (code === 'EDQUOT') return 'the disk quota is used up: raise it and start again; nothing acknowledged is lost';
  return error instanceof Error ? error.message : String(error);
}
