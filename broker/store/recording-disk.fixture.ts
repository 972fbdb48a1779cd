/**
 * A disk for tests that does what it is asked on real files, writes down each step, and fails where it is told to. What
 * of the steps a power cut leaves is the simulated disk's business.
 */
import { systemDisk, type Disk } from './disk.ts';

/** One call and what it did. `lost`: the sync failed, and what was to be synced is clean as far as the system knows. */
export type Step =
  | { readonly call: 'create' | 'open' | 'close' | 'remove' | 'syncDirectory'; readonly path: string }
  | { readonly call: 'datasync'; readonly path: string; readonly lost: boolean }
  | { readonly call: 'write'; readonly path: string; readonly bytes: Buffer; readonly position: number }
  | { readonly call: 'truncate'; readonly path: string; readonly length: number }
  | { readonly call: 'rename'; readonly path: string; readonly to: string };

/**
 * What goes wrong at a call: it does nothing and fails; a write does half of its work and finds the disk full; a sync fails
 * and its pages are lost; the process dies before it.
 */
export type Fault = 'EIO' | 'ENOSPC' | 'lost' | 'killed';

interface RecordingDisk {
  readonly disk: Disk;
  readonly steps: readonly Step[];
  /** Calls so far, those that failed included. */
  readonly calls: number;
  /** Closes what a process that is over had open; whatever still calls is refused. */
  end(): Promise<void>;
}

/** `faults`: by the number of the call, from 0. */
export function recordingDisk(faults: ReadonlyMap<number, Fault> = new Map()): RecordingDisk {
  const steps: Step[] = [];
  const open = new Map<number, string>();
  let calls = 0;
  let dead = false;

  /** Does a call and notes it, unless it is one that fails. */
  async function call<T>(step: Step, work: () => Promise<T>): Promise<T> {
    const fault = dead ? undefined : faults.get(calls);
    calls += 1;
    if (fault === 'killed') dead = true;
    if (dead) throw new Error('the process is dead');
    if (fault === undefined) {
      const result = await work();
      steps.push(step);
      return result;
    }
    if (fault === 'ENOSPC' && step.call === 'write') await halve(step);
    if (fault === 'lost' && step.call === 'datasync') steps.push({ ...step, lost: true });
    throw Object.assign(new Error(`simulated: ${fault}`), { code: fault === 'ENOSPC' ? 'ENOSPC' : 'EIO' });
  }

  async function halve(step: Step & { readonly call: 'write' }): Promise<void> {
    const bytes = step.bytes.subarray(0, step.bytes.length >> 1);
    await systemDisk.write([...open].find(([, path]) => path === step.path)![0], [bytes], step.position);
    steps.push({ ...step, bytes });
  }

  async function opened(path: string, opening: Promise<number>): Promise<number> {
    const handle = await opening;
    open.set(handle, path);
    return handle;
  }

  const disk: Disk = {
    create: (path) => call({ call: 'create', path }, () => opened(path, systemDisk.create(path))),
    open: (path) => call({ call: 'open', path }, () => opened(path, systemDisk.open(path))),
    write: (handle, parts, position) =>
      call({ call: 'write', path: open.get(handle)!, bytes: Buffer.concat(parts), position }, () => systemDisk.write(handle, parts, position)),
    datasync: (handle) => call({ call: 'datasync', path: open.get(handle)!, lost: false }, nothing),
    truncate: (handle, length) => call({ call: 'truncate', path: open.get(handle)!, length }, () => systemDisk.truncate(handle, length)),
    close: (handle) =>
      call({ call: 'close', path: open.get(handle)! }, () => {
        open.delete(handle);
        return systemDisk.close(handle);
      }),
    rename: (path, to) => call({ call: 'rename', path, to }, () => systemDisk.rename(path, to)),
    remove: (path) => call({ call: 'remove', path }, () => systemDisk.remove(path)),
    syncDirectory: (path) => call({ call: 'syncDirectory', path }, nothing),
  };
  return {
    disk,
    steps,
    get calls() { return calls; },
    end: async () => {
      dead = true;
      await Promise.all([...open.keys()].map((handle) => systemDisk.close(handle)));
      open.clear();
    },
  };
}

const nothing = (): Promise<void> => Promise.resolve();
