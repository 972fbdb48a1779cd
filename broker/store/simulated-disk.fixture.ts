/**
 * A disk as a power cut leaves it: of what was not synced any part survives, in any order. Every write goes to a cache, in
 * sectors; a sync of a file makes its data and length durable, and only a sync of the directory its names. What is in
 * doubt is listed, so that a test can try every subset of it; the result is written out as real files.
 */
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Step } from './recording-disk.fixture.ts';

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;
/** Zeros kept after all that was ever written to a file, unless all are wanted: a reader is none the wiser, and faster. */
const SHORT_ROOM_BYTES = 4096;

/** What is in a file: `written` and then zeros up to `length`. */
interface Contents {
  written: Buffer;
  length: number;
}

interface File {
  cache: Contents;
  durable: Contents;
  /** Sectors whose cached contents are not durable, and lengths it had since the last sync. */
  dirty: Set<number>;
  lengths: number[];
}

type NameChange = { readonly add: string; readonly file: File } | { readonly from: string; readonly to: string; readonly file: File } | { readonly remove: string };

export class SimulatedDisk {
  #names = new Map<string, File>();
  #durableNames = new Map<string, File>();
  #changes: NameChange[] = [];

  /** A disk on which the files of a flat directory are, all durable. */
  static of(directory: string): SimulatedDisk {
    const disk = new SimulatedDisk();
    for (const name of readdirSync(directory)) {
      const bytes = readFileSync(join(directory, name));
      const file = { cache: { written: bytes, length: bytes.length }, durable: { written: Buffer.from(bytes), length: bytes.length }, dirty: new Set<number>(), lengths: [] };
      disk.#names.set(join(directory, name), file);
    }
    disk.#durableNames = new Map(disk.#names);
    return disk;
  }

  apply(step: Step): void {
    const file = this.#names.get(step.path);
    if (step.call === 'create') this.#create(step.path);
    else if (step.call === 'write') write(file!, step.bytes, step.position);
    else if (step.call === 'truncate') truncate(file!, step.length);
    else if (step.call === 'datasync') sync(file!, step.lost);
    else if (step.call === 'rename') this.#rename(step.path, step.to);
    else if (step.call === 'remove') this.#remove(step.path);
    else if (step.call === 'syncDirectory') this.#syncNames(step.path);
  }

  /** How many things are in doubt: changes of names, lengths, sectors. */
  get doubts(): number {
    let sum = this.#changes.length;
    for (const { dirty, lengths } of this.#files()) sum += dirty.size + lengths.length;
    return sum;
  }

  /** Writes what survives into a new directory. `survives` is asked for each doubt by its number, names first. */
  writeOut(directory: string, survives: (doubt: number) => boolean, allRoom = false): void {
    mkdirSync(directory, { mode: 0o700 });
    let doubt = 0;
    const names = new Map(this.#durableNames);
    for (const change of this.#changes) if (survives(doubt++)) make(names, change);
    const contents = new Map([...this.#files()].map((file) => {
      const length = file.lengths.reduce((before, one) => (survives(doubt++) ? one : before), file.durable.length);
      const sectors = [...file.dirty].filter(() => survives(doubt++));
      return [file, survivors(file, length, sectors)] as const;
    }));
    for (const [path, file] of names) {
      const { written, length } = contents.get(file)!;
      const to = join(directory, basename(path));
      const room = allRoom ? length : Math.min(length, Math.max(file.cache.written.length, file.durable.written.length) + SHORT_ROOM_BYTES);
      writeFileSync(to, written.subarray(0, length), { mode: 0o600 });
      if (room > written.length) truncateSync(to, room);
    }
  }

  /** Files that have a name, or may have one after a power cut. */
  #files(): Set<File> {
    return new Set([...this.#durableNames.values(), ...this.#changes.flatMap((change) => ('file' in change ? [change.file] : []))]);
  }

  #create(path: string): void {
    const file: File = { cache: empty(), durable: empty(), dirty: new Set(), lengths: [] };
    this.#names.set(path, file);
    this.#changes.push({ add: path, file });
  }

  #rename(from: string, to: string): void {
    const file = this.#names.get(from)!;
    this.#changes.push({ from, to, file });
    make(this.#names, this.#changes.at(-1)!);
  }

  #remove(path: string): void {
    if (!this.#names.delete(path)) return;
    this.#changes.push({ remove: path });
  }

  #syncNames(directory: string): void {
    if ([...this.#names.keys()].some((path) => dirname(path) !== directory)) throw new Error('the simulated disk has one directory');
    this.#durableNames = new Map(this.#names);
    this.#changes = [];
  }
}

function empty(): Contents {
  return { written: Buffer.alloc(0), length: 0 };
}

function make(names: Map<string, File>, change: NameChange): void {
  if ('add' in change) names.set(change.add, change.file);
  else if ('remove' in change) names.delete(change.remove);
  else {
    names.delete(change.from);
    names.set(change.to, change.file);
  }
}

function write(file: File, bytes: Buffer, position: number): void {
  const end = position + bytes.length;
  file.cache.written = extended(file.cache.written, end);
  bytes.copy(file.cache.written, position);
  for (let at = Math.floor(position / SECTOR_BYTES); at * SECTOR_BYTES < end; at++) file.dirty.add(at);
  if (end > file.cache.length) truncate(file, end);
}

function truncate(file: File, length: number): void {
  const { written } = file.cache;
  if (length < written.length) {
    // What is cut off is gone also when the file grows again.
    for (let at = Math.floor(length / SECTOR_BYTES); at * SECTOR_BYTES < written.length; at++) file.dirty.add(at);
    file.cache.written = written.subarray(0, length);
  }
  file.cache.length = length;
  file.lengths.push(length);
}

/** Of a sync that failed nothing has become durable; the cache goes on showing it, and no later sync writes it. */
function sync(file: File, lost: boolean): void {
  if (!lost) file.durable = survivors(file, file.cache.length, [...file.dirty]);
  file.dirty.clear();
  file.lengths = [];
}

/** The durable contents with some sectors of the cache over them. */
function survivors({ durable, cache }: File, length: number, sectors: readonly number[]): Contents {
  let written = durable.written;
  for (const at of sectors) {
    const from = at * SECTOR_BYTES;
    const end = Math.min(from + SECTOR_BYTES, Math.max(cache.written.length, written.length));
    if (end <= from) continue;
    written = written === durable.written ? Buffer.concat([written], Math.max(written.length, end)) : extended(written, end);
    written.fill(0, from, end);
    if (from < cache.written.length) cache.written.copy(written, from, from, end);
  }
  return { written: written.subarray(0, length), length };
}

function extended(bytes: Buffer, length: number): Buffer {
  return length <= bytes.length ? bytes : Buffer.concat([bytes], length);
}
