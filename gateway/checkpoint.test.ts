/** What a gateway keeps of how far the store had come never goes back. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CheckpointKeeper } from './checkpoint.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thrum-checkpoint-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function keptAfter(...payloads: string[]): Promise<string | undefined> {
  const keeper = new CheckpointKeeper(directory);
  for (const payload of payloads) keeper.take(Buffer.from(payload));
  await keeper.settled();
  return (await readFile(join(directory, 'checkpoint'), 'utf8').catch(() => undefined))?.trim();
}

const at = (ordinal: number, records: number, amendments?: number): string => JSON.stringify({ ordinal, records, amendments });

it('keeps the furthest', async () => {
  expect(await keptAfter(at(1, 2), at(1, 3))).toBe(at(1, 3));
  expect(await keptAfter(at(1, 2))).toBe(at(1, 3));
  expect(await keptAfter(at(2, 1, 4))).toBe(at(2, 1, 4));
  expect(await keptAfter(at(3, 1, 3))).toBe(at(2, 1, 4));
  expect(await keptAfter(at(3, 1, 4))).toBe(at(3, 1, 4));
});

it('keeps nothing of what is no checkpoint', async () => {
  expect(await keptAfter('', '{}', 'null', at(1.5, 2), `{"ordinal":1,"records":2,"more":"${'x'.repeat(5_000)}"}`)).toBeUndefined();
});

it('keeps it so that nobody else reads it', async () => {
  await keptAfter(at(1, 1));
  expect((await stat(join(directory, 'checkpoint'))).mode & 0o777).toBe(0o600);
});
