/** The limits that docs/frame.md names, one at a time: a decoder written from it alone and ours tell the same, to the code. */
import { describe, expect, it } from 'vitest';
import { agreed, KERNELS } from './agreement.fixture.ts';
import { anyPlan, codeWord, waveformBody, writeAxis } from './axis-writer.ts';
import { anyTargets, writeBatchBody } from './batch-writer.ts';
import { bodyOf, bytesOf, chanceOf, framed, leastFirst, littleEndian, sealed, varint, withByte, zigzag } from './frame-writer.ts';
import { before } from './measurement-decoder.ts';

const GATEWAY = '00124b00000000aa';

function said(frame: Uint8Array): string {
  const verdict = agreed(frame, 'the same codes');
  return 'code' in verdict ? verdict.code : 'accepted';
}

/** What is said of a waveform of one axis. */
function axisSaid(b: 16 | 24, n: number, bytes: readonly number[]): string {
  return said(framed(0x22, waveformBody(1, n, b, bytes)));
}

/** An axis of zeros in one block: as its descriptor says, should it be defined. */
function zeros(n: number, t: number, k: number): number[] {
  const plane = Array<number>(16 * Math.ceil((Math.ceil(n / 4) * k) / 32)).fill(0);
  return [0, 0, 0, (t << 5) | k, ...plane, ...(t === 0 ? [] : bytesOf(Array.from({ length: n }, () => codeWord(t, 16)).flat()))];
}

const HEADER = [...Array<number>(8).fill(7), 1, 2, 0, 0, 0, 0, 0, 0];

function batch(count: number, entries: readonly number[], countBytes = varint(count)): Uint8Array {
  return framed(0x24, [...Buffer.from(GATEWAY, 'hex'), 0, 0, ...countBytes, ...entries]);
}

const ONE = 1;
/** A measurement's entry that tells no difference. */
const SAME = [0x01, 0, 0, ...bytesOf([0, ...leastFirst(0, 4), ...Array<number>(14).fill(ONE), ...leastFirst(0, 7), ONE, ONE, ...leastFirst(0, 3)])];

/** A measurement's entry after `head`, with these numbers. */
function entry(head: readonly number[], bits: readonly number[]): Uint8Array {
  return batch(1, [...head, ...bytesOf(bits)]);
}

const NO_FEATURES = [0, ...leastFirst(0, 4), ...Array<number>(13).fill(ONE)];
const NO_TEMPERATURE = [ONE, ...leastFirst(0, 7)];
const NO_RSSI = [ONE, ...leastFirst(0, 3)];

