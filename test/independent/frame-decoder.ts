/**
 * A second decoder of frames, written from docs/frame.md alone and sharing no line with `frame/`: the page is enough to
 * write one. Slow and plain on purpose. It promises what the page promises: the exact message, or a RefusedFrame with
 * one of the page's codes. Here are the envelope, the batch, and the bodies of waveforms and events; fields.ts reads
 * bytes and bits, axis-decoder.ts the samples, measurement-decoder.ts measurements.
 */
import { axis } from './axis-decoder.ts';
import { Fields, refuse } from './fields.ts';
import { before, measurement, measurementEntry, measurementMessage, velocity, type Decoded, type Numbers, type SensorHeader } from './measurement-decoder.ts';

export { RefusedFrame, type RefusalCode } from './fields.ts';
export type { Decoded } from './measurement-decoder.ts';

const VERSION = 2;
const MAX_FRAME_BYTES = 655_360;
const MAX_WAVEFORM_SAMPLES = 65_536;
const MAX_ENTRIES = 1024;
const CHECKSUM_BYTES = 4;

/** CRC-32C by the definition of the page, bit by bit. */
export function castagnoli(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** One frame and nothing else. Checks in the page's order. */
export function decode(frame: Uint8Array): Decoded {
  const envelope = new Fields(frame, 'FRAME_TRUNCATED');
  const first = envelope.unsigned(1);
  if (first >> 4 !== VERSION) refuse('FRAME_VERSION', `version ${first >> 4}`);
  const length = envelope.varint();
  if (envelope.at + length + CHECKSUM_BYTES > MAX_FRAME_BYTES) refuse('FRAME_TOO_LARGE', `a body of ${length} bytes`);
  const body = envelope.take(length);
  const checksummed = frame.subarray(0, envelope.at);
  const checksum = envelope.unsigned(CHECKSUM_BYTES);
  envelope.end();
  if (checksum !== castagnoli(checksummed)) refuse('FRAME_CHECKSUM', 'the checksum does not match');
  const kind = first & 15;
  return kind === 4 ? batch(body) : sensorMessage(kind, body) ?? refuse('FRAME_KIND', `kind ${kind}`);
}

/** The message of a sensor, undefined for a kind that is not known. */
function sensorMessage(kind: number, bytes: Uint8Array): Decoded | undefined {
  const decodeBody = { 1: measurement, 2: waveform, 3: event }[kind];
  if (decodeBody === undefined) return undefined;
  const body = new Fields(bytes, 'FRAME_MALFORMED');
  const header = { sensorId: body.eui64(), bootEpoch: body.varint(), sequence: body.varint(), timeMs: body.unsigned(6) };
  const message = decodeBody(body, header);
  body.end();
  return message;
}

function batch(bytes: Uint8Array): Decoded {
  const body = new Fields(bytes, 'FRAME_MALFORMED');
  const header = { gatewayId: body.eui64(), bootEpoch: body.varint(), sequence: body.varint() };
  const count = body.varint();
  if (count > MAX_ENTRIES) refuse('FRAME_TOO_LARGE', `${count} entries`);
  const measurements: Numbers[] = [before(header.gatewayId)];
  const messages: Decoded[] = [];
  for (let i = 0; i < count; i += 1) {
    const first = body.unsigned(1);
    const kind = first & 15;
    if (kind === 1) {
      const entry = measurementEntry(first, body, measurements);
      measurements.push(entry);
      messages.push(measurementMessage(entry));
      continue;
    }
    if (kind === 0 || kind === 4 || first > 15) refuse('FRAME_KIND', `first byte ${first} in a batch`);
    const message = sensorMessage(kind, body.take(body.varint()));
    if (message !== undefined) messages.push(message); // later kinds are skipped
  }
  body.end();
  return { kind: 'batch', ...header, messages };
}

function event(body: Fields, header: SensorHeader): Decoded {
  const code = body.unsigned(1);
  if (code !== 1) refuse('FRAME_VALUE', `event code ${code}`);
  const zone = (): string => 'ABCD'[body.unsigned(1)] ?? refuse('FRAME_VALUE', 'no such zone');
  const [from, to] = [zone(), zone()];
  const velocityCode = body.unsigned(2);
  if (velocityCode > 0xfff) refuse('FRAME_MALFORMED', 'a zero bit is not zero');
  return { kind: 'event', ...header, event: 'zone-change', from, to, velocityRmsMmPerS: velocity(velocityCode) };
}

/** The axes are Int16Arrays for samples of 16 bits, Int32Arrays for samples of 24. */
function waveform(body: Fields, header: SensorHeader): Decoded {
  const [captureId, firstSample, totalSamples] = [body.varint(), body.varint(), body.varint()];
  const sampleRateHz = body.varint();
  if (sampleRateHz < 1) refuse('FRAME_VALUE', 'no samples per second');
  const fullScaleG = body.float32();
  if (!Number.isFinite(fullScaleG) || fullScaleG <= 0) refuse('FRAME_VALUE', `full scale ${fullScaleG} g`);
  const b = body.unsigned(1);
  if (b !== 16 && b !== 24) refuse('FRAME_VALUE', `${b} bits a sample`);
  const axisCount = body.unsigned(1);
  if (axisCount < 1 || axisCount > 3) refuse('FRAME_VALUE', `${axisCount} axes`);
  const n = body.varint();
  if (n > MAX_WAVEFORM_SAMPLES) refuse('FRAME_VALUE', `${n} samples`);
  if (firstSample + n > totalSamples) refuse('FRAME_VALUE', 'samples after the end of the capture');
  if (body.left < (axisCount * n) / 64) refuse('FRAME_MALFORMED', 'too few bytes for so many samples');
  const samples = Array.from({ length: axisCount }, () => (n === 0 ? [] : axis(body, n, b)));
  const axes = samples.map((all) => (b === 16 ? Int16Array.from(all) : Int32Array.from(all)));
  return { kind: 'waveform', ...header, captureId, firstSample, totalSamples, sampleRateHz, fullScaleG, axes };
}
