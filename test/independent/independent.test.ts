/** docs/frame.md is enough: a decoder written from it alone gives what ours gives, with each of our kernels. */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf, frameOf, type SensorMessage, type Waveform } from '../../frame/mod.ts';
import { agreed, framesOf } from './agreement.fixture.ts';
import { waveformBody, writeAxes } from './axis-writer.ts';
import { anyTargets, writeBatchBody } from './batch-writer.ts';
import { decode, RefusedFrame } from './frame-decoder.ts';
import { asJson, bodyOf, chanceOf, framed, pick, sealed, withByte } from './frame-writer.ts';
import { before } from './measurement-decoder.ts';
import { crowd, eui64, event, measurement, samples, shortWaveform, signal, SIGNAL_NAMES, u32, waveformOf } from './messages.fixture.ts';

const messageFrames = (message: fc.Arbitrary<SensorMessage>): fc.Arbitrary<Uint8Array> => (
  fc.tuple(message, fc.nat()).map(([sent, choice]) => { const frames = framesOf(sent); return frames[choice % frames.length]!; }));
const batchHeader = fc.record({ gatewayId: eui64, bootEpoch: u32, sequence: u32 });
const batchFrames = fc.tuple(batchHeader, crowd).map(([header, messages]) => batchOf(header, messages.map(frameOf)));
const mixedBatchFrames = fc.tuple(batchHeader, fc.array(fc.oneof(measurement, event, shortWaveform), { maxLength: 12 }))
  .map(([header, messages]) => batchOf(header, messages.map(frameOf)));

/** Frames from chance's choices alone, as no encoder of ours makes them. */
const strangeWaveforms = fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 5, 127, 128, 129, 511, 512, 513), fc.nat(700))).map(([seed, n]) => strangeWaveform(seed, n).frame);
const strangeBatches = fc.tuple(fc.nat(), fc.nat(20)).map(([seed, count]) => strangeBatch(seed, count).frame);

const smallFrames = fc.oneof(messageFrames(fc.oneof(measurement, event, shortWaveform)), messageFrames(shortWaveform), mixedBatchFrames, batchFrames, strangeWaveforms, strangeBatches);

function strangeWaveform(seed: number, n: number): { frame: Uint8Array; axes: (Int16Array | Int32Array)[] } {
  const chance = chanceOf(seed);
  const b = pick(chance, [16, 24] as const);
  const axes = Array.from({ length: 1 + chance(3) }, () => signal(pick(chance, SIGNAL_NAMES), n, b, chance));
  return { frame: framed(0x22, waveformBody(axes.length, n, b, writeAxes(axes, b, chance))), axes: axes.map((numbers) => samples(numbers, b)) };
}

function strangeBatch(seed: number, count: number): { frame: Uint8Array; targets: ReturnType<typeof anyTargets> } {
  const chance = chanceOf(seed);
  const gatewayId = '00124b00000000aa';
  const targets = anyTargets(gatewayId, count, chance);
  return { frame: framed(0x24, writeBatchBody(gatewayId, before(gatewayId), targets, chance, { needless: chance(2) === 0 })), targets };
}

