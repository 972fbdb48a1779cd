/**
 * What is simplest to write by hand: differences from the sample before in zigzag form, in blocks of 128, each in as many
 * bits as its largest needs, said in a byte before it. Here for its size; it is not written to be fast.
 */
import type { SampleArray } from '../../frame/mod.ts';
import type { Capture } from './captures.ts';
import { arraysLike, type WaveformCodec } from './waveform-codec.ts';

const BLOCK = 128;

export function bitPackingCodec({ axes, bits }: Capture): WaveformCodec {
  const arrays = arraysLike(axes);
  let encoded: Uint8Array[] = [];
  return {
    name: 'delta + bit-packing',
    kernel: null,
    speed: 'not measured',
    encode: () => {
      encoded = axes.map((axis) => pack(axis, bits));
      return encoded.reduce((sum, { length }) => sum + length, 0);
    },
    decode: () => encoded.forEach((bytes, index) => unpack(bytes, bits, arrays[index]!)),
    decoded: () => arrays,
  };
}

/** Differences are modulo 2^bits, so that they have no more bits than the samples. */
function pack(axis: SampleArray, bits: number): Uint8Array {
  const bytes: number[] = [];
  let before = 0;
  for (let start = 0; start < axis.length; start += BLOCK) {
    const values = Array.from(axis.subarray(start, start + BLOCK), (sample) => {
      const delta = signed(sample - before, bits);
      before = sample;
      return ((delta << 1) ^ (delta >> 31)) >>> 0;
    });
    const width = 32 - Math.clz32(values.reduce((all, value) => all | value, 0));
    bytes.push(width);
    let held = 0;
    let waiting = 0; // of the low bits of `waiting`, `held` are to be written
    for (const value of values) {
      waiting = waiting * 2 ** width + value;
      held += width;
      for (; held >= 8; held -= 8) {
        const byte = Math.floor(waiting / 2 ** (held - 8));
        bytes.push(byte);
        waiting -= byte * 2 ** (held - 8);
      }
    }
    if (held > 0) bytes.push(waiting << (8 - held));
  }
  return Uint8Array.from(bytes);
}

function unpack(bytes: Uint8Array, bits: number, axis: SampleArray): void {
  let at = 0;
  let before = 0;
  for (let start = 0; start < axis.length; start += BLOCK) {
    const width = bytes[at++]!;
    let held = 0;
    let waiting = 0;
    for (let i = start; i < Math.min(start + BLOCK, axis.length); i++) {
      for (; held < width; held += 8) waiting = waiting * 256 + bytes[at++]!;
      const value = Math.floor(waiting / 2 ** (held - width));
      waiting -= value * 2 ** (held - width);
      held -= width;
      before = signed(before + ((value >>> 1) ^ -(value & 1)), bits);
      axis[i] = before;
    }
  }
}

function signed(value: number, bits: number): number {
  return (value << (32 - bits)) >> (32 - bits);
}
