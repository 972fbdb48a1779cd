/** The documents are enough: a decoder and a reader written from docs/frame.md and docs/store.md alone agree with ours. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchOf, decodeFrame, FrameError, frameOf, ZONES, type Measurement, type SensorMessage, type Waveform } from '../../frame/mod.ts';
import { thrum, withFolder } from '../cli.ts';
import { castagnoli, decode, RefusedFrame, type Decoded } from './frame-decoder.ts';
import { Damage, readHome, readSpool } from './store-reader.ts';

const u32 = fc.oneof(fc.constantFrom(0, 1, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28, 2 ** 32 - 1), fc.nat(2 ** 31 - 1));
const eui64 = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const sensorHeader = fc.record({
  sensorId: eui64, bootEpoch: u32, sequence: u32, timeMs: fc.oneof(fc.constantFrom(0, 1_735_689_600_000, 2 ** 48 - 1), fc.nat(2 ** 31 - 1)),
});

const value = fc.oneof(
  fc.constantFrom(NaN, 0, -0, 5e-324, 0.000005, 83.5584, 83.56, 4177.92, 4178, 1e300, Infinity),
  fc.double({ min: 0, max: 100, noNaN: true }),
  fc.nat(8_400_000).map((steps) => steps / 100_000),
  fc.nat(8_400_000).map((steps) => steps / 2000),
);
const perAxis = fc.record({ x: value, y: value, z: value });
const band = fc.record({
  rms: perAxis, totalAbsMax: value, totalAbsMin: value, totalRms: fc.constant(NaN), totalCrestFactor: fc.constant(NaN),
});
const measurement: fc.Arbitrary<Measurement> = fc.tuple(sensorHeader, fc.record({
  kind: fc.constant('measurement' as const),
  accelerationRmsG: perAxis,
  accelerationG: band,
  velocityMmPerS: band,
  temperatureC: fc.oneof(fc.constant(NaN), fc.integer({ min: -32_767, max: 32_767 }).map((hundredths) => hundredths / 100)),
  batteryPercent: fc.nat(100),
  rssiDbm: fc.integer({ min: -128, max: 127 }),
})).map(([header, rest]) => ({ ...header, ...rest }));

const zone = fc.constantFrom(...ZONES);
const event = fc.tuple(sensorHeader, zone, zone, value).map(([header, from, to, velocityRmsMmPerS]): SensorMessage => (
  { ...header, kind: 'event', event: 'zone-change', from, to, velocityRmsMmPerS }));

/** Signals of every character that the compression treats differently, sample by sample. */
const signal = fc.oneof(
  fc.integer({ min: -32_768, max: 32_767 }).map((level) => () => level),
  fc.constant((i: number) => (i % 2 === 0 ? 32_767 : -32_768)),
  fc.tuple(fc.integer({ min: 1, max: 32_768 }), fc.nat()).map(([size, seed]) => (i: number) => (Math.imul(i + seed, 2_654_435_761) >>> 8) % size - (size >> 1)),
  fc.tuple(fc.integer({ min: 1, max: 32_767 }), fc.double({ min: 0.001, max: 3, noNaN: true })).map(([size, step]) => (i: number) => Math.round(size * Math.sin(i * step))),
  fc.integer({ min: 2, max: 500 }).map((gap) => (i: number) => (i % gap === 0 ? -32_768 : 3)),
);

function waveformOf(sampleCount: fc.Arbitrary<number>): fc.Arbitrary<Waveform> {
  return fc.tuple(sensorHeader, fc.array(signal, { minLength: 1, maxLength: 3 }), sampleCount, fc.nat(100_000), fc.record({
    captureId: u32, sampleRateHz: u32.filter((rate) => rate > 0), fullScaleG: fc.constantFrom(1, 16, 0.1, 2 ** -149, 200).map(Math.fround),
  })).map(([header, signals, length, firstSample, rest]) => ({
    ...header, kind: 'waveform', ...rest, firstSample, totalSamples: firstSample + length, axes: signals.map((at) => Int16Array.from({ length }, (_, i) => at(i))),
  }));
}

const shortWaveform = waveformOf(fc.oneof(fc.constantFrom(0, 1, 2, 4, 5, 31, 32, 33), fc.nat(200)));
const blockWaveform = waveformOf(fc.constantFrom(4095, 4096, 4097, 4100, 8192));
const longWaveform = waveformOf(fc.constantFrom(65_535, 65_536));

