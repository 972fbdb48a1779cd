/**
 * Writes one new segment, from header to seal, step by step on a disk: the part of the writer that runs where it may
 * wait. A failed write or sync is final: nothing can be appended after it. Each process start begins a new segment, so
 * no nonce counter is ever read back from disk and none can repeat.
 */
import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { sealRecordInParts, TAG_BYTES, type RecordKeys } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import { writeFailure, writeWhole, type Disk } from './disk.ts';
import { encodeSeal, MAX_SEALED_BYTES, RECORD, SEAL_RECORD_BYTES, type ChainPosition, type RecordType } from './segment-format.ts';
import { IndexBuilder } from './segment-index.ts';

/** The file is made longer by so much at a time: a sync that need not write down a new length takes half the time. */
const GROW_BYTES = 8 * 2 ** 20;

/** A segment to begin: everything is made already but the files. */
export interface NewSegment {
  readonly path: string;
  readonly keyPath: string;
  readonly keyFile: Uint8Array;
  readonly header: Uint8Array;
  readonly firstChain: Uint8Array;
  readonly segmentId: Uint8Array;
  readonly recordKey: Uint8Array;
  readonly baseNonce: Uint8Array;
  /** What record 0 holds: the batches stored so far. */
  readonly snapshot: Uint8Array;
}

export class SegmentAppender {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #segmentId: Buffer;
  readonly #keys: RecordKeys;
  readonly #index: IndexBuilder;
  #handle: number | undefined;
  #chain: Buffer;
  #records = 0;
  #bytes: number;
  #allocated = 0;

  private constructor(disk: Disk, wish: NewSegment, mayLook: (bytes: number) => boolean) {
    this.#disk = disk;
    this.#path = wish.path;
    this.#segmentId = Buffer.from(wish.segmentId);
    this.#keys = { record: Buffer.from(wish.recordKey), baseNonce: Buffer.from(wish.baseNonce) };
    this.#index = new IndexBuilder(mayLook);
    this.#chain = Buffer.from(wish.firstChain);
    this.#bytes = wish.header.length;
  }

  /**
   * Makes key file and segment, each whole and synced before it has its name. Throws STORE_FAILED, and then leaves
   * no segment behind, and no key if the disk still obeys. `mayLook`: see IndexBuilder.
   */
  static begin(disk: Disk, wish: NewSegment, mayLook: (bytes: number) => boolean): SegmentAppender {
    const appender = new SegmentAppender(disk, wish, mayLook);
    try {
      writeWhole(disk, wish.keyPath, [wish.keyFile]);
      const first = appender.#seal('snapshot', Buffer.from(wish.snapshot));
      writeWhole(disk, wish.path, [wish.header, ...first]);
      appender.#allocated = appender.#bytes;
      appender.#handle = disk.open(wish.path);
    } catch (cause) {
      appender.#forget();
      attempt(() => {
        // The key goes last: without its segment it is in nobody's way, but a segment whose key is gone is damage.
        disk.remove(wish.path);
        disk.syncDirectory(dirname(wish.path));
        disk.remove(wish.keyPath);
      });
      throw writeFailure(wish.path, cause);
    }
    return appender;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get position(): ChainPosition {
    return { segmentId: this.#segmentId, records: this.#records, chain: this.#chain };
  }

  /** Seals a group as the next record, writes it, and returns once it is on disk. */
  append(group: Buffer): void {
    const at = this.#bytes;
    const record = this.#records;
    this.#write(this.#seal('group', group), at);
    this.#index.add(record, at, this.#bytes - at, group);
  }

  /**
   * Ends the segment for good with its index and its seal: nothing may follow. Length and index are on disk before the seal
   * is begun, so a seal ends its file whatever a power cut leaves, and never stands behind a torn index.
   */
  seal(): void {
    const indexOffset = this.#bytes;
    const index = this.#seal('index', this.#index.encode());
    const sealOffset = this.#bytes;
    const seal = this.#seal('seal', encodeSeal({ records: this.#records, indexOffset, chain: this.#chain }));
    assert.equal(this.#bytes - sealOffset, SEAL_RECORD_BYTES);
    this.#guard(indexOffset, (handle) => {
      this.#disk.truncate(handle, this.#bytes);
      this.#disk.write(handle, index, indexOffset);
      this.#disk.datasync(handle);
    });
    this.#guard(sealOffset, (handle) => {
      this.#disk.write(handle, seal, sealOffset);
      this.#disk.datasync(handle);
    });
    this.abandon();
  }

  /** Closes the file as it is and forgets the keys. What had to be on disk was synced before: nothing can fail. */
  abandon(): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#forget();
    attempt(() => this.#disk.close(handle));
  }

  #forget(): void {
    this.#handle = undefined;
    this.#keys.record.fill(0);
    this.#keys.baseNonce.fill(0);
  }

  #write(parts: readonly Uint8Array[], at: number): void {
    this.#guard(at, (handle) => {
      if (this.#bytes > this.#allocated) {
        this.#allocated = this.#bytes + GROW_BYTES;
        this.#disk.truncate(handle, this.#allocated);
      }
      this.#disk.write(handle, parts, at);
      this.#disk.datasync(handle);
    });
  }

  /**
   * After a failed sync the system may have dropped the pages and call them clean: trying again would lie, and so would a
   * later start that finds the record in the cache.
   */
  #guard(before: number, work: (handle: number) => void): void {
    const handle = this.#handle;
    if (handle === undefined) throw new StoreError('STORE_CLOSED', 'the segment is closed');
    try {
      work(handle);
    } catch (cause) {
      attempt(() => this.#disk.truncate(handle, before));
      this.abandon();
      throw writeFailure(this.#path, cause);
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

/** For what is done on the way out of a failure, which is what will be told. */
function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // the failure before it is the one that counts
  }
}
