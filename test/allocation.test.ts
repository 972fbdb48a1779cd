/** Encoding a measurement allocates nothing: no heap to collect, however many there are. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const FRAMES = 5_000_000;
/** One boxed number a frame, 16 bytes, would come to 80 MB and some forty collections. */
const MOST_COLLECTIONS = 5;

it(`${FRAMES.toLocaleString('en')} encoded measurement frames leave nothing to collect`, { timeout: 120_000 }, () => {
  const script = fileURLToPath(new URL('../dist/bench/frame/heap-process.js', import.meta.url));
  const printed = execFileSync(process.execPath, ['--expose-gc', script, String(FRAMES)], { encoding: 'utf8' });
  const { frames, growthBytes, collections } = JSON.parse(printed) as { frames: number; growthBytes: number; collections: number };
  expect(frames).toBe(FRAMES);
  expect(collections).toBeLessThanOrEqual(MOST_COLLECTIONS);
  expect(growthBytes).toBeLessThan(FRAMES);
});
