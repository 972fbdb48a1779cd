/** Zones of ISO 20816 in the words of the service modelled. */
import { ZONES, type Zone } from '../../../frame/mod.ts';
import type { Classification, IsoOutput } from './event.ts';

/** Velocity at which zones B, C and D begin, mm/s RMS; the sensors' own boundaries (docs/physics.md). */
export const ZONE_BOUNDARIES_MM_PER_S = [1.4, 2.8, 4.5] as const;

const CLASSIFICATIONS: Readonly<Record<Zone, Exclude<Classification, 'UNKNOWN'>>> = { A: 'HEALTHY', B: 'HEALTHY', C: 'WARNING', D: 'ALARM' };

export function classificationOf(zone: Zone): Exclude<Classification, 'UNKNOWN'> {
  return CLASSIFICATIONS[zone];
}

function zoneOf(velocityRmsMmPerS: number): Zone {
  return ZONES[ZONE_BOUNDARIES_MM_PER_S.filter((boundary) => velocityRmsMmPerS >= boundary).length]!;
}

export interface IsoState {
  /** The zone that the sensor reported: it stands until the next report. */
  report(to: Zone): void;
  /** What is said of a measurement. Before the first report the zone of the first value stands. */
  next(velocityRmsMmPerS: number): Omit<IsoOutput, 'isoClass'>;
}

export function isoState(): IsoState {
  let zone: Zone | undefined;
  let previous: Classification = 'UNKNOWN';
  return {
    report: (to) => {
      zone = to;
    },
    next: (velocityRmsMmPerS) => {
      const measured = Number.isNaN(velocityRmsMmPerS) ? undefined : zoneOf(velocityRmsMmPerS);
      zone ??= measured;
      const before = previous;
      previous = zone === undefined ? 'UNKNOWN' : CLASSIFICATIONS[zone];
      return {
        previousPersistentClassificationOutput: before,
        persistentClassificationOutput: previous,
        pointwiseClassificationOutput: measured === undefined ? 'UNKNOWN' : CLASSIFICATIONS[measured],
      };
    },
  };
}
