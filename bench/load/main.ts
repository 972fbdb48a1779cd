/**
 * `npm run bench:load`: what the load generator reaches, paired with a bare TLS client in the same run, and what two brokers
 * bear. `-- --json` prints JSON only, `-- --quick` takes a minute; its figures are no figures.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isQuick } from '../quick.ts';
import { measureBrokers } from './brokers.ts';
import { measureConnections, measureCrowd, measureHandshakes } from './connections.ts';
import { measureSchedule, measureThroughput } from './messages.ts';
import { makeHome, startSink } from './processes.ts';
import { measureSoak } from './soak.ts';

const asJson = process.argv.includes('--json');
const say = (line: string): boolean => process.stderr.write(`${line}\n`);
const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const kB = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

const folder = await mkdtemp(join(tmpdir(), 'thrum-bench-load-'));
try {
  const home = await makeHome(join(folder, 'home'));
  const sink = await startSink(home);
  const context = { home, folder, port: sink.port, say };
  const connections = await measureConnections(context);
  const crowd = await measureCrowd(context);
  const handshakes = await measureHandshakes(context);
  const throughput = await measureThroughput(context);
  const schedule = await measureSchedule(context);
  await sink.stop();
  const brokers = await measureBrokers(context);
  const soak = await measureSoak(context);
  const result = { quick: isQuick, node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, connections, crowd, handshakes, throughput, schedule, brokers, soak: soak ?? null };
  if (asJson) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else {
    const lines = [
      `Node ${result.node}, ${result.cores} × ${result.cpu}; broker and generator on the same machine`,
      '',
      'CPU of a mutual-TLS connection up to CONNACK, P-256, TLS 1.3 (median of pairs)',
      `  bare sockets, one shared context          ${connections.bareMs.toFixed(2)} ms`,
      `  thrum load, one shared identity           ${connections.sharedMs.toFixed(2)} ms   ${connections.sharedRatio.toFixed(2)} × bare`,
      `  thrum load, an identity each              ${connections.ownMs.toFixed(2)} ms   ${connections.ownRatio.toFixed(2)} × bare (and ${connections.prepareMs.toFixed(2)} ms before the start)`,
      '',
      `Memory of a connected client, ${whole(crowd.clients)} clients`,
      `  bare sockets ${kB(crowd.bareBytes)}; thrum load with one shared identity ${kB(crowd.sharedBytes)}, with an identity each ${kB(crowd.ownBytes)}`,
      `${whole(crowd.many.clients)} clients from one command: ${whole(crowd.many.connected)} connected, ${whole(crowd.many.failed)} failed, ${whole(crowd.many.seconds)} s`,
      '',
      'Handshakes/s, generator and acknowledging broker on these cores; CPU of the generator',
      ...handshakes.map((one) => `  ${one.name.padEnd(38)}${whole(one.perS).padStart(6)} /s${one.cpuMs.toFixed(2).padStart(8)} ms`),
      '',
      'QoS 1 messages of 256 B from one worker, closed loop',
      ...throughput.map((one) => `  ${String(one.clients).padStart(5)} clients, window ${String(one.window).padEnd(4)} ${whole(one.perS).padStart(9)} /s${one.cpuUs.toFixed(2).padStart(8)} µs CPU a message`),
      '',
      `Schedule of 10,000/s over ${schedule.seconds} s: ${schedule.achievedPerS.toFixed(1)}/s (${schedule.deviationPercent.toFixed(3)} % off), slip p50 ${schedule.slipP50Ms.toFixed(2)} ms, p99 ${schedule.slipP99Ms.toFixed(2)} ms, max ${schedule.slipMaxMs.toFixed(1)} ms`,
      '',
      'Highest rate with p99 under 50 ms and nothing failed (of ours: all that was acknowledged is on disk), 256 B frames, QoS 1, 100 clients',
      ...brokers.map((one) => `  ${one.name.padEnd(44)}${one.ratePerS === null ? 'none' : `${whole(one.ratePerS)} /s`}   ${one.confidence}`),
      ...(soak
        ? [
            '',
            `Soak through Mosquitto, ${whole(soak.seconds)} s: ${whole(soak.messages)} messages, ${whole(soak.lost)} lost; resident memory of the workers by tenths of the time`,
            `  ${soak.rssBytes.map((bytes) => `${whole(bytes / 1e6)} MB`).join(', ')}`,
          ]
        : []),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
