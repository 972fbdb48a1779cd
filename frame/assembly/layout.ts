/** Where things stand in the kernel's memory: byte offsets, the same as in frame/kernel/workspace.ts. */

/** Samples of one axis, i16 or i32; 4 KiB before and 16 KiB after may be read or written by vectors that overhang. */
export const SAMPLES: usize = 0x1_1000;
/** Residuals of one axis, i16 or i32. */
export const RESIDUALS: usize = 0x6_0000;
/** Coded bytes. */
export const BYTES: usize = 0xb_0000;
/** Windowed samples, pairs of samples, folded bytes: whatever one call needs. */
export const SCRATCH: usize = 0x16_0000;
/** 1024 × i16: the window. */
export const WINDOW: usize = 0x21_0000;
/** 32 × i16: predictor coefficients, zeros after the last. */
export const COEFFICIENTS: usize = 0x21_0800;
/** 16 vectors, each one pair of coefficients in all four lanes. */
export const SPLATS: usize = 0x21_0900;
/** 33 × f64: autocorrelation; the first three also minimum, maximum, sum. */
export const LAGS: usize = 0x21_0a00;
/** Three rows of 512 × i32: sums or masks of sub-blocks. */
export const SUMS: usize = 0x21_1000;
export const SUMS_ROW: usize = 0x800;
/** 512 × u8: a descriptor for each block. */
export const DESCRIPTORS: usize = 0x21_2800;
/** One block's symbols or symbol pairs. */
export const SYMBOLS: usize = 0x21_3000;
/** One block's escapes: index and value, 2 × i32 each. */
export const ESCAPES: usize = 0x21_5000;
/** For each prefix code 32 × u32: the code word of a symbol. */
export const SYMBOL_CODES: usize = 0x21_d000;
/** 8 × 256 × u32: CRC-32C, slicing by 8. */
export const CRC_TABLES: usize = 0x21_e000;
/** For each prefix code 1024 × u32: the code words of a pair of symbols. */
export const PAIR_CODES: usize = 0x22_0000;
/** For each prefix code 4096 × u64: the symbols that 12 bits begin with. */
export const DECODING: usize = 0x22_8000;

/** Samples of the smallest block. */
export const SUB_BLOCK: i32 = 128;
export const MAX_LAG: i32 = 32;
/** Samples before a segment's first that a predictor may look at. */
export const HISTORY: i32 = 32;
