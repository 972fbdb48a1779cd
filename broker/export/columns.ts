/** The columns that messages have in tables: name, type, unit and value. CSV and Parquet share them. */
import { bitsPerSampleOf, type Measurement, type PerAxis, type SampleArray, type SensorMessage, type Waveform, type ZoneEvent } from '../../frame/mod.ts';
import type { ExportRow } from './entry.ts';

/** `time` is ms since 1970, `uint32` and `int32` are whole, `samples` is a list of whole numbers. */
export type ColumnType = 'time' | 'text' | 'uint32' | 'int32' | 'double' | 'samples';

/** `value` is undefined or NaN where nothing is known. */
export interface Column<Message extends SensorMessage = SensorMessage> {
  readonly name: string;
  readonly type: ColumnType;
  readonly unit?: string;
  readonly value: (row: ExportRow<Message>) => number | string | SampleArray | undefined;
}

const NAMES: readonly Column[] = [
  { name: 'siteName', type: 'text', value: ({ place }) => place?.siteName },
  { name: 'assetName', type: 'text', value: ({ place }) => place?.assetName },
  { name: 'positionName', type: 'text', value: ({ place }) => place?.positionName },
];

function headerColumns(withNames: boolean): Column[] {
  return [
    { name: 'time', type: 'time', unit: 'ms', value: ({ message }) => message.timeMs },
    { name: 'receivedTime', type: 'time', unit: 'ms', value: ({ receivedMs }) => receivedMs },
    { name: 'gatewayId', type: 'text', value: ({ gatewayId }) => gatewayId },
    { name: 'sensorId', type: 'text', value: ({ message }) => message.sensorId },
    ...(withNames ? NAMES : []),
    { name: 'bootEpoch', type: 'uint32', value: ({ message }) => message.bootEpoch },
    { name: 'sequence', type: 'uint32', value: ({ message }) => message.sequence },
  ];
}

export function measurementColumns(withNames: boolean): Column<Measurement>[] {
  return [
    ...headerColumns(withNames),
    ...axisColumns('accelerationRms', 'G', 'g', (m) => m.accelerationRmsG),
    ...bandColumns('acceleration10To1000Hz', 'G', 'g', (m) => m.accelerationG),
    ...bandColumns('velocity10To1000Hz', 'MmPerS', 'mm/s', (m) => m.velocityMmPerS),
    { name: 'temperatureC', type: 'double', unit: '°C', value: ({ message }) => message.temperatureC },
    { name: 'batteryPercent', type: 'int32', unit: '%', value: ({ message }) => message.batteryPercent },
    { name: 'rssiDbm', type: 'int32', unit: 'dBm', value: ({ message }) => message.rssiDbm },
  ];
}

function axisColumns(name: string, suffix: string, unit: string, axes: (m: Measurement) => PerAxis): Column<Measurement>[] {
  return (['x', 'y', 'z'] as const).map((axis) => ({ name: `${name}${axis.toUpperCase()}${suffix}`, type: 'double', unit, value: ({ message }) => axes(message)[axis] }));
}

function bandColumns(name: string, suffix: string, unit: string, band: (m: Measurement) => Measurement['accelerationG']): Column<Measurement>[] {
  return [
    ...axisColumns(`${name}Rms`, suffix, unit, (m) => band(m).rms),
    { name: `${name}TotalRms${suffix}`, type: 'double', unit, value: ({ message }) => band(message).totalRms },
    { name: `${name}TotalAbsMax${suffix}`, type: 'double', unit, value: ({ message }) => band(message).totalAbsMax },
    { name: `${name}TotalAbsMin${suffix}`, type: 'double', unit, value: ({ message }) => band(message).totalAbsMin },
    { name: `${name}TotalCrestFactor`, type: 'double', unit: '1', value: ({ message }) => band(message).totalCrestFactor },
  ];
}

export function eventColumns(withNames: boolean): Column<ZoneEvent>[] {
  return [
    ...headerColumns(withNames),
    { name: 'event', type: 'text', value: ({ message }) => message.event },
    { name: 'from', type: 'text', value: ({ message }) => message.from },
    { name: 'to', type: 'text', value: ({ message }) => message.to },
    { name: 'velocityRmsMmPerS', type: 'double', unit: 'mm/s', value: ({ message }) => message.velocityRmsMmPerS },
  ];
}

export function waveformColumns(withNames: boolean): Column<Waveform>[] {
  return [
    ...headerColumns(withNames),
    { name: 'captureId', type: 'uint32', value: ({ message }) => message.captureId },
    { name: 'firstSample', type: 'uint32', value: ({ message }) => message.firstSample },
    { name: 'totalSamples', type: 'uint32', value: ({ message }) => message.totalSamples },
    { name: 'sampleRateHz', type: 'uint32', unit: 'Hz', value: ({ message }) => message.sampleRateHz },
    { name: 'fullScaleG', type: 'double', unit: 'g', value: ({ message }) => message.fullScaleG },
    { name: 'bitsPerSample', type: 'int32', unit: 'bit', value: ({ message }) => bitsPerSampleOf(message) },
    ...(['x', 'y', 'z'] as const).map((name, axis): Column<Waveform> => ({ name, type: 'samples', unit: 'fullScaleG/2^(bitsPerSample-1)', value: ({ message }) => message.axes[axis] })),
  ];
}
