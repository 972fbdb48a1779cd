/** The checksum of a frame: CRC-32C, by the kernel where that is worth a copy. */

import { signedCrc32c } from './crc32c.ts';
import { kernel } from './kernel/choose.ts';
import { MAX_FRAME_BYTES } from './messages.ts';

/** From here on the WebAssembly kernel is faster, copy included (npm run bench:frame). */
const KERNEL_BYTES = 4096;

/** CRC-32C of `bytes[start..end)`, as a signed number. */
export function checksum(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < KERNEL_BYTES) return signedCrc32c(bytes, start, end);
  const used = kernel();
  if (used.name === 'typescript' || length > MAX_FRAME_BYTES) return signedCrc32c(bytes, start, end);
  used.workspace.bytes.set(bytes.subarray(start, end));
  return used.crc32c(length) | 0;
}
