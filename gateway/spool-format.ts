/**
 * What a gateway's spool file holds (docs/store.md, "Spool"): a header, then sealed records.
 *
 *   0 magic "THRUMSPL"   8 version u16 LE   10 zero (6)   16 file id (16)   32 sealed records (certs/sealed-record.ts)
 *
 * Record types: 0 checkpoint (JSON), 1 batch (JSON length u32 LE, JSON, frame), 2 acknowledged (JSON). The file's keys
 * are HKDF-SHA-256 of the gateway's spool key, salted with the file id.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { deriveKey, readRecords, RecordError, sealRecord, type RecordKeys, type RecordsEnd, type SealedRecord } from '../certs/mod.ts';
import { ZONES } from '../frame/mod.ts';
import type { FirmwareState } from '../sensors/mod.ts';
import { GatewayError } from './errors.ts';

export const SPOOL_HEADER_BYTES = 32;
const MAGIC = Buffer.from('THRUMSPL');
const VERSION = 2;
const MAX_SEALED_BYTES = 4 * 2 ** 20;

/** The topic's last level that a batch is published under. */
export type Channel = 'data' | 'event';

/** A batch on its way: durable here until the broker has it. */
export interface SpooledBatch {
  readonly bootEpoch: number;
  readonly sequence: number;
  readonly channel: Channel;
  readonly frame: Buffer;
}

/** What each sensor of the gateway keeps in its flash, by sensor id. */
export type FirmwareStates = Readonly<Record<string, FirmwareState>>;

const u32 = z.number().int().min(0).max(0xffff_ffff);
const states = z.record(z.string(), z.strictObject({ bootEpoch: u32, sequence: u32, zone: z.enum(ZONES) }));
const checkpointShape = z.strictObject({ bootEpoch: u32, states });
const batchShape = z.strictObject({ bootEpoch: u32, sequence: u32, channel: z.enum(['data', 'event']), states });
const ackShape = z.strictObject({ bootEpoch: u32, sequence: u32 });

export type Checkpoint = z.infer<typeof checkpointShape>;
export type SpoolRecord =
  | { readonly type: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly type: 'batch'; readonly batch: SpooledBatch; readonly states: FirmwareStates }
  | { readonly type: 'ack'; readonly ack: z.infer<typeof ackShape> };

const TYPES = ['checkpoint', 'batch', 'ack'] as const;

export function spoolHeader(fileId: Buffer): Buffer {
  const header = Buffer.alloc(SPOOL_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt16LE(VERSION, 8);
  fileId.copy(header, 16);
  return header;
}

export function spoolKeys(spoolKey: Buffer, header: Buffer): RecordKeys {
  const fileId = header.subarray(16, 32);
  const sub = (purpose: string): Buffer => deriveKey(spoolKey, fileId, `thrum spool v2 ${purpose}`);
  return { record: sub('record'), baseNonce: sub('nonce').subarray(0, 12) };
}

/** The chain before the first record. */
export function spoolChain(header: Buffer): Buffer {
  return createHash('sha256').update(header).digest();
}

export function sealSpoolRecord(record: SpoolRecord, number: number, chain: Buffer, keys: RecordKeys): SealedRecord {
  return sealRecord(TYPES.indexOf(record.type), number, chain, keys, encode(record));
}

/** The records of a spool file; SPOOL_DAMAGED names file and record when one was altered. A torn end is left out. */
export function* readSpool(path: string, bytes: Buffer, spoolKey: Buffer): Generator<SpoolRecord, RecordsEnd> {
  const header = bytes.subarray(0, SPOOL_HEADER_BYTES);
  if (header.length < SPOOL_HEADER_BYTES || !header.equals(spoolHeader(header.subarray(16, 32)))) {
    throw damaged(path, 'it is not a spool file of this version');
  }
  const records = readRecords(bytes, SPOOL_HEADER_BYTES, spoolChain(header), spoolKeys(spoolKey, header), MAX_SEALED_BYTES);
  try {
    for (let step = records.next(); ; step = records.next()) {
      if (step.done) return step.value;
      yield decode(step.value.type, step.value.plaintext);
    }
  } catch (error) {
    if (error instanceof RecordError) throw damaged(path, `record ${error.record}: ${error.message}`, error);
    if (error instanceof z.ZodError || error instanceof SyntaxError) throw damaged(path, 'a record does not parse', error);
    throw error;
  }
}

function encode(record: SpoolRecord): Buffer {
  if (record.type === 'checkpoint') return Buffer.from(JSON.stringify(record.checkpoint));
  if (record.type === 'ack') return Buffer.from(JSON.stringify(record.ack));
  const { frame, ...batch } = record.batch;
  const json = Buffer.from(JSON.stringify({ ...batch, states: record.states }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, frame]);
}

function decode(type: number, bytes: Buffer): SpoolRecord {
  const parse = (json: Buffer): unknown => JSON.parse(json.toString('utf8'));
  switch (TYPES[type]) {
    case 'checkpoint':
      return { type: 'checkpoint', checkpoint: checkpointShape.parse(parse(bytes)) };
    case 'ack':
      return { type: 'ack', ack: ackShape.parse(parse(bytes)) };
    case 'batch': {
      const end = 4 + bytes.readUInt32LE(0);
      const { states: firmware, ...batch } = batchShape.parse(parse(bytes.subarray(4, end)));
      return { type: 'batch', batch: { ...batch, frame: bytes.subarray(end) }, states: firmware };
    }
    default:
      throw new SyntaxError(`record type ${type}`);
  }
}

function damaged(path: string, what: string, cause?: unknown): GatewayError {
  return new GatewayError('SPOOL_DAMAGED', `${path}: ${what}; move the file away to start with an empty queue`, { cause });
}
