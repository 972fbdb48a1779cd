/**
 * How quantities are written in a scenario and its options: durations `90s`, rates `500/s`, sizes `4KiB`. Each has one
 * unit; a number alone is refused, for nobody would know of what.
 */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const UNIT_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };
const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, kB: 1_000, MB: 1_000_000, KiB: 1_024, MiB: 1_048_576 };

export const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
export const RATE = /^(\d+(?:\.\d+)?)\/(s|m|h)$/;
export const SIZE = /^(\d+(?:\.\d+)?)(B|kB|KiB|MB|MiB)$/;

export const DURATION_HINT = 'write a duration such as 500ms, 90s, 5m or 24h';
export const RATE_HINT = 'write a rate such as 500/s, 30/m or 0.2/s';
export const SIZE_HINT = 'write a size such as 256B, 4KiB or 1MiB';

/** `1.5h` → ms, whole, may be 0; undefined when it is no duration. */
export function durationMsOf(text: string): number | undefined {
  return quantity(DURATION.exec(text), (value, unit) => Math.round(value * UNIT_MS[unit]!));
}

/** `30/m` → 0.5 per second; undefined when it is no rate. */
export function ratePerSOf(text: string): number | undefined {
  return quantity(RATE.exec(text), (value, unit) => value / UNIT_S[unit]!);
}

/** `4KiB` → 4096; undefined when it is no size. */
export function bytesOf(text: string): number | undefined {
  return quantity(SIZE.exec(text), (value, unit) => Math.round(value * UNIT_BYTES[unit]!));
}

/** 5400000 → `90m`: in the largest unit that it is whole in. */
export function durationText(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find((name) => ms >= UNIT_MS[name]! && ms % UNIT_MS[name]! === 0) ?? 'ms';
  return `${ms / UNIT_MS[unit]!}${unit}`;
}

function quantity(match: RegExpExecArray | null, of: (value: number, unit: string) => number): number | undefined {
  if (!match) return undefined;
  const value = of(Number(match[1]), match[2]!);
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
