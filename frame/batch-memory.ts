/** What the measurements of a batch are told from: docs/frame.md, "A measurement in a batch". */

import { FEATURE_COUNT } from './features.ts';
import { MAX_BATTERY_PERCENT, type MeasurementCodes } from './measurement-codes.ts';
import { MAX_BATCH_MESSAGES } from './messages.ts';

/** Numbers of a measurement that are told as differences: features, temperature, battery, signal strength. */
const ROW = FEATURE_COUNT + 3;
export const TEMPERATURE = FEATURE_COUNT;
export const BATTERY = FEATURE_COUNT + 1;
export const RSSI = FEATURE_COUNT + 2;

const SLOTS = 2 * MAX_BATCH_MESSAGES;

/** What entries of one batch are told from: the measurement before, and the last one of each sensor. */
export class BatchMemory {
  sensorId = '';
  bootEpoch = 0;
  sequence = 0;
  timeMs = 0;
  /** A row for each sensor of the batch; the first is what stands before the first measurement. */
  readonly numbers = new Int32Array((MAX_BATCH_MESSAGES + 1) * ROW);
  /** A table with linear probing, for it is emptied often: 0, or a row's number and its sensor. */
  readonly #slots = new Int16Array(SLOTS);
  readonly #sensors: string[] = [];
  #rows = 0;
  #before = 0;

  /** Forgets everything, for a batch of this gateway. */
  begin(gatewayId: string): void {
    this.sensorId = gatewayId;
    this.bootEpoch = 0;
    this.sequence = 0;
    this.timeMs = 0;
    this.#slots.fill(0);
    this.#rows = 0;
    this.#before = 0;
    this.numbers.fill(1024, 0, FEATURE_COUNT);
    this.numbers[TEMPERATURE] = 2000;
    this.numbers[BATTERY] = MAX_BATTERY_PERCENT;
    this.numbers[RSSI] = -64;
  }

  /** Index of the first of the numbers that this sensor's are told from: its own last ones, or those before. */
  like(sensorId: string): number {
    const row = this.#slots[this.#slotOf(sensorId)]!;
    return row === 0 ? this.#before : row * ROW;
  }

  /** The slot of this sensor, or the one that it would take: there are twice as many as sensors can be. */
  #slotOf(sensorId: string): number {
    let slot = (sensorId.charCodeAt(15) + 31 * sensorId.charCodeAt(14) + 961 * sensorId.charCodeAt(13)) % SLOTS;
    while (this.#slots[slot] !== 0 && this.#sensors[this.#slots[slot]!] !== sensorId) slot = (slot + 1) % SLOTS;
    return slot;
  }

  remember(codes: MeasurementCodes): void {
    const row = this.#rememberHeader(codes);
    for (let index = 0; index < FEATURE_COUNT; index++) this.numbers[row + index] = codes.features[index]!;
    this.numbers[row + TEMPERATURE] = codes.temperature;
    this.numbers[row + BATTERY] = codes.batteryPercent;
    this.numbers[row + RSSI] = codes.rssiDbm;
  }

  /** As `remember`, when no other number of the batch's measurements is asked for. */
  rememberBattery(codes: MeasurementCodes): void {
    this.numbers[this.#rememberHeader(codes) + BATTERY] = codes.batteryPercent;
  }

  /** Index of the first of the sensor's own numbers. */
  #rememberHeader(codes: MeasurementCodes): number {
    const slot = this.#slotOf(codes.sensorId);
    if (this.#slots[slot] === 0) {
      this.#slots[slot] = ++this.#rows;
      this.#sensors[this.#rows] = codes.sensorId;
    }
    const row = this.#slots[slot]! * ROW;
    this.#before = row;
    this.sensorId = codes.sensorId;
    this.bootEpoch = codes.bootEpoch;
    this.sequence = codes.sequence;
    this.timeMs = codes.timeMs;
    return row;
  }
}
