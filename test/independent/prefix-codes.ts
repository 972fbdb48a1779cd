/** The seven prefix codes of docs/frame.md ("Symbols"): code words from the lengths of the page's table. */

/** LENGTHS[t − 1][symbol], in bits. */
const LENGTHS: readonly (readonly number[])[] = [
  [5, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 7, 5, 2, 1, 3, 5, 7, 11, 11, 11, 11, 10, 10, 10, 10, 10, 10, 10, 10],
  [6, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 10, 8, 5, 3, 1, 2, 4, 8, 10, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 11],
  [7, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 10, 7, 4, 2, 1, 3, 5, 7, 10, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12],
  [11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 10, 6, 4, 3, 1, 2, 5, 7, 10, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12],
  [11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 11, 10, 8, 5, 4, 2, 2, 2, 3, 6, 8, 10, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12],
  [11, 12, 12, 12, 12, 12, 11, 11, 9, 8, 7, 6, 5, 4, 3, 2, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 12, 12, 12, 12, 12, 12],
  [12, 12, 12, 12, 12, 12, 11, 11, 10, 8, 7, 6, 5, 4, 3, 2, 2, 3, 4, 5, 6, 7, 8, 9, 11, 11, 12, 12, 12, 12, 12, 12],
];

/** "In the order of length, then symbol, each is the one before plus 1, with zeros appended to its length." */
function codeWords(lengths: readonly number[]): string[] {
  const order = lengths.map((_, symbol) => symbol).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  const words: string[] = [];
  let next = '';
  for (const symbol of order) {
    const word = next.padEnd(lengths[symbol]!, '0');
    words[symbol] = word;
    next = (Number.parseInt(word, 2) + 1).toString(2).padStart(word.length, '0');
  }
  return words;
}

/** CODE_WORDS[t − 1][symbol]: ones and zeros, most significant first. */
export const CODE_WORDS: readonly (readonly string[])[] = LENGTHS.map(codeWords);

export const LONGEST_CODE_WORD = 12;
