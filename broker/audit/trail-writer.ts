/**
 * Appends to a trail, in turns: whoever holds the lock file goes on where the trail ends, whichever process wrote that. The head is
 * replaced after the records are synced, so it is never ahead of them. A torn end, left by a killed writer, is cut off. A trail that was
 * tampered with is gone on with in a new file that says so and keeps the fault visible.
 */
import { randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makePrivateDirectory, RecordError, withFileLock, writePrivateFile } from '../../certs/mod.ts';
import type { RootKeys, RootNote } from '../keys/root-key.ts';
import { buildHeader, fileKeys, firstChain, HEADER_BYTES, openAuditRecords, sealAuditRecord, TRAIL_START, type TrailPosition } from './trail-format.ts';
import { headPath, listTrailFiles, readHead, trailFilePath, writeHead, type Head, type TrailFile } from './trail-files.ts';
import { checkTrailOpens, openTrailFile } from './trail-reader.ts';
import { newRoot } from './trail-root.ts';

/** A file that has this many bytes is followed by another. */
export const FILE_ROLL_BYTES = 8 * 2 ** 20;

/** Where to go on. */
interface End {
  readonly position: TrailPosition;
  readonly root: RootNote;
  /** The number of the next file, should one be begun. */
  readonly nextOrdinal: number;
  /** Set when what is there is not what was written: nothing more goes into it. */
  readonly damage: string | undefined;
}

/**
 * Appends records and resolves when they are on disk. `say` makes the record that tells of damage found before them. Rejects, with nothing
 * appended or, after a failed sync, perhaps all of it.
 */
export async function appendRecords(directory: string, keys: RootKeys, records: readonly string[], say: (damage: string) => string): Promise<void> {
  await makePrivateDirectory(directory);
  await withFileLock(join(directory, 'lock'), async () => {
    const end = await findEnd(directory, keys);
    const texts = end.damage === undefined ? records : [say(end.damage), ...records];
    const isNew = end.damage !== undefined || end.position.ordinal === 0 || end.position.bytes >= FILE_ROLL_BYTES;
    const position = isNew ? await beginFile(directory, keys, end, texts) : await growFile(directory, keys, end, texts);
    await writeHead(directory, keys, { position, root: end.root });
  });
}

async function beginFile(directory: string, keys: RootKeys, { position: previous, root, nextOrdinal: ordinal }: End, texts: readonly string[]): Promise<TrailPosition> {
  const fileId = randomBytes(16).toString('hex');
  const secrets = fileKeys(await keys.rootKey(root), fileId);
  const header = buildHeader(root, fileId, ordinal, previous, secrets);
  const start = { ordinal, fileId, records: 0, bytes: HEADER_BYTES, chain: firstChain(header), total: previous.total };
  const { bytes, position } = seal(texts, start, secrets);
  await writePrivateFile(trailFilePath(directory, position), Buffer.concat([header, bytes]));
  return position;
}

async function growFile(directory: string, keys: RootKeys, { position: before, root }: End, texts: readonly string[]): Promise<TrailPosition> {
  const { bytes, position } = seal(texts, before, fileKeys(await keys.rootKey(root), before.fileId));
  const handle = await open(trailFilePath(directory, before), 'r+');
  try {
    await handle.truncate(before.bytes);
    for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done, before.bytes + done)).bytesWritten;
    await handle.datasync();
    return position;
  } catch (error) {
    await handle.truncate(before.bytes).catch(() => undefined); // the records come again
    throw error;
  } finally {
    await handle.close();
  }
}

function seal(texts: readonly string[], from: TrailPosition, secrets: ReturnType<typeof fileKeys>): { readonly bytes: Buffer; readonly position: TrailPosition } {
  const parts: Buffer[] = [];
  let position = from;
  for (const text of texts) {
    const { bytes, chain } = sealAuditRecord(position.records, position.chain, secrets, Buffer.from(text, 'utf8'));
    parts.push(bytes);
    position = { ...position, records: position.records + 1, bytes: position.bytes + bytes.length, chain, total: position.total + 1 };
  }
  return { bytes: Buffer.concat(parts), position };
}

/** From the head on: what was appended since it was written, by a process that was killed before it could replace it. */
async function findEnd(directory: string, keys: RootKeys): Promise<End> {
  const files = await listTrailFiles(directory);
  const head = await readHead(directory, keys);
  if (files.length === 0 && head === undefined) {
    const root = await newRoot(keys);
    await writeHead(directory, keys, { position: TRAIL_START, root }); // so that a trail without one was tampered with
    return { position: TRAIL_START, root, nextOrdinal: 1, damage: undefined };
  }
  const nextOrdinal = Math.max(files.at(-1)?.ordinal ?? 0, typeof head === 'object' ? head.position.ordinal : 0) + 1;
  if (typeof head === 'object') return { ...(await follow(keys, files, head)), nextOrdinal };
  await checkTrailOpens(directory, keys); // else the key is wrong: nothing must be written under it
  const end = await follow(keys, files, { position: TRAIL_START, root: await newRoot(keys) });
  return { ...end, nextOrdinal, damage: end.damage ?? `${headPath(directory)} ${head === undefined ? 'was missing' : 'was altered'}` };
}

/** Reads on from `head` through the files after it; stops at the first that is not as it was written. */
async function follow(keys: RootKeys, files: readonly TrailFile[], head: Head): Promise<Omit<End, 'nextOrdinal'>> {
  let end: Omit<End, 'nextOrdinal'> = { ...head, damage: undefined };
  const rest = files.filter(({ ordinal }) => ordinal >= head.position.ordinal);
  if (head.position.ordinal > 0 && rest[0]?.fileId !== head.position.fileId) return { ...end, damage: `file ${head.position.ordinal} of the trail was missing` };
  for (const file of rest) {
    if (rest.length === 1 && (await stat(file.path)).size === head.position.bytes) return end; // as it nearly always is
    end = await followFile(keys, file, end, file === rest.at(-1));
    if (end.damage !== undefined) return end;
  }
  return end;
}

async function followFile(keys: RootKeys, file: TrailFile, { position, root: before }: Omit<End, 'nextOrdinal'>, isLast: boolean): Promise<Omit<End, 'nextOrdinal'>> {
  const damaged = (damage: string): Omit<End, 'nextOrdinal'> => ({ position, root: before, damage });
  const opened = await openTrailFile(file, keys);
  if (typeof opened === 'string') return damaged(`${file.path}: ${opened}`);
  const isHeads = file.ordinal === position.ordinal;
  if (!isHeads && file.ordinal !== position.ordinal + 1) return damaged(`file ${position.ordinal + 1} of the trail was missing`);
  if (isHeads && opened.bytes.length < position.bytes) return damaged(`${file.path} was cut off`);
  const { root } = opened.header;
  try {
    const records = openAuditRecords(opened.bytes, isHeads ? position : opened.start, opened.keys);
    for (let step = records.next(); ; step = records.next()) {
      if (step.done) return { position: step.value, root, damage: undefined };
      position = step.value.after;
    }
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    // Past the head nothing was ever answered for: a power cut leaves such an end.
    return isHeads && isLast ? { position, root, damage: undefined } : damaged(`${file.path}, record ${error.record}: ${error.message}`);
  }
}
