/** Device identities: EUI-64, as written on a sensor or gateway. */

import { createHash } from 'node:crypto';

/** Devices of one kind in one fleet. */
export const MAX_DEVICES_OF_A_KIND = 1 << 24;

/**
 * EUI-64 of a simulated device, 16 lower-case hex digits. Five bytes come from the seed and the kind, like a maker's
 * block, marked as locally administered (IEEE 802, U/L bit); three are the index, so no two of a fleet are equal.
 */
export function eui64(seed: number, kind: 'sensor' | 'gateway', index: number): string {
  const block = createHash('sha256')
    .update(JSON.stringify([seed, 'eui64', kind]))
    .digest()
    .subarray(0, 5);
  block[0] = (block[0]! & 0xfc) | 0x02;
  return block.toString('hex') + index.toString(16).padStart(6, '0');
}
