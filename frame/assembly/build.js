/**
 * Compiles the WebAssembly kernel, when its source is newer than what it was compiled to, to the two places where it is
 * looked for: beside the TypeScript that tests import, and beside the JavaScript that users run.
 */

import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const compiled = `${root}frame/kernel/kernel.wasm`;
const shipped = `${root}dist/frame/kernel/kernel.wasm`;

const newest = Math.max(...readdirSync(source).map((name) => statSync(source + name).mtimeMs));
if (!existsSync(compiled) || statSync(compiled).mtimeMs < newest) {
  const { main } = await import('assemblyscript/asc');
  const pages = '39'; // WORKSPACE_PAGES in frame/kernel/workspace.ts
  const options = ['-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert', '--initialMemory', pages, '--maximumMemory', pages];
  const { error, stderr } = await main(['frame/assembly/index.ts', '-o', 'frame/kernel/kernel.wasm', '--baseDir', root, ...options]);
  if (error !== null) {
    process.stderr.write(`${stderr.toString()}\n${error.message}\n`);
    process.exit(1);
  }
}
mkdirSync(`${root}dist/frame/kernel`, { recursive: true });
copyFileSync(compiled, shipped);
