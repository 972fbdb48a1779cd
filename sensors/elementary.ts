/**
 * Sine, cosine, exponential and logarithm from +, -, *, / alone, which IEEE 754 fixes to the last bit. The engine's own
 * (Math.sin …) differ in the last bit from one V8 to the next, and one bit is enough to break "same seed, same bytes".
 * Errors stay below 1e-14 (relative for exp and log, absolute for sine and cosine) against the true value.
 */

export const TWO_PI = 6.283185307179586;
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const SQRT_HALF = 0.7071067811865476;

/** Taylor series of sine, |x| <= pi/4; the first term left out is below 2e-18. */
function sineNearZero(x: number): number {
  const s = x * x;
  let sum = 1 - s / 272;
  for (const divisor of [210, 156, 110, 72, 42, 20, 6]) sum = 1 - (s / divisor) * sum;
  return x * sum;
}

/** Taylor series of cosine, |x| <= pi/4. */
function cosineNearZero(x: number): number {
  const s = x * x;
  let sum = 1 - s / 306;
  for (const divisor of [240, 182, 132, 90, 56, 30, 12, 2]) sum = 1 - (s / divisor) * sum;
  return sum;
}

/** sin(2π·turns) for any finite number of turns: whole turns fall away before anything is rounded. */
export function sineOfTurns(turns: number): number {
  const rest = turns - Math.round(turns);
  const quarter = Math.round(rest * 4);
  const angle = (rest - quarter / 4) * TWO_PI;
  if (quarter === 0) return sineNearZero(angle);
  if (quarter === 1) return cosineNearZero(angle);
  if (quarter === -1) return -cosineNearZero(angle);
  return -sineNearZero(angle);
}

/** cos(2π·turns) for any finite number of turns. */
export function cosineOfTurns(turns: number): number {
  const rest = turns - Math.round(turns);
  const quarter = Math.round(rest * 4);
  const angle = (rest - quarter / 4) * TWO_PI;
  if (quarter === 0) return cosineNearZero(angle);
  if (quarter === 1) return -sineNearZero(angle);
  if (quarter === -1) return sineNearZero(angle);
  return -cosineNearZero(angle);
}

/** e^x for -700 <= x <= 700; below that 0, above it Infinity. */
export function exponential(x: number): number {
  if (x < -700) return 0;
  if (x > 700) return Infinity;
  const doublings = Math.round(x / 0.6931471805599453);
  const rest = x - doublings * LN2_HIGH - doublings * LN2_LOW;
  let sum = 1;
  for (let k = 15; k >= 1; k--) sum = 1 + (rest / k) * sum;
  let factor = doublings < 0 ? 0.5 : 2;
  for (let left = Math.abs(doublings); left > 0; left = (left - (left % 2)) / 2) {
    if (left % 2 === 1) sum *= factor;
    factor *= factor;
  }
  return sum;
}

/** Natural logarithm of a positive, finite, normal number. */
export function naturalLog(x: number): number {
  let mantissa = x;
  let doublings = 0;
  while (mantissa >= 2 * SQRT_HALF) {
    mantissa /= 2;
    doublings++;
  }
  while (mantissa < SQRT_HALF) {
    mantissa *= 2;
    doublings--;
  }
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * ratio * sum + doublings * LN2_LOW + doublings * LN2_HIGH;
}
