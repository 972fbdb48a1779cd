/** Residuals to bytes and back in TypeScript: planes of low bits, then prefix codes of what is above them. */

import type { SampleBits } from './kernel.ts';
import { ESCAPE, MAX_CODE_BITS, SYMBOLS } from './prefix-codes.ts';
import { residualsOf, type Workspace } from './workspace.ts';

const LANES = 4;
const WORD_BITS = 32;

type Residuals = Int16Array | Int32Array;

/** See Kernel.pack. */
export function packBlocks(workspace: Workspace, bits: SampleBits, n: number, blockLog: number, at: number): number {
  const { descriptors } = workspace;
  const block = 1 << blockLog;
  let out = at;
  for (let start = 0, b = 0; start < n; start += block, b++) {
    out = packPlane(workspace, residualsOf(workspace, bits), start, Math.min(block, n - start), descriptors[b]! & 31, out);
  }
  const stream: Stream = { bytes: workspace.bytes, at: out, pending: 0, pendingBits: 0 };
  for (let start = 0, b = 0; start < n; start += block, b++) {
    if (descriptors[b]! >= 32) packSymbols(workspace, bits, start, Math.min(block, n - start), descriptors[b]!, stream);
  }
  if (stream.pendingBits > 0) stream.bytes[stream.at++] = stream.pending;
  return stream.at;
}

/** Residual i of the block goes to lane i mod 4; each lane is a stream of 32-bit words, the lanes' words in turn. */
function packPlane({ bytes }: Workspace, residuals: Residuals, start: number, count: number, k: number, at: number): number {
  const rows = Math.ceil(count / LANES);
  const words = Math.ceil((rows * k) / WORD_BITS);
  for (let lane = 0; lane < LANES; lane++) {
    let word = 0;
    let used = 0;
    let out = at + 4 * lane;
    for (let row = 0; row < rows; row++) {
      const low = residuals[start + LANES * row + lane]! & ((1 << k) - 1);
      word |= low << used;
      used += k;
      if (used >= WORD_BITS) {
        storeWord(bytes, out, word);
        out += 4 * LANES;
        used -= WORD_BITS;
        word = low >>> (k - used);
      }
    }
    if (used > 0) storeWord(bytes, out, word);
  }
  return at + 4 * LANES * words;
}

function storeWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}

/** A bit stream that fills bytes from the least significant bit up; fewer than 8 bits are pending between writes. */
interface Stream {
  readonly bytes: Uint8Array;
  at: number;
  pending: number;
  pendingBits: number;
}

/** `count` is 0 to 24. */
function putBits(stream: Stream, value: number, count: number): void {
  let pending = stream.pending | (value << stream.pendingBits);
  let bits = stream.pendingBits + count;
  for (; bits >= 8; bits -= 8) {
    stream.bytes[stream.at++] = pending;
    pending >>>= 8;
  }
  stream.pending = pending;
  stream.pendingBits = bits;
}

function packSymbols(workspace: Workspace, bits: SampleBits, start: number, count: number, descriptor: number, stream: Stream): void {
  const residuals = residualsOf(workspace, bits);
  const { symbolCodes } = workspace;
  const codes = SYMBOLS * (descriptor >> 5);
  const k = descriptor & 31;
  for (let i = start; i < start + count; i++) {
    const high = residuals[i]! >> k;
    const symbol = high >= -15 && high <= 15 ? high + 16 : ESCAPE;
    const word = symbolCodes[codes + symbol]!;
    putBits(stream, word & 0xff_ffff, word >>> 24);
    if (symbol === ESCAPE) putBits(stream, high & ((1 << (bits - k)) - 1), bits - k);
  }
}

/** See Kernel.unpack. */
export function unpackBlocks(workspace: Workspace, bits: SampleBits, n: number, blockLog: number, at: number, end: number): number {
  const { descriptors, bytes } = workspace;
  const residuals = residualsOf(workspace, bits);
  const block = 1 << blockLog;
  let from = at;
  for (let start = 0, b = 0; start < n; start += block, b++) {
    const rows = Math.ceil(Math.min(block, n - start) / LANES);
    const k = descriptors[b]! & 31;
    const size = 4 * LANES * Math.ceil((rows * k) / WORD_BITS);
    if (from + size > end || !unpackPlane(bytes, from, residuals, start, rows, k, descriptors[b]! < 32)) return -1;
    from += size;
  }
  for (let i = n; i % LANES !== 0; i++) if (residuals[i] !== 0) return -1;
  const source: Source = { bytes, at: from, ahead: 0, aheadBits: 0 };
  for (let start = 0, b = 0; start < n; start += block, b++) {
    if (descriptors[b]! >= 32) unpackSymbols(workspace, bits, start, Math.min(block, n - start), descriptors[b]!, source);
    if (source.at - (source.aheadBits >>> 3) > end) return -1;
  }
  return (source.ahead & ((1 << (source.aheadBits & 7)) - 1)) === 0 ? source.at - (source.aheadBits >>> 3) : -1;
}

/** Returns false if the bits left over in the last words are not zero. */
function unpackPlane(bytes: Uint8Array, at: number, residuals: Residuals, start: number, rows: number, k: number, signed: boolean): boolean {
  const unused = signed && k > 0 ? WORD_BITS - k : 0;
  const mask = (1 << k) - 1;
  let over = 0;
  for (let lane = 0; lane < LANES; lane++) {
    let from = at + 4 * lane;
    let word = k === 0 ? 0 : wordAt(bytes, from);
    let used = 0;
    for (let row = 0; row < rows; row++) {
      let low = word >>> used;
      used += k;
      if (used >= WORD_BITS) {
        from += 4 * LANES;
        word = wordAt(bytes, from);
        low |= word << (WORD_BITS - used + k);
        used -= WORD_BITS;
      }
      residuals[start + LANES * row + lane] = ((low & mask) << unused) >> unused;
    }
    if (used > 0) over |= word >>> used;
  }
  return over === 0;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

interface Source {
  readonly bytes: Uint8Array;
  /** Index of the next byte to be loaded. */
  at: number;
  ahead: number;
  aheadBits: number;
}

function fill(source: Source, count: number): void {
  while (source.aheadBits < count) {
    source.ahead |= source.bytes[source.at++]! << source.aheadBits;
    source.aheadBits += 8;
  }
}

function drop(source: Source, count: number): void {
  source.ahead >>>= count;
  source.aheadBits -= count;
}

function unpackSymbols(workspace: Workspace, bits: SampleBits, start: number, count: number, descriptor: number, source: Source): void {
  const residuals = residualsOf(workspace, bits);
  const { decoding } = workspace;
  const table = (descriptor >> 5) << (MAX_CODE_BITS + 1);
  const k = descriptor & 31;
  const escapeBits = bits - k;
  for (let i = start; i < start + count; i++) {
    fill(source, MAX_CODE_BITS);
    const entry = table + 2 * (source.ahead & ((1 << MAX_CODE_BITS) - 1));
    const about = decoding[entry]!;
    drop(source, about >>> 16);
    let high: number;
    if ((about & 0x700) === 0) {
      fill(source, escapeBits);
      high = (source.ahead << (WORD_BITS - escapeBits)) >> (WORD_BITS - escapeBits);
      drop(source, escapeBits);
    } else high = (decoding[entry + 1]! << 24) >> 24;
    residuals[i] = (high << k) | residuals[i]!;
  }
}