function frameArbitrary(message: fc.Arbitrary<SensorMessage>): fc.Arbitrary<Uint8Array> {
  const batch = fc.tuple(fc.record({ gatewayId: eui64, bootEpoch: u32, sequence: u32 }), fc.array(message, { maxLength: 12 }));
  return fc.oneof({ arbitrary: message.map(frameOf), weight: 3 }, { arbitrary: batch.map(([header, messages]) => batchOf(header, messages.map(frameOf))), weight: 1 });
}

const smallFrame = frameArbitrary(fc.oneof(measurement, event, shortWaveform));

/** What a decoder says of bytes: the message, or the code of its refusal. */
type Verdict = { readonly message: unknown } | { readonly code: string };

function verdict(decoder: (bytes: Uint8Array) => unknown, bytes: Uint8Array): Verdict {
  try {
    return { message: decoder(bytes) };
  } catch (error) {
    // A body can be wrong in both ways at once; the page does not say which of them is told.
    if (error instanceof RefusedFrame || error instanceof FrameError) return { code: error.code.replace('FRAME_MALFORMED', 'FRAME_VALUE') };
    throw error;
  }
}

/** Throws unless both decoders say the same of these bytes; gives what they say. */
function agreed(bytes: Uint8Array): Verdict {
  const [stranger, ours] = [verdict(decode, bytes), verdict(decodeFrame, bytes)];
  // isDeepStrictEqual takes NaN for NaN and tells 0 from −0.
  if (!isDeepStrictEqual(stranger, ours)) expect({ bytes: Buffer.from(bytes).toString('hex'), ...stranger }).toEqual(ours);
  return ours;
}

describe('a decoder written from docs/frame.md', () => {
  it('decodes the examples of the page', async () => {
    const page = await readFile(new URL('../../docs/frame.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/```hex\n(.*?)```\s+```json\n(.*?)```/gs)];
    expect(examples).toHaveLength(4);
    for (const [, hex, text] of examples) expect(asJson(decode(Buffer.from(hex!.replace(/\s/g, ''), 'hex')))).toEqual(JSON.parse(text!));
  });

  it.each([
    ['small frames of every kind', smallFrame, 2500],
    ['waveforms about a block long', frameArbitrary(blockWaveform), 60],
    ['waveforms of the greatest length', longWaveform.map(frameOf), 25],
  ] as const)('gives the message that ours gives: %s', { timeout: 120_000 }, (_, frames, numRuns) => {
    fc.assert(fc.property(frames, (frame) => { expect(agreed(frame)).toHaveProperty('message'); }), { numRuns });
  });

  it('accepts and refuses the altered frames that ours does, and tells the same of the envelope', { timeout: 120_000 }, () => {
    const seen = new Map<string, number>();
    fc.assert(fc.property(smallFrame, fc.array(alteration, { minLength: 25, maxLength: 25 }), (frame, alterations) => {
      for (const alter of alterations) {
        const said = agreed(alter(frame));
        const name = 'code' in said ? said.code : 'accepted';
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    }), { numRuns: 1200 });
    expect([...seen.values()].reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(25_000);
    for (const name of ['accepted', 'FRAME_VALUE', 'FRAME_KIND', 'FRAME_VERSION', 'FRAME_TRUNCATED', 'FRAME_CHECKSUM', 'FRAME_TOO_LARGE']) {
      expect(seen.get(name), name).toBeGreaterThan(5);
    }
  });

  it('reads the samples that ours reads from blocks of methods and codings that no encoder of ours would choose', { timeout: 120_000 }, () => {
    fc.assert(fc.property(fc.array(signal, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 4300 }), fc.array(fc.nat(2 ** 30), { minLength: 40, maxLength: 40 }), (signals, length, choices) => {
      const axes = signals.map((at) => Int16Array.from({ length }, (_, i) => at(i)));
      let next = 0;
      const bits = axes.map((samples) => axisBits(samples, () => choices[next++ % choices.length]!)).join('');
      const said = agreed(strangeFrame(axes, bits));
      expect(said).toHaveProperty('message.axes', axes);
    }), { numRuns: 400 });
  });

  it('notices a flipped byte of a frame', () => {
    fc.assert(fc.property(smallFrame, fc.nat(), fc.integer({ min: 1, max: 255 }), (frame, place, flip) => {
      expect(() => decode(withByte(frame, place % frame.length, (byte) => byte ^ flip))).toThrow(RefusedFrame);
    }), { numRuns: 1000 });
  });
});

function withByte(bytes: Uint8Array, index: number, change: (byte: number) => number): Uint8Array {
  return bytes.map((byte, i) => (i === index ? change(byte) : byte));
}

function varint(number: number): number[] {
  return number < 128 ? [number] : [(number & 127) | 128, ...varint(Math.floor(number / 128))];
}

/** A whole frame around a body, the checksum right. */
function framed(first: number, body: Uint8Array | readonly number[]): Uint8Array {
  return sealed(Uint8Array.from([first, ...varint(body.length), ...body]));
}

function sealed(bytes: Uint8Array): Uint8Array {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(castagnoli(bytes));
  return Buffer.concat([bytes, checksum]);
}

/** Bytes before the body: kind and length. */
function bodyStart(frame: Uint8Array): number {
  return 1 + frame.subarray(1).findIndex((byte) => byte < 128) + 1;
}

function bodyOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(bodyStart(frame), -4);
}

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
  if (way === 11) return framed(0x10 | (any & 15), body);
  if (way === 12) return sealed(Uint8Array.from([first, edge, any, ...frame.subarray(3, -4)])); // another length, or none
  if (way === 13) return withByte(frame, place % frame.length, () => any);
  if (way === 14) return frame.subarray(0, place % frame.length);
  return Uint8Array.from([...frame, any]);
});

