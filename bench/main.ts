/** `npm run bench`: what the main job reaches on this machine, from one run. `-- --json` prints JSON only. */
import { cpus } from 'node:os';
import { measureFrames } from './frames.ts';
import { measurePublish } from './publish.ts';
import { isQuick } from './quick.ts';
import { measureRevocation } from './revocation.ts';

const asJson = process.argv.includes('--json');
const say = (line: string): boolean => process.stderr.write(`${line}\n`);
const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

say('encoding frames …');
const frames = measureFrames();
say('publishing with QoS 1 through mutual TLS …');
const publish = await measurePublish(say);
say('revoking who is connected …');
const revocation = await measureRevocation(new Date().getTime());
const result = { quick: isQuick, node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, frames, publish, revocation };

if (asJson) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
else {
  const lines = [
    `Node ${result.node}, ${result.cores} × ${result.cpu}`,
    '',
    `measurements encoded        ${whole(frames.measurementsEncodedPerS)} /s`,
    `measurements decoded        ${whole(frames.measurementsDecodedPerS)} /s`,
    `bytes per measurement       ${frames.bytesPerMeasurementAlone.toFixed(1)} alone, ${frames.bytesPerMeasurementInBatchOf20.toFixed(1)} in a batch of 20`,
    `bytes per waveform sample   ${frames.waveformBytesPerSample.toFixed(2)} of 2`,
    '',
    'QoS 1 publishes/s through mutual TLS, 8 clients, median of 5 pairs',
    'payload    with the sink    sink off    ratio',
    ...publish.map((one) => `${`${one.payloadBytes} B`.padEnd(11)}${whole(one.sinkPerS).padStart(13)}${whole(one.noSinkPerS).padStart(12)}${one.ratio.toFixed(2).padStart(9)}`),
    '',
    `revoked to closed           median ${whole(revocation.medianMs)} ms, longest ${whole(revocation.maxMs)} ms of 2,000 (${revocation.rounds} of ${revocation.clients} connections, one after the other)`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
