/**
 * The seven prefix codes for the high parts of residuals, for distributions from narrow to wide. Symbol 0 is the escape,
 * symbol s stands for the high part s - 16. Code words are canonical: in the order of length, then symbol.
 *
 * The lengths are those of Huffman codes of at most 12 bits for half a Gaussian and half a Laplacian, both of standard
 * deviation 2^((c - 4.5) / 2) for code c.
 */

import type { Workspace } from './workspace.ts';

export const PREFIX_CODES = 7;
export const MAX_CODE_BITS = 12;
export const SYMBOLS = 32;
export const ESCAPE = 0;

/** Bits of each symbol's code word, by code (1 to 7). */
export const CODE_LENGTHS: readonly (readonly number[])[] = [
  [],
  [5, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 7, 5, 2, 1, 3, 5, 7, 11, 11, 11, 11, 10, 10, 10, 10, 10, 10, 10, 10],
  [6, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 10, 8, 5, 3, 1, 2, 4, 8, 10, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 11],
  [7, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 10, 7, 4, 2, 1, 3, 5, 7, 10, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12],
  [11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 10, 6, 4, 3, 1, 2, 5, 7, 10, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12],
  [11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 10, 8, 5, 4, 2, 2, 2, 3, 6, 8, 10, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12],
  [11, 12, 12, 12, 12, 12, 11, 11, 9, 8, 7, 6, 5, 4, 3, 2, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 12, 12, 12, 12, 12, 12],
  [12, 12, 12, 12, 12, 12, 11, 11, 10, 8, 7, 6, 5, 4, 3, 2, 2, 3, 4, 5, 6, 7, 8, 9, 11, 11, 12, 12, 12, 12, 12, 12],
];

/** The code words of `lengths`, each as it stands in the stream: its first bit is the least significant one. */
export function codeWords(lengths: readonly number[]): number[] {
  const words = new Array<number>(lengths.length).fill(0);
  let word = 0;
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    word <<= 1;
    for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] === length) words[symbol] = reverse(word++, length);
  }
  return words;
}

function reverse(word: number, length: number): number {
  let reversed = 0;
  for (let bit = 0; bit < length; bit++) reversed |= ((word >>> bit) & 1) << (length - 1 - bit);
  return reversed;
}

/** Fills the tables of a workspace. */
export function fillCodes({ symbolCodes, pairCodes, decoding }: Workspace): void {
  for (let code = 1; code <= PREFIX_CODES; code++) {
    const lengths = CODE_LENGTHS[code]!;
    const words = codeWords(lengths);
    for (let s = 0; s < SYMBOLS; s++) {
      symbolCodes[SYMBOLS * code + s] = (lengths[s]! << 24) | words[s]!;
      for (let t = 0; t < SYMBOLS; t++) {
        const escape = s === ESCAPE || t === ESCAPE;
        pairCodes[SYMBOLS * (SYMBOLS * code + t) + s] = escape ? 0x8000_0000 : ((lengths[s]! + lengths[t]!) << 24) | (words[t]! << lengths[s]!) | words[s]!;
      }
    }
    fillDecoding(lengths, words, decoding.subarray(code << (MAX_CODE_BITS + 1), (code + 1) << (MAX_CODE_BITS + 1)));
  }
}

function fillDecoding(lengths: readonly number[], words: readonly number[], table: Uint32Array): void {
  const first = new Uint8Array(1 << MAX_CODE_BITS);
  for (let s = 0; s < SYMBOLS; s++) for (let rest = words[s]!; rest < first.length; rest += 1 << lengths[s]!) first[rest] = s;
  for (let ahead = 0; ahead < first.length; ahead++) {
    let symbols = 0;
    let count = 0;
    let used = 0;
    for (; count < 4; count++) {
      const symbol = first[ahead >>> used]!;
      if (symbol === ESCAPE || used + lengths[symbol]! > MAX_CODE_BITS) break;
      symbols |= ((symbol - SYMBOLS / 2) & 0xff) << (8 * count);
      used += lengths[symbol]!;
    }
    table[2 * ahead] = used | (count << 8) | (lengths[first[ahead]!]! << 16);
    table[2 * ahead + 1] = symbols;
  }
}
