/**
 * One writer's log in bucket and table, as all that reads, checks and rewrites segments sees it. The table says which
 * segments there are; a segment that took another's place of the same ordinal has a row of its own kind beside it.
 * Promises: a row is written last and removed last; key files and lists are replaced only as they were read.
 */
import { parseKeyFile, keyFileBytes, damaged, type SegmentFile, type WrappedKey } from '../store/segment-files.ts';
import type { SegmentSource } from '../store/segment-source.ts';
import { RemoteError } from '../errors.ts';
import { urlOf } from './address.ts';
import { persist, READ_TRIES, type Patience } from './persist.ts';
import { readAhead } from './read-ahead.ts';
import { objectKey, objectKeysOf, remoteFile, type Remote } from './remote.ts';
import type { Row } from './table.ts';
import { uploadStream } from './upload-stream.ts';

/** Tries of replacing an object that others replace at the same time. */
const REPLACE_TRIES = 8;

export interface RemoteLog {
  readonly remote: Remote;
  readonly projectId: string;
  readonly writerId: string;
  /** [0, 1): spreads tries. */
  readonly random: () => number;
}

export function remoteSource(log: RemoteLog): SegmentSource {
  const { remote, projectId, writerId } = log;
  const { bucket, table } = remote;
  const patience: Patience = { tries: READ_TRIES, random: log.random };
  const fileOf = (ordinal: number, segmentId: string): SegmentFile => remoteFile(remote.address, projectId, writerId, ordinal, segmentId);
  const keysOf = (file: SegmentFile): { segment: string; key: string } => objectKeysOf(remote.address, projectId, writerId, file);
  const amendments = objectKey(remote.address, projectId, writerId, 'amendments');
  const read = readAhead(async (key, offset, length) => {
    const bytes = await persist(() => bucket.getRange(key, offset, length), patience);
    return bytes ?? missing(urlOf(remote.address, key));
  });
  const rowOf = (file: SegmentFile, rewritten: boolean): Omit<Row, 'bytes'> => ({ projectId, writerId, ordinal: file.ordinal, segmentId: file.segmentId, rewritten });

  /** The list as it was read last; one that somebody else wrote since is not overwritten. */
  let asRead: { readonly etag: string | undefined } | undefined;

  return {
    list: () => persist(async () => filesIn(await rowsOf(log), fileOf), patience),
    listStrayKeys: async () => {
      const listed = new Set((await persist(() => rowsOf(log), patience)).map((row) => keysOf(fileOf(row.ordinal, row.segmentId)).key));
      const keyFiles = (await persist(() => objectsOf(log), patience)).map((key) => /\/(\d{12})-([0-9a-f]{32})\.key$/.exec(key)).filter((match) => match !== null);
      return keyFiles.map((match) => fileOf(Number(match[1]), match[2]!)).filter((file) => !listed.has(keysOf(file).key));
    },
    fileOf,
    size: async (file) => (await persist(() => bucket.head(keysOf(file).segment), patience))?.bytes ?? missing(file.path),
    read: (file, offset, length) => (length === 0 ? Promise.resolve(Buffer.alloc(0)) : read(keysOf(file).segment, offset, length)),
    readKeyFile: async (file) => {
      const found = await persist(() => bucket.get(keysOf(file).key), patience);
      return keyIn(file, found?.bytes ?? missing(file.keyPath));
    },
    replaceKeyFile: (file, key) => replaceObject(log, keysOf(file).key, keyFileBytes(key), patience),
    put: async (file, key, bytes) => {
      await replaceObject(log, keysOf(file).key, keyFileBytes(key), patience);
      const length = await uploadStream(bucket, keysOf(file).segment, bytes, patience);
      await persist(() => table.putNew({ ...rowOf(file, true), bytes: length }), patience);
    },
    remove: async (file) => {
      const { segment, key } = keysOf(file);
      for (const object of [key, segment]) await persist(() => bucket.remove(object), patience);
      for (const rewritten of [true, false]) {
        const row = await persist(() => table.get(rowOf(file, rewritten)), patience);
        if (row?.segmentId === file.segmentId) await persist(() => table.remove(row), patience);
      }
    },
    destroy: async () => {
      const objects = await persist(() => objectsOf(log), patience);
      const secretsFirst = [...objects.filter((key) => !key.endsWith('.seg')), ...objects.filter((key) => key.endsWith('.seg'))];
      for (const object of secretsFirst) await persist(() => bucket.remove(object), patience);
      for (const row of await persist(() => rowsOf(log), patience)) await persist(() => table.remove(row), patience);
    },
    readAmendments: async () => {
      const there = await persist(() => bucket.get(amendments), patience);
      asRead = { etag: there?.etag };
      return there?.bytes;
    },
    replaceAmendments: async (bytes) => {
      const written = await persist(async () => {
        const there = await bucket.get(amendments);
        if (there?.bytes.equals(bytes)) return 'written'; // a try before did it, and its answer was lost
        if (asRead && asRead.etag !== there?.etag) return 'not written';
        return there ? bucket.replace(amendments, bytes, there.etag) : bucket.putNew(amendments, bytes);
      }, patience);
      if (written !== 'written') throw changed(urlOf(remote.address, amendments));
      asRead = { etag: (await persist(() => bucket.get(amendments), patience))?.etag };
    },
    amendmentsPath: urlOf(remote.address, amendments),
  };
}

/** Who has stored anything of a project, sorted. */
export async function listWriters(remote: Remote, projectId: string, random: () => number): Promise<string[]> {
  return persist(async () => {
    const writers = new Set<string>();
    for await (const { writerId } of remote.table.list(projectId)) writers.add(writerId);
    return [...writers].sort();
  }, { tries: READ_TRIES, random });
}

async function rowsOf({ remote, projectId, writerId }: RemoteLog): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of remote.table.list(projectId, writerId)) rows.push(row);
  return rows;
}

/** A segment that was rewritten before it went up, and after, may have a row of either kind. */
function filesIn(rows: readonly Row[], fileOf: (ordinal: number, segmentId: string) => SegmentFile): SegmentFile[] {
  const files = new Map(rows.map(({ ordinal, segmentId }) => [segmentId, fileOf(ordinal, segmentId)]));
  return [...files.values()].sort((a, b) => a.ordinal - b.ordinal);
}

async function objectsOf({ remote, projectId, writerId }: RemoteLog): Promise<string[]> {
  const objects: string[] = [];
  for await (const key of remote.bucket.list(objectKey(remote.address, projectId, writerId, ''))) objects.push(key);
  return objects;
}

/** What is there is read first, so that nothing is replaced that nobody has seen; and a second try finds its own work. */
async function replaceObject({ remote: { bucket, address } }: RemoteLog, key: string, bytes: Uint8Array, patience: Patience): Promise<void> {
  for (let attempt = 0; attempt < REPLACE_TRIES; attempt++) {
    const written = await persist(async () => {
      const there = await bucket.get(key);
      if (there?.bytes.equals(bytes)) return 'written';
      return there ? bucket.replace(key, bytes, there.etag) : bucket.putNew(key, bytes);
    }, patience);
    if (written === 'written') return;
  }
  throw changed(urlOf(address, key));
}

function changed(url: string): RemoteError {
  return new RemoteError('REMOTE_CONFLICT', `${url} is being changed by somebody else: try again when they have finished`);
}

function keyIn(file: SegmentFile, bytes: Buffer): WrappedKey {
  return parseKeyFile(bytes) ?? fail(file.keyPath, 'it was altered');
}

function missing(path: string): never {
  return fail(path, 'it is missing');
}

function fail(path: string, what: string): never {
  throw damaged(path, -1, what);
}
