/** The features of a measurement as the service modelled spells them: m/s², mm/s, °C. What was not measured is left out. */
import type { BandFeatures, Measurement, PerAxis } from '../../../frame/mod.ts';
import type { MeasurementPayload } from './event.ts';

/** m/s² of one g, the standard acceleration of gravity. */
const STANDARD_GRAVITY = 9.80665;
/** The frame's figures have 8 significant bits and some: more digits would be noise. */
const DIGITS = 6;

type Features = MeasurementPayload['features'];
type Axes = Features['acceleration']['band0To6000Hz'];

export function featuresOf({ accelerationRmsG, accelerationG, velocityMmPerS, temperatureC }: Measurement): Features {
  return {
    acceleration: { band0To6000Hz: axesOf(accelerationRmsG, STANDARD_GRAVITY), band10To1000Hz: bandOf(accelerationG, STANDARD_GRAVITY) },
    velocity: { band10To1000Hz: bandOf(velocityMmPerS, 1) },
    ...known('temperature', temperatureC),
  };
}

function bandOf({ rms, totalRms, totalAbsMax, totalAbsMin, totalCrestFactor }: BandFeatures, factor: number): Features['velocity']['band10To1000Hz'] {
  const totalVibration = { ...known('absMax', totalAbsMax * factor), ...known('absMin', totalAbsMin * factor), ...known('crestFactor', totalCrestFactor), ...known('rms', totalRms * factor) };
  return { totalVibration, ...axesOf(rms, factor) };
}

function axesOf({ x, y, z }: PerAxis, factor: number): Axes {
  return { ...axis('xAxis', x * factor), ...axis('yAxis', y * factor), ...axis('zAxis', z * factor) };
}

function axis<Name extends string>(name: Name, rms: number): Partial<Record<Name, { rms: number }>> {
  return Number.isFinite(rms) ? ({ [name]: { rms: rounded(rms) } } as Record<Name, { rms: number }>) : {};
}

function known<Name extends string>(name: Name, value: number): Partial<Record<Name, number>> {
  return Number.isFinite(value) ? ({ [name]: rounded(value) } as Record<Name, number>) : {};
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