describe('a decoder written from docs/frame.md', () => {
  it('decodes the examples of the page', async () => {
    const page = await readFile(new URL('../../docs/frame.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/```hex\n(.*?)```\s+```json\n(.*?)```/gs)];
    expect(examples).toHaveLength(4);
    for (const [, hex, text] of examples) expect(asJson(decode(Buffer.from(hex!.replace(/\s/g, ''), 'hex')))).toEqual(JSON.parse(text!));
  });

  it.each([
    ['small frames of every kind', smallFrames, 500],
    ['batches of sensors that take turns', batchFrames, 200],
    ['waveforms of any length', messageFrames(waveformOf(fc.nat(9000))), 30],
  ] as const)('gives the message that ours gives: %s', (_, frames, numRuns) => {
    fc.assert(fc.property(frames, (frame) => { expect(agreed(frame)).toHaveProperty('message'); }), { numRuns });
  });

  it.each([0, 1, 2, 3, 5, 127, 128, 129, 511, 513, 4095, 4096, 4097, 8192, 65_536])('gives the samples of every signal, in 16 bits and in 24, both modes, %i samples', (length) => {
    SIGNAL_NAMES.forEach((name, i) => {
      for (const bits of length > 9000 ? [i % 2 === 0 ? 16 : 24] as const : [16, 24] as const) {
        const chance = chanceOf(length + i);
        const axisCount = length > 9000 ? 1 : 1 + ((i + bits / 8) % 3);
        const axes = Array.from({ length: axisCount }, (__, axis) => samples(signal(axis === 0 ? name : pick(chance, SIGNAL_NAMES), length, bits, chance), bits));
        const message: Waveform = { kind: 'waveform', sensorId: '00124b0014a1c2d3', bootEpoch: 3, sequence: 1000, timeMs: 1_735_689_600_000, captureId: 1000, firstSample: 0, totalSamples: length, sampleRateHz: 26_667, fullScaleG: 16, axes };
        for (const frame of framesOf(message)) expect(isDeepStrictEqual(agreed(frame), { message }), name).toBe(true);
      }
    });
  });

  it.each([[0, 700, 250], [3500, 9000, 12]] as const)('gives the samples of axes that no encoder of ours would write, %i to %i samples', (least, most, numRuns) => {
    fc.assert(fc.property(fc.nat(), fc.integer({ min: least, max: most }), (seed, n) => {
      const { frame, axes } = strangeWaveform(seed, n);
      expect(isDeepStrictEqual((agreed(frame) as { message: Waveform }).message.axes, axes)).toBe(true);
    }), { numRuns });
  });

  it('gives the numbers of batches that no encoder of ours would write', () => {
    fc.assert(fc.property(fc.nat(), fc.nat(60), (seed, count) => {
      const { frame, targets } = strangeBatch(seed, count);
      const { messages } = (agreed(frame) as { message: { messages: unknown[] } }).message;
      expect(messages).toMatchObject(targets.map(({ sensorId, bootEpoch, sequence, timeMs, battery, rssi }) => (
        { sensorId, bootEpoch, sequence, timeMs, batteryPercent: battery, rssiDbm: rssi })));
    }), { numRuns: 250 });
  });

  it('accepts and refuses the altered frames that ours does, and tells the same of the envelope', () => {
    const seen = new Map<string, number>();
    fc.assert(fc.property(smallFrames, fc.array(alteration, { minLength: 10, maxLength: 10 }), (frame, alterations) => {
      for (const alter of alterations) {
        const said = agreed(alter(frame));
        const name = 'code' in said ? said.code : 'accepted';
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    }), { numRuns: 500, seed: 2 });
    expect([...seen.values()].reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(5000);
    for (const name of ['accepted', 'FRAME_VALUE', 'FRAME_KIND', 'FRAME_VERSION', 'FRAME_TRUNCATED', 'FRAME_CHECKSUM', 'FRAME_TOO_LARGE']) {
      expect(seen.get(name), name).toBeGreaterThan(0);
    }
  });

  it('notices a flipped byte of a frame', () => {
    fc.assert(fc.property(smallFrames, fc.nat(), fc.integer({ min: 1, max: 255 }), (frame, place, flip) => {
      expect(() => decode(withByte(frame, place % frame.length, (byte) => byte ^ flip))).toThrow(RefusedFrame);
    }), { numRuns: 500 });
  });
});

/** Ways to alter a frame; all but the last three repair the checksum. */
const alteration: fc.Arbitrary<(frame: Uint8Array) => Uint8Array> = fc.tuple(fc.nat(15), fc.nat(), fc.nat(255), fc.constantFrom(0, 1, 2, 15, 16, 31, 100, 127, 128, 200, 254, 255)).map(([way, place, any, edge]) => (frame) => {
  const body = bodyOf(frame);
  const at = place % Math.max(body.length, 1);
  const first = frame[0]!;
  if (way <= 3) return framed(first, withByte(body, at, () => any));
  if (way === 4) return framed(first, withByte(body, at, () => edge));
  if (way === 5) return framed(first, withByte(body, at, (byte) => byte ^ (1 << (any & 7))));
  if (way === 6) return framed(first, withByte(body, at % 48, () => edge)); // where the fields of the header are
  if (way === 7) return framed(first, [...body.subarray(0, at), ...body.subarray(at + 1)]);
  if (way === 8) return framed(first, [...body.subarray(0, at), any, ...body.subarray(at)]);
  if (way === 9) return framed(first, body.subarray(0, at));
  if (way === 10) return framed(first, [...body, any]);
  if (way === 11) return framed(0x20 | (any & 15), body);
  if (way === 12) return sealed(Uint8Array.from([first, edge, any, ...frame.subarray(3, -4)])); // another length, or none
  if (way === 13) return withByte(frame, place % frame.length, () => any);
  if (way === 14) return frame.subarray(0, place % frame.length);
  return Uint8Array.from([...frame, any]);
});
