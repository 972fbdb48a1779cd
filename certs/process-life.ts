/**
 * Names a process so that it is not taken for a later one with the same id, and tells whether it lives. Where in doubt it does:
 * on a system that does not tell start times, a later process with its id is taken for it.
 */
import { readFile } from 'node:fs/promises';
import { systemCode } from './errors.ts';

export interface ProcessName {
  readonly pid: number;
  /** Start time as the system tells it (Linux: clock ticks since the boot, proc_pid_stat(5) field 22), '' elsewhere. */
  readonly startedAt: string;
  /** Which boot of the machine it runs in; absent where the system does not tell. */
  readonly bootId?: string;
}

let own: Promise<ProcessName> | undefined;

export function thisProcess(): Promise<ProcessName> {
  return (own ??= nameOwn());
}

async function nameOwn(): Promise<ProcessName> {
  const bootId = (await readProc('/proc/sys/kernel/random/boot_id'))?.trim();
  return { pid: process.pid, startedAt: (await statOf(process.pid))?.startedAt ?? '', ...(bootId === undefined ? {} : { bootId }) };
}

export async function isProcessAlive({ pid, startedAt, bootId }: ProcessName): Promise<boolean> {
  const here = (await thisProcess()).bootId;
  if (bootId !== undefined && here !== undefined && bootId !== here) return false;
  const now = await statOf(pid);
  if (now) return !now.isOver && (startedAt === '' || startedAt === now.startedAt);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Linux: undefined where there is no such process, or it is not to be seen. */
async function statOf(pid: number): Promise<{ readonly startedAt: string; readonly isOver: boolean } | undefined> {
  const stat = await readProc(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3 on: the name in brackets may hold anything
  const [state, threads, startedAt] = [fields?.[0], fields?.[17], fields?.[19]];
  if (state === undefined || startedAt === undefined) return undefined;
  // A zombie's other threads may still be in a system call when its first one is over.
  return { startedAt, isOver: state === 'X' || (state === 'Z' && Number(threads) <= 1) };
}

async function readProc(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined); // not Linux, no such process, or not for us to see
}
