/**
 * Where on a machine a sensor sits, and how much of each source of vibration reaches it there. The gains are plausible,
 * not measured: they fall with the distance from the drive-end bearing, where the damage is.
 */

/** One place for a sensor. */
export interface Position {
  readonly name: string;
  /** Gain of the shaft's vibration, horizontal, vertical, axial. */
  readonly shaft: readonly [number, number, number];
  /** Gain of the bearing's impulses, per axis. */
  readonly bearing: readonly [number, number, number];
  /** Part of the machine's heating by load that is felt here. */
  readonly heat: number;
}

/** The places of a machine train in the order in which they are filled. At most this many sensors to a machine. */
export const POSITIONS: readonly Position[] = [
  { name: 'drive end', shaft: [1, 0.8, 0.25], bearing: [0.8, 1, 0.35], heat: 1 },
  { name: 'non-drive end', shaft: [0.75, 0.6, 0.2], bearing: [0.3, 0.35, 0.15], heat: 0.8 },
  { name: 'load end', shaft: [0.85, 0.7, 0.3], bearing: [0.4, 0.5, 0.25], heat: 0.5 },
  { name: 'far load end', shaft: [0.6, 0.5, 0.2], bearing: [0.2, 0.25, 0.1], heat: 0.4 },
  { name: 'foot', shaft: [0.4, 0.3, 0.15], bearing: [0.1, 0.15, 0.05], heat: 0.2 },
  { name: 'casing', shaft: [0.5, 0.6, 0.2], bearing: [0.25, 0.3, 0.15], heat: 0.6 },
];
