/**
 * A second decoder of frames, written from docs/frame.md alone and sharing no line with `frame/`: the page is enough to
 * write one. Slow and plain on purpose. It promises what the page promises: the exact message, or a RefusedFrame with
 * one of the page's codes.
 */

export type RefusalCode =
  | 'FRAME_VERSION'
  | 'FRAME_TRUNCATED'
  | 'FRAME_TOO_LARGE'
  | 'FRAME_CHECKSUM'
  | 'FRAME_KIND'
  | 'FRAME_MALFORMED'
  | 'FRAME_VALUE';

export class RefusedFrame extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, why: string) {
    super(`${code}: ${why}`);
    this.name = 'RefusedFrame';
    this.code = code;
  }
}

/** A message as the page's examples show it, NaN for null; the axes of a waveform are Int16Arrays. */
export type Decoded = Readonly<Record<string, unknown>>;

const MAX_FRAME_BYTES = 524_288;
const MAX_WAVEFORM_SAMPLES = 65_536;
const MAX_ENTRIES = 1024;
const BLOCK_SAMPLES = 4096;
const CHECKSUM_BYTES = 4;

function refuse(code: RefusalCode, why: string): never {
  throw new RefusedFrame(code, why);
}

/** CRC-32C by the definition of the page, bit by bit. */
export function castagnoli(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** Reads fields one after the other; what to say of bytes that are not there depends on what is read. */
class Fields {
  readonly #bytes: Uint8Array;
  readonly #atEnd: RefusalCode;
  #at = 0;

  constructor(bytes: Uint8Array, atEnd: RefusalCode) {
    this.#bytes = bytes;
    this.#atEnd = atEnd;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Uint8Array {
    if (count > this.left) refuse(this.#atEnd, `${count} bytes wanted, ${this.left} left`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** An unsigned number of up to six bytes, least significant first. */
  unsigned(byteCount: number): number {
    return this.take(byteCount).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  signed(byteCount: number): number {
    const value = this.unsigned(byteCount);
    return value < 2 ** (8 * byteCount - 1) ? value : value - 2 ** (8 * byteCount);
  }

  float32(): number {
    const bytes = this.take(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  }

  eui64(): string {
    return Buffer.from(this.take(8)).toString('hex');
  }

  varint(): number {
    let value = 0;
    for (let group = 0; group < 5; group += 1) {
      const byte = this.unsigned(1);
      value += (byte & 127) * 2 ** (7 * group);
      if (byte >= 128) continue;
      if (byte === 0 && group > 0) refuse('FRAME_MALFORMED', 'a varint is not in its shortest form');
      if (value >= 2 ** 32) refuse('FRAME_MALFORMED', 'a varint is 2^32 or more');
      return value;
    }
    return refuse('FRAME_MALFORMED', 'a varint has more than five bytes');
  }

  end(): void {
    if (this.left > 0) refuse('FRAME_MALFORMED', `${this.left} bytes too many`);
  }
}

/** Reads bits, most significant first. */
class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  unsigned(bitCount: number): number {
    let value = 0;
    for (let i = 0; i < bitCount; i += 1) {
      const byte = this.#bytes[this.#at >> 3];
      if (byte === undefined) refuse('FRAME_MALFORMED', 'the bit stream ends early');
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
      this.#at += 1;
    }
    return value;
  }

  signed16(): number {
    const value = this.unsigned(16);
    return value < 32_768 ? value : value - 65_536;
  }

  zeros(bitCount: number): void {
    for (let i = 0; i < bitCount; i += 1) if (this.unsigned(1) !== 0) refuse('FRAME_MALFORMED', 'a zero bit is not zero');
  }

  /** Zero bits to the end of the byte, and no byte after it. */
  end(): void {
    this.zeros((8 - (this.#at & 7)) & 7);
    if (this.#at !== this.#bytes.length * 8) refuse('FRAME_MALFORMED', 'bytes after the bit stream');
  }
}

/** One frame and nothing else. Checks in the page's order. */
export function decode(frame: Uint8Array): Decoded {
  const envelope = new Fields(frame, 'FRAME_TRUNCATED');
  const first = envelope.unsigned(1);
  if (first >> 4 !== 1) refuse('FRAME_VERSION', `version ${first >> 4}`);
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
  if (kind === 0) refuse('FRAME_KIND', 'kind 0 is never used');
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
  const messages: Decoded[] = [];
  for (let i = 0; i < count; i += 1) {
    const kind = body.unsigned(1);
    if (kind === 0 || kind === 4 || kind > 15) refuse('FRAME_KIND', `kind ${kind} in a batch`);
    const message = sensorMessage(kind, body.take(body.varint()));
    if (message !== undefined) messages.push(message); // later kinds are skipped
  }
  body.end();
  return { kind: 'batch', ...header, messages };
}

/** The number of steps that a minifloat code stands for, divided by the steps in one unit. */
function minifloat(code: number, stepsPerUnit: number): number {
  if (code === 0xfff) return NaN;
  const exponent = Math.floor(code / 256);
  const mantissa = code % 256;
  return (exponent === 0 ? mantissa : (256 + mantissa) * 2 ** (exponent - 1)) / stepsPerUnit;
}

const STEPS_PER_G = 100_000;
const STEPS_PER_MM_PER_S = 2000;

function perAxis(bits: Bits, stepsPerUnit: number): { x: number; y: number; z: number } {
  const value = (): number => minifloat(bits.unsigned(12), stepsPerUnit);
  return { x: value(), y: value(), z: value() };
}

function band(bits: Bits, stepsPerUnit: number): Decoded {
  const rms = perAxis(bits, stepsPerUnit);
  const totalAbsMax = minifloat(bits.unsigned(12), stepsPerUnit);
  const totalAbsMin = minifloat(bits.unsigned(12), stepsPerUnit);
  const axes = [rms.x, rms.y, rms.z].filter((value) => !Number.isNaN(value));
  const totalRms = axes.length === 0 ? NaN : Math.sqrt(axes.reduce((sum, value) => sum + value * value, 0));
  // NaN / anything and anything / NaN are NaN, as the page wants it.
  const totalCrestFactor = totalRms === 0 && !Number.isNaN(totalAbsMax) ? 0 : totalAbsMax / totalRms;
  return { rms, totalRms, totalAbsMax, totalAbsMin, totalCrestFactor };
}

function measurement(body: Fields, header: Decoded): Decoded {
  const bits = new Bits(body.take(20));
  const accelerationRmsG = perAxis(bits, STEPS_PER_G);
  const accelerationG = band(bits, STEPS_PER_G);
  const velocityMmPerS = band(bits, STEPS_PER_MM_PER_S);
  bits.end();
  const hundredths = body.signed(2);
  const batteryPercent = body.unsigned(1);
  if (batteryPercent > 100) refuse('FRAME_VALUE', `battery ${batteryPercent} %`);
  return {
    kind: 'measurement',
    ...header,
    accelerationRmsG,
    accelerationG,
    velocityMmPerS,
    temperatureC: hundredths === -32_768 ? NaN : hundredths / 100,
    batteryPercent,
    rssiDbm: body.signed(1),
  };
}

function event(body: Fields, header: Decoded): Decoded {
  const code = body.unsigned(1);
  if (code !== 1) refuse('FRAME_VALUE', `event code ${code}`);
  const zone = (): string => 'ABCD'[body.unsigned(1)] ?? refuse('FRAME_VALUE', 'no such zone');
  const [from, to] = [zone(), zone()];
  const velocity = body.unsigned(2);
  if (velocity > 0xfff) refuse('FRAME_MALFORMED', 'a zero bit is not zero');
  return { kind: 'event', ...header, event: 'zone-change', from, to, velocityRmsMmPerS: minifloat(velocity, STEPS_PER_MM_PER_S) };
}

function waveform(body: Fields, header: Decoded): Decoded {
  const [captureId, firstSample, totalSamples] = [body.varint(), body.varint(), body.varint()];
  const sampleRateHz = body.varint();
  if (sampleRateHz < 1) refuse('FRAME_VALUE', 'no samples per second');
  const fullScaleG = body.float32();
  if (!Number.isFinite(fullScaleG) || fullScaleG <= 0) refuse('FRAME_VALUE', `full scale ${fullScaleG} g`);
  const bitsPerSample = body.unsigned(1);
  if (bitsPerSample !== 16) refuse('FRAME_VALUE', `${bitsPerSample} bits a sample`);
  const axisCount = body.unsigned(1);
  if (axisCount < 1 || axisCount > 3) refuse('FRAME_VALUE', `${axisCount} axes`);
  const samples = body.varint();
  if (samples > MAX_WAVEFORM_SAMPLES) refuse('FRAME_VALUE', `${samples} samples`);
  if (firstSample + samples > totalSamples) refuse('FRAME_VALUE', 'samples after the end of the capture');
  if (body.left * 64 < axisCount * samples) refuse('FRAME_MALFORMED', 'too few bytes for so many samples');
  const bits = new Bits(body.take(body.left));
  const axes = Array.from({ length: axisCount }, () => axis(bits, samples));
  bits.end();
  return { kind: 'waveform', ...header, captureId, firstSample, totalSamples, sampleRateHz, fullScaleG, axes };
}

function axis(bits: Bits, samples: number): Int16Array {
  const all: number[] = [];
  while (all.length < samples) all.push(...block(bits, Math.min(BLOCK_SAMPLES, samples - all.length)));
  return Int16Array.from(all);
}

function block(bits: Bits, n: number): number[] {
  const method = bits.unsigned(3);
  if (method === 7) refuse('FRAME_MALFORMED', 'method 7 is undefined');
  if (method === 1) return Array.from({ length: n }, () => bits.signed16());
  if (method >= 2) return predicted(bits, n, method - 2);
  const sample = bits.signed16();
  bits.zeros(Math.floor(n / 8));
  return Array.from({ length: n }, () => sample);
}

function predicted(bits: Bits, n: number, order: number): number[] {
  if (order >= n) refuse('FRAME_MALFORMED', `order ${order} for ${n} samples`);
  const samples = Array.from({ length: order }, () => bits.signed16());
  const partition = BLOCK_SAMPLES / 2 ** bits.unsigned(3);
  for (let start = 0; start < n; start += partition) {
    const readZigzag = coding(bits);
    while (samples.length < Math.min(start + partition, n)) {
      const zigzag = readZigzag();
      const residual = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
      const sample = prediction(samples, order) + residual;
      if (sample < -32_768 || sample > 32_767) refuse('FRAME_MALFORMED', `a sample of ${sample}`);
      samples.push(sample);
    }
  }
  return samples;
}

/** Reads how a partition is coded and gives what reads its numbers. */
function coding(bits: Bits): () => number {
  const k = bits.unsigned(5);
  if (k === 31) {
    const width = bits.unsigned(5);
    if (width < 1 || width > 20) refuse('FRAME_MALFORMED', `a width of ${width}`);
    return () => bits.unsigned(width);
  }
  if (k > 20) refuse('FRAME_MALFORMED', `coding ${k} is undefined`);
  return () => {
    let quotient = 0;
    while (bits.unsigned(1) === 0) quotient += 1;
    return quotient * 2 ** k + bits.unsigned(k);
  };
}

function prediction(samples: readonly number[], order: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = samples.slice(-4).reverse();
  return [0, a, 2 * a - b, 3 * a - 3 * b + c, 4 * a - 6 * b + 4 * c - d][order]!;
}
