/** The WebAssembly kernel: frame/assembly compiled, on a memory of its own. */

import { readFileSync } from 'node:fs';
import type { Kernel } from './kernel.ts';
import { workspaceOn } from './workspace.ts';

type Exports = Omit<Kernel, 'name' | 'workspace'> & { readonly memory: WebAssembly.Memory };

/** The kernel, or undefined where the engine has no WebAssembly with 128-bit vectors. Throws when the module is missing. */
export function wasmKernel(): Kernel | undefined {
  const code = readFileSync(new URL('./kernel.wasm', import.meta.url));
  if (typeof WebAssembly !== 'object' || !WebAssembly.validate(code)) return undefined;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
  const { memory, crc32c, ...calls } = exports as unknown as Exports;
  return { name: 'wasm', workspace: workspaceOn(memory.buffer), ...calls, crc32c: (length) => crc32c(length) >>> 0 };
}
