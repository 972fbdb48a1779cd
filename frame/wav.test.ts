import { describe, expect, it } from 'vitest';
import { WavError } from './errors.ts';
import { encodeWav, readWav } from './wav.ts';

function axesOf(count: number, samples: number): Int16Array[] {
  let state = count;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 16;
  return Array.from({ length: count }, () => Int16Array.from({ length: samples }, next));
}

/** The error that reading gives. */
function errorOf(bytes: Uint8Array): WavError {
  try {
    readWav(bytes);
  } catch (error) {
    if (error instanceof WavError) return error;
    throw error;
  }
  throw new Error('the file was read');
}

/** A good file with some bytes changed. */
function patched(at: number, ...values: number[]): Uint8Array {
  const bytes = encodeWav(axesOf(1, 10), 1000);
  bytes.set(values, at);
  return bytes;
}

/** A good file with bytes put in at an offset. */
function spliced(at: number, insert: Uint8Array, bytes = encodeWav(axesOf(2, 10), 48_000)): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at)]);
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a WAV file', () => {
  it.each([1, 2, 3])('of %i axes comes back bit for bit, with its rate', (count) => {
    const axes = axesOf(count, 777);
    expect(readWav(encodeWav(axes, 26_667))).toEqual({ axes, sampleRateHz: 26_667 });
  });

  it('of 24 bits comes back too', () => {
    const axes = axesOf(2, 300).map((axis) => Int32Array.from(axis, (code, i) => code * 256 + (i & 0xff)));
    const bytes = encodeWav([...axes, Int32Array.from({ length: 300 }, (_, i) => (i & 1 ? -(2 ** 23) : 2 ** 23 - 1))], 48_000);
    expect(bytes.length).toBe(44 + 300 * 9);
    expect(readWav(bytes).axes.slice(0, 2)).toEqual(axes);
    expect(readWav(bytes).axes[2]!.slice(0, 2)).toEqual(Int32Array.of(2 ** 23 - 1, -(2 ** 23)));
  });

  it('is written with the canonical header of 44 bytes', () => {
    const bytes = Buffer.from(encodeWav([Int16Array.of(1, -2)], 12_000));
    expect(bytes.toString('hex')).toBe(
      '52494646280000005741564 5666d742010000000010001 00e02e0000c05d000002001000 646174610400000 00100feff'.replaceAll(
        ' ',
        '',
      ),
    );
  });

  it('may carry other chunks, of even or odd size, before and after the data', () => {
    const list = Uint8Array.from([...ascii('LIST'), 3, 0, 0, 0, 1, 2, 3, 0]);
    const bytes = spliced(48, list, spliced(12, list));
    expect(readWav(Uint8Array.from([...bytes, ...list, 9, 9])).axes).toEqual(axesOf(2, 10));
  });

  it('may be in the extensible form', () => {
    const tail = [22, 0, 16, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
    const bytes = spliced(36, Uint8Array.from(tail));
    bytes.set([40], 16);
    bytes.set([0xfe, 0xff], 20);
    expect(readWav(bytes).axes).toEqual(axesOf(2, 10));
    bytes.set([3], 44);
    expect(errorOf(bytes).message).toContain('floating point');
    bytes.set([99], 50);
    expect(errorOf(bytes).code).toBe('WAV_FORMAT');
  });

  it('may stand anywhere in a larger buffer', () => {
    const bytes = encodeWav(axesOf(1, 10), 1000);
    const larger = new Uint8Array(bytes.length + 7);
    larger.set(bytes, 3);
    expect(readWav(larger.subarray(3, 3 + bytes.length)).axes).toEqual(axesOf(1, 10));
  });
});

describe('a bad WAV file', () => {
  it.each([
    ['is empty', new Uint8Array(0), 'WAV_EMPTY', 0],
    ['is something else', ascii('hello, this is no recording'), 'WAV_NOT_WAVE', 0],
    ['is big-endian', patched(0, ...ascii('RIFX')), 'WAV_NOT_WAVE', 0],
    ['has only a RIFF header', encodeWav(axesOf(1, 10), 1000).subarray(0, 12), 'WAV_EMPTY', 12],
    ['ends within a chunk header', encodeWav(axesOf(1, 10), 1000).subarray(0, 39), 'WAV_TRUNCATED', 36],
    ['ends within its samples', encodeWav(axesOf(1, 10), 1000).subarray(0, 63), 'WAV_TRUNCATED', 36],
    ['has a chunk of 4 GiB', patched(16, 255, 255, 255, 255), 'WAV_TRUNCATED', 12],
    ['has no format before the data', patched(12, ...ascii('xxxx')), 'WAV_FORMAT', 36],
    ['is floating point', patched(20, 3), 'WAV_FORMAT', 20],
    ['has 24 bits in blocks for 16', patched(34, 24), 'WAV_FORMAT', 32],
    ['has 32 bits', patched(34, 32), 'WAV_FORMAT', 34],
    ['has 8 bits', patched(34, 8), 'WAV_FORMAT', 34],
    ['has no channel', patched(22, 0), 'WAV_FORMAT', 22],
    ['has four channels', patched(22, 4), 'WAV_FORMAT', 22],
    ['has a rate of 0', patched(24, 0, 0), 'WAV_FORMAT', 24],
    ['has blocks that are not its channels', patched(32, 6), 'WAV_FORMAT', 32],
    ['holds no samples', encodeWav([new Int16Array(0)], 1000), 'WAV_EMPTY', 44],
    ['has half a sample', patched(40, 19), 'WAV_TRUNCATED', 44],
  ])('that %s is refused with code and place', (_what, bytes, code, offset) => {
    expect(errorOf(bytes)).toMatchObject({ code, offset });
  });

  it('is refused or read, never crashes, whatever byte is changed or missing', () => {
    const good = encodeWav(axesOf(2, 6), 1000);
    for (let at = 0; at < 44; at++) {
      for (const value of [0, 1, 2, 127, 128, 255]) {
        const bytes = good.slice();
        bytes[at] = value;
        try {
          readWav(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WavError);
        }
      }
    }
    for (let length = 0; length < good.length; length++)
      expect(errorOf(good.subarray(0, length))).toBeInstanceOf(WavError);
  });

  it('is not written', () => {
    expect(() => encodeWav([], 1000)).toThrow(WavError);
    expect(() => encodeWav(axesOf(4, 1), 1000)).toThrow(WavError);
    expect(() => encodeWav([new Int16Array(1), new Int16Array(2)], 1000)).toThrow(/differ/);
    expect(() => encodeWav(axesOf(1, 1), 0)).toThrow(/sample rate/);
    expect(() => encodeWav(axesOf(1, 1), 44.1)).toThrow(/sample rate/);
  });
});
