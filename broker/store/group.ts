/**
 * A commit group: what one sync made durable, as the plaintext of one record. Times are told from the first one's.
 *
 *   varint entry count   u48 received time of the first (ms)
 *   then per entry: varint zigzag(ms after the entry before) · 4 + channel (0 data, 1 event, 2 connection)
 *                   varint payload length   payload
 *
 * Varints are LEB128 of up to 53 bits.
 */
import { StoreError } from '../errors.ts';

export const CHANNELS = ['data', 'event', 'connection'] as const;
export type Channel = (typeof CHANNELS)[number];

/** One entry as it is kept. Of `data` and `event` the payload is the gateway's batch frame, byte for byte. */
export interface StoredEntry {
  readonly receivedMs: number;
  readonly channel: Channel;
  readonly payload: Buffer;
}

/** The most bytes of an entry beside its payload: of a clock that jumped, and the longest payload. */
export const MAX_ENTRY_HEADER_BYTES = 8 + 5;
const MAX_GROUP_HEADER_BYTES = 5 + 6;

/** At least as many bytes as `encodeGroup` writes. */
export function maxGroupLength(entries: readonly StoredEntry[]): number {
  return entries.reduce((sum, { payload }) => sum + MAX_ENTRY_HEADER_BYTES + payload.length, MAX_GROUP_HEADER_BYTES);
}

/** What a `connection` entry says: a gateway came, or its connection ended. */
export interface GatewayConnection {
  /** EUI-64, 16 lower-case hex digits. */
  readonly gatewayId: string;
  readonly connected: boolean;
}

/** Its payload: the gateway's id (8), 1 or 0 (u8). */
export function encodeConnection({ gatewayId, connected }: GatewayConnection): Buffer {
  return Buffer.from(gatewayId + (connected ? '01' : '00'), 'hex');
}

export function decodeConnection(payload: Buffer): GatewayConnection {
  if (payload.length !== 9 || payload[8]! > 1) throw malformed();
  return { gatewayId: payload.toString('hex', 0, 8), connected: payload[8] === 1 };
}

/** Writes the entries, one at least, into `bytes` from its beginning and returns how many bytes they take. */
export function encodeGroup(entries: readonly StoredEntry[], bytes: Buffer): number {
  let at = writeVarint(entries.length, bytes, 0);
  let before = entries[0]!.receivedMs;
  at = bytes.writeUIntLE(before, at, 6);
  for (const { receivedMs, channel, payload } of entries) {
    const later = receivedMs - before;
    at = writeVarint((later < 0 ? -2 * later - 1 : 2 * later) * 4 + CHANNELS.indexOf(channel), bytes, at);
    at = writeVarint(payload.length, bytes, at);
    at += payload.copy(bytes, at);
    before = receivedMs;
  }
  return at;
}

/** The entries, as views into `bytes`. Authenticated bytes that do not parse are a fault of the writer: STORE_DAMAGED. */
export function decodeGroup(bytes: Buffer): StoredEntry[] {
  const reader = { bytes, at: 0 };
  const count = readVarint(reader);
  if (reader.at + 6 > bytes.length) throw malformed();
  let receivedMs = bytes.readUIntLE(reader.at, 6);
  reader.at += 6;
  const entries: StoredEntry[] = [];
  while (reader.at < bytes.length) {
    const head = readVarint(reader);
    const later = Math.floor(head / 4);
    receivedMs += later % 2 === 0 ? later / 2 : -(later + 1) / 2;
    const channel = CHANNELS[head % 4];
    const payloadBytes = readVarint(reader);
    const end = reader.at + payloadBytes;
    if (!channel || end > bytes.length || receivedMs < 0 || receivedMs >= 2 ** 48) throw malformed();
    entries.push({ receivedMs, channel, payload: bytes.subarray(reader.at, end) });
    reader.at = end;
  }
  if (entries.length !== count) throw malformed();
  return entries;
}

function writeVarint(value: number, bytes: Buffer, at: number): number {
  let rest = value;
  let place = at;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[place++] = (rest % 0x80) | 0x80;
  bytes[place++] = rest;
  return place;
}

function readVarint(reader: { readonly bytes: Buffer; at: number }): number {
  let value = 0;
  for (let scale = 1; scale <= 2 ** 49; scale *= 0x80) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) break;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (Number.isSafeInteger(value)) return value;
      break;
    }
  }
  throw malformed();
}

function malformed(): StoreError {
  return new StoreError('STORE_DAMAGED', 'a commit group does not parse');
}
