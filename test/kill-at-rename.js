/**
 * Loaded before a command (`node --import`): kills it, as `kill -9` does, right before the rename that THRUM_KILL_AT names, from 0.
 * A file of a home that is replaced as a whole is replaced by one.
 */
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';

const at = Number(process.env.THRUM_KILL_AT ?? Infinity);
let renames = 0;

for (const module of [fs, promises]) {
  const real = module.rename;
  module.rename = (...args) => {
    if (renames++ === at) process.kill(process.pid, 'SIGKILL');
    return real(...args);
  };
}
syncBuiltinESMExports();
