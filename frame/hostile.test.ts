/** What the decoder does with bytes that no encoder wrote: FrameError or an exact message, nothing else, and soon. */

import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { batchOf } from './batch.ts';
import { beginFrame, endFrame, frameLength } from './envelope.ts';
import { FrameError } from './errors.ts';
import { asSent, decodeBatch, decodeFrame, frameOf } from './frame.ts';
import { frameToJson } from './json.ts';
import { MAX_FRAME_BYTES, type Message, type SensorMessage } from './messages.ts';

const sensor = { sensorId: '00a0b1c2d3e4f506', bootEpoch: 1, sequence: 300, timeMs: 1_700_000_000_000 };
const band = { rms: { x: 0.5, y: 7, z: NaN }, totalRms: 0, totalAbsMax: 9, totalAbsMin: 0, totalCrestFactor: 0 };
const tone = Int16Array.from({ length: 150 }, (_, index) => Math.round(900 * Math.sin(index / 5)) + ((index * 7919) % 40));

function capture(axes: readonly Int16Array[]): SensorMessage {
  const totalSamples = axes[0]!.length;
  return {
    kind: 'waveform', ...sensor, captureId: 300, firstSample: 0, totalSamples, sampleRateHz: 6_664, fullScaleG: 8, axes,
  };
}

const MESSAGES: readonly SensorMessage[] = [
  {
    kind: 'measurement', ...sensor, accelerationRmsG: { x: 1, y: 2, z: NaN }, accelerationG: band, velocityMmPerS: band,
    temperatureC: 40, batteryPercent: 100, rssiDbm: -100,
  },
  { kind: 'event', ...sensor, event: 'zone-change', from: 'A', to: 'D', velocityRmsMmPerS: 12 },
  capture([tone]),
  capture([tone.subarray(0, 40), new Int16Array(40), Int16Array.from({ length: 40 }, (_, i) => (i & 1 ? -32768 : 32767))]),
];
const FRAMES = MESSAGES.map(frameOf);
const BATCH = batchOf({ gatewayId: '00124b0001020304', bootEpoch: 3, sequence: 4 }, FRAMES);
const ALL = [...FRAMES, BATCH];

/** The error of decoding, undefined if there was none; anything but FrameError fails the test. */
function errorOf(bytes: Uint8Array): FrameError | undefined {
  try {
    decodeFrame(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
    return error;
  }
}

function seal(kind: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameLength(body.length));
  const at = beginFrame(kind, body.length, frame, 0);
  frame.set(body, at);
  endFrame(frame, 0, at + body.length);
  return frame;
}

function bodyOf(frame: Uint8Array): Uint8Array {
  let start = 1;
  while (frame[start]! >= 0x80) start++;
  return frame.subarray(start + 1, -4);
}

/** Integers of 0 to `below` - 1 from a seed (xorshift32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** One to four edits: bytes set, flipped, removed, added, or a stretch copied elsewhere. */
function mutate(body: Uint8Array, random: (below: number) => number): Uint8Array {
  const bytes = [...body];
  for (let edits = 1 + random(4); edits > 0; edits--) {
    const at = random(bytes.length + 1);
    const kind = random(6);
    if (kind === 0) bytes.splice(at, random(4));
    else if (kind === 1) bytes.splice(at, 0, random(256));
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + random(20)));
    else if (at < bytes.length) bytes[at] = kind === 3 ? [0, 1, 0x7f, 0x80, 0xff][random(5)]! : bytes[at]! ^ (1 << random(8));
  }
  return Uint8Array.from(bytes);
}

/** Whether the message is one that the encoder can say, and that comes back when it does. */
function isExact(message: Message, frame: Uint8Array): boolean {
  if (message.kind === 'batch') {
    const again = batchOf(message, message.messages.map(frameOf));
    return isDeepStrictEqual(decodeBatch(again), message);
  }
  const again = frameOf(message);
  if (message.kind !== 'waveform' && !isDeepStrictEqual(again, frame)) return false;
  return isDeepStrictEqual(decodeFrame(again), message) && isDeepStrictEqual(asSent(message), message);
}

