/**
 * Brings what one project's folder has closed to bucket and table, oldest first: key file, segment, row, in this order, and
 * only then gives up the local copy. Promises: a row means that key file and segment are there; a local copy is removed
 * only under a row, and the newest segment never, because the log goes on from it.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { RemoteError } from '../errors.ts';
import { listSegments, type SegmentFile } from '../store/segment-files.ts';
import { localSource } from '../store/segment-source.ts';
import { persist, type Patience } from './persist.ts';
import { objectKey, objectKeysOf, type Remote } from './remote.ts';
import type { Row } from './table.ts';
import { abortLeftovers, uploadFile } from './upload.ts';
import { ensureWriterId } from './writer-id.ts';

/** Tries of replacing a key file that others replace at the same time. */
const KEY_TRIES = 8;

export interface LogUpload {
  readonly remote: Remote;
  readonly projectId: string;
  /** The project's folder. */
  readonly directory: string;
  readonly patience: Patience;
  /** Leave local copies where they are. */
  readonly keep: boolean;
  readonly onUploaded: (bytes: number) => void;
}

/** One folder's way to the bucket; what is known of it is asked once. */
export class LogUploader {
  readonly #wish: LogUpload;
  #writerId: string | undefined;
  /** Segments that have their row: `<ordinal>-<segment id>`. */
  #known = new Set<string>();

  constructor(wish: LogUpload) {
    this.#wish = wish;
  }

  /**
   * Uploads each segment of `closed`, and gives up local copies of all with a row but the newest. REMOTE_CONFLICT when
   * another broker writes under this folder's name. Throws the last trouble when the patience ends.
   */
  async upload(closed: (file: SegmentFile, isLast: boolean) => boolean): Promise<void> {
    const files = await listSegments(this.#wish.directory);
    const [first] = files;
    if (!first) return;
    const wanted = files.filter((file, index) => closed(file, index === files.length - 1) && !this.#known.has(nameOf(file)));
    if (wanted.length === 0 && (this.#writerId === undefined || this.#wish.keep || files.length === 1)) return;
    this.#writerId ??= await this.#begin(first);
    for (const [index, file] of files.entries()) {
      const isLast = index === files.length - 1;
      if (wanted.includes(file) && !this.#known.has(nameOf(file))) await this.#uploadSegment(file, this.#writerId);
      if (this.#known.has(nameOf(file)) && !isLast && !this.#wish.keep) await localSource(this.#wish.directory).remove(file);
    }
  }

  /** How many segments of `closed` have no row yet, as far as is known. */
  async waiting(closed: (file: SegmentFile, isLast: boolean) => boolean): Promise<number> {
    const files = await listSegments(this.#wish.directory);
    return files.filter((file, index) => closed(file, index === files.length - 1) && !this.#known.has(nameOf(file))).length;
  }

  async #begin(first: SegmentFile): Promise<string> {
    const { remote, projectId, directory, patience } = this.#wish;
    const writerId = await ensureWriterId(directory, first);
    await persist(() => abortLeftovers(remote.bucket, objectKey(remote.address, projectId, writerId, '')), patience);
    this.#known = await persist(async () => {
      const rows = new Set<string>();
      for await (const row of remote.table.list(projectId, writerId)) rows.add(nameOf(row));
      return rows;
    }, patience);
    return writerId;
  }

  async #uploadSegment(file: SegmentFile, writerId: string): Promise<void> {
    const { remote, projectId, patience, onUploaded } = this.#wish;
    const keys = objectKeysOf(remote.address, projectId, writerId, file);
    const { size: bytes } = await stat(file.path);
    let keyFile = await readFile(file.keyPath);
    await persist(() => putKeyFile(remote, keys.key, keyFile), patience);
    await uploadFile(remote.bucket, keys.segment, file.path, patience);
    const row: Row = { projectId, writerId, ordinal: file.ordinal, segmentId: file.segmentId, bytes, rewritten: false };
    const other = await persist(() => remote.table.putNew(row), patience);
    if (other) {
      throw new RemoteError('REMOTE_CONFLICT', `${projectId}: another broker has stored segment ${file.ordinal} as writer ${writerId}: this store is a copy of that broker's; start it with an empty store, or stop the other`);
    }
    // Wrapped anew meanwhile: from the row on the bucket's key file is the one that counts.
    for (let now = await readFile(file.keyPath); !now.equals(keyFile); now = await readFile(file.keyPath)) {
      keyFile = now;
      await persist(() => putKeyFile(remote, keys.key, keyFile), patience);
    }
    this.#known.add(nameOf(file));
    onUploaded(bytes);
  }
}

function nameOf({ ordinal, segmentId }: Pick<Row, 'ordinal' | 'segmentId'>): string {
  return `${ordinal}-${segmentId}`;
}

/** Until a row says otherwise the local key file counts: one that a try before left may be from before a `rewrap`. */
async function putKeyFile(remote: Remote, key: string, bytes: Buffer): Promise<void> {
  for (let attempt = 0; attempt < KEY_TRIES; attempt++) {
    const there = await remote.bucket.get(key);
    if (there?.bytes.equals(bytes)) return;
    if (there) await remote.bucket.replace(key, bytes, there.etag);
    else await remote.bucket.putNew(key, bytes);
  }
  throw new RemoteError('REMOTE_UNREACHABLE', `${basename(key)} is being changed by somebody else`);
}
