/**
 * A gateway's queue on disk: batches not yet acknowledged, and how far each of its sensors has come. What `put` returned
 * survives a kill of the process and a cut of the power; what was acknowledged is not sent again after a clean stop, and
 * at most once more (under the same number, so the store knows it) after a kill. Encrypted: nothing is readable at rest.
 */
import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { holdLock, makePrivateDirectory, readPrivateFile, writePrivateFile, type RecordKeys } from '../certs/mod.ts';
import { GatewayError } from './errors.ts';
import {
  readSpool,
  sealSpoolRecord,
  spoolChain,
  spoolHeader,
  spoolKeys,
  type Channel,
  type FirmwareStates,
  type SpooledBatch,
  type SpoolRecord,
} from './spool-format.ts';

/** The file is rewritten with only what is still needed once it holds this much that is not. */
const REWRITE_SLACK_BYTES = 2 * 2 ** 20;
/** At most what a batch takes in a rewritten file besides its frame: record header, tag, JSON. */
const BATCH_OVERHEAD_BYTES = 128;
/** The files of a spool, and what a kill leaves of one that was being written; other names are not ours to touch. */
const SPOOL_FILE = /^(\d{12})\.spool$/;
const HALF_WRITTEN_FILE = /^\..+\.[0-9a-f]{16}\.tmp$/;

/** What a spool file says when it is read back. */
interface Recovered {
  readonly bootEpoch: number;
  readonly states: FirmwareStates;
  readonly pending: SpooledBatch[];
  readonly number: number;
}

/** Builds the frame of a batch once its number is known. */
export type FrameBuilder = (bootEpoch: number, sequence: number) => Buffer;

export class Spool {
  /** Grows with every start, so a batch number is never used twice, even if this folder is lost. */
  readonly bootEpoch: number;
  readonly #directory: string;
  readonly #spoolKey: Buffer;
  readonly #unlock: () => Promise<void>;
  #states: FirmwareStates;
  #pending: SpooledBatch[];
  #pendingBytes: number;
  #acks: SpoolRecord[] = [];
  #sequence = 0;
  #fileNumber: number;
  #file: { readonly handle: FileHandle; readonly keys: RecordKeys; chain: Buffer; records: number; bytes: number } | undefined;

  private constructor(directory: string, spoolKey: Buffer, recovered: Recovered, bootEpoch: number, unlock: () => Promise<void>) {
    this.#unlock = unlock;
    this.#directory = directory;
    this.#spoolKey = spoolKey;
    this.bootEpoch = bootEpoch;
    this.#states = recovered.states;
    this.#pending = recovered.pending;
    this.#pendingBytes = recovered.pending.reduce((sum, batch) => sum + batch.frame.length, 0);
    this.#fileNumber = recovered.number;
  }

