/**
 * Evaluation zones of vibration velocity. Boundaries: ISO 20816-3:2022 (as ISO 10816-3:2009, table A.2), machines of
 * medium size (15–300 kW, group 2) on rigid foundations, RMS velocity 10–1000 Hz.
 */

import { ZONES, type Zone } from '../frame/messages.ts';

/** Velocity at which zone B, C and D begin, mm/s RMS. */
export const ZONE_BOUNDARIES_MM_PER_S = [1.4, 2.8, 4.5] as const;

/** A zone is left downwards only below this part of its boundary, so that noise at a boundary raises no events. */
export const ZONE_HYSTERESIS = 0.9;

/** Zone of a velocity in mm/s RMS; a boundary belongs to the zone above it. */
export function zoneOf(velocityRmsMmPerS: number): Zone {
  let rank = 0;
  for (const boundary of ZONE_BOUNDARIES_MM_PER_S) if (velocityRmsMmPerS >= boundary) rank++;
  return ZONES[rank]!;
}

/** Zone after a measurement: upwards at once, downwards only past the hysteresis. */
export function nextZone(current: Zone, velocityRmsMmPerS: number): Zone {
  const measured = ZONES.indexOf(zoneOf(velocityRmsMmPerS));
  let rank = ZONES.indexOf(current);
  if (measured >= rank) return ZONES[measured]!;
  while (rank > measured && velocityRmsMmPerS < ZONE_HYSTERESIS * ZONE_BOUNDARIES_MM_PER_S[rank - 1]!) rank--;
  return ZONES[rank]!;
}
