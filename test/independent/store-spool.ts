/** A gateway's queue, as docs/store.md ("Spool") describes it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Damage, hkdf, parse, read, readHexKey, sha256, type Json } from './store-bytes.ts';
import { LONGEST_IN_SPOOL, readRecords } from './store-records.ts';

export interface Spool {
  readonly file: string;
  readonly checkpoint: Json;
  readonly batches: readonly { readonly about: Json; readonly frame: Buffer }[];
  readonly acknowledged: readonly Json[];
  readonly tailBytes: number;
}

/** The spool with the highest number in the folder. */
export function readSpool(folder: string): Spool {
  const spoolKey = readHexKey(join(folder, 'spool.key'));
  const newest = readdirSync(folder).filter((name) => /^\d{12}\.spool$/.test(name)).sort().at(-1);
  if (newest === undefined) throw new Damage(folder, 'no spool');
  const bytes = read(join(folder, newest));
  bytes.start('THRUMSPL', 2, 2);
  bytes.zeros(6);
  const fileId = bytes.take(16);
  const subKey = (purpose: string): Buffer => hkdf(spoolKey, fileId, `thrum spool v2 ${purpose}`);
  const keys = { record: subKey('record'), baseNonce: subKey('nonce').subarray(0, 12) };
  const { records, tailBytes } = readRecords(bytes, keys, sha256(bytes.before), LONGEST_IN_SPOOL);
  const [first, ...others] = records;
  if (first?.type !== 0 || others.some(({ type }) => type !== 1 && type !== 2)) bytes.damaged('a record of the wrong type');
  const batches = others.filter(({ type }) => type === 1).map(({ plain }) => ({ about: parse(bytes.file, plain.counted(4)), frame: plain.rest() }));
  const acknowledged = others.filter(({ type }) => type === 2).map(({ plain }) => parse(bytes.file, plain.all));
  return { file: bytes.file, checkpoint: parse(bytes.file, first!.plain.all), batches, acknowledged, tailBytes };
}
