/** What the machine can copy at most: the limit of all that reads and writes memory. */
import { median } from '../statistics.ts';

const BYTES = 64 * 1024 * 1024;
const REPEATS = 9;

/** MB (10^6 bytes) per second that are copied from one buffer to another, both beyond the caches. */
export function memcpyMBps(): number {
  const from = Buffer.alloc(BYTES, 1);
  const to = Buffer.alloc(BYTES, 2);
  const rates: number[] = [];
  for (let repeat = -1; repeat < REPEATS; repeat++) {
    const start = performance.now();
    from.copy(to);
    if (repeat >= 0) rates.push(BYTES / 1000 / (performance.now() - start)); // the first one warms up
  }
  return median(rates);
}
