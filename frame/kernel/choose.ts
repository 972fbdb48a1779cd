/** Which kernel runs: the WebAssembly one where the engine has it, chosen at the first use. */

import type { Kernel } from './kernel.ts';
import { typescriptKernel } from './typescript.ts';
import { wasmKernel } from './wasm.ts';

let chosen: Kernel | undefined;

/** The kernel in use. */
export function kernel(): Kernel {
  return (chosen ??= wasmKernel() ?? typescriptKernel());
}

/** Every kernel that this engine has, the TypeScript one first: for tests and benchmarks. */
export function allKernels(): Kernel[] {
  const wasm = wasmKernel();
  return wasm === undefined ? [typescriptKernel()] : [typescriptKernel(), wasm];
}

/** Makes `next` the kernel in use. */
export function useKernel(next: Kernel): void {
  chosen = next;
}
