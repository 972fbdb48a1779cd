/** The WebAssembly kernel: what frame/kernel/wasm.ts calls. */
export { autocorrelate, masks, survey } from './analyse';
export { crc32c } from './crc';
export { pack } from './pack';
export { differences, predict } from './predict';
export { restore } from './restore';
export { unpack } from './unpack';