describe('an axis', () => {
  it('is read by the WebAssembly kernel and by the TypeScript one', () => {
    expect(KERNELS).toHaveLength(2);
  });

  it('has one of the forms that are defined', () => {
    for (let form = 0; form < 255; form += 1) {
      const p = form & 63;
      expect(axisSaid(16, 4, [form, 0, 0, ...Array<number>(p).fill(1), 0]), `form ${form}`).toBe(p <= 32 && form < 128 ? 'accepted' : 'FRAME_MALFORMED');
    }
    expect(axisSaid(16, 4, [255, ...Array<number>(8).fill(9)])).toBe('accepted');
    expect(axisSaid(16, 4, [255, ...Array<number>(7).fill(9)])).toBe('FRAME_MALFORMED');
    expect(axisSaid(16, 4, [255, ...Array<number>(9).fill(0)])).toBe('FRAME_MALFORMED');
    expect(axisSaid(24, 4, [255, ...Array<number>(12).fill(0x80)])).toBe('accepted');
  });

  it('has one of the scales that are defined', () => {
    for (let scale = 0; scale < 256; scale += 1) expect(axisSaid(24, 100, [0, scale, 0, 0]), `scale ${scale}`).toBe(scale >> 4 <= 5 ? 'accepted' : 'FRAME_MALFORMED');
  });

  it.each([16, 24] as const)('has one of the descriptors that are defined for %i bits', (b) => {
    for (const n of [1, 4, 77]) {
      for (let descriptor = 0; descriptor < 256; descriptor += 1) {
        const [t, k] = [descriptor >> 5, descriptor & 31];
        expect(axisSaid(b, n, zeros(n, t, k)), `descriptor ${descriptor}`).toBe(k <= (t === 0 ? b : b - 1) ? 'accepted' : 'FRAME_MALFORMED');
      }
    }
  });

  it.each([16, 24] as const)('has an offset and coefficients within their bits, in the shortest form: %i', (b) => {
    for (const z of [0, 2 ** b - 1, 2 ** b - 2, 2 ** b, 2 ** b + 1, 2 ** 32 - 1, 2 ** 32]) {
      expect(axisSaid(b, 3, [0, 0, ...varint(z), 0]), `offset ${z}`).toBe(z < 2 ** b ? 'accepted' : 'FRAME_MALFORMED');
    }
    for (const z of [0, 65_535, 65_534, 65_536, 65_537, 2 ** 32 - 1, 2 ** 32]) {
      expect(axisSaid(b, 3, [1, 0, 2, ...varint(z), 0]), `coefficient ${z}`).toBe(z < 65_536 ? 'accepted' : 'FRAME_MALFORMED');
    }
    expect(axisSaid(b, 3, [0, 0, 0x80, 0, 0])).toBe('FRAME_MALFORMED');
    // Sixteen of -32768 sum up to 2^19 in magnitude, sixteen of 32767 and one of 15 to one less.
    const sum = (count: number, code: number, ...more: number[]): number[] => [count + more.length, 0, 2, ...Array.from({ length: count }, () => varint(code)).flat(), ...more, 0];
    expect(axisSaid(b, 3, sum(16, 65_535))).toBe(b === 16 ? 'accepted' : 'FRAME_MALFORMED');
    expect(axisSaid(b, 3, sum(16, 65_534, 30))).toBe('accepted');
    expect(axisSaid(b, 3, sum(16, 65_534, 32))).toBe(b === 16 ? 'accepted' : 'FRAME_MALFORMED');
  });

  it('has the bytes that its samples need, zero where they must be', () => {
    for (const [n, bytes] of [[256, 4], [257, 5], [65_536, 1024]] as const) {
      const axis = [0, 0x50, 0, ...Array<number>(Math.ceil(n / 4096)).fill(0)];
      const padded = [...axis, ...Array<number>(Math.max(0, bytes - axis.length)).fill(0)];
      expect(axisSaid(16, n, padded)).toBe('accepted');
      expect(axisSaid(16, n, padded.slice(0, -1))).toBe('FRAME_MALFORMED');
      expect(axisSaid(16, n, [...padded, 0])).toBe('FRAME_MALFORMED');
      if (padded.length > axis.length) expect(axisSaid(16, n, [...padded.slice(0, -1), 1])).toBe('FRAME_MALFORMED');
    }
  });

  it('may tell high parts that need more bits than are left', () => {
    for (const b of [16, 24] as const) {
      for (let t = 1; t <= 7; t += 1) {
        for (let symbol = 1; symbol < 32; symbol += 1) {
          for (const k of [b - 1, b - 2, b - 4, b - 5]) {
            const plane = [1, 2, 3, 4].flatMap((low) => littleEndian(low, 4));
            expect(axisSaid(b, 4, [2, 1, 0, 5, 6, (t << 5) | k, ...plane, ...bytesOf([...codeWord(t, symbol), ...codeWord(t, 16), ...codeWord(t, 16), ...codeWord(t, symbol)])])).toBe('accepted');
          }
        }
      }
    }
  });

  it('is the same axis, or none, with any bit flipped', () => {
    for (let seed = 0; seed < 15; seed += 1) {
      const chance = chanceOf(seed);
      const b = seed % 2 === 0 ? 16 : 24;
      const n = [1, 3, 5, 13, 33][seed % 5]!;
      const samples = Array.from({ length: n }, () => chance(2 ** (1 + (seed % b))) - 2 ** (seed % b));
      const axis = writeAxis(samples, { ...anyPlan(b, chance), c: seed % 3 === 0 ? [2, -1] : [] }, chance);
      axis.forEach((_, at) => {
        for (let bit = 0; bit < 8; bit += 1) agreed(framed(0x22, waveformBody(1, n, b, axis.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte)))));
      });
    }
  });
});

