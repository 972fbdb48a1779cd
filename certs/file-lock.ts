/**
 * One holder at a time of a lock file, across processes. The file names its holder (process id and start time), so that
 * a lock left by a killed process is taken over, and one held by a living process never is.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { LockError } from './errors.ts';

const RETRY_MS = 20;
const GIVE_UP_AFTER_MS = 10_000;

/** Takes the lock for as long as the process lives or until the returned function is called. Refuses at once. */
export async function holdLock(path: string, what: string): Promise<() => Promise<void>> {
  if (await tryLock(path)) return () => rm(path, { force: true });
  const holder = (await readHolder(path))?.pid ?? 'unknown';
  throw new LockError(`${what} is in use by process ${holder}: stop it first, or use another --home`);
}

/** True while a living process holds the lock. */
export async function isLocked(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  return holder !== undefined && (await isAlive(holder));
}

/** Runs `work` while holding the lock, waiting up to 10 s for other holders. */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; !(await tryLock(path)); waitedMs += RETRY_MS) {
    if (waitedMs >= GIVE_UP_AFTER_MS) {
      throw new LockError(`${path} has been held by another process for ${GIVE_UP_AFTER_MS / 1000} s`);
    }
    await delay(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

async function tryLock(path: string): Promise<boolean> {
  const mine = `${path}.${process.pid}.${randomUUID()}`;
  const me: Holder = { pid: process.pid, startedAt: await startOf(process.pid) };
  try {
    await writeFile(mine, JSON.stringify(me), { flag: 'wx', mode: 0o600 });
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        await link(mine, path); // atomic: the lock never exists without its holder's name
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readHolder(path);
      if (holder && (await isAlive(holder))) return false;
      await removeStale(path, holder);
    }
    return false;
  } finally {
    await rm(mine, { force: true });
  }
}

/** Moves a dead holder's lock aside; if another process took the lock in between, gives it back. */
async function removeStale(path: string, dead: Holder | undefined): Promise<void> {
  const aside = `${path}.${process.pid}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const moved = await readHolder(aside);
    if (moved?.pid !== dead?.pid || moved?.startedAt !== dead?.startedAt) await link(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // a third process has it by now
  } finally {
    await rm(aside, { force: true });
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    const { pid, startedAt } = parsed as Partial<Holder>;
    return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : undefined;
  } catch {
    return undefined; // absent or damaged: either way nobody holds it
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return holder.startedAt === '' || (await startOf(holder.pid)) === holder.startedAt;
}

/** Start time of a process where the system tells it (Linux: field 22 of proc_pid_stat(5)), '' elsewhere. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
