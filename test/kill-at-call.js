/**
 * Loaded before a broker (`node --import`): kills it, as `kill -9` does, right before the call of the disk that
 * THRUM_KILL_AT names: `start:3` the fourth after the start that concerns the store, `seal:0` the first of a seal.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';

const [from, number] = (process.env.THRUM_KILL_AT ?? '').split(':');
/** Files of the store that are open, and how often their length was set: at the first record, and again at the seal. */
const lengthsSet = new Map();
let calls = from === 'start' ? 0 : -Infinity;

function wrap(name, concerns, then) {
  const real = fs[name];
  fs[name] = (...args) => {
    if (!concerns(args[0])) return real(...args);
    if (name === 'ftruncateSync') {
      lengthsSet.set(args[0], lengthsSet.get(args[0]) + 1);
      if (from === 'seal' && lengthsSet.get(args[0]) === 2) calls = 0;
    }
    if (calls++ === Number(number)) process.kill(process.pid, 'SIGKILL');
    const result = real(...args);
    then?.(args[0], result);
    return result;
  };
}

if (!isMainThread && from) {
  const isPath = (path) => String(path).includes('/store/p-');
  const isOpen = (handle) => lengthsSet.has(handle);
  wrap('openSync', isPath, (_path, handle) => lengthsSet.set(handle, 0));
  wrap('renameSync', isPath);
  wrap('rmSync', isPath);
  for (const name of ['writevSync', 'fdatasyncSync', 'fsyncSync', 'ftruncateSync']) wrap(name, isOpen);
  wrap('closeSync', isOpen, (handle) => lengthsSet.delete(handle));
  syncBuiltinESMExports();
}
