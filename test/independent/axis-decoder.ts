/**
 * One axis of a waveform, as docs/frame.md describes it under "An axis", "Prediction" and "Blocks". The names are the
 * page's: n samples of b bits, order p, offset o, shift s, coefficients c; blocks of m samples with code t and k low bits.
 */
import { Bits, Fields, refuse, twosComplement } from './fields.ts';
import { CODE_WORDS, LONGEST_CODE_WORD } from './prefix-codes.ts';

const VERBATIM = 255;

interface Block {
  readonly samples: number;
  readonly t: number;
  readonly k: number;
}

/** Reads an axis of n samples, n > 0. */
export function axis(body: Fields, n: number, b: number): number[] {
  const begin = body.at;
  const form = body.unsigned(1);
  if (form === VERBATIM) return Array.from({ length: n }, () => body.signed(b / 8));
  const p = form & 63;
  if (p > 32 || form >= 128) refuse('FRAME_MALFORMED', `form ${form} is undefined`);
  const scale = body.unsigned(1);
  const s = scale & 15;
  if (scale >> 4 > 5) refuse('FRAME_MALFORMED', `scale ${scale} is undefined`);
  const blockSize = 2 ** (7 + (scale >> 4));
  const o = body.svarintWithin(b);
  const c = Array.from({ length: p }, () => body.svarintWithin(16));
  if (b === 24 && c.reduce((sum, one) => sum + Math.abs(one), 0) >= 524_288) refuse('FRAME_MALFORMED', 'coefficients that are too large together');
  const blocks = descriptors(body, n, blockSize, b);
  const planes = blocks.map(({ samples, k }) => plane(body, samples, k));
  const residuals = symbols(body, blocks, planes, b);
  const bytes = body.at - begin;
  body.zeros(Math.max(0, Math.ceil(n / 64) - bytes));
  const segment = (form & 64) === 0 ? n : 128 * Math.ceil(n / 512);
  return restore(residuals, { o, s, c, segment, b });
}

function descriptors(body: Fields, n: number, blockSize: number, b: number): Block[] {
  const blocks: Block[] = [];
  for (let start = 0; start < n; start += blockSize) {
    const descriptor = body.unsigned(1);
    const [t, k] = [descriptor >> 5, descriptor & 31];
    if (k > (t === 0 ? b : b - 1)) refuse('FRAME_MALFORMED', `code ${t} with ${k} low bits is undefined`);
    blocks.push({ samples: Math.min(blockSize, n - start), t, k });
  }
  return blocks;
}

/** The k bits of each sample of a block, unsigned: from four lanes whose words take turns. */
function plane(body: Fields, m: number, k: number): number[] {
  const rows = Math.ceil(m / 4);
  const words = Math.ceil((rows * k) / 32);
  const lanes: number[][] = [[], [], [], []];
  for (let word = 0; word < words; word += 1) for (const lane of lanes) lane.push(...body.take(4));
  const numbers = lanes.map((lane) => {
    const bits = new Bits(new Fields(Uint8Array.from(lane), 'FRAME_MALFORMED'), 'least significant');
    const all = Array.from({ length: rows }, () => bits.unsigned(k));
    if (bits.unsigned(words * 32 - rows * k) !== 0) refuse('FRAME_MALFORMED', 'bits after the last row of a lane');
    return all;
  });
  const inOrder = Array.from({ length: 4 * rows }, (_, i) => numbers[i % 4]![Math.floor(i / 4)]!);
  if (inOrder.slice(m).some((number) => number !== 0)) refuse('FRAME_MALFORMED', 'bits in rows beyond the last sample');
  return inOrder.slice(0, m);
}

/** Reads the symbols of all blocks and gives the residuals of the axis. */
function symbols(body: Fields, blocks: readonly Block[], planes: readonly (readonly number[])[], b: number): number[] {
  const stream = new Bits(body, 'least significant');
  const residuals: number[] = [];
  blocks.forEach(({ t, k }, index) => {
    const symbolOf = t === 0 ? undefined : new Map(CODE_WORDS[t - 1]!.map((word, symbol) => [word, symbol]));
    for (const low of planes[index]!) {
      if (symbolOf === undefined) residuals.push(k === 0 ? 0 : twosComplement(low, k));
      else residuals.push(highPart(stream, symbolOf, b - k) * 2 ** k + low);
    }
  });
  stream.endByte();
  return residuals;
}

function highPart(stream: Bits, symbolOf: ReadonlyMap<string, number>, escapedBits: number): number {
  let word = '';
  while (word.length < LONGEST_CODE_WORD) {
    word += String(stream.bit());
    const symbol = symbolOf.get(word);
    if (symbol !== undefined) return symbol === 0 ? stream.signed(escapedBits) : symbol - 16;
  }
  return refuse('FRAME_MALFORMED', `${word} is no code word`);
}

interface Predictor {
  readonly o: number;
  readonly s: number;
  readonly c: readonly number[];
  /** Samples in a segment; samples before its segment count as o. */
  readonly segment: number;
  readonly b: number;
}

/** Plain numbers suffice: no sum has more than 45 bits. */
function restore(residuals: readonly number[], { o, s, c, segment, b }: Predictor): number[] {
  const x: number[] = [];
  const constant = o * (2 ** s - c.reduce((sum, coefficient) => sum + coefficient, 0));
  for (const [i, residual] of residuals.entries()) {
    const segmentStart = i - (i % segment);
    let sum = constant;
    c.forEach((coefficient, j) => {
      const place = i - 1 - j;
      sum += coefficient * (place < segmentStart ? o : x[place]!);
    });
    if (b === 16) sum = twosComplement(sum, 32);
    x.push(twosComplement(Math.floor(sum / 2 ** s) + residual, b));
  }
  return x;
}
