/** Measurements of docs/frame.md: as a body of their own, and as the differences that stand in a batch. */
import { Bits, refuse, twosComplement, fromZigzag, type Fields } from './fields.ts';

/** A message as the page's examples show it, NaN for null; the axes of a waveform are arrays of samples. */
export type Decoded = Readonly<Record<string, unknown>>;

export interface SensorHeader {
  readonly sensorId: string;
  readonly bootEpoch: number;
  readonly sequence: number;
  readonly timeMs: number;
}

/** A measurement in the numbers that are sent. */
export interface Numbers extends SensorHeader {
  readonly codes: readonly number[];
  readonly hundredths: number;
  readonly battery: number;
  readonly rssi: number;
}

const FEATURES = 13;
const STEPS_PER_G = 100_000;
const STEPS_PER_MM_PER_S = 2000;
const UNKNOWN_TEMPERATURE = -32_768;

/** The number of steps that a minifloat code stands for, divided by the steps in one unit. */
function minifloat(code: number, stepsPerUnit: number): number {
  if (code === 0xfff) return NaN;
  const exponent = Math.floor(code / 256);
  const mantissa = code % 256;
  return (exponent === 0 ? mantissa : (256 + mantissa) * 2 ** (exponent - 1)) / stepsPerUnit;
}

export function velocity(code: number): number {
  return minifloat(code, STEPS_PER_MM_PER_S);
}

function perAxis(codes: readonly number[], stepsPerUnit: number): { x: number; y: number; z: number } {
  const [x, y, z] = codes.map((code) => minifloat(code, stepsPerUnit));
  return { x: x!, y: y!, z: z! };
}

function band(codes: readonly number[], stepsPerUnit: number): Decoded {
  const rms = perAxis(codes.slice(0, 3), stepsPerUnit);
  const totalAbsMax = minifloat(codes[3]!, stepsPerUnit);
  const totalAbsMin = minifloat(codes[4]!, stepsPerUnit);
  const axes = [rms.x, rms.y, rms.z].filter((value) => !Number.isNaN(value));
  const totalRms = axes.length === 0 ? NaN : Math.sqrt(axes.reduce((sum, value) => sum + value * value, 0));
  // NaN / anything and anything / NaN are NaN, as the page wants it.
  const totalCrestFactor = totalRms === 0 && !Number.isNaN(totalAbsMax) ? 0 : totalAbsMax / totalRms;
  return { rms, totalRms, totalAbsMax, totalAbsMin, totalCrestFactor };
}

export function measurementMessage({ sensorId, bootEpoch, sequence, timeMs, codes, hundredths, battery, rssi }: Numbers): Decoded {
  if (battery > 100) refuse('FRAME_VALUE', `battery ${battery} %`);
  return {
    kind: 'measurement',
    sensorId,
    bootEpoch,
    sequence,
    timeMs,
    accelerationRmsG: perAxis(codes.slice(0, 3), STEPS_PER_G),
    accelerationG: band(codes.slice(3, 8), STEPS_PER_G),
    velocityMmPerS: band(codes.slice(8, 13), STEPS_PER_MM_PER_S),
    temperatureC: hundredths === UNKNOWN_TEMPERATURE ? NaN : hundredths / 100,
    batteryPercent: battery,
    rssiDbm: rssi,
  };
}

/** The body after the sensor header. */
export function measurement(body: Fields, header: SensorHeader): Decoded {
  const bits = new Bits(body, 'most significant');
  const codes = Array.from({ length: FEATURES }, () => bits.unsigned(12));
  bits.endByte();
  return measurementMessage({ ...header, codes, hundredths: body.signed(2), battery: body.unsigned(1), rssi: body.signed(1) });
}

/** What stands before the first measurement of a batch. */
export function before(gatewayId: string): Numbers {
  return {
    sensorId: gatewayId, bootEpoch: 0, sequence: 0, timeMs: 0, codes: Array<number>(FEATURES).fill(1024), hundredths: 2000, battery: 100, rssi: -64,
  };
}

/** A measurement in a batch, from its second byte on; `earlier` has all of the batch so far, after what `before` gives. */
export function measurementEntry(first: number, body: Fields, earlier: readonly Numbers[]): Numbers {
  if (first >= 128) refuse('FRAME_MALFORMED', 'bit 7 of a measurement’s first byte is not zero');
  const last = earlier.at(-1)!;
  const idBytes = [0, 1, 3, 8][(first >> 4) & 3]!;
  const idDigits = Buffer.from(body.take(idBytes)).toString('hex');
  const sensorId = last.sensorId.slice(0, 16 - idDigits.length) + idDigits;
  const bootEpoch = (first & 64) === 0 ? last.bootEpoch : body.varint();
  const sequence = modulo(last.sequence + body.svarint(), 32);
  const timeMs = last.timeMs + body.svarint64();
  if (timeMs < 0 || timeMs >= 2 ** 48) refuse('FRAME_MALFORMED', `the time ${timeMs}`);
  const like = earlier.slice(1).findLast((candidate) => candidate.sensorId === sensorId) ?? last;
  return { sensorId, bootEpoch, sequence, timeMs, ...numbers(new Bits(body, 'least significant'), like) };
}

function numbers(bits: Bits, like: Numbers): Pick<Numbers, 'codes' | 'hundredths' | 'battery' | 'rssi'> {
  const mode = bits.unsigned(1);
  const k = bits.unsigned(4);
  if (k > 12) refuse('FRAME_MALFORMED', `a Rice parameter of ${k}`);
  const codes: number[] = [];
  for (let i = 0; i < FEATURES; i += 1) {
    const change = mode === 1 && i > 0 ? codes[i - 1]! - like.codes[i - 1]! : 0;
    codes.push(modulo(like.codes[i]! + change + difference(bits, k, 12), 12));
  }
  const hundredths = twosComplement(like.hundredths + difference(bits, 7, 16), 16);
  const battery = modulo(like.battery + difference(bits, 0, 8), 8);
  const rssi = twosComplement(like.rssi + difference(bits, 3, 8), 8);
  bits.endByte();
  return { codes, hundredths, battery, rssi };
}

function modulo(value: number, bitCount: number): number {
  return value - Math.floor(value / 2 ** bitCount) * 2 ** bitCount;
}

/** A Rice code. */
function difference(bits: Bits, k: number, width: number): number {
  let zeros = 0;
  while (zeros < 12 && bits.bit() === 0) zeros += 1;
  const z = zeros === 12 ? bits.unsigned(width) : zeros * 2 ** k + bits.unsigned(k);
  if (z >= 2 ** width) refuse('FRAME_MALFORMED', `a Rice code of ${z} where ${width} bits are the width`);
  return fromZigzag(z);
}
