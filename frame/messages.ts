/**
 * The typed messages that travel in frames: what a sensor says (measurement, waveform, event) and what a gateway wraps
 * them in (batch). Shapes only; bytes are the codec's. Units are in the names.
 */

/** Who says it, and its place in what this sensor has said. Together with `kind` it names one message for all time. */
export interface SensorHeader {
  /** EUI-64 of the sensor, 16 lower-case hex digits. */
  readonly sensorId: string;
  /** Counts the sensor's restarts, 0 to 2^32 - 1. */
  readonly bootEpoch: number;
  /** Number of the measurement within the boot epoch, 0 to 2^32 - 1; a waveform or event carries its measurement's. */
  readonly sequence: number;
  /** Time of the measurement by the sensor's clock, ms since 1970-01-01T00:00:00Z, 0 to 2^48 - 1. */
  readonly timeMs: number;
}

/** One number for each axis of the sensor; NaN where the sensor has no such axis. */
export interface PerAxis {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** What is said of a signal in 10–1000 Hz. `total` is the vector sum of the axes, sample by sample. */
export interface BandFeatures {
  readonly rms: PerAxis;
  /** RMS of the total vibration: the root of the sum of the squared axis RMS values. Follows from `rms`. */
  readonly totalRms: number;
  /** Greatest magnitude of the total vibration. */
  readonly totalAbsMax: number;
  /** Smallest magnitude of the total vibration. */
  readonly totalAbsMin: number;
  /** totalAbsMax / totalRms, 0 when totalRms is 0. Follows from both. */
  readonly totalCrestFactor: number;
}

/** The features of one measurement. */
export interface Measurement extends SensorHeader {
  readonly kind: 'measurement';
  /** Acceleration RMS, 0–6000 Hz, in g. */
  readonly accelerationRmsG: PerAxis;
  /** Acceleration, 10–1000 Hz, in g. */
  readonly accelerationG: BandFeatures;
  /** Velocity, 10–1000 Hz, in mm/s. */
  readonly velocityMmPerS: BandFeatures;
  /** Case temperature in °C, -327.67 to 327.67, steps of 0.01; NaN when unknown. */
  readonly temperatureC: number;
  /** Battery charge in percent, 0 to 100, whole. */
  readonly batteryPercent: number;
  /** Signal strength as the sensor last heard its gateway, -128 to 127 dBm, whole. */
  readonly rssiDbm: number;
}

/** The samples of one axis, two's complement codes: 16-bit ones in an Int16Array, 24-bit ones in an Int32Array. */
export type SampleArray = Int16Array | Int32Array;

/** How samples are coded: in the fewest bytes, or fast and simply, as a constrained sensor would. Decoders need not know. */
export type WaveformMode = 'tight' | 'fast';

/** Gives a decoder the array for one axis, of just so many samples: a new one, or one that is used again. */
export type AllocateSamples = (bits: 16 | 24, samples: number) => SampleArray;

/** A stretch of raw samples. Long captures travel as several waveforms of one `captureId`. */
export interface Waveform extends SensorHeader {
  readonly kind: 'waveform';
  /** Sequence number of the capture's first measurement: equal in all parts of one capture. */
  readonly captureId: number;
  /** Index of this part's first sample within the capture. */
  readonly firstSample: number;
  /** Samples per axis of the whole capture. */
  readonly totalSamples: number;
  /** Samples per second and axis, 1 to 2^32 - 1, whole. */
  readonly sampleRateHz: number;
  /** Acceleration of code 32768 (of 24-bit samples: 8388608), in g. */
  readonly fullScaleG: number;
  /** 1 to 3 axes (x, y, z) of one type and length, 0 to MAX_WAVEFORM_SAMPLES samples each. */
  readonly axes: readonly SampleArray[];
}

/** ISO 20816 evaluation zones, from new (A) to damaging (D). */
export const ZONES = ['A', 'B', 'C', 'D'] as const;
export type Zone = (typeof ZONES)[number];

/** A change that the sensor reports at once: its velocity moved from one zone to another. */
export interface ZoneEvent extends SensorHeader {
  readonly kind: 'event';
  readonly event: 'zone-change';
  readonly from: Zone;
  readonly to: Zone;
  /** Total velocity RMS 10–1000 Hz that caused it, mm/s. */
  readonly velocityRmsMmPerS: number;
}

export type SensorMessage = Measurement | Waveform | ZoneEvent;

/** What a gateway publishes: messages of its sensors, under its own id, boot epoch and batch number. */
export interface BatchHeader {
  /** EUI-64 of the gateway, 16 lower-case hex digits. */
  readonly gatewayId: string;
  /** Grows with every start of the gateway, 0 to 2^32 - 1. */
  readonly bootEpoch: number;
  /** Number of the batch within the boot epoch, 0 to 2^32 - 1. Resent batches keep theirs. */
  readonly sequence: number;
}

export interface Batch extends BatchHeader {
  readonly kind: 'batch';
  readonly messages: readonly SensorMessage[];
}

export type Message = SensorMessage | Batch;

/** Limits that the encoder asserts and the decoder enforces. */
export const MAX_WAVEFORM_SAMPLES = 65_536;
/** Messages in one batch. */
export const MAX_BATCH_MESSAGES = 1_024;
/** Bytes of one frame, all told: the largest payload that is ever published. */
export const MAX_FRAME_BYTES = 640 * 1024;
