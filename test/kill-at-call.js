/**
 * Loaded before a broker (`node --import`): kills it, as `kill -9` does, right before the call of the disk that
 * THRUM_KILL_AT names: `start:3` the fourth after the start that concerns the store, `seal:0` the first of a seal.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';

const [from, number] = (process.env.THRUM_KILL_AT ?? '').split(':');
/** Files of the store that are open, and how often their length was set: at the first record, and again at the seal. */
const lengthsSet = new Map();
let calls = from === 'start' ? 0 : -Infinity;

/** `then` hears of the call's first argument and of what came of it. */
function wrap(name, concerns, then) {
  const real = fs[name];
  fs[name] = (...args) => {
    if (!concerns(args[0])) return real(...args);
    if (name === 'ftruncate') {
      lengthsSet.set(args[0], lengthsSet.get(args[0]) + 1);
      if (from === 'seal' && lengthsSet.get(args[0]) === 2) calls = 0;
    }
    if (calls++ === Number(number)) process.kill(process.pid, 'SIGKILL');
    const done = args.pop();
    return real(...args, (error, result) => {
      if (!error) then?.(args[0], result);
      done(error, result);
    });
  };
}

if (from) {
  const isPath = (path) => String(path).includes('/store/p-');
  const isOpen = (handle) => lengthsSet.has(handle);
  wrap('open', isPath, (_path, handle) => lengthsSet.set(handle, 0));
  wrap('rename', isPath);
  wrap('rm', isPath);
  for (const name of ['writev', 'fdatasync', 'fsync', 'ftruncate']) wrap(name, isOpen);
  wrap('close', isOpen, (handle) => lengthsSet.delete(handle));
  syncBuiltinESMExports();
}
