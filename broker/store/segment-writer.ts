/**
 * Writes one new segment, from header to seal. Each process start begins a new one, so no nonce counter is ever read
 * back from disk and none can repeat. A failed write or sync is final: the writer refuses all that follows.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { sealRecordInParts, TAG_BYTES } from '../../certs/mod.ts';
import { StoreError } from '../errors.ts';
import type { KeyProvider } from '../keys/provider.ts';
import { writeFailure, writeWhole, type Disk } from './disk.ts';
import { LateLook } from './late-look.ts';
import { loopHasTime } from './leisure.ts';
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

/** Groups of up to so many bytes are looked into while they are synced: it takes no longer than that (docs/store-performance.md). */
const MAX_LOOK_BYTES = 64 * 2 ** 10;

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
  readonly #index = new IndexBuilder((bytes) => bytes <= MAX_LOOK_BYTES && loopHasTime());
  readonly #late: LateLook;
  #handle: number | undefined;
  #chain: Buffer;
  #records = 0;
  #bytes: number;
  #allocated = 0;

  private constructor(disk: Disk, file: SegmentFile, header: SegmentHeader, keys: SegmentKeys) {
    this.#disk = disk;
    this.file = file;
    this.#keys = keys;
    this.#late = new LateLook(file.path, keys, this.#index);
    this.#segmentId = header.segmentId;
    this.#chain = firstChain(header);
    this.#bytes = header.bytes.length;
  }

  /**
   * Makes key file and segment, each whole and synced before it has its name. Throws the key's own error, or
   * STORE_FAILED, and then leaves no segment behind, and no key if the disk still obeys.
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
      await takeBack(disk, file).catch(() => undefined); // the failure before it is the one that counts
      throw writeFailure(file.path, cause);
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
    this.#late.wake();
  }

  /**
   * Ends the segment for good with its index and its seal: nothing may follow. Length and index are on disk before the seal
   * is begun, so a seal ends its file whatever a power cut leaves, and never stands behind a torn index. For `lookMs` at most it looks into
   * what was not looked into yet.
   */
  async seal(lookMs = 0): Promise<void> {
    await this.#late.finish(lookMs);
    const indexOffset = this.#bytes;
    const index = this.#seal('index', this.#index.encode());
    const sealOffset = this.#bytes;
    const seal = this.#seal('seal', encodeSeal({ records: this.#records, indexOffset, chain: this.#chain }));
    assert.equal(this.#bytes - sealOffset, SEAL_RECORD_BYTES);
    await this.#guard(indexOffset, async (handle) => {
      await this.#disk.truncate(handle, this.#bytes);
      await this.#disk.write(handle, index, indexOffset);
      await this.#disk.datasync(handle);
    });
    await this.#guard(sealOffset, async (handle) => {
      await this.#disk.write(handle, seal, sealOffset);
      await this.#disk.datasync(handle);
    });
    await this.abandon();
  }

  /** Closes the file as it is and forgets the keys. What had to be on disk was synced before: nothing can fail. */
  async abandon(): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) return;
    this.#handle = undefined;
    this.#late.stop();
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
      throw writeFailure(this.file.path, cause);
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

/** The key goes last: without its segment it is in nobody's way, but a segment whose key is gone is damage. */
async function takeBack(disk: Disk, file: SegmentFile): Promise<void> {
  await disk.remove(file.path);
  await disk.syncDirectory(dirname(file.path));
  await disk.remove(file.keyPath);
}
