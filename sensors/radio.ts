/** What a sensor knows of itself besides its samples: battery charge and signal strength. */

import { DAY_MS } from './machine.ts';
import type { RandomStream } from './random.ts';

/** Charge that goes without doing anything, percent a day: empty in twelve years. */
const IDLE_PERCENT_PER_DAY = 100 / (12 * 365);
/** Charge of one measurement with its features, and of sending one waveform, percent. */
const MEASUREMENT_PERCENT = 1 / 2_000;
const WAVEFORM_PERCENT = 1 / 250;

/** Standard deviation of the signal strength from one message to the next, dB. */
const FADING_DB = 2.5;

/**
 * Battery charge, whole percent, 0 to 100, of a sensor that was full at age 0: falls with age and with what it has
 * measured and sent. An empty simulated battery stays at 0 and keeps measuring.
 */
export function batteryPercent(ageMs: number, measurements: number, waveforms: number): number {
  const used =
    (IDLE_PERCENT_PER_DAY * ageMs) / DAY_MS + MEASUREMENT_PERCENT * measurements + WAVEFORM_PERCENT * waveforms;
  return Math.min(100, Math.max(0, 100 - Math.floor(used)));
}

/** Mean signal strength of a sensor by its place, -80 to -50 dBm. */
export function meanRssiDbm(random: RandomStream): number {
  return -50 - 30 * random.uniform();
}

/** Signal strength of one message, whole dBm, with fading. */
export function rssiDbm(meanDbm: number, random: RandomStream): number {
  return Math.max(-128, Math.min(127, Math.round(meanDbm + FADING_DB * random.gaussian())));
}
