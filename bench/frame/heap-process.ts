/**
 * How much the heap grows with frames that are encoded, in a process of its own that nothing else allocates in:
 * `node --expose-gc heap-process.js FRAMES` prints one line of JSON.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { encodeMessage } from '../../frame/mod.ts';
import { gatewayMeasurements } from './fleet.ts';

const WARM_UP_FRAMES = 1_000_000;
/** Frames a call: the compiler's own work ends within the warm-up. */
const FRAMES_PER_CALL = 100_000;

const frames = Number(process.argv[2]);
const collect = globalThis.gc;
if (collect === undefined || !Number.isInteger(frames)) throw new Error('usage: node --expose-gc heap-process.js FRAMES');

const messages = gatewayMeasurements();
const buffer = new Uint8Array(1024);
encode(WARM_UP_FRAMES);
await setTimeout(100); // for the compiler's own work
collect();

let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ['gc'] });
const before = process.memoryUsage().heapUsed;
encode(frames);
const after = process.memoryUsage().heapUsed;
await setTimeout(20); // the observer hears of what has been with a delay
observer.disconnect();
process.stdout.write(`${JSON.stringify({ frames, growthBytes: after - before, collections })}\n`);

function encode(count: number): void {
  for (let done = 0; done < count; done += FRAMES_PER_CALL) encodeSome(FRAMES_PER_CALL);
}

function encodeSome(count: number): void {
  for (let index = 0; index < count; index++) encodeMessage(messages[index % messages.length]!, buffer, 0);
}
