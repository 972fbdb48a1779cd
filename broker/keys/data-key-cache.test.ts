/** The three limits on data keys that are kept for reading: age, uses, bytes; and that what goes is wiped. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DATA_KEY_CACHE, DataKeyCache } from './data-key-cache.ts';

const KEY_BYTES = 32;

let nowMs: number;
let asked: string[];
let given: Buffer[];
let cache: DataKeyCache;

beforeEach(() => {
  vi.useFakeTimers();
  [nowMs, asked, given] = [5_000, [], []];
  cache = new DataKeyCache(() => nowMs);
});
afterEach(() => void vi.useRealTimers());

/** Asks the cache for the data key of a name; the key service takes `slowMs`. */
async function get(name: string, slowMs = 0): Promise<Buffer> {
  return cache.get(Buffer.from(name), { name }, 'key', () => {
    asked.push(name);
    nowMs += slowMs;
    given.push(Buffer.alloc(KEY_BYTES, asked.length));
    return Promise.resolve(given.at(-1)!);
  });
}

it('gives a data key again until it is too old, counted from when it was asked for', async () => {
  const first = await get('a', 400);
  nowMs = 5_000 + DATA_KEY_CACHE.ageMs - 1;
  expect(await get('a')).toEqual(first);
  expect(asked).toEqual(['a']);
  nowMs += 1;
  expect(await get('a')).not.toEqual(first);
  expect(asked).toEqual(['a', 'a']);
});

it('gives a data key so many times and no more', async () => {
  for (let n = 0; n < DATA_KEY_CACHE.uses; n++) (await get('a')).fill(0);
  expect(asked).toHaveLength(1);
  await get('a');
  expect(asked).toHaveLength(2);
});

it('keeps so many bytes of data keys and no more; the oldest go first', async () => {
  const most = DATA_KEY_CACHE.bytes / KEY_BYTES;
  for (let n = 0; n <= most; n++) await get(`key ${n}`);
  expect(cache.size).toEqual({ keys: most, bytes: DATA_KEY_CACHE.bytes });
  await get('key 1');
  expect(asked).toHaveLength(most + 1);
  await get('key 0');
  expect(asked).toHaveLength(most + 2);
  expect(cache.size.bytes).toBe(DATA_KEY_CACHE.bytes);
});

it('wipes what is too old although nobody asks any more', async () => {
  await get('a');
  nowMs += DATA_KEY_CACHE.ageMs;
  vi.advanceTimersByTime(DATA_KEY_CACHE.ageMs);
  expect(cache.size).toEqual({ keys: 0, bytes: 0 });
});

it('gives copies, which their takers wipe, and counts several askers at once as one key', async () => {
  const [one, two] = await Promise.all([get('a'), get('a')]);
  one.fill(0);
  two.fill(0);
  expect([...(await get('a'))].every((byte) => byte > 0)).toBe(true);
  expect(cache.size).toEqual({ keys: 1, bytes: KEY_BYTES });
});

it('keeps nothing of a refusal', async () => {
  await get('a');
  nowMs += DATA_KEY_CACHE.ageMs;
  await expect(cache.get(Buffer.from('a'), { name: 'a' }, 'key', () => Promise.reject(new Error('disabled')))).rejects.toThrow('disabled');
  expect(cache.size).toEqual({ keys: 0, bytes: 0 });
});