  /** Opens or makes the spool in `directory`. `nowMs` is real time: it only serves to tell boot epochs apart. */
  static async open(directory: string, nowMs: number): Promise<Spool> {
    await makePrivateDirectory(directory);
    const unlock = await holdLock(join(directory, 'lock'), `the gateway’s queue in ${directory}`);
    try {
      const spoolKey = await loadKey(join(directory, 'spool.key'));
      const recovered = await recover(directory, spoolKey);
      const bootEpoch = Math.max(recovered.bootEpoch + 1, Math.floor(nowMs / 1000));
      const spool = new Spool(directory, spoolKey, recovered, bootEpoch, unlock);
      await spool.#rewrite();
      return spool;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** How far each sensor has come, as of the last `put`. */
  get states(): FirmwareStates {
    return this.#states;
  }

  /** Batches not acknowledged, oldest first. */
  get pending(): readonly SpooledBatch[] {
    return this.#pending;
  }

  /** Bytes of the frames in `pending`. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Gives a batch its number and keeps it together with the states of the sensors it came from. One call at a time. */
  async put(channel: Channel, build: FrameBuilder, states: FirmwareStates): Promise<SpooledBatch> {
    const sequence = this.#sequence;
    const batch = { bootEpoch: this.bootEpoch, sequence, channel, frame: build(this.bootEpoch, sequence) };
    const acks = this.#acks;
    this.#acks = [];
    await this.#append([...acks, { type: 'batch', batch, states }]);
    this.#sequence += 1;
    this.#states = { ...this.#states, ...states };
    this.#pending.push(batch);
    this.#pendingBytes += batch.frame.length;
    const neededBytes = this.#pendingBytes + this.#pending.length * BATCH_OVERHEAD_BYTES;
    if (this.#file!.bytes > neededBytes + REWRITE_SLACK_BYTES) await this.#rewrite();
    return batch;
  }

  /** Forgets a batch that the broker has. Written down with the next `put` or at `close`. */
  acknowledge(batch: SpooledBatch): void {
    const at = this.#pending.indexOf(batch);
    if (at < 0) return;
    this.#pending.splice(at, 1);
    this.#pendingBytes -= batch.frame.length;
    this.#acks.push({ type: 'ack', ack: { bootEpoch: batch.bootEpoch, sequence: batch.sequence } });
  }

  async close(): Promise<void> {
    const acks = this.#acks;
    this.#acks = [];
    try {
      if (acks.length > 0 && this.#file) await this.#append(acks);
      await this.#file?.handle.close();
    } finally {
      this.#file = undefined;
      await this.#unlock();
    }
  }

  async #append(records: readonly SpoolRecord[]): Promise<void> {
    const file = this.#file;
    if (!file) throw new GatewayError('GATEWAY_STOPPED', 'the spool is closed');
    const parts: Buffer[] = [];
    for (const record of records) {
      const { header, sealed, chain } = sealSpoolRecord(record, file.records, file.chain, file.keys);
      parts.push(header, sealed);
      file.chain = chain;
      file.records += 1;
    }
    const bytes = Buffer.concat(parts);
    try {
      for (let at = 0; at < bytes.length; ) at += (await file.handle.write(bytes, at)).bytesWritten;
      await file.handle.datasync();
    } catch (cause) {
      this.#file = undefined;
      await file.handle.close();
      throw failed(this.#directory, cause);
    }
    file.bytes += bytes.length;
  }

  /** Begins a new file that holds only what is needed, whole and synced before it replaces the old one. */
  async #rewrite(): Promise<void> {
    const header = spoolHeader(randomBytes(16));
    const keys = spoolKeys(this.#spoolKey, header);
    let chain = spoolChain(header);
    const parts = [header];
    const records: SpoolRecord[] = [
      { type: 'checkpoint', checkpoint: { bootEpoch: this.bootEpoch, states: { ...this.#states } } },
      ...this.#pending.map((batch) => ({ type: 'batch', batch, states: {} }) as const),
    ];
    for (const [number, record] of records.entries()) {
      const sealed = sealSpoolRecord(record, number, chain, keys);
      parts.push(sealed.header, sealed.sealed);
      chain = sealed.chain;
    }
    const bytes = Buffer.concat(parts);
    const old = this.#pathOf(this.#fileNumber);
    const path = this.#pathOf(this.#fileNumber + 1);
    try {
      await writePrivateFile(path, bytes);
      await this.#file?.handle.close();
      this.#file = { handle: await open(path, 'a'), keys, chain, records: records.length, bytes: bytes.length };
    } catch (cause) {
      throw failed(this.#directory, cause);
    }
    this.#fileNumber += 1;
    await rm(old, { force: true });
  }

  #pathOf(number: number): string {
    return pathOf(this.#directory, number);
  }
}

function pathOf(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(12, '0')}.spool`);
}

async function loadKey(path: string): Promise<Buffer> {
  try {
    const key = Buffer.from((await readPrivateFile(path)).toString('utf8').trim(), 'hex');
    if (key.length !== 32) throw new GatewayError('SPOOL_DAMAGED', `${path} is not a spool key; move its folder away`);
    return key;
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT') throw error;
    const key = randomBytes(32);
    await writePrivateFile(path, `${key.toString('hex')}\n`);
    return key;
  }
}

/** Reads the newest file; an older one is what a kill between writing the new and removing the old left behind. */
async function recover(directory: string, spoolKey: Buffer): Promise<Recovered> {
  const names = await readdir(directory);
  const numbers = names.map((name) => SPOOL_FILE.exec(name)?.[1]).filter((digits) => digits !== undefined).map(Number);
  const number = Math.max(0, ...numbers);
  const recovered = number === 0 ? { bootEpoch: 0, states: {}, pending: [] } : await replay(pathOf(directory, number), spoolKey);
  const older = numbers.filter((one) => one !== number).map((one) => pathOf(directory, one));
  const halfWritten = names.filter((name) => HALF_WRITTEN_FILE.test(name)).map((name) => join(directory, name));
  for (const path of [...older, ...halfWritten]) await rm(path, { force: true });
  return { ...recovered, number };
}

/** What the records of a file come to. */
async function replay(path: string, spoolKey: Buffer): Promise<Omit<Recovered, 'number'>> {
  let bootEpoch = 0;
  let states: FirmwareStates = {};
  const pending = new Map<string, SpooledBatch>();
  for (const record of readSpool(path, await readFile(path), spoolKey)) {
    if (record.type === 'checkpoint') {
      bootEpoch = record.checkpoint.bootEpoch;
      states = record.checkpoint.states;
    } else if (record.type === 'batch') {
      states = { ...states, ...record.states };
      pending.set(`${record.batch.bootEpoch}/${record.batch.sequence}`, record.batch);
    } else pending.delete(`${record.ack.bootEpoch}/${record.ack.sequence}`);
  }
  return { bootEpoch, states, pending: [...pending.values()] };
}

function failed(directory: string, cause: unknown): GatewayError {
  const { cause: inner = cause, message } = cause as Error; // writePrivateFile wraps the system's error
  const full = ['ENOSPC', 'EDQUOT'].includes((inner as NodeJS.ErrnoException).code ?? '');
  const why = full ? 'the disk is full: free some space and start again' : message;
  return new GatewayError('SPOOL_FAILED', `cannot write the queue in ${directory}: ${why}`, { cause });
}
