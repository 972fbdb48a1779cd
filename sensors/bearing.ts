/**
 * Rolling bearings: geometry, and the rates at which a defect on each part is struck, as multiples of shaft speed.
 */

import { cosineOfTurns } from './elementary.ts';

/** What the kinematics need to know of a bearing. */
export interface BearingGeometry {
  /** Number of rolling elements in a row. */
  readonly balls: number;
  readonly ballDiameterMm: number;
  readonly pitchDiameterMm: number;
  /** Degrees between the line of contact and the radial plane. */
  readonly contactAngleDeg: number;
}

/** Defect frequencies divided by the shaft's. The inner ring turns, the outer stands. */
export interface BearingFrequencies {
  /** Ball pass frequency, outer race. */
  readonly bpfo: number;
  /** Ball pass frequency, inner race. */
  readonly bpfi: number;
  /** Ball spin frequency. A ball defect strikes both races: it is heard at twice this. */
  readonly bsf: number;
  /** Fundamental train (cage) frequency. */
  readonly ftf: number;
}

/**
 * Bearings whose geometry is published with open run-to-failure or seeded-fault data: 6205 and 6203, Case Western
 * Reserve University Bearing Data Center; UER204, XJTU-SY data set; ZA-2115, IMS (University of Cincinnati).
 */
export const BEARINGS = {
  '6205': { balls: 9, ballDiameterMm: 7.94, pitchDiameterMm: 39.04, contactAngleDeg: 0 },
  '6203': { balls: 8, ballDiameterMm: 6.746, pitchDiameterMm: 28.5, contactAngleDeg: 0 },
  UER204: { balls: 8, ballDiameterMm: 7.92, pitchDiameterMm: 34.55, contactAngleDeg: 0 },
  'ZA-2115': { balls: 16, ballDiameterMm: 8.407, pitchDiameterMm: 71.5, contactAngleDeg: 15.17 },
} as const satisfies Readonly<Record<string, BearingGeometry>>;

export type BearingName = keyof typeof BEARINGS;

/** The part of the bearing that is damaged. */
export const FAULT_KINDS = ['none', 'outer', 'inner', 'ball', 'cage'] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/**
 * Defect frequencies of a bearing as multiples of shaft speed, from rolling without slip (Randall & Antoni, Mech. Syst.
 * Signal Process. 25, 2011, eq. 1–4).
 */
export function bearingFrequencies(geometry: BearingGeometry): BearingFrequencies {
  const cosine = cosineOfTurns(geometry.contactAngleDeg / 360);
  const ratio = (geometry.ballDiameterMm / geometry.pitchDiameterMm) * cosine;
  return {
    bpfo: (geometry.balls / 2) * (1 - ratio),
    bpfi: (geometry.balls / 2) * (1 + ratio),
    bsf: (geometry.pitchDiameterMm / (2 * geometry.ballDiameterMm)) * (1 - ratio * ratio),
    ftf: (1 - ratio) / 2,
  };
}

/** How often a defect of this kind is struck per turn of the shaft; 0 for 'none'. */
export function strikesPerTurn(bearing: BearingName, kind: FaultKind): number {
  const { bpfo, bpfi, bsf, ftf } = bearingFrequencies(BEARINGS[bearing]);
  return { none: 0, outer: bpfo, inner: bpfi, ball: 2 * bsf, cage: ftf }[kind];
}