describe('a waveform', () => {
  const body = (fields: { first?: number; n?: number; total?: number; rate?: number; scale?: number[]; b?: number; axes?: number; rest?: number[] }): string => {
    const { first = 0, n = 4, total = 4, rate = 1, scale = [0, 0, 0x80, 0x41], b = 16, axes = 1, rest = [0, 0, 0, 0] } = fields;
    return said(framed(0x22, [...HEADER, 0, ...varint(first), ...varint(total), ...varint(rate), ...scale, b, axes, ...varint(n), ...rest]));
  };

  it('has fields within their limits', () => {
    const last = 2 ** 32 - 1;
    expect([body({}), body({ first: last - 4, total: last }), body({ first: 3, total: last })]).toEqual(['accepted', 'accepted', 'accepted']);
    expect([body({ first: 1 }), body({ first: last, total: last }), body({ n: 5, rest: [0, 0, 0, 0] })]).toEqual(Array(3).fill('FRAME_VALUE'));
    expect([body({ rate: 0 }), body({ rate: last }), body({ rate: 2 ** 32 })]).toEqual(['FRAME_VALUE', 'accepted', 'FRAME_MALFORMED']);
    for (const b of [0, 8, 15, 17, 23, 25, 32, 255]) expect(body({ b })).toBe('FRAME_VALUE');
    for (const axes of [0, 4, 255]) expect(body({ axes })).toBe('FRAME_VALUE');
    expect(body({ n: 65_537, total: 65_537, rest: Array<number>(2000).fill(0) })).toBe('FRAME_VALUE');
    for (const scale of [[0, 0, 0x80, 0x7f], [0, 0, 0xc0, 0x7f], [1, 0, 0x80, 0x7f], [0, 0, 0, 0], [0, 0, 0, 0x80], [0, 0, 0x80, 0xbf], [0, 0, 0x80, 0xff]]) expect(body({ scale })).toBe('FRAME_VALUE');
    for (const scale of [[1, 0, 0, 0], [0xff, 0xff, 0x7f, 0x7f]]) expect(body({ scale })).toBe('accepted');
  });

  it('may have no samples, and then no axes’ bytes', () => {
    for (const axes of [1, 2, 3]) for (const b of [16, 24]) expect(body({ n: 0, axes, b, rest: [] })).toBe('accepted');
    expect(body({ n: 0, rest: [0] })).toBe('FRAME_MALFORMED');
    expect(body({ n: 1, rest: [] })).toBe('FRAME_MALFORMED');
  });
});

