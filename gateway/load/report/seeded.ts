/** Numbers that look random and are the same for the same seed: for resampling, whose outcome must not change when asked again. */

/** Evenly from 0 up to and without 1. */
export type Uniform = () => number;

/** Mulberry32: 32 bits of state, good enough for choosing blocks. */
export function uniform(seed: number): Uniform {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
