/** Bucket and table together, and what a segment is called in them. */
import { segmentFile, type SegmentFile } from '../store/segment-files.ts';
import { projectPrefix, urlOf, type RemoteAddress } from './address.ts';
import { openBucket, type Bucket } from './bucket.ts';
import { persist, READ_TRIES } from './persist.ts';
import { REQUEST_MS } from './request.ts';
import { openTable, type Table } from './table.ts';

export interface Remote {
  readonly address: RemoteAddress;
  readonly bucket: Bucket;
  readonly table: Table;
  close(): void;
}

/** Loads the SDKs; asks nothing yet. */
export async function openRemote(address: RemoteAddress, requestMs = REQUEST_MS): Promise<Remote> {
  const [bucket, table] = await Promise.all([openBucket(address, requestMs), openTable(address, requestMs)]);
  return {
    address,
    bucket,
    table,
    close: () => {
      bucket.close();
      table.close();
    },
  };
}

/** Makes sure that both are there and may be used; a passing fault is waited out for a few seconds. `random`: [0, 1). */
export async function checkRemote({ bucket, table }: Remote, random: () => number): Promise<void> {
  const patience = { tries: READ_TRIES, random };
  await Promise.all([persist(() => bucket.check(), patience), persist(() => table.check(), patience)]);
}

/** Key of an object of a writer's log. */
export function objectKey(address: RemoteAddress, projectId: string, writerId: string, name: string): string {
  return `${projectPrefix(address, projectId)}${writerId}/${name}`;
}

/** A segment as it is called there: its paths are URLs, for messages. */
export function remoteFile(address: RemoteAddress, projectId: string, writerId: string, ordinal: number, segmentId: string): SegmentFile {
  const { path, keyPath } = segmentFile('', ordinal, segmentId);
  const url = (name: string): string => urlOf(address, objectKey(address, projectId, writerId, name));
  return { ordinal, segmentId, path: url(path), keyPath: url(keyPath) };
}

/** Keys of a segment's two objects. */
export function objectKeysOf(address: RemoteAddress, projectId: string, writerId: string, { ordinal, segmentId }: Pick<SegmentFile, 'ordinal' | 'segmentId'>): { readonly segment: string; readonly key: string } {
  const { path, keyPath } = segmentFile('', ordinal, segmentId);
  return { segment: objectKey(address, projectId, writerId, path), key: objectKey(address, projectId, writerId, keyPath) };
}
