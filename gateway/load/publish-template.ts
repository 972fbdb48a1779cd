/**
 * PUBLISH packets made beforehand. A template is a whole packet of which only the message id, the number, the due time and
 * the checksum are written anew for each message, in the caller's buffer: no message allocates.
 */
import { batchOf, crc32c, type BatchHeader } from '../../frame/mod.ts';
import { lengthBytes, writeLength } from './client/packets.ts';
import type { Qos } from './scenario.ts';
import { FIRST_BATCH_NUMBER, STAMP_BYTES, stampBatch, stampEntry, stampPayload, writeStamp } from './stamp.ts';

export interface PublishTemplate {
  /** Bytes that `write` writes. */
  readonly bytes: number;
  /** Writes the packet at `offset` and returns the offset after it. */
  write(buffer: Buffer, offset: number, messageId: number, sequence: number, dueUs: number): number;
}

export interface PublishHead {
  readonly topic: string;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly mqttVersion: 4 | 5;
}

/** Where things stand in a packet. */
interface Packet {
  readonly bytes: Buffer;
  readonly messageIdAt: number;
  readonly payloadAt: number;
}

function packetOf({ topic, qos, retain, mqttVersion }: PublishHead, payload: Uint8Array): Packet {
  const name = Buffer.from(topic, 'utf8');
  const idBytes = qos > 0 ? 2 : 0;
  const propertyBytes = mqttVersion === 5 ? 1 : 0;
  const length = 2 + name.length + idBytes + propertyBytes + payload.length;
  const bytes = Buffer.alloc(1 + lengthBytes(length) + length);
  bytes[0] = (3 << 4) | (qos << 1) | (retain ? 1 : 0);
  let at = writeLength(length, bytes, 1);
  at = bytes.writeUInt16BE(name.length, at);
  at += name.copy(bytes, at);
  const messageIdAt = at;
  at += idBytes + propertyBytes;
  bytes.set(payload, at);
  return { bytes, messageIdAt, payloadAt: at };
}

/** A batch frame of `frames` (a sensor's, whole), about which gateway and run the header says; its sequence is replaced. */
export function frameTemplate(head: PublishHead, header: Omit<BatchHeader, 'sequence'>, frames: readonly Uint8Array[]): PublishTemplate {
  const payload = batchOf({ ...header, sequence: FIRST_BATCH_NUMBER }, [...frames, stampFrame()]);
  const { bytes, messageIdAt, payloadAt } = packetOf(head, payload);
  // version and kind, length, gateway id, boot epoch; then the number
  let numberAt = payloadAt + 1;
  while (bytes[numberAt]! > 127) numberAt++;
  numberAt += 1 + 8;
  while (bytes[numberAt]! > 127) numberAt++;
  numberAt += 1;
  return {
    bytes: bytes.length,
    write: (buffer, offset, messageId, sequence, dueUs) => {
      bytes.copy(buffer, offset);
      writeMessageId(buffer, offset + messageIdAt, head.qos, messageId);
      stampBatch(buffer, offset + payloadAt, offset + bytes.length, offset + numberAt, sequence, dueUs);
      return offset + bytes.length;
    },
  };
}

/** The stamp as a sensor's frame, for the batch encoder to copy. */
function stampFrame(): Uint8Array {
  const [kind, ...rest] = stampEntry();
  const frame = Buffer.from([0x20 | kind!, ...rest, 0, 0, 0, 0]);
  frame.writeUInt32LE(crc32c(frame, 0, frame.length - 4), frame.length - 4);
  return frame;
}

/** A payload of any bytes; where there is room for a stamp it begins with one, and its first bytes are replaced. */
export function bytesTemplate(head: PublishHead, runEpoch: number, key: number, payload: Uint8Array): PublishTemplate {
  const { bytes, messageIdAt, payloadAt } = packetOf(head, payload);
  const isStamped = payload.length >= STAMP_BYTES;
  if (isStamped) writeStamp(bytes, payloadAt, runEpoch, key);
  return {
    bytes: bytes.length,
    write: (buffer, offset, messageId, sequence, dueUs) => {
      bytes.copy(buffer, offset);
      writeMessageId(buffer, offset + messageIdAt, head.qos, messageId);
      if (isStamped) stampPayload(buffer, offset + payloadAt, offset + bytes.length, sequence, dueUs);
      return offset + bytes.length;
    },
  };
}

/** A packet for each text that `render` makes, none longer than `mostBytes`. */
export function textTemplate(head: PublishHead, mostBytes: number, render: (sequence: number, dueUs: number) => string): PublishTemplate {
  return {
    bytes: packetOf(head, new Uint8Array(mostBytes)).bytes.length,
    write: (buffer, offset, messageId, sequence, dueUs) => {
      const payload = Buffer.from(render(sequence, dueUs), 'utf8');
      const { bytes, messageIdAt } = packetOf(head, payload.subarray(0, mostBytes));
      bytes.copy(buffer, offset);
      writeMessageId(buffer, offset + messageIdAt, head.qos, messageId);
      return offset + bytes.length;
    },
  };
}

function writeMessageId(buffer: Buffer, at: number, qos: Qos, messageId: number): void {
  if (qos === 0) return;
  buffer[at] = messageId >>> 8;
  buffer[at + 1] = messageId & 255;
}
