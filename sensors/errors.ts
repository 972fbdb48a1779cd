/** What can be wrong with what the user gave to this room. */

export type PlanErrorCode = 'PLAN_VALUE' | 'PLAN_SITES' | 'PLAN_GATEWAYS' | 'PLAN_SENSORS' | 'PLAN_MACHINES';

/** A fleet that cannot be planned. The message says in one line what to change. */
export class PlanError extends Error {
  override readonly name = 'PlanError';
  readonly code: PlanErrorCode;

  constructor(code: PlanErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export type SensorErrorCode = 'SENSOR_VALUE' | 'SENSOR_EXHAUSTED';

/** A sensor that cannot be made as asked, or has nothing more to measure. */
export class SensorError extends Error {
  override readonly name = 'SensorError';
  readonly code: SensorErrorCode;

  constructor(code: SensorErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
