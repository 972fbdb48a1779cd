/** How values are written on the command line and in a fleet file: durations, speeds, counts. */
import { InvalidArgumentError } from 'commander';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `1.5h`, `365d` → ms; undefined when it is not a duration above zero. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (!match) return undefined;
  const ms = Math.round(Number(match[1]) * UNIT_MS[match[2]!]!);
  return ms > 0 && Number.isSafeInteger(ms) ? ms : undefined;
}

/** Simulated seconds per real second: 31 years. Past it a clock of whole milliseconds says little; `max` has no clock. */
const MAX_SPEED = 1_000_000_000;
export const SPEED_HINT = `write a factor such as 60, at most ${MAX_SPEED}, or 'max'`;

/** `7200` or `max` → factor of simulated to real time; undefined when it is neither. */
export function parseSpeed(text: string): number | undefined {
  if (text === 'max') return Infinity;
  const factor = Number(text);
  return /^\d+(\.\d+)?$/.test(text) && factor > 0 && factor <= MAX_SPEED ? factor : undefined;
}

/** For commander: a whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** For commander: an EUI-64 in hexadecimal digits, in either case. */
export function sensorId(text: string): string {
  if (!/^[0-9a-fA-F]{16}$/.test(text)) throw new InvalidArgumentError('Write the 16 hexadecimal digits of its EUI-64.');
  return text.toLowerCase();
}

/** For commander: a number above zero. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value < Infinity)) throw new InvalidArgumentError('Write a number above 0.');
  return value;
}

const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** For commander: a size such as 500MiB or 10GiB → bytes. */
export function byteCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(B|[KMGT]iB)$/.exec(text);
  const size = match ? Math.round(Number(match[1]) * UNIT_BYTES[match[2]!]!) : 0;
  if (size <= 0 || !Number.isSafeInteger(size)) throw new InvalidArgumentError('Write a size such as 500MiB or 10GiB.');
  return size;
}

/** For commander: checks a duration and keeps it as written. */
export function duration(text: string): string {
  if (parseDurationMs(text) === undefined) throw new InvalidArgumentError('Write a duration such as 90s, 24h or 365d.');
  return text;
}

/** For commander: checks a speed and keeps it as written. */
export function speed(text: string): string {
  if (parseSpeed(text) === undefined) throw new InvalidArgumentError(`${SPEED_HINT.replace('w', 'W')}.`);
  return text;
}