/** A waveform's frame around a bit stream. */
function strangeFrame(axes: readonly Int16Array[], bits: string): Uint8Array {
  const stream = (bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2));
  const length = varint(axes[0]!.length);
  return framed(0x12, [...Array<number>(8).fill(7), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...length, 1, 0, 0, 0x80, 0x41, 16, axes.length, ...length, ...stream]);
}

function binary(number: number, width: number): string {
  return width === 0 ? '' : (number < 0 ? number + 2 ** width : number).toString(2).padStart(width, '0');
}

/** An encoder that lets chance choose each method, order, partition, and coding. */
function axisBits(samples: Int16Array, choose: () => number): string {
  let bits = '';
  for (let start = 0; start < samples.length; start += 4096) bits += blockBits([...samples.subarray(start, start + 4096)], choose);
  return bits;
}

function blockBits(block: readonly number[], choose: () => number): string {
  const method = choose() % 7;
  if (method === 0 && block.every((sample) => sample === block[0])) return `000${binary(block[0]!, 16)}${'0'.repeat(block.length >> 3)}`;
  const order = method - 2;
  if (order < 0 || order >= block.length) return `001${block.map((sample) => binary(sample, 16)).join('')}`;
  const partitionOrder = choose() % 8;
  const size = 4096 >> partitionOrder;
  let residuals = [...block];
  for (let i = 0; i < order; i += 1) residuals = residuals.map((sample, index) => (index === 0 ? sample : sample - residuals[index - 1]!)); // the predictions are repeated differences
  const zigzags = residuals.map((residual) => (residual >= 0 ? 2 * residual : -2 * residual - 1));
  let bits = binary(method, 3) + block.slice(0, order).map((sample) => binary(sample, 16)).join('') + binary(partitionOrder, 3);
  for (let start = 0; start < block.length; start += size) bits += partitionBits(zigzags.slice(Math.max(start, order), start + size), choose);
  return bits;
}

function partitionBits(zigzags: readonly number[], choose: () => number): string {
  const width = Math.max(1, ...zigzags.map((zigzag) => zigzag.toString(2).length));
  const choice = choose();
  if (choice % 3 === 0) return `11111${binary(width + (choice >> 2) % (21 - width), 5)}${zigzags.map((zigzag) => binary(zigzag, width + (choice >> 2) % (21 - width))).join('')}`;
  const k = Math.max(width - 4, 0) + (choice >> 2) % (21 - Math.max(width - 4, 0)); // at most 15 zeros before a one
  return binary(k, 5) + zigzags.map((zigzag) => `${'0'.repeat(Math.floor(zigzag / 2 ** k))}1${binary(zigzag % 2 ** k, k)}`).join('');
}

function asJson(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message, (_, part: unknown) => (part instanceof Int16Array ? [...part] : part)));
}

const RUN = ['--duration', '2s', '--sites', '1', '--gateways', '2', '--sensors', '6', '--machines', '3', '--capture-samples', '1024', '--json', '--quiet'];

