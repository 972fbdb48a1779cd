/** Several processes take turns through one lock file, and die while they do. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';

const LOCK = new URL('../dist/certs/file-lock.js', import.meta.url).href;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thrum-lock-'));
  await writeFile(join(directory, 'count'), '00000000');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

interface Told {
  /** Values that it said it was about to write, and those that it said it had written. */
  readonly tried: number[];
  readonly did: number[];
}

/**
 * A process that adds 1 to the number in `count`, `turns` times, by reading it and writing it back a little later; three of its turns
 * are always under way. Killed once it has told of `killAfter` of them.
 */
async function counter(turns: number, killAfter = Infinity): Promise<Told> {
  const code = `
    import { openSync, readSync, writeSync } from 'node:fs';
    import { setImmediate as soon } from 'node:timers/promises';
    import { withFileLock } from ${JSON.stringify(LOCK)};
    const file = openSync(${JSON.stringify(join(directory, 'count'))}, 'r+');
    let left = ${turns};
    const turn = async () => {
      const text = Buffer.alloc(8);
      readSync(file, text, 0, 8, 0);
      const next = Number(text) + 1;
      writeSync(1, 'try ' + next + '\\n');
      await soon();
      writeSync(file, String(next).padStart(8, '0'), 0);
      writeSync(1, 'did ' + next + '\\n');
    };
    const loop = async () => { while (left-- > 0) await withFileLock(${JSON.stringify(join(directory, 'lock'))}, turn); };
    await Promise.all([loop(), loop(), loop()]);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told: Told = { tried: [], did: [] };
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, value] = line.split(' ') as [string, string];
    told[what === 'try' ? 'tried' : 'did'].push(Number(value));
    if (told.did.length >= killAfter) child.kill('SIGKILL');
  }
  const [exitCode, signal] = await ended;
  expect({ exitCode, signal }).toEqual(killAfter === Infinity ? { exitCode: 0, signal: null } : { exitCode: null, signal: 'SIGKILL' });
  return told;
}

/** No value was written by two, and none up to the last is missing; of one that was killed it is not known whether its last try was written. */
async function expectExact(all: readonly Told[]): Promise<number> {
  const total = Number(await readFile(join(directory, 'count'), 'utf8'));
  const did = all.flatMap((told) => told.did);
  expect(new Set(did).size).toBe(did.length);
  const known = new Set([...did, ...all.flatMap((told) => told.tried)]);
  expect(Array.from({ length: total }, (_, n) => n + 1).filter((value) => !known.has(value))).toEqual([]);
  expect(Math.max(...did)).toBeLessThanOrEqual(total);
  return total;
}

it('lets one in at a time: nothing that was counted is lost', { timeout: 60_000 }, async () => {
  const all = await Promise.all(Array.from({ length: 5 }, () => counter(400)));
  expect(await expectExact(all)).toBe(5 * 400);
  expect((await readdir(directory)).sort()).toEqual(['count']);
});

it('lets one in at a time while holders and waiters are killed, and nobody waits for the dead', { timeout: 120_000 }, async () => {
  const all: Told[] = [];
  const steady = [counter(600), counter(600)];
  const killed = async (from: number): Promise<void> => {
    for (let round = 0; round < 12; round++) all.push(await counter(1_000_000, 1 + ((round * 7 + from) % 25)));
  };
  await Promise.all([killed(0), killed(11), killed(17)]);
  all.push(...(await Promise.all(steady)));
  const total = await expectExact(all);
  const tries = all.reduce((sum, { tried }) => sum + tried.length, 0);
  expect(tries - total).toBeLessThanOrEqual(36); // one try of each that was killed
  expect(await counter(1)).toEqual({ tried: [total + 1], did: [total + 1] });
});
