/** `npm run bench:frame`: how small and fast frames are beside what else could be used. `-- --json` prints JSON only. */
import { cpus } from 'node:os';
import { measureHeap } from './heap.ts';
import { measureMeasurements } from './measurements.ts';
import { memcpyMBps } from './memcpy.ts';
import { report, type Figures } from './report.ts';
import { measureWaveforms } from './waveforms.ts';

const asJson = process.argv.includes('--json');
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const measurements = measureMeasurements(say);
say('heap …');
const heap = measureHeap();
const waveforms = measureWaveforms(say);
const figures: Figures = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', memcpyMBps: memcpyMBps(), measurements, waveforms, heap };
process.stdout.write(asJson ? `${JSON.stringify(figures, null, 2)}\n` : report(figures));
