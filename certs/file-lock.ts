/**
 * One holder at a time of a lock file, across the processes of one machine. The file names its holder: process id, start time,
 * boot, and a token of this one taking. A lock left by a killed process is taken over, one held by a living process never is.
 *
 * Why that is right. A lock appears by link(2) of a finished file, which fails where one is: so it is taken only when free, and what
 * is read there is whole. It goes in two ways. Its holder removes it, while it still has the holder's token. Or it is replaced by
 * rename(2) by whoever holds the lock `<path>.takeover` and has seen, since then, that the file still is the one whose holder
 * was found dead: nobody else may replace it meanwhile, and the dead do not remove it. `<path>.takeover` is a lock like any other;
 * left by a process killed during its takeover, it is taken over under `<path>.takeover.takeover`, so no killed process blocks
 * the rest. What is not there is never moved, only linked. A process counts as dead when no process has its id, when another
 * one has (a later start, another boot), or when it is a zombie without a thread left. Where the system does not tell starts (not
 * Linux) a process that has a dead holder's id by chance makes the lock look held, never free. Only a file that a power cut left
 * without its content is no holder's. Processes that do not see each other (other machines, containers with
 * process ids of their own) must not share a lock.
 */
import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LockError, systemCode } from './errors.ts';
import { isProcessAlive, thisProcess, type ProcessName } from './process-life.ts';

const RETRY_MS = 20;
const GIVE_UP_AFTER_MS = 10_000;
/** A process whose own queue never empties lets others in this often, for long enough that whoever polls finds the lock free. */
const LET_IN_EVERY_MS = 200;
const LET_IN_FOR_MS = 2 * RETRY_MS;
/** What changes hands this often while it is looked at is held by somebody. */
const LOOKS_MAX = 4;
/** How often `holdLock` comes again where nobody holds the lock but somebody is about to. */
const TAKEOVER_TRIES_MAX = 10;
/** What is seen of a lock that another user's process holds. */
const HIDDEN = '(unreadable)';

/** Takes the lock for as long as the process lives or until the returned function is called. Refuses at once. */
export async function holdLock(path: string, what: string): Promise<() => Promise<void>> {
  for (let tries = 0; tries < TAKEOVER_TRIES_MAX; tries++) {
    const held = await tryLock(path);
    if (held !== undefined) return () => release(path, held);
    if (await isLocked(path)) break;
    await delay(RETRY_MS);
  }
  const holder = holderIn((await look(path)) ?? '')?.pid ?? 'unknown';
  throw new LockError(`${what} is in use by process ${holder}: stop it first, or use another --home`);
}

/** True while a living process holds the lock. */
export async function isLocked(path: string): Promise<boolean> {
  const seen = await look(path);
  return seen !== undefined && (await isHeld(seen));
}

/**
 * Runs `work` while holding the lock. Those of one process wait in a queue, as long as each before them takes; for other processes
 * one waits until `patienceMs` after the call. LOCK_HELD.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, patienceMs = GIVE_UP_AFTER_MS): Promise<T> {
  const calledMs = performance.now();
  return inTurn(resolve(path), async () => {
    let held: string | undefined;
    while ((held = await tryLock(path)) === undefined) {
      if (performance.now() - calledMs >= patienceMs) {
        throw new LockError(`${path} has been held by another process for ${patienceMs / 1000} s`);
      }
      await delay(RETRY_MS);
    }
    try {
      return await work();
    } finally {
      await release(path, held);
    }
  });
}

/** Those of this process who wait for one lock, or have it. */
interface Queue {
  last: Promise<unknown>;
  length: number;
  /** When the others were let in last. */
  letInMs: number;
}

const queues = new Map<string, Queue>();

/** One at a time, in the order of the calls. */
async function inTurn<T>(path: string, turn: () => Promise<T>): Promise<T> {
  const queue = queues.get(path) ?? { last: Promise.resolve(), length: 0, letInMs: performance.now() };
  queues.set(path, queue);
  queue.length += 1;
  const mine = queue.last.then(async () => {
    if (performance.now() - queue.letInMs >= LET_IN_EVERY_MS) {
      await delay(LET_IN_FOR_MS);
      queue.letInMs = performance.now();
    }
    return turn();
  });
  queue.last = mine.catch(() => undefined); // told to whoever called
  try {
    return await mine;
  } finally {
    queue.length -= 1;
    if (queue.length === 0) queues.delete(path);
  }
}

interface Holder extends ProcessName {
  /** Of this taking; locks of earlier versions have none. */
  readonly token?: string;
}

/** One attempt. Gives what the lock file says now; undefined while somebody else has the lock. */
async function tryLock(path: string): Promise<string | undefined> {
  const token = randomUUID();
  const text = JSON.stringify({ ...(await thisProcess()), token } satisfies Holder);
  const mine = `${path}.${process.pid}.${token}`;
  let made = false;
  try {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const seen = await look(path);
      if (seen !== undefined && (await isHeld(seen))) return undefined;
      if (!made) {
        made = true;
        await writeFile(mine, text, { flag: 'wx', mode: 0o600 });
      }
      if (seen === undefined ? await isLinked(mine, path) : await isTakenOver(mine, path, seen)) return text;
    }
    return undefined;
  } catch (error) {
    await release(path, text).catch(() => undefined); // what went wrong first is what has to be told
    throw error;
  } finally {
    if (made) await rm(mine, { force: true });
  }
}

async function isLinked(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path); // atomic: the lock never exists without its holder's name
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Puts `mine` in the place of a dead holder's lock, unless somebody else did. */
async function isTakenOver(mine: string, path: string, dead: string): Promise<boolean> {
  const guard = `${path}.takeover`;
  const held = await tryLock(guard);
  if (held === undefined) return false;
  try {
    if ((await look(path)) !== dead) return false;
    await removeLeftovers(path);
    await rename(mine, path);
    return true;
  } finally {
    await release(guard, held);
  }
}

/** What killed processes were about to link. */
async function removeLeftovers(path: string): Promise<void> {
  const start = `${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    const pid = name.startsWith(start) ? /^(?:takeover\.)*(\d+)\.[0-9a-f-]{36}$/.exec(name.slice(start.length))?.[1] : undefined;
    if (pid !== undefined && !(await isProcessAlive({ pid: Number(pid), startedAt: '' }))) await rm(join(dirname(path), name), { force: true });
  }
}

/** Removes the lock if it still is the one that was taken. */
async function release(path: string, held: string): Promise<void> {
  if ((await look(path)) === held) await rm(path, { force: true });
}

/** What the lock file says; undefined where there is none. */
async function look(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES' || code === 'EPERM') return HIDDEN;
    throw error;
  }
}

async function isHeld(seen: string): Promise<boolean> {
  if (seen === HIDDEN) return true;
  const holder = holderIn(seen);
  return holder !== undefined && (await isProcessAlive(holder));
}

function holderIn(text: string): Holder | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const { pid, startedAt, bootId } = parsed as Partial<Holder>;
    if (!Number.isSafeInteger(pid) || pid! <= 0 || typeof startedAt !== 'string') return undefined;
    return { pid: pid!, startedAt, ...(typeof bootId === 'string' ? { bootId } : {}) };
  } catch {
    return undefined; // not a whole lock file
  }
}
