/** Text formats gather lines and write them in large pieces: a write for every line costs more than the line. */
import type { WriteBytes } from './entry.ts';

/** Characters gathered before they are written; the longest line may come on top. */
const PIECE_CHARACTERS = 64 * 1024;

interface LineWriter {
  /** Takes a line and its end. A promise is to be waited for before the next one. */
  add(line: string): Promise<void> | undefined;
  finish(): Promise<void>;
}

export function lineWriter(write: WriteBytes, end: '\n' | '\r\n'): LineWriter {
  let gathered = '';
  const flush = async (): Promise<void> => {
    if (gathered === '') return;
    const bytes = Buffer.from(gathered);
    gathered = '';
    await write(bytes);
  };
  return {
    add: (line) => {
      gathered += `${line}${end}`;
      return gathered.length < PIECE_CHARACTERS ? undefined : flush();
    },
    finish: flush,
  };
}