async function run(home: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  expect(await thrum(['run', '--home', home, ...RUN], { env })).toMatchObject({ exitCode: 0 });
}

/** The home's messages as `thrum store export` writes them, and as the independent reader finds them. */
async function bothAccounts(home: string, passphrase?: string): Promise<{ exported: unknown[]; found: unknown[] }> {
  const env = passphrase === undefined ? {} : { THRUM_PASSPHRASE: passphrase };
  const { stdout } = await thrum(['store', 'export', '--format', 'ndjson', '--home', home], { env });
  const exported = stdout.trimEnd().split('\n').map((line): unknown => JSON.parse(line));
  const found = readHome(home, passphrase).flatMap(({ segments }) => segments).flatMap(({ entries }) => entries).flatMap(({ payload, receivedMs }) => {
    const { gatewayId, messages } = decode(payload) as { gatewayId: string; messages: Decoded[] };
    return messages.map((message) => asJson({ gatewayId, receivedTime: new Date(receivedMs).toISOString(), ...message }));
  });
  return { exported, found };
}

function expectOneHistory({ exported, found }: { exported: unknown[]; found: unknown[] }): void {
  expect(found.length).toBeGreaterThan(20);
  expect(new Set(found.map((message) => (message as { kind: string }).kind))).toEqual(new Set(['measurement', 'waveform', 'event']));
  expect(found).toEqual(exported);
}

describe('a reader written from docs/store.md', () => {
  it('finds what `thrum store export` finds, over two runs, in the store and in the gateways’ queues', { timeout: 60_000 }, async () => {
    await withFolder(async (home) => {
      await run(home);
      await run(home);
      expectOneHistory(await bothAccounts(home));
      const [project, ...others] = readHome(home);
      expect(others).toEqual([]);
      expect(project).toMatchObject({ document: { name: 'demo' }, segments: [{ sealed: true, ordinal: 1 }, { sealed: true, ordinal: 2 }] });

      const stored = new Set(project!.segments.flatMap(({ entries }) => entries).map(({ payload }) => payload.toString('hex')));
      for (const gateway of await readdir(join(home, 'gateways'))) {
        const { acknowledged, batches } = readSpool(join(home, 'gateways', gateway));
        expect(batches.length).toBeGreaterThan(3);
        for (const { about, frame } of batches) {
          const { bootEpoch, sequence } = decode(frame);
          expect(about).toMatchObject({ bootEpoch, sequence });
          expect(acknowledged).toContainEqual({ bootEpoch, sequence });
          expect(stored).toContain(frame.toString('hex'));
        }
      }
    });
  });

  it('opens a home that a passphrase protects, and only with that passphrase', { timeout: 60_000 }, async () => {
    const passphrase = 'caf\u0065\u0301 and a half ½'; // neither form is what NFKC makes of it
    await withFolder(async (home) => {
      await run(home, { THRUM_PASSPHRASE: passphrase });
      expect(await readdir(join(home, 'keys'))).not.toContain('root.key');
      expectOneHistory(await bothAccounts(home, passphrase));
      expect(() => readHome(home, `${passphrase}.`)).toThrow(Damage);
    });
  });

  it('notices a flipped byte in any file of keys, project, store, or queue', { timeout: 120_000 }, async () => {
    await withFolder(async (home) => {
      await run(home);
      await run(home);
      const files = (await readdir(home, { recursive: true })).filter((name) => /^(keys|projects|store|gateways)\/.*(keystore|\.key|\.project|\.seg|\.spool)$/.test(name));
      expect(files.length).toBeGreaterThanOrEqual(11);
      const missed: string[] = [];
      for (const name of files) {
        const path = join(home, name);
        const good = await readFile(path);
        const read = (): unknown => (name.startsWith('gateways') ? readSpool(join(path, '..')) : readHome(home));
        read();
        const step = Math.max(1, Math.floor(good.length / 150));
        for (let place = 0; place < good.length; place += place < 220 ? 1 : step) {
          await writeFile(path, withByte(good, place, (byte) => byte ^ 0x04));
          try {
            read();
            missed.push(`${name} at ${place}`);
          } catch (error) {
            if (!(error instanceof Damage)) throw error;
          }
        }
        await writeFile(path, good);
      }
      expect(missed).toEqual([]);
    });
  });
});
