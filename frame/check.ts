/** Range checks of the fields that callers hand to the encoder. */

import { FrameError } from './errors.ts';

export const MAX_U32 = 0xffff_ffff;
export const MAX_U48 = 0xffff_ffff_ffff;

/** Throws FrameError FRAME_VALUE unless `value` is an integer of `least` to `most`; `name` is the field, for the message. */
export function checkInteger(value: number, least: number, most: number, name: string): void {
  if (!(value >= least && value <= most && Number.isInteger(value))) {
    throw new FrameError('FRAME_VALUE', `${name} must be an integer from ${least} to ${most}, not ${value}`);
  }
}

/** Throws FrameError FRAME_VALUE unless `value` is an integer of 0 to 2^32 - 1. */
export function checkU32(value: number, name: string): void {
  if (value >>> 0 !== value) checkInteger(value, 0, MAX_U32, name);
}
