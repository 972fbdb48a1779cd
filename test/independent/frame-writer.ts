/**
 * A slow writer of frames, from docs/frame.md alone, for tests: chance makes every choice that the page leaves to an
 * encoder, so it writes what no encoder would. What a frame must decode to is known, because it starts from the message.
 */
import { castagnoli } from './frame-decoder.ts';

/** A whole number from 0 up to, but without, `limit`. */
export type Chance = (limit: number) => number;

/** Mulberry32: one seed, one row of numbers. */
export function chanceOf(seed: number): Chance {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

export function pick<T>(chance: Chance, choices: readonly T[]): T {
  return choices[chance(choices.length)]!;
}

/** The least `bitCount` bits of a number, two's complement, as the pieces of a stream that begins with the least. */
export function leastFirst(value: number, bitCount: number): number[] {
  return Array.from({ length: bitCount }, (_, place) => Math.floor(value / 2 ** place) & 1);
}

/** A bit stream in bytes, from the least significant bit on; zero bits to the end of the last byte. */
export function bytesOf(bits: readonly number[]): number[] {
  const bytes = Array<number>(Math.ceil(bits.length / 8)).fill(0);
  bits.forEach((bit, place) => { bytes[place >> 3]! |= bit << (place & 7); });
  return bytes;
}

/** In LEB128; the shortest form. */
export function varint(number: number): number[] {
  return number < 128 ? [number] : [(number % 128) | 128, ...varint(Math.floor(number / 128))];
}

export function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1;
}

export function littleEndian(value: number, byteCount: number): number[] {
  return bytesOf(leastFirst(value, 8 * byteCount));
}

/** Bytes with their checksum after them. */
export function sealed(bytes: Uint8Array): Uint8Array {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(castagnoli(bytes));
  return Buffer.concat([bytes, checksum]);
}

/** A whole frame around a body. */
export function framed(first: number, body: Uint8Array | readonly number[]): Uint8Array {
  return sealed(Buffer.concat([Uint8Array.from([first, ...varint(body.length)]), Uint8Array.from(body)]));
}

/** The body of a whole frame. */
export function bodyOf(frame: Uint8Array): Uint8Array {
  const lengthEnd = 1 + frame.subarray(1).findIndex((byte) => byte < 128);
  return frame.subarray(lengthEnd + 1, -4);
}

export function withByte(bytes: Uint8Array, index: number, change: (byte: number) => number): Uint8Array {
  return bytes.map((byte, i) => (i === index ? change(byte) : byte));
}

/** A message with plain arrays and nulls, and with the resolution that JSON names and the type of the array says. */
export function asJson(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message, (_, part: unknown) => {
    if (part instanceof Int16Array || part instanceof Int32Array) return [...part];
    const axes = typeof part === 'object' && part !== null && 'axes' in part ? part.axes as ArrayLike<number>[] : undefined;
    return axes !== undefined && ArrayBuffer.isView(axes[0]) ? { ...part as object, bitsPerSample: axes[0] instanceof Int16Array ? 16 : 24 } : part;
  }));
}
