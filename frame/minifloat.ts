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

/** Which word of a double is the high one: sign, 11 bits of exponent, the 20 highest of the mantissa. */
const HIGH = new Uint32Array(Float64Array.of(1).buffer)[1] === 0 ? 0 : 1;
/** The high word's exponent and eight mantissa bits, less this, are the code: 2^7 units have the exponent 0 of codes. */
const CODE_BIAS = (1023 + 7) * 256;

/** Room for numbers in units that are to become codes, and the words of their memory. Calls with doubles would box them. */
export interface UnitNumbers {
  readonly units: Float64Array;
  readonly words: Uint32Array;
}

export function unitNumbers(count: number): UnitNumbers {
  const units = new Float64Array(count);
  return { units, words: new Uint32Array(units.buffer) };
}

/**
 * The codes nearest to so many `units` (halves go up), to `codes`: NaN becomes MINIFLOAT_NAN; numbers beyond the greatest,
 * and +Infinity, become MINIFLOAT_MAX. Returns the index of a negative number (-0 is none), -1 if there is none.
 */
export function toMinifloats({ units, words }: UnitNumbers, codes: Uint16Array): number {
  let negative = -1;
  for (let index = 0; index < units.length; index++) {
    const value = units[index]!;
    if (value < 512) {
      if (value < 0) negative = index;
      const whole = value | 0;
      codes[index] = value - whole >= 0.5 ? whole + 1 : whole;
    } else if (value >= MAX_UNITS) codes[index] = MINIFLOAT_MAX;
    // A mantissa that rounds up to 512 carries into the exponent, as it should. NaN is below and above nothing.
    else codes[index] = value === value ? ((words[2 * index + HIGH]! + 0x800) >>> 12) - CODE_BIAS : MINIFLOAT_NAN;
  }
  return negative;
}

const one = unitNumbers(1);
const itsCode = new Uint16Array(1);

/** The code nearest to one `value`, in units of `1 / unitsPer`. Throws FrameError FRAME_VALUE for a negative value. */
export function toMinifloat(value: number, unitsPer: number, name: string): number {
  one.units[0] = value * unitsPer;
  if (toMinifloats(one, itsCode) >= 0) throw new FrameError('FRAME_VALUE', `${name} must not be negative, it is ${value}`);
  return itsCode[0]!;
}

/** The value of a code of 0 to 0xFFF; NaN for MINIFLOAT_NAN. */
export function fromMinifloat(code: number, unitsPer: number): number {
  if (code === MINIFLOAT_NAN) return NaN;
  if (code < 512) return code / unitsPer;
  return ((256 + (code & 0xff)) * (1 << ((code >>> 8) - 1))) / unitsPer;
}

/** The values of all codes in one unit: 13 look-ups cost a third of 13 divisions. */
function valuesIn(unitsPer: number): Float64Array {
  return Float64Array.from({ length: MINIFLOAT_NAN + 1 }, (_, code) => fromMinifloat(code, unitsPer));
}

/** In g, and in mm/s, by code. */
export const ACCELERATIONS_G = valuesIn(ACCELERATION_UNITS_PER_G);
export const VELOCITIES_MM_PER_S = valuesIn(VELOCITY_UNITS_PER_MM_PER_S);
