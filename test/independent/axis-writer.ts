/**
 * Writes an axis as docs/frame.md allows it, with orders, coefficients, blocks and codes that chance chooses: for samples
 * that are given, so that a decoder must give them back. Sums are BigInt, in the page's first form where it is exact.
 */
import { CODE_WORDS } from './prefix-codes.ts';
import { bytesOf, leastFirst, littleEndian, pick, varint, zigzag, type Chance } from './frame-writer.ts';

const ESCAPE = 0;

export interface AxisPlan {
  readonly b: 16 | 24;
  readonly segments: 1 | 4;
  readonly s: number;
  readonly blockLog: number;
  readonly o: number;
  readonly c: readonly number[];
}

/** Any plan: tame ones, so that residuals get small, and wild ones, whose sums wrap. */
export function anyPlan(b: 16 | 24, chance: Chance): AxisPlan {
  const limit = 2 ** (b - 1);
  const p = pick(chance, [0, 0, 1, 2, 3, 4, 8, 31, 32, chance(33)]);
  const wild = (most: number): number => pick(chance, [-most, most - 1, 0, 1, -1, chance(2 * most) - most]);
  let c = p === 2 && chance(2) === 0 ? [3704, -1865] : Array.from({ length: p }, () => (chance(3) === 0 ? chance(9) - 4 : wild(32_768)));
  while (b === 24 && c.reduce((sum, one) => sum + Math.abs(one), 0) >= 524_288) c = c.map((one) => Math.trunc(one / 2));
  return { b, segments: pick(chance, [1, 4]), s: chance(16), blockLog: 7 + chance(6), o: chance(3) === 0 ? 0 : wild(limit), c };
}

export function verbatimAxis(samples: readonly number[], b: 16 | 24): number[] {
  return [255, ...samples.flatMap((sample) => littleEndian(sample, b / 8))];
}

export function writeAxis(samples: readonly number[], plan: AxisPlan, chance: Chance): number[] {
  const { b, segments, s, blockLog, o, c } = plan;
  const head = [c.length | (segments === 4 ? 64 : 0), s | ((blockLog - 7) << 4), ...varint(zigzag(o)), ...c.flatMap((number) => varint(zigzag(number)))];
  const residuals = residualsOf(samples, plan);
  const descriptors: number[] = [];
  const planes: number[][] = [];
  const symbols: number[] = [];
  for (let start = 0; start < residuals.length; start += 2 ** blockLog) {
    const block = residuals.slice(start, start + 2 ** blockLog);
    const needed = Math.max(0, ...block.map(bitsNeeded));
    const t = chance(8);
    const k = t === 0 ? pick(chance, [needed, b, needed + chance(b + 1 - needed)]) : Math.min(b - 1, pick(chance, [Math.max(0, needed - 4), Math.max(0, needed - 2), chance(b), b - 1, 0]));
    descriptors.push((t << 5) | k);
    planes.push(planeOf(block, k));
    if (t > 0) for (const residual of block) for (const bit of symbolBits(Math.floor(residual / 2 ** k), t, b - k, chance)) symbols.push(bit);
  }
  const bytes = [...head, ...descriptors, ...planes.flat(), ...bytesOf(symbols)];
  return [...bytes, ...Array<number>(Math.max(0, Math.ceil(samples.length / 64) - bytes.length)).fill(0)];
}

function bitsNeeded(residual: number): number {
  let bits = 0;
  if (residual !== 0) for (bits = 1; residual < -(2 ** (bits - 1)) || residual >= 2 ** (bits - 1); bits += 1);
  return bits;
}

/** The residuals as numbers of b bits. */
export function residualsOf(samples: readonly number[], { b, segments, s, o, c }: AxisPlan): number[] {
  const segment = segments === 1 ? samples.length : 128 * Math.ceil(samples.length / 512);
  const factors = c.map(BigInt);
  const offset = BigInt(o);
  return samples.map((sample, i) => {
    const past = factors.map((_, j) => (i % segment > j ? BigInt(samples[i - 1 - j]!) : offset));
    const products = past.reduce((sum, x, j) => sum + factors[j]! * (x - offset), 0n);
    // >> of a BigInt rounds towards −∞.
    const prediction = b === 24 ? offset + (products >> BigInt(s)) : BigInt.asIntN(32, products + (offset << BigInt(s))) >> BigInt(s);
    return Number(BigInt.asIntN(b, BigInt(sample) - prediction));
  });
}

function planeOf(block: readonly number[], k: number): number[] {
  const lanes = [0, 1, 2, 3].map((lane) => bytesOf(Array.from({ length: Math.ceil(block.length / 4) }, (_, row) => leastFirst(block[4 * row + lane] ?? 0, k)).flat()));
  const words = Math.ceil(lanes[0]!.length / 4);
  return Array.from({ length: words }, (_, word) => lanes.flatMap((lane) => Array.from({ length: 4 }, (_, i) => lane[4 * word + i] ?? 0))).flat();
}

/** The bits of a code word as they stand in the stream. */
export function codeWord(t: number, symbol: number): number[] {
  return Array.from(CODE_WORDS[t - 1]![symbol]!, Number);
}

function symbolBits(high: number, t: number, escapedBits: number, chance: Chance): number[] {
  const short = high >= -15 && high <= 15 && chance(16) > 0;
  return short ? codeWord(t, 16 + high) : [...codeWord(t, ESCAPE), ...leastFirst(high, escapedBits)];
}

/** The field "samples" and what follows it: axes of any plan, some verbatim. */
export function writeAxes(axes: readonly (readonly number[])[], b: 16 | 24, chance: Chance): number[] {
  if (axes[0]!.length === 0) return [];
  return axes.flatMap((samples) => (chance(12) === 0 ? verbatimAxis(samples, b) : writeAxis(samples, anyPlan(b, chance), chance)));
}

const SIXTEEN_G = [0, 0, 0x80, 0x41];

/** The body of a waveform whose other fields are of no interest, around the bytes of its axes. */
export function waveformBody(axisCount: number, n: number, b: 16 | 24, axisBytes: readonly number[]): number[] {
  return [...Array<number>(8).fill(7), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...varint(n), 1, ...SIXTEEN_G, b, axisCount, ...varint(n), ...axisBytes];
}
