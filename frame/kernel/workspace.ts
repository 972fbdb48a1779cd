/**
 * The memory that a kernel works on: one axis at a time, and what is known of it. Places are the same in all kernels
 * (frame/assembly/layout.ts has them for WebAssembly).
 */

import { fillCrcTables } from '../crc-tables.ts';
import type { SampleBits } from './kernel.ts';
import { fillCodes, SYMBOLS } from './prefix-codes.ts';

/** 64 KiB pages of WebAssembly memory. */
export const WORKSPACE_PAGES = 39;
export const SUB_BLOCK_SAMPLES = 128;
export const SUMS_PER_ROW = 512;
export const MAX_LAG = 32;
export const WINDOW_SAMPLES = 1024;
/** A prefix code's table of all 12-bit beginnings: two u32 each. */
export const DECODING_ENTRIES = 4096;

const MAX_SAMPLES = 65_536;
const SLACK = 2048;
const BYTES_LENGTH = 0xb_0000;

export interface Workspace {
  /** The axis as 16-bit or 24-bit samples: two views of the same memory. */
  readonly samples16: Int16Array;
  readonly samples32: Int32Array;
  /** Its residuals, in as many bits. */
  readonly residuals16: Int16Array;
  readonly residuals32: Int32Array;
  /** Coded bytes. */
  readonly bytes: Uint8Array;
  /** Fractions of 2^15 that `autocorrelate` multiplies samples with. */
  readonly window: Int16Array;
  readonly coefficients: Int16Array;
  /** Autocorrelation of lags 0 to 32; exact whole numbers. */
  readonly lags: Float64Array;
  readonly sums: Int32Array;
  readonly descriptors: Uint8Array;
  /** For prefix code c: the code word of symbol s at 32 c + s, the number of its bits above the low 24. */
  readonly symbolCodes: Uint32Array;
  /** For prefix code c: those of the symbols s, t, one after the other, at 1024 c + 32 t + s; bit 31 is set when one is an escape. */
  readonly pairCodes: Uint32Array;
  /**
   * For prefix code c and next 12 bits b, at 2 (4096 c + b): the bits of up to four symbols that b begins with, how many these
   * are << 8, the bits of the first << 16; then the symbols, less 16, as bytes.
   */
  readonly decoding: Uint32Array;
}

export function workspaceOn(memory: ArrayBuffer): Workspace {
  const workspace: Workspace = {
    samples16: new Int16Array(memory, 0x1_1000, MAX_SAMPLES + SLACK),
    samples32: new Int32Array(memory, 0x1_1000, MAX_SAMPLES + SLACK),
    residuals16: new Int16Array(memory, 0x6_0000, MAX_SAMPLES + SLACK),
    residuals32: new Int32Array(memory, 0x6_0000, MAX_SAMPLES + SLACK),
    bytes: new Uint8Array(memory, 0xb_0000, BYTES_LENGTH),
    window: new Int16Array(memory, 0x21_0000, WINDOW_SAMPLES),
    coefficients: new Int16Array(memory, 0x21_0800, MAX_LAG),
    lags: new Float64Array(memory, 0x21_0a00, MAX_LAG + 1),
    sums: new Int32Array(memory, 0x21_1000, 3 * SUMS_PER_ROW),
    descriptors: new Uint8Array(memory, 0x21_2800, SUMS_PER_ROW),
    symbolCodes: new Uint32Array(memory, 0x21_d000, 8 * SYMBOLS),
    pairCodes: new Uint32Array(memory, 0x22_0000, 8 * SYMBOLS * SYMBOLS),
    decoding: new Uint32Array(memory, 0x22_8000, 8 * DECODING_ENTRIES * 2),
  };
  fillCodes(workspace);
  fillCrcTables(new Int32Array(memory, 0x21_e000, 8 * 256));
  return workspace;
}

export function samplesOf(workspace: Workspace, bits: SampleBits): Int16Array | Int32Array {
  return bits === 16 ? workspace.samples16 : workspace.samples32;
}

export function residualsOf(workspace: Workspace, bits: SampleBits): Int16Array | Int32Array {
  return bits === 16 ? workspace.residuals16 : workspace.residuals32;
}
