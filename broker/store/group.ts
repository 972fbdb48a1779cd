/**
 * A commit group: the publishes that one sync made durable, as the plaintext of one record.
 *
 *   u32 entry count, then per entry: received time (ms, u48)   channel u8 (0 data, 1 event)   payload length u32   payload
 */
import { StoreError } from '../errors.ts';

export const CHANNELS = ['data', 'event'] as const;
export type Channel = (typeof CHANNELS)[number];

/** One publish as it is kept. The payload is the gateway's batch frame, byte for byte. */
export interface StoredEntry {
  readonly receivedMs: number;
  readonly channel: Channel;
  readonly payload: Buffer;
}

export const ENTRY_HEADER_BYTES = 11;

export function encodeGroup(entries: readonly StoredEntry[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + ENTRY_HEADER_BYTES + entry.payload.length, 4));
  let at = bytes.writeUInt32LE(entries.length, 0);
  for (const entry of entries) {
    at = bytes.writeUIntLE(entry.receivedMs, at, 6);
    at = bytes.writeUInt8(CHANNELS.indexOf(entry.channel), at);
    at = bytes.writeUInt32LE(entry.payload.length, at);
    at += entry.payload.copy(bytes, at);
  }
  return bytes;
}

/** The entries, as views into `bytes`. Authenticated bytes that do not parse are a fault of the writer: STORE_DAMAGED. */
export function decodeGroup(bytes: Buffer): StoredEntry[] {
  const entries: StoredEntry[] = [];
  const count = bytes.length < 4 ? -1 : bytes.readUInt32LE(0);
  let at = 4;
  while (at + ENTRY_HEADER_BYTES <= bytes.length) {
    const channel = CHANNELS[bytes[at + 6]!];
    const end = at + ENTRY_HEADER_BYTES + bytes.readUInt32LE(at + 7);
    if (!channel || end > bytes.length) break;
    entries.push({ receivedMs: bytes.readUIntLE(at, 6), channel, payload: bytes.subarray(at + ENTRY_HEADER_BYTES, end) });
    at = end;
  }
  if (at !== bytes.length || entries.length !== count) throw new StoreError('STORE_DAMAGED', 'a commit group does not parse');
  return entries;
}
