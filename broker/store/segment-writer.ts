/**
 * Writes one new segment, from header to seal. Each process start begins a new one, so no nonce counter is ever read
 * back from disk and none can repeat. A failed write or sync is final: the writer refuses all that follows.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { sealRecordInParts, TAG_BYTES } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { writeWhole, type Disk } from './disk.ts';
import { keyFileBytes, segmentFile, type SegmentFile } from './segment-files.ts';
import {
  buildHeader,
  encodeSeal,
  firstChain,
  MAX_SEALED_BYTES,
  RECORD,
  SEAL_RECORD_BYTES,
  segmentContext,
  segmentKeys,
  wipe,
  type ChainPosition,
  type RecordType,
  type SegmentHeader,
  type SegmentKeys,
} from './segment-format.ts';
import { IndexBuilder } from './segment-index.ts';

/** The file is made longer by so much at a time: a sync that need not write down a new length takes half the time. */
const GROW_BYTES = 8 * 2 ** 20;

export interface NewSegment {
  readonly directory: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly customerId: string | undefined;
  readonly ordinal: number;
  readonly previous: ChainPosition;
  /** What record 0 holds: the batches stored so far. */
  readonly snapshot: Buffer;
}

export class SegmentWriter {
  readonly file: SegmentFile;
  readonly #disk: Disk;
  readonly #keys: SegmentKeys;
  readonly #segmentId: Buffer;
  readonly #index = new IndexBuilder();
  #handle: number | undefined;
  #chain: Buffer;
  #records = 0;
  #bytes: number;
  #allocated = 0;

  private constructor(disk: Disk, file: SegmentFile, header: SegmentHeader, keys: SegmentKeys) {
    this.#disk = disk;
    this.file = file;
    this.#keys = keys;
    this.#segmentId = header.segmentId;
    this.#chain = firstChain(header);
    this.#bytes = header.bytes.length;
  }

  /**
   * Makes key file and segment, each whole and synced before it has its name. Throws the key's own error, or
   * STORE_FAILED, and then leaves neither behind.
   */
  static async create(disk: Disk, wish: NewSegment, service: KeyProvider): Promise<SegmentWriter> {
    const segmentId = randomBytes(16);
    const file = segmentFile(wish.directory, wish.ordinal, segmentId.toString('hex'));
    const context = segmentContext(wish.projectId, segmentId, wish.customerId);
    const { plaintext, wrapped, keyId } = await service.generateDataKey(wish.keyId, context);
    const keys = segmentKeys(plaintext, segmentId);
    const header = buildHeader(segmentId, wish.ordinal, wish.previous, keys);
    const writer = new SegmentWriter(disk, file, header, keys);
    try {
      await writeWhole(disk, file.keyPath, [keyFileBytes({ keyId, context, wrapped })]);
      await writeWhole(disk, file.path, [header.bytes, ...writer.#seal('snapshot', wish.snapshot)]);
      writer.#allocated = writer.#bytes;
      writer.#handle = await disk.open(file.path);
    } catch (cause) {
      wipe(keys);
      for (const path of [file.path, file.keyPath]) await disk.remove(path).catch(() => undefined);
      throw failed(file, cause);
    }
    return writer;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get position(): ChainPosition {
    return { segmentId: this.#segmentId, records: this.#records, chain: this.#chain };
  }

  /** Seals a group as the next record, writes it, and returns once it is on disk. */
  async append(group: Buffer): Promise<void> {
    const at = this.#bytes;
    const record = this.#records;
    const parts = this.#seal('group', group);
    await this.#guard(at, async (handle) => {
      if (this.#bytes > this.#allocated) {
        this.#allocated = this.#bytes + GROW_BYTES;
        await this.#disk.truncate(handle, this.#allocated);
      }
      const written = this.#disk.write(handle, parts, at);
      this.#index.add(record, at, this.#bytes - at, group); // while the system is busy
      await written;
      await this.#disk.datasync(handle);
    });
  }

  /** Ends the segment for good with its index and its seal: nothing may follow. */
  async seal(): Promise<void> {
    const indexOffset = this.#bytes;
    const index = this.#seal('index', this.#index.encode());
    const seal = this.#seal('seal', encodeSeal({ records: this.#records, indexOffset, chain: this.#chain }));
    assert.equal(seal.reduce((sum, part) => sum + part.length, 0), SEAL_RECORD_BYTES);
    await this.#guard(indexOffset, async (handle) => {
      await this.#disk.truncate(handle, this.#bytes);
      await this.#disk.write(handle, [...index, ...seal], indexOffset);
      await this.#disk.datasync(handle);
    });
    await this.abandon();
  }

  /** Closes the file as it is and forgets the keys. What had to be on disk was synced before: nothing can fail. */
  async abandon(): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#handle = undefined;
    wipe(this.#keys);
    await this.#disk.close(handle).catch(() => undefined);
  }

  /**
   * After a failed sync the system may have dropped the pages and call them clean: trying again would lie, and so would a
   * later start that finds the record in the cache.
   */
  async #guard(before: number, work: (handle: number) => Promise<void>): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) throw new StoreError('STORE_CLOSED', 'the segment is closed');
    try {
      await work(handle);
    } catch (cause) {
      await this.#disk.truncate(handle, before).catch(() => undefined);
      await this.abandon();
      throw failed(this.file, cause);
    }
  }

  /** A record that could not be read again must not be written. */
  #seal(type: RecordType, plaintext: Buffer): readonly Buffer[] {
    assert(plaintext.length + TAG_BYTES <= MAX_SEALED_BYTES, 'a record is within its limit');
    const { parts, bytes, chain } = sealRecordInParts(RECORD[type], this.#records, this.#chain, this.#keys, plaintext);
    this.#chain = chain;
    this.#records += 1;
    this.#bytes += bytes;
    return parts;
  }
}

function failed(file: SegmentFile, cause: unknown): StoreError {
  return new StoreError('STORE_FAILED', `cannot write ${file.path}: ${reason(cause)}`, { cause });
}

function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return 'the disk is full: free some space and start again; nothing acknowledged is lost';
  if (code === 'EDQUOT') return 'the disk quota is used up: raise it and start again; nothing acknowledged is lost';
  return error instanceof Error ? error.message : String(error);
}