describe('the decoder', () => {
  it('refuses every truncation and every byte too many', () => {
    for (const frame of ALL) {
      for (let length = 0; length < frame.length; length++) {
        expect(errorOf(frame.subarray(0, length))?.code).toBe('FRAME_TRUNCATED');
      }
      expect(errorOf(Uint8Array.of(...frame, 0))?.code).toBe('FRAME_MALFORMED');
    }
  });

  it('refuses every flip of one bit', () => {
    for (const frame of ALL) {
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const flipped = frame.with(bit >>> 3, frame[bit >>> 3]! ^ (1 << (bit & 7)));
        expect(errorOf(flipped)).toBeInstanceOf(FrameError);
      }
    }
  });

  it('refuses every body cut short or prolonged behind a right checksum', () => {
    for (const frame of ALL) {
      const body = bodyOf(frame);
      for (let length = 0; length < body.length; length++) {
        expect(errorOf(seal(frame[0]! & 0xf, body.subarray(0, length)))?.code).toBe('FRAME_MALFORMED');
      }
      expect(errorOf(seal(frame[0]! & 0xf, Uint8Array.of(...body, 0)))?.code).toBe('FRAME_MALFORMED');
    }
  });

  it('answers 50,000 mutations behind a right checksum with FrameError or an exact message', () => {
    const random = randomOf(20_240_601);
    let exact = 0;
    for (let run = 0; run < 50_000; run++) {
      const original = ALL[run % ALL.length]!;
      const frame = seal(random(20) === 0 ? random(16) : original[0]! & 0xf, mutate(bodyOf(original), random));
      if (errorOf(frame) !== undefined) continue;
      exact++;
      const message = decodeFrame(frame);
      if (!isExact(message, frame)) expect.fail(`run ${run}: ${Buffer.from(frame).toString('hex')}`);
      JSON.stringify(frameToJson(message));
    }
    expect(exact).toBeGreaterThan(5_000);
    expect(exact).toBeLessThan(45_000);
  });

  it('answers random bytes', () => {
    const random = randomOf(99);
    for (let run = 0; run < 5_000; run++) {
      const bytes = Uint8Array.from({ length: random(80) }, () => random(256));
      expect(errorOf(bytes)).toBeInstanceOf(FrameError);
      expect(errorOf(seal(1 + (run % 4), bytes)) ?? FrameError).toBeDefined();
    }
  });

  it('allocates no samples that the body cannot hold', () => {
    const full = frameOf(capture([new Int16Array(65_536), new Int16Array(65_536), new Int16Array(65_536)]));
    const body = bodyOf(full);
    expect(body.length).toBeGreaterThanOrEqual((3 * 65_536) / 64);
    const error = errorOf(seal(2, body.subarray(0, 3_000)));
    expect(error?.message).toMatch(/cannot hold 196608 samples/);
  });

  it('gives the same message from a view into a larger buffer', () => {
    for (const frame of ALL) {
      const larger = new Uint8Array(frame.length + 20).fill(0xff);
      larger.set(frame, 11);
      expect(decodeFrame(larger.subarray(11, 11 + frame.length))).toStrictEqual(decodeFrame(frame));
      expect(decodeFrame(Buffer.from(frame))).toStrictEqual(decodeFrame(frame));
    }
  });

  it('refuses more than the largest frame before it looks further', () => {
    expect(errorOf(Uint8Array.of(0x24, 0xff, 0xff, 0x3f, 0))?.code).toBe('FRAME_TOO_LARGE');
    expect(MAX_FRAME_BYTES).toBe(655_360);
  });
});

/** Fields of bodies that only a strict decoder refuses: [what, frame, offset from the body's end or start, value, code]. */
const fields: [string, Uint8Array, number, number, string][] = [
  ['a battery of 101 %', FRAMES[0]!, -2, 101, 'FRAME_VALUE'],
  ['bits behind the features', FRAMES[0]!, -5, 1, 'FRAME_MALFORMED'],
  ['an unknown event code', FRAMES[1]!, -5, 2, 'FRAME_VALUE'],
  ['an unknown zone', FRAMES[1]!, -4, 4, 'FRAME_VALUE'],
  ['bits above the velocity', FRAMES[1]!, -1, 0x1f, 'FRAME_MALFORMED'],
  ['a sample beyond the capture', FRAMES[2]!, 19, 1, 'FRAME_VALUE'],
  ['a full scale below 0', FRAMES[2]!, 27, 0x80, 'FRAME_VALUE'],
  ['8 bits per sample', FRAMES[2]!, 28, 8, 'FRAME_VALUE'],
  ['no axes', FRAMES[2]!, 29, 0, 'FRAME_VALUE'],
  ['four axes', FRAMES[2]!, 29, 4, 'FRAME_VALUE'],
];

it.each(fields)('the decoder refuses %s', (_, frame, place, value, code) => {
  const body = bodyOf(frame).slice();
  body[place < 0 ? body.length + place : place] = value;
  expect(errorOf(seal(frame[0]! & 0xf, body))?.code).toBe(code);
});
