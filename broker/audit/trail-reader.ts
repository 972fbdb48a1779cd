/** Reads a trail from its first record to its last, and says of each fault where it is. Goes on after a fault. */
import { readFile } from 'node:fs/promises';
import { RecordError, whenMissing } from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';
import type { RootKeys } from '../keys/root-key.ts';
import type { AuditRecord } from './record.ts';
import { removalOf } from './removal.ts';
import { fileKeys, firstChain, HEADER_BYTES, headerIsAuthentic, openAuditRecords, parseHeader, TRAIL_START, type FileHeader, type FileKeys, type TrailPosition } from './trail-format.ts';
import { headPath, listTrailFiles, readHead, trailFilePath, type TrailFile } from './trail-files.ts';

/** What is wrong, and where; `record` is -1 when it concerns the whole file. */
export interface TrailFault {
  readonly file: string;
  readonly record: number;
  readonly what: string;
}

export type TrailItem =
  | { readonly kind: 'record'; readonly file: string; readonly number: number; readonly record: AuditRecord; readonly after: TrailPosition }
  | ({ readonly kind: 'fault' } & TrailFault);

/** A place that the trail must lead through, and who says so. */
export interface Witness {
  readonly position: TrailPosition;
  /** The file that says it. */
  readonly path: string;
}

/** A trail file that opened. */
interface OpenedTrailFile {
  readonly header: FileHeader;
  readonly keys: FileKeys;
  readonly bytes: Buffer;
  /** Before its first record. */
  readonly start: TrailPosition;
}

/** Opens one file, or says what is wrong with it. `number` is its place when it is not what its name says. */
export async function openTrailFile(file: TrailFile, trailKeys: RootKeys): Promise<OpenedTrailFile | string> {
  const bytes = await readFile(file.path).catch(whenMissing(undefined));
  if (bytes === undefined) return 'it is missing';
  const header = parseHeader(bytes);
  if (typeof header === 'string') return header;
  if (header.root.kind !== trailKeys.kind) return 'the header was altered, or the home is protected in another way';
  const keys = fileKeys(await trailKeys.rootKey(header.root), header.fileId);
  if (!headerIsAuthentic(header, keys)) return 'the header was altered, or does not belong to this home';
  if (header.ordinal !== file.ordinal || header.fileId !== file.fileId) return `it was renamed: it is file ${header.ordinal} of the trail`;
  const start = { ordinal: file.ordinal, fileId: file.fileId, records: 0, bytes: HEADER_BYTES, chain: firstChain(header.bytes), total: header.previous.total };
  return { header, keys, bytes, start };
}

/**
 * Makes sure that the home is opened as the trail was written: when nothing of it opens the key is wrong, not each of its files.
 * KEY_PASSPHRASE, KEYSTORE_DAMAGED.
 */
export async function checkTrailOpens(directory: string, keys: RootKeys): Promise<void> {
  const files = await listTrailFiles(directory);
  if (files.length === 0 || typeof (await readHead(directory, keys)) === 'object') return;
  for (const file of files) if (typeof (await openTrailFile(file, keys)) === 'object') return;
  throw keys.kind === 1
    ? new KeyError('KEY_PASSPHRASE', 'wrong passphrase, or the home has none, or all of the audit trail was altered')
    : new KeyError('KEYSTORE_DAMAGED', `nothing of the audit trail in ${directory} opens with this home's root key: it needs a passphrase, or the key or the trail was replaced`);
}

/**
 * All records and faults. `witnesses`: positions kept elsewhere, beside that of the trail's own head. The first files may be missing where a
 * record of the trail says that they were removed for their age or size; a position in them can then be compared no more.
 */
