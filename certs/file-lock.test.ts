import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LockError } from './errors.ts';
import { holdLock, isLocked, withFileLock } from './file-lock.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'thrum-lock-'));
  path = join(directory, 'lock');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** What the lock of a process that was killed looks like. */
async function deadHolder(): Promise<string> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return JSON.stringify({ pid: child.pid, startedAt: '1' });
}

it('is held by one at a time, and free again when it is let go', async () => {
  const release = await holdLock(path, 'the store');
  expect(await isLocked(path)).toBe(true);
  await expect(holdLock(path, 'the store')).rejects.toMatchObject({ code: 'LOCK_HELD', message: expect.stringContaining(String(process.pid)) as string });
  await release();
  expect(await isLocked(path)).toBe(false);
  await (await holdLock(path, 'the store'))();
  expect(await readdir(directory)).toEqual([]);
});

it('is taken over from a process that is dead', async () => {
  await writeFile(path, await deadHolder());
  expect(await isLocked(path)).toBe(false);
  await holdLock(path, 'the store');
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(directory)).toEqual(['lock']);
});

it.skipIf(process.platform !== 'linux')('is taken over from a process whose number another one has now', async () => {
  await writeFile(path, JSON.stringify({ pid: process.pid, startedAt: '1' }));
  expect(await isLocked(path)).toBe(false);
  await holdLock(path, 'the store');
});

it('is never taken from a living process', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)']);
  await once(child, 'spawn');
  try {
    const fields = process.platform === 'linux' ? await readFile(`/proc/${child.pid}/stat`, 'utf8') : '';
    const startedAt = fields.slice(fields.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    await writeFile(path, JSON.stringify({ pid: child.pid, startedAt }));
    await expect(holdLock(path, 'the store')).rejects.toBeInstanceOf(LockError);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await holdLock(path, 'the store');
});

it.skipIf(process.platform !== 'linux')('is taken over from a process of an earlier boot, and from one that is over but not yet waited for', async () => {
  await holdLock(path, 'the store');
  const mine = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...mine, bootId: '00000000-0000-4000-8000-000000000000' }));
  expect(await isLocked(path)).toBe(false);
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 100'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line);
    const fields = async (): Promise<string[]> => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
    await vi.waitFor(async () => expect((await fields())[0]).toBe('Z'));
    await writeFile(path, JSON.stringify({ pid, startedAt: (await fields())[19] }));
    expect(await isLocked(path)).toBe(false);
  } finally {
    parent.kill('SIGKILL');
  }
});

it('is let go only by who has it', async () => {
  const release = await holdLock(path, 'the store');
  await rm(path); // by hand, which nobody should
  const others = await holdLock(path, 'the store');
  await release();
  expect(await isLocked(path)).toBe(true);
  await others();
  expect(await readdir(directory)).toEqual([]);
});

it('is taken over also where a process was killed in its takeover, and what killed processes left goes', async () => {
  const dead = await deadHolder();
  const { pid } = JSON.parse(dead) as { pid: number };
  const leftover = `lock.${pid}.00000000-0000-4000-8000-000000000000`;
  const used = `lock.${process.pid}.00000000-0000-4000-8000-000000000000`;
  for (const name of ['lock', 'lock.takeover', 'lock.takeover.takeover', leftover, used, 'lock.other']) await writeFile(join(directory, name), dead);
  await holdLock(path, 'the store');
  expect((await readdir(directory)).sort()).toEqual(['lock', 'lock.other', used].sort());
});

it('is not taken from the dead while another process takes it over', async () => {
  await writeFile(path, await deadHolder());
  const taking = await holdLock(`${path}.takeover`, 'the takeover');
  await expect(withFileLock(path, () => Promise.resolve('in'), 50)).rejects.toBeInstanceOf(LockError);
  await taking();
  expect(await withFileLock(path, () => Promise.resolve('in'), 50)).toBe('in');
});

it('is had by those of one process in the order of their calls, however long they wait for one another', async () => {
  const order: number[] = [];
  await Promise.all(Array.from({ length: 20 }, (_, n) => withFileLock(path, async () => {
    await readdir(directory);
    order.push(n);
  }, 0)));
  expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
});

it.each(['', '{', '{"pid":"x"}', 'null'])('is taken over when its file is damaged: %j', async (text) => {
  await writeFile(path, text);
  await holdLock(path, 'the store');
});

it('lets one of many that ask at once have it', async () => {
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => holdLock(path, 'the store')));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(LockError);
  expect(await readdir(directory)).toEqual(['lock']);
});

it('makes work wait for its turn, and is let go when the work fails', async () => {
  let inside = 0;
  let count = 0;
  await Promise.all(Array.from({ length: 8 }, () => withFileLock(path, async () => {
    expect(++inside).toBe(1);
    const before = count;
    await readdir(directory);
    count = before + 1;
    inside -= 1;
  })));
  expect(count).toBe(8);
  await expect(withFileLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await readdir(directory)).toEqual([]);
});
