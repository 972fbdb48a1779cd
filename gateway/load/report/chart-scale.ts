/** From values to places on an axis, and the ticks to write there. Places are from 0 (low end) to 1 (high end). */

export interface Scale {
  readonly ticks: readonly number[];
  readonly place: (value: number) => number;
}

/** From 0 to a round number above the highest value; about four steps of 1, 2 or 5 times a power of ten. */
export function linearScale(highest: number): Scale {
  const top = highest > 0 && Number.isFinite(highest) ? highest : 1;
  const step = roundStep(top / 4);
  // A line along the very edge could not be told from it.
  const steps = Math.ceil(top / step + 0.02);
  return { ticks: Array.from({ length: steps + 1 }, (_, at) => at * step), place: (value) => clamp(value / (step * steps)) };
}

/** From the power of ten below the lowest to that above the highest; values of 0 and below stand at the low end. */
export function logScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(lowest(positive)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(highest(positive)) - 1e-9));
  const every = Math.ceil((high - low) / 6);
  const ticks = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at)).filter((_, at) => at % every === 0);
  return { ticks, place: (value) => (value > 0 ? clamp((Math.log10(value) - low) / (high - low)) : 0) };
}

/** Time in s, up to `end` itself: its ticks are of a kind that clocks have. */
export function timeScale(end: number): Scale {
  const top = end > 0 ? end : 1;
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400].find((one) => top / one <= 6) ?? roundStep(top / 5);
  return { ticks: Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, at) => at * step), place: (value) => clamp(value / top) };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
}

function lowest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), values[0] ?? 1);
}

function highest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), values[0] ?? 1);
}

function clamp(place: number): number {
  return Math.min(1, Math.max(0, place));
}
