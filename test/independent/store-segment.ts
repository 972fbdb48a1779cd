/**
 * One segment, as docs/store.md ("Segments") describes it: header, snapshot, commit groups, index, seal. Whether it is
 * the right one at its place is for store-reader.ts to say; whether its index tells the truth, for store-index.ts.
 */
import { createHmac } from 'node:crypto';
import { basename } from 'node:path';
import { Damage, hkdf, parse, read, sha256, type Bytes, type Json } from './store-bytes.ts';
import { readKeyFile, type Keys, type Position } from './store-keys.ts';
import { LONGEST_IN_SEGMENT, readRecords, type LogKeys, type SealedRecord } from './store-records.ts';

export type Channel = 'data' | 'event' | 'connection';

export interface Entry {
  readonly receivedMs: number;
  readonly channel: Channel;
  readonly payload: Buffer;
}

/** A commit group and where its record is. */
export interface Group {
  readonly number: number;
  readonly offset: number;
  readonly bytes: number;
  readonly entries: readonly Entry[];
}

export interface Segment {
  readonly file: string;
  readonly segmentId: string;
  readonly ordinal: number;
  /** What the header says of the segment before it. */
  readonly before: Position;
  /** How this one ends. */
  readonly position: Position;
  /** Batch numbers stored before this segment. */
  readonly snapshot: Json;
  readonly groups: readonly Group[];
  /** Undefined while it has no seal. */
  readonly index: Json | undefined;
  readonly tailBytes: number;
}

interface Header {
  readonly segmentId: string;
  readonly ordinal: number;
  readonly before: Position;
  readonly keys: LogKeys;
}

function readHeader(bytes: Bytes, keys: Keys, projectId: string): Header {
  bytes.start('THRUMSEG', 2, 2);
  if (bytes.unsigned(2) !== 1) bytes.damaged('not suite 1');
  bytes.zeros(4);
  const segmentId = bytes.hex(16);
  const ordinal = bytes.unsigned(8);
  const before = { segmentId: bytes.hex(16), records: bytes.unsigned(8), chain: bytes.hex(32) };
  if (basename(bytes.file) !== `${String(ordinal).padStart(12, '0')}-${segmentId}.seg`) bytes.damaged('not the name of this segment');
  const dataKey = readKeyFile(bytes.file.replace(/\.seg$/, '.key'), keys, projectId, segmentId);
  const subKey = (purpose: string): Buffer => hkdf(dataKey, Buffer.from(segmentId, 'hex'), `thrum segment v2 ${purpose}`);
  if (!subKey('commitment').equals(bytes.take(32))) bytes.damaged('the key commitment does not match');
  const mac = createHmac('sha256', subKey('header')).update(bytes.all.subarray(0, 128)).digest();
  if (!mac.equals(bytes.take(32))) bytes.damaged('the header was altered');
  return { segmentId, ordinal, before, keys: { record: subKey('record'), baseNonce: subKey('nonce').subarray(0, 12) } };
}

export function readSegment(file: string, keys: Keys, projectId: string): Segment {
  const bytes = read(file);
  const header = readHeader(bytes, keys, projectId);
  const firstChain = sha256(bytes.before);
  const { records, tailBytes } = readRecords(bytes, header.keys, firstChain, LONGEST_IN_SEGMENT);
  const first = records[0];
  if (first?.type !== 0) throw new Damage(file, 'record 0 is no snapshot');
  const isSealed = records.at(-1)?.type === 3;
  const groups = records.slice(1, isSealed ? -2 : undefined);
  if (groups.some(({ type }) => type !== 1)) throw new Damage(file, 'a record of the wrong type');
  const chain = records.at(-1)!.chain.toString('hex');
  return {
    file, segmentId: header.segmentId, ordinal: header.ordinal, before: header.before, tailBytes,
    position: { segmentId: header.segmentId, records: records.length, chain },
    snapshot: parse(file, first.plain.all),
    groups: groups.map((record, i) => ({ number: i + 1, offset: record.offset, bytes: record.bytes, entries: readGroup(record.plain) })),
    index: isSealed ? sealedIndex(records, tailBytes) : undefined
  };
}

/** The index before the seal, once the seal is what it should be. */
function sealedIndex(records: readonly SealedRecord[], tailBytes: number): Json {
  const [index, seal] = records.slice(-2) as [SealedRecord, SealedRecord];
  const { plain } = seal;
  if (index.type !== 2) plain.damaged('no index before the seal');
  if (tailBytes > 0) plain.damaged('bytes after the seal');
  if (plain.unsigned(4) !== records.length - 1) plain.damaged('the seal counts other records');
  plain.zeros(4);
  if (plain.unsigned(8) !== index.offset) plain.damaged('the seal says another place of the index');
  if (!plain.take(32).equals(index.chain)) plain.damaged('the seal has another chain');
  plain.end();
  return parse(plain.file, index.plain.all);
}

const CHANNELS: readonly Channel[] = ['data', 'event', 'connection'];

function readGroup(plain: Bytes): Entry[] {
  const count = plain.varint();
  let receivedMs = plain.unsigned(6);
  const entries = Array.from({ length: count }, (_, i): Entry => {
    const h = plain.varint();
    const zigzag = Math.floor(h / 4);
    const sinceBefore = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    if (i === 0 && sinceBefore !== 0) plain.damaged('the first entry of a group comes after itself');
    receivedMs += sinceBefore;
    const channel = CHANNELS[h % 4] ?? plain.damaged('no such channel');
    return { receivedMs, channel, payload: plain.take(plain.varint()) };
  });
  plain.end();
  return entries;
}