describe('a batch', () => {
  it('has up to 1024 entries, of kinds that may stand there', () => {
    expect(said(batch(1024, Array<number[]>(1024).fill(SAME).flat()))).toBe('accepted');
    expect(said(batch(1025, Array<number[]>(1025).fill(SAME).flat()))).toBe('FRAME_TOO_LARGE');
    expect([said(batch(0, [])), said(batch(0, [1])), said(batch(1, [])), said(batch(0, [], [0x80, 0]))]).toEqual(['accepted', ...Array<string>(3).fill('FRAME_MALFORMED')]);
    const event = [...HEADER, 1, 2, 2, 0xff, 0x0f];
    for (let first = 0; first < 256; first += 1) {
      const kind = first & 15;
      if (kind === 1) continue;
      const expected = kind === 0 || kind === 4 || first > 15 ? 'FRAME_KIND' : kind === 2 ? 'FRAME_MALFORMED' : 'accepted';
      expect(said(batch(2, [first, event.length, ...event, ...SAME])), `first byte ${first}`).toBe(expected);
    }
    expect(said(batch(3, [15, 0, ...SAME, 5, 3, 1, 2, 3]))).toBe('accepted');
    expect(said(batch(1, [15, 2, 0]))).toBe('FRAME_MALFORMED');
    expect(said(batch(1, [15, 0x80, 0]))).toBe('FRAME_MALFORMED');
  });

  it('has measurements of any form of the id', () => {
    for (let form = 0; form < 4; form += 1) {
      for (const epoch of [[], [0], [0xff, 0xff, 0xff, 0xff, 0x0f]]) {
        const first = 1 | (form << 4) | (epoch.length > 0 ? 64 : 0);
        const head = [first, ...Array<number>([0, 1, 3, 8][form]!).fill(0xab), ...epoch];
        expect(said(batch(2, [...SAME, ...head, ...SAME.slice(1)]))).toBe('accepted');
        expect(said(batch(1, [first | 128, ...head.slice(1), ...SAME.slice(1)]))).toBe('FRAME_MALFORMED');
      }
    }
  });

  it('has sequences modulo 2^32 and times within 48 bits', () => {
    const numbers = SAME.slice(3);
    for (const z of [1, 2 ** 32 - 1, 2 ** 32 - 2]) expect(said(batch(1, [1, ...varint(z), 0, ...numbers]))).toBe('accepted');
    expect(said(batch(1, [1, ...varint(2 ** 32), 0, ...numbers]))).toBe('FRAME_MALFORMED');
    const latest = zigzag(2 ** 48 - 1);
    expect(said(batch(2, [1, 0, ...varint(latest), ...numbers, 1, 0, ...varint(zigzag(-(2 ** 48 - 1))), ...numbers]))).toBe('accepted');
    for (const bad of [varint(1), varint(latest + 2), varint(2 ** 49 - 1), varint(2 ** 49), varint(2 ** 50), [0x80, 0], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]]) {
      expect(said(batch(1, [1, 0, ...bad, ...numbers])), String(bad)).toBe('FRAME_MALFORMED');
    }
  });

  it('has numbers of so many bits and no more', () => {
    const head = [1, 0, 0];
    const rest = [...NO_TEMPERATURE, ONE, ...NO_RSSI];
    for (let k = 0; k < 16; k += 1) {
      for (const mode of [0, 1]) {
        const features = Array.from({ length: 13 }, () => [ONE, ...leastFirst(2 ** k - 1, k)]).flat();
        expect(said(entry(head, [mode, ...leastFirst(k, 4), ...features, ...rest])), `k ${k}`).toBe(k <= 12 ? 'accepted' : 'FRAME_MALFORMED');
      }
    }
    for (let zeroBits = 0; zeroBits < 12; zeroBits += 1) {
      for (let k = 8; k <= 12; k += 1) {
        const last = [...Array<number>(zeroBits).fill(0), ONE, ...leastFirst(0, k)];
        const features = [...Array.from({ length: 12 }, () => [ONE, ...leastFirst(0, k)]).flat(), ...last];
        expect(said(entry(head, [0, ...leastFirst(k, 4), ...features, ...rest]))).toBe(zeroBits * 2 ** k < 4096 ? 'accepted' : 'FRAME_MALFORMED');
      }
    }
    for (let z = 0; z < 256; z += 1) {
      const code = z < 12 ? [...Array<number>(z).fill(0), ONE] : [...Array<number>(12).fill(0), ...leastFirst(z, 8)];
      const battery = z % 2 === 0 ? 100 + z / 2 : 100 - (z + 1) / 2;
      const wrapped = battery < 0 ? battery + 256 : battery;
      expect(said(entry(head, [...NO_FEATURES, ...NO_TEMPERATURE, ...code, ...NO_RSSI])), `battery ${battery}`).toBe(wrapped <= 100 ? 'accepted' : 'FRAME_VALUE');
    }
  });

  it('may escape what a shorter code would do for', () => {
    const escaped = (width: number): number[] => [...Array<number>(12).fill(0), ...leastFirst(0, width)];
    expect(said(entry([1, 0, 0], [0, ...leastFirst(3, 4), ...Array.from({ length: 13 }, () => escaped(12)).flat(), ...escaped(16), ...escaped(8), ...escaped(8)]))).toBe('accepted');
  });

  it('takes the starting values for a measurement only where none stands before', () => {
    // The gateway's own id, after another's: "the like" is the one before, since the starting values are not in the batch.
    const chance = chanceOf(1);
    const [a, b] = anyTargets(GATEWAY, 2, chance);
    const targets = [{ ...a!, sensorId: 'ffffffffffffffff' }, { ...b!, sensorId: GATEWAY }];
    const verdict = agreed(framed(0x24, writeBatchBody(GATEWAY, before(GATEWAY), targets, chance, { needless: false })));
    expect(verdict).toMatchObject({ message: { messages: targets.map(({ battery, rssi }) => ({ batteryPercent: battery, rssiDbm: rssi })) } });
  });

  it('is the same batch, another, or none, with any bit flipped', () => {
    for (let seed = 0; seed < 12; seed += 1) {
      const chance = chanceOf(seed);
      const body = writeBatchBody(GATEWAY, before(GATEWAY), anyTargets(GATEWAY, 1 + (seed % 4), chance), chance, { needless: false });
      body.forEach((_, at) => {
        for (let bit = 0; bit < 8; bit += 1) agreed(framed(0x24, body.map((byte, i) => (i === at ? byte ^ (1 << bit) : byte))));
      });
    }
  });
});

