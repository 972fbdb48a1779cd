/**
 * 12-bit unsigned minifloats: non-negative quantities over five decades in 12 bits, with a rounding error of at most
 * half a unit below 512 units and 1/512 of the value (0.2 %) above.
 *
 * A code is a 4-bit exponent e and an 8-bit mantissa m, code = e * 256 + m. It stands for m units when e = 0, else for
 * (256 + m) * 2^(e - 1) units. 0xFFF stands for "not available" (NaN); 0xFFE is the greatest value.
 *
 * A unit is 1 / perUnit: whole numbers of units are divided, not multiplied by an inexact decimal fraction, so that the
 * value is the double nearest to the decimal number meant. All arithmetic is IEEE 754 +, -, *, / and comparison.
 */

import { FrameError } from './errors.ts';

/** The code of "not available". */
export const MINIFLOAT_NAN = 0xfff;
/** The code of the greatest value, at which greater ones saturate. */
export const MINIFLOAT_MAX = 0xffe;
/** Units of MINIFLOAT_MAX: (256 + 254) * 2^14. */
const MAX_UNITS = 8_355_840;

/** Units per g: 10 µg each; greatest value 83.5584 g. */
export const ACCELERATION_UNITS_PER_G = 100_000;
/** Units per mm/s: 0.0005 mm/s each; greatest value 4177.92 mm/s. */
export const VELOCITY_UNITS_PER_MM_PER_S = 2_000;

/**
 * The code nearest to `value` (halves go up): NaN becomes MINIFLOAT_NAN; values beyond the greatest, and +Infinity,
 * become MINIFLOAT_MAX. `unitsPer` is one of the constants above; `name` is the field, for the message.
 * Throws FrameError FRAME_VALUE for a negative value (-0 is 0).
 */
export function toMinifloat(value: number, unitsPer: number, name: string): number {
  const units = value * unitsPer;
  if (units < 512) {
    if (value < 0) throw new FrameError('FRAME_VALUE', `${name} must not be negative, it is ${value}`);
    return roundHalfUp(units);
  }
  if (units >= MAX_UNITS) return MINIFLOAT_MAX;
  if (Number.isNaN(units)) return MINIFLOAT_NAN;
  const shift = 23 - Math.clz32(units);
  const mantissa = roundHalfUp(units / (1 << shift));
  // A mantissa that rounds up to 512 carries into the exponent, as it should.
  return shift * 256 + mantissa;
}

/** Exact for 0 <= x < 2^31, unlike floor(x + 0.5), whose sum may round. */
function roundHalfUp(x: number): number {
  const whole = Math.floor(x);
  return x - whole >= 0.5 ? whole + 1 : whole | 0;
}

/** The value of a code of 0 to 0xFFF; NaN for MINIFLOAT_NAN. */
export function fromMinifloat(code: number, unitsPer: number): number {
  if (code === MINIFLOAT_NAN) return NaN;
  if (code < 512) return code / unitsPer;
  return ((256 + (code & 0xff)) * (1 << ((code >>> 8) - 1))) / unitsPer;
}
