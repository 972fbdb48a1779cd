/** MQTT packets of 3.1.1 and 5, as a client of a load test needs them: few to write, and those that come cut out of the stream. */

import { SCENARIO_LIMITS } from '../scenario/limits.ts';

export const PACKET = { connack: 2, publish: 3, puback: 4, pubrec: 5, pubrel: 6, pubcomp: 7, suback: 9, unsuback: 11, pingresp: 13, disconnect: 14 } as const;

/** Topic (at most 65,535 bytes), message id and properties that come with a payload. */
const MAX_HEAD_BYTES = 128 * 1024;
/** Longest packet that is taken from a broker, without its first byte and length: of the longest payload that may be published. */
export const MAX_PACKET_BYTES = SCENARIO_LIMITS.payloadBytes + MAX_HEAD_BYTES;
/** Bytes of a remaining length at most (MQTT 3.1.1, 2.2.3). */
export const MAX_LENGTH_BYTES = 4;

export const PINGREQ = Buffer.from([0xc0, 0]);
export const DISCONNECT = Buffer.from([0xe0, 0]);

/** Bytes that `length` takes as a remaining length. */
export function lengthBytes(length: number): number {
  return length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4;
}

/** Writes a remaining length and returns the offset after it. */
export function writeLength(length: number, buffer: Uint8Array, offset: number): number {
  let at = offset;
  let rest = length;
  for (; rest > 127; rest >>>= 7) buffer[at++] = (rest & 127) | 128;
  buffer[at++] = rest;
  return at;
}

/** Reads a variable byte integer; undefined when it does not end. */
export function readLength(bytes: Buffer, offset: number, end: number): { readonly length: number; readonly after: number } | undefined {
  let length = 0;
  for (let i = 0; i < MAX_LENGTH_BYTES && offset + i < end; i++) {
    const byte = bytes[offset + i]!;
    length |= (byte & 127) << (7 * i);
    if (byte < 128) return { length, after: offset + i + 1 };
  }
  return undefined;
}

/** An acknowledgement of four bytes: PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function acknowledgement(kind: 4 | 5 | 6 | 7, messageId: number): Buffer {
  return Buffer.from([(kind << 4) | (kind === PACKET.pubrel ? 2 : 0), 2, messageId >>> 8, messageId & 255]);
}

/** What to do with a packet: its first byte, and where in `bytes` stands what follows the length. False: it is no MQTT. */
export type OnPacket = (first: number, bytes: Buffer, start: number, end: number) => boolean;

/** Cuts a stream of bytes into packets; keeps only what is not yet whole, and copies it once. */
export class PacketReader {
  #parts: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes that the packet begun has at least. */
  #neededBytes = 0;

  /** Calls `onPacket` for each packet that `chunk` makes whole. Returns false as soon as something is no MQTT. */
  read(chunk: Buffer, onPacket: OnPacket): boolean {
    if (this.#heldBytes === 0) return this.#cut(chunk, onPacket);
    this.#parts.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#neededBytes) return true;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#heldBytes = 0;
    return this.#cut(bytes, onPacket);
  }

  #cut(bytes: Buffer, onPacket: OnPacket): boolean {
    let at = 0;
    while (at < bytes.length) {
      let length = 0;
      let start = at + 1;
      let more = true;
      for (let i = 0; more && start < bytes.length; i++) {
        if (i === MAX_LENGTH_BYTES) return false;
        const byte = bytes[start++]!;
        length |= (byte & 127) << (7 * i);
        more = byte > 127;
      }
      if (length > MAX_PACKET_BYTES) return false;
      const end = start + length;
      if (more || end > bytes.length) {
        this.#keep(bytes.subarray(at), more ? bytes.length - at + 1 : end - at);
        return true;
      }
      if (!onPacket(bytes[at]!, bytes, start, end)) return false;
      at = end;
    }
    return true;
  }

  #keep(rest: Buffer, neededBytes: number): void {
    this.#parts = [Buffer.from(rest)]; // what it was cut from may be much longer
    this.#heldBytes = rest.length;
    this.#neededBytes = neededBytes;
  }
}