describe('an envelope', () => {
  const event = framed(0x23, [...HEADER, 1, 2, 2, 0xff, 0x0f]);

  it('is checked in the order of the page', () => {
    expect(said(new Uint8Array(0))).toBe('FRAME_TRUNCATED');
    for (let version = 0; version < 16; version += 1) {
      const other = withByte(event, 0, () => (version << 4) | 3);
      expect(said(other)).toBe(version === 2 ? 'accepted' : 'FRAME_VERSION');
      expect(said(other.subarray(0, 1))).toBe(version === 2 ? 'FRAME_TRUNCATED' : 'FRAME_VERSION');
    }
    for (let end = 1; end < event.length; end += 1) expect(said(event.subarray(0, end))).toBe('FRAME_TRUNCATED');
    expect(said(Uint8Array.from([...withByte(event, 9, (byte) => byte ^ 1), 0]))).toBe('FRAME_MALFORMED');
    expect(said(withByte(event, 9, (byte) => byte ^ 1))).toBe('FRAME_CHECKSUM');
    for (const kind of [0, ...Array.from({ length: 11 }, (_, i) => i + 5)]) {
      expect(said(framed(0x20 | kind, bodyOf(event)))).toBe('FRAME_KIND');
      expect(said(withByte(event, 0, () => 0x20 | kind))).toBe('FRAME_CHECKSUM');
    }
  });

  it('has a length in the shortest form and within the limit', () => {
    for (const [length, expected] of [[[0x80], 'TRUNCATED'], [[0x80, 0], 'MALFORMED'], [[0xff, 0xff, 0xff, 0xff, 0xff], 'MALFORMED'], [[0xff, 0xff, 0xff, 0xff], 'TRUNCATED'],
      [[0xff, 0xff, 0xff, 0xff, 0x0f], 'TOO_LARGE'], [[0xff, 0xff, 0xff, 0xff, 0x10], 'MALFORMED'], [varint(655_352), 'TRUNCATED'], [varint(655_353), 'TOO_LARGE'], [varint(2_097_152), 'TOO_LARGE']] as const) {
      expect(said(Uint8Array.from([0x22, ...length])), String(length)).toBe(`FRAME_${expected}`);
    }
    const filler = (size: number): Uint8Array => batch(1, [15, ...varint(size), ...new Uint8Array(size)]);
    const most = 655_352 - 8 - 2 - 1 - 4;
    expect(filler(most)).toHaveLength(655_360);
    expect([said(filler(most)), said(filler(most + 1))]).toEqual(['accepted', 'FRAME_TOO_LARGE']);
    expect(said(sealed(Uint8Array.from([0x23, 0x80 | 21, 0, ...bodyOf(event)])))).toBe('FRAME_MALFORMED');
  });

  it('holds an event with known code and zones', () => {
    const of = (code: number, from: number, to: number, velocity: number): string => said(framed(0x23, [...HEADER, code, from, to, velocity & 255, velocity >> 8]));
    for (let value = 0; value < 256; value += 1) {
      expect(of(value, 0, 1, 0)).toBe(value === 1 ? 'accepted' : 'FRAME_VALUE');
      expect(of(1, value, 1, 4095)).toBe(value < 4 ? 'accepted' : 'FRAME_VALUE');
      expect(of(1, 2, value, 4094)).toBe(value < 4 ? 'accepted' : 'FRAME_VALUE');
      expect(of(1, 2, 2, value << 8)).toBe(value < 16 ? 'accepted' : 'FRAME_MALFORMED');
    }
  });

  it('holds a measurement of every code', () => {
    for (let code = 0; code < 4096; code += 1) {
      const features = Array.from({ length: 13 }, (_, i) => ((code + 311 * i) % 4096).toString(2).padStart(12, '0')).join('') + '0000';
      const bytes = features.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2));
      const body = [...HEADER, ...bytes, code & 255, code >> 4, code % 101, code & 255];
      expect(said(framed(0x21, body))).toBe('accepted');
    }
    const body = [...HEADER, ...Array<number>(24).fill(0)];
    for (let value = 0; value < 256; value += 1) {
      expect(said(framed(0x21, withByte(Uint8Array.from(body), 35, () => value)))).toBe(value % 16 === 0 ? 'accepted' : 'FRAME_MALFORMED');
      expect(said(framed(0x21, withByte(Uint8Array.from(body), 38, () => value)))).toBe(value <= 100 ? 'accepted' : 'FRAME_VALUE');
    }
  });
});