export async function* walkTrail(directory: string, keys: RootKeys, witnesses: readonly Witness[] = []): AsyncGenerator<TrailItem> {
  await checkTrailOpens(directory, keys);
  const head = await readHead(directory, keys); // before the files: they may grow meanwhile
  const files = await listTrailFiles(directory);
  const open = new Set(witnesses);
  if (typeof head === 'object') open.add({ position: head.position, path: headPath(directory) });
  else if (head !== undefined || files.length > 0) yield fault(headPath(directory), -1, head ?? 'the head is missing, so that nothing here tells where the trail ended');
  const beginsAt = files[0]?.ordinal ?? 1;
  let keptFrom = 1;
  let before = beginsAt === 1 ? TRAIL_START : undefined;
  let ordinal = beginsAt - 1;
  for (const file of files) {
    ordinal += 1;
    if (file.ordinal !== ordinal) {
      yield fault(file.path, -1, `file ${ordinal} of the trail is ${file.ordinal < ordinal ? 'there twice' : 'missing before it'}`);
      before = undefined;
      ordinal = file.ordinal;
    }
    const unsure = typeof head === 'object' && file === files.at(-1) && head.position.fileId === file.fileId ? head.position.records : Infinity;
    const kept = (record: AuditRecord): void => void (keptFrom = Math.max(keptFrom, removalOf(record)?.keptFrom ?? 1));
    before = yield* walkFile(file, keys, { before, open, unsure, kept });
  }
  if (beginsAt > keptFrom) yield fault(files[0]!.path, -1, `file ${beginsAt - 1} of the trail is missing before it, and no record says that it was removed for its age or size`);
  else for (const witness of open) if (witness.position.ordinal > 0 && witness.position.ordinal < beginsAt) open.delete(witness);
  for (const { position, path } of open) {
    if (position.total > 0) yield fault(trailFilePath(directory, position), position.records - 1, `the trail does not lead to record ${position.total}, which ${path} knows: what followed was cut off, or the trail is an older one`);
  }
}

interface FileWalk {
  /** Where the file must continue; undefined where that is not known. */
  readonly before: TrailPosition | undefined;
  readonly open: Set<Witness>;
  /** From this record on nothing was answered for: what does not open there is the torn end of a write. */
  readonly unsure: number;
  /** Told of each record. */
  readonly kept: (record: AuditRecord) => void;
}

/** One file. Returns where it ends; undefined after a fault. */
async function* walkFile(file: TrailFile, keys: RootKeys, { before, open, unsure, kept }: FileWalk): AsyncGenerator<TrailItem, TrailPosition | undefined> {
  const opened = await openTrailFile(file, keys);
  if (typeof opened === 'string') {
    yield fault(file.path, -1, opened);
    return undefined;
  }
  const { previous } = opened.header;
  if (before && !continues(previous, before)) {
    yield fault(file.path, -1, `it does not continue the file before it, which had ${previous.records} records when this one began and has ${before.records} now`);
  }
  const records = openAuditRecords(opened.bytes, opened.start, opened.keys);
  let here = opened.start;
  for (;;) {
    const step = nextOf(records);
    if (step instanceof RecordError) {
      if (step.record >= unsure) return here;
      yield fault(file.path, step.record, step.message);
      return undefined;
    }
    if (step.done) return step.value;
    const { number, plaintext, after } = step.value;
    here = after;
    for (const witness of open) if (isAt(witness.position, after)) open.delete(witness);
    const record = JSON.parse(plaintext.toString('utf8')) as AuditRecord;
    kept(record);
    yield { kind: 'record', file: file.path, number, record, after };
  }
}

function nextOf<T, R>(records: Generator<T, R>): IteratorResult<T, R> | RecordError {
  try {
    return records.next();
  } catch (error) {
    if (error instanceof RecordError) return error;
    throw error;
  }
}

function continues(previous: FileHeader['previous'], before: TrailPosition): boolean {
  return previous.fileId === before.fileId && previous.records === before.records && previous.chain === before.chain && previous.total === before.total;
}

function isAt(wanted: TrailPosition, here: TrailPosition): boolean {
  return wanted.ordinal === here.ordinal && wanted.fileId === here.fileId && wanted.records === here.records && wanted.chain === here.chain;
}

function fault(file: string, record: number, what: string): TrailItem {
  return { kind: 'fault', file, record, what: `${file}${record < 0 ? '' : `, record ${record}`}: ${what}` };
}
