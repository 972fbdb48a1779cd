/** The figures as one table for people. */
import type { HeapFigures } from './heap.ts';
import type { MeasurementFigures } from './measurements.ts';
import type { WaveformFigures } from './waveforms.ts';

export interface Figures {
  readonly node: string;
  readonly cpu: string;
  readonly memcpyMBps: number;
  readonly measurements: readonly MeasurementFigures[];
  readonly waveforms: readonly WaveformFigures[];
  readonly heap: HeapFigures;
}

const NAME_WIDTH = 32;
const WIDTH = 12;

export function report(figures: Figures): string {
  const inputs = [...new Set(figures.waveforms.map(({ input }) => input))];
  const lines = [
    `Node ${figures.node}, ${figures.cpu}; memcpy beyond the caches: ${whole(figures.memcpyMBps)} MB/s`,
    'Everything in turns in one run; medians over the rounds, ratios within a round. MB are 10^6 bytes.',
    '',
    ...measurementLines(figures.measurements),
    '',
    ...heapLines(figures.heap),
    ...inputs.flatMap((input) => ['', ...waveformLines(figures.waveforms.filter((one) => one.input === input))]),
    '',
    ...WAVEFORM_NOTE,
  ];
  return `${lines.join('\n')}\n`;
}

function measurementLines(rows: readonly MeasurementFigures[]): string[] {
  return [
    line('20 measurements', ['bytes each', 'encoded/s', 'decoded/s', '×bytes', '×encode', '×decode']),
    ...rows.map(({ name, bytesEach, encodedPerS, decodedPerS, toBestOther: { bytes, encode, decode } }) =>
      line(name, [bytesEach.toFixed(1), whole(encodedPerS), whole(decodedPerS), times(bytes), times(encode), times(decode)]),
    ),
    '× is to the best of the others. They carry the same content without the derived features: the sensor\'s id as 8 bytes',
    '(JSON: hex), 13 features and the temperature as 32-bit floats (JSON: decimal), in one flat object with short names;',
    '"JSON, whole message" has names, nesting and derived features as decodeMessage gives them. Frames read and give the id',
    'as hex, give derived features and have a CRC-32C; others get and give bytes. "batch" encodes the frames, then the',
    'batch; "batch of 20 frames" is the second step alone.',
  ];
}

function heapLines({ frames, growthBytes, bytesPerFrame, collections, allocatedBytesPerFrame }: HeapFigures): string[] {
  const allocated = allocatedBytesPerFrame === null ? 'not known, for it was collected' : `${allocatedBytesPerFrame.toFixed(1)} bytes per frame`;
  return [
    `heap over ${whole(frames)} encoded measurement frames: ${whole(growthBytes)} bytes more, ${bytesPerFrame.toFixed(3)} per frame, with ${collections} collections;`,
    `allocated meanwhile: ${allocated}`,
  ];
}

function waveformLines(rows: readonly WaveformFigures[]): string[] {
  return [
    line(rows[0]!.input, ['bytes', '% of raw', 'encode MB/s', 'decode MB/s', '×flac -5', 'kernel']),
    ...rows.map(({ name, bytes, percentOfRaw, encodeMBps, decodeMBps, encodeToFlac5, kernel }) =>
      line(name, [whole(bytes), percentOfRaw.toFixed(1), whole(encodeMBps), whole(decodeMBps), times(encodeToFlac5), kernel ?? '']),
    ),
  ];
}

const WAVEFORM_NOTE = [
  'All give the samples back exactly. MB/s are of raw samples, 2 or 3 bytes each; 24-bit samples lie in memory as 4.',
  'flac is a whole process from file to file, measured on at least 60 MB that repeat the input, its bytes are those of one',
  'file each, without padding and seek table; all else is within this process, on the input as it is. cbor-x decodes to views',
  'of its input where they are aligned, and copies nothing.',
];

function line(name: string, cells: readonly string[]): string {
  return `${name.padEnd(NAME_WIDTH)}${cells.map((cell) => cell.padStart(WIDTH)).join('')}`.trimEnd();
}

function whole(value: number | null): string {
  return value === null ? '–' : Math.round(value).toLocaleString('en-US');
}

function times(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}
