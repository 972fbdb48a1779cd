/**
 * A second reader of what lies in a home, written from docs/store.md alone and sharing no line with `broker/` or
 * `gateway/`. Here a project's log is put together: what is in force, what was removed or rewritten, and whether each
 * segment follows the one before it. Every byte that a checksum, tag or chain covers is checked; the first thing that
 * is wrong throws a Damage that names the file. It reads, it never writes, and it takes no lock.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Damage, type Json } from './store-bytes.ts';
import { checkIndex } from './store-index.ts';
import { readAmendments, readKeys, readPlaces, readProjectFile, type Amendments, type Keys, type Position } from './store-keys.ts';
import { checkNumbers } from './store-numbers.ts';
import { readSegment, type Segment } from './store-segment.ts';

export { Damage } from './store-bytes.ts';
export { KeyNotEnabled } from './store-keys.ts';
export { readSpool } from './store-spool.ts';

export interface Project {
  readonly projectId: string;
  readonly document: Json;
  /** Undefined if nobody wrote it. */
  readonly places: Json | undefined;
  readonly amendments: Amendments;
  readonly segments: readonly Segment[];
  /** Files that are no part of the log and have no business there. */
  readonly strays: readonly string[];
}

const NOTHING: Position = { segmentId: '0'.repeat(32), records: 0, chain: '0'.repeat(64) };
const NO_AMENDMENTS: Amendments = { version: 0, removed: null, rewritten: [], leftovers: [], reencrypting: null };
const SEGMENT_FILE = /^(\d{12})-([0-9a-f]{32})\.(seg|key)$/;

/** Whether the list has such a segment at such a place of the log. */
function isInForce({ removed, rewritten, leftovers }: Amendments, ordinal: number, segmentId: string): boolean {
  if (ordinal <= (removed?.through ?? 0) || leftovers.some((leftover) => leftover.segmentId === segmentId)) return false;
  const replacement = rewritten.find((place) => place.ordinal === ordinal);
  return replacement === undefined || replacement.now.segmentId === segmentId;
}

const isSame = (a: Position, b: Position): boolean => a.segmentId === b.segmentId && a.records === b.records && a.chain === b.chain;

/** Each segment at its place, following the one that was written before it, and saying the truth about what it holds. */
function checkLog(folder: string, segments: readonly Segment[], { removed, rewritten }: Amendments): void {
  let before = removed?.position ?? NOTHING;
  let ordinal = (removed?.through ?? 0) + 1;
  for (const segment of segments) {
    const { file } = segment;
    const place = rewritten.find((one) => one.ordinal === ordinal);
    if (segment.ordinal !== ordinal) throw new Damage(file, `it stands where segment ${ordinal} should`);
    if (!isSame(segment.before, before)) throw new Damage(file, 'it does not continue the segment before it');
    if (place !== undefined && !isSame(segment.position, place.now)) throw new Damage(file, 'it does not end as the list of amendments says');
    if (segment !== segments.at(-1) && segment.tailBytes > 0) throw new Damage(file, 'bytes after its end, although another segment follows');
    before = place?.original ?? segment.position;
    ordinal += 1;
  }
  const lost = rewritten.find((place) => place.ordinal >= ordinal);
  if (lost !== undefined) throw new Damage(folder, `segment ${lost.ordinal} is missing`);
  if (removed !== null && segments.length === 0) throw new Damage(folder, `segment ${ordinal} is missing`);
}

function checkContents(segments: readonly Segment[], { removed, rewritten }: Amendments): void {
  let known: Set<string> | undefined = removed === null ? new Set() : undefined;
  for (const segment of segments) {
    known = checkNumbers(segment, known, rewritten.some(({ ordinal }) => ordinal === segment.ordinal));
    checkIndex(segment);
  }
}

export function readProject(home: string, projectId: string, keys: Keys): Project {
  const document = readProjectFile(join(home, 'projects', `${projectId}.project`), keys);
  const placesFile = join(home, 'places', `${projectId}.places`);
  const places = existsSync(placesFile) ? readPlaces(placesFile, keys) : undefined;
  const folder = join(home, 'store', projectId);
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const amendments = names.includes('amendments') ? readAmendments(join(folder, 'amendments'), keys, projectId) : NO_AMENDMENTS;
  const files = names.filter((name) => SEGMENT_FILE.test(name));
  const own = files.filter((name) => {
    const [, ordinal, segmentId] = SEGMENT_FILE.exec(name) ?? [];
    return isInForce(amendments, Number(ordinal), String(segmentId));
  });
  const segments = own.filter((name) => name.endsWith('.seg')).map((name) => readSegment(join(folder, name), keys, projectId));
  checkLog(folder, segments, amendments);
  checkContents(segments, amendments);
  const isRead = (name: string): boolean => segments.some(({ file }) => basename(file, '.seg') === name.slice(0, -4));
  return { projectId, document, places, amendments, segments, strays: files.filter((name) => !own.includes(name) || !isRead(name)) };
}

/** All projects of a home. A project whose key is not enabled throws KeyNotEnabled. */
export function readHome(home: string, passphrase?: string): Project[] {
  const keys = readKeys(home, passphrase);
  const names = readdirSync(join(home, 'projects')).filter((name) => name.endsWith('.project')).sort();
  return names.map((name) => readProject(home, basename(name, '.project'), keys));
}
