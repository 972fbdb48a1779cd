/**
 * The face of this room: simulated machines and the sensors on them, replays of recordings, and fleets of both. What is
 * not exported here is nobody else's business.
 */

export { BEARINGS, bearingFrequencies, FAULT_KINDS, strikesPerTurn } from './bearing.ts';
export type { BearingFrequencies, BearingGeometry, BearingName, FaultKind } from './bearing.ts';
export { PlanError, SensorError } from './errors.ts';
export type { PlanErrorCode, SensorErrorCode } from './errors.ts';
export { featuresOf } from './features.ts';
export type { Features } from './features.ts';
export type { FirmwareState, MeasureResult, Sensor } from './firmware.ts';
export { nextZone, ZONE_BOUNDARIES_MM_PER_S, ZONE_HYSTERESIS, zoneOf } from './iso20816.ts';
export { machineStateAt } from './machine.ts';
export type { BearingFault, LoadProfile, Machine, MachineState } from './machine.ts';
export { MAX_SENSORS_PER_GATEWAY, MAX_SENSORS_PER_MACHINE, MIN_CAPTURE_SAMPLES, planFleet } from './plan.ts';
export type { FleetPlan, FleetSettings, GatewayPlan, SitePlan } from './plan.ts';
export { POSITIONS } from './position.ts';
export type { Position } from './position.ts';
export { randomStream } from './random.ts';
export type { RandomStream } from './random.ts';
export { createReplaySensor } from './replay.ts';
export type { ReplaySpec } from './replay.ts';
export { createSensor } from './simulated.ts';
export type { SensorSpec } from './simulated.ts';
