/** `thrum run`: broker and fleet in one process, then everything stored is compared with everything produced. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { readProject, type Project } from '../broker/mod.ts';
import { loadAuthority } from '../certs/mod.ts';
import { Fleet, Ledger, type FleetProgress, type Reconciliation } from '../gateway/mod.ts';
import { planFleet } from '../sensors/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { identitiesFor, membersOf, sensorsOf, type Replay } from './fleet-members.ts';
import { fleetPicture } from './fleet-picture.ts';
import { driveFleet, LOCAL_BACKOFF } from './fleet-drive.ts';
import { addFleetOptions, fleetSettings, planSettings } from './fleet-settings.ts';
import { addHomeOptions, ensureProject, openHome, type Home, type HomeOptions } from './home.ts';
import { catchInterrupt, type Interrupt } from './interrupt.ts';
import { showLive } from './live-panel.ts';
import { startLocalBroker, type LocalBroker } from './local-broker.ts';
import { addOutputOptions, bytes, count, milliseconds, minute, printResult, say, type OutputOptions } from './output.ts';
import { random } from './random.ts';
import { parseDurationMs, parseSpeed, positiveNumber, wholeNumber } from './values.ts';

const DEFAULT_DURATION = '20s';

interface RunOptions extends HomeOptions, OutputOptions {
  readonly host: string;
  readonly port: number;
  readonly project: string;
  readonly replay?: string;
  readonly fullScaleG?: number;
  readonly sensor?: string;
}

export function addRunCommand(program: Command): void {
  const command = program
    .command('run')
    .description('run a fleet against the built-in broker and check that all was stored exactly once')
    .option('--project <name>', 'project that the measurements belong to', 'demo')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on, 0 for a free one', wholeNumber(0, 65_535), 0)
    .option('--replay <file.wav>', 'let a sensor measure this recording (16-bit WAV, 1 to 3 channels)')
    .option('--full-scale-g <g>', 'acceleration of the largest code in the recording', positiveNumber)
    .option('--sensor <id or name>', 'which sensor replays (default the first)')
    .addHelpText('after', '\nExamples:\n  thrum run\n  thrum run --sensors 200 --gateways 12 --machines 70 --duration 60s --json\n  thrum run --replay bearing.wav --full-scale-g 8');
  addOutputOptions(addHomeOptions(addFleetOptions(command))).action(async (options: RunOptions) => {
    process.exitCode = await run(options);
  });
}

async function run(options: RunOptions): Promise<number> {
  const interrupt = catchInterrupt();
  const settings = await fleetSettings(options as unknown as Record<string, unknown>);
  const plan = planFleet(planSettings(settings));
  const sensors = await sensorsOf(plan.gateways, replayOf(options));
  const home = await openHome(options, 'create');
  const project = await ensureProject(home, options.project);
  const local = await startLocalBroker(home, { ...options, ...(options.verbose ? { onRefused: (line: string) => say(options, line) } : {}) });
  const ledger = new Ledger();
  let progress: FleetProgress;
  let drained: boolean;
  try {
    const authority = await loadAuthority(home.certs);
    const identities = await identitiesFor(home, authority, project.projectId, plan.gateways.map(({ gatewayId }) => gatewayId));
    const speed = parseSpeed(settings.speed)!;
    const fleet = await Fleet.start({
      members: membersOf(identities, sensors),
      target: { host: options.host, port: local.broker.port, authorityPem: local.authorityPem },
      directory: home.gateways,
      startMs: planSettings(settings).startMs,
      speed,
      simulateMs: settings.simulate === undefined ? Infinity : parseDurationMs(settings.simulate)!,
      backoff: LOCAL_BACKOFF,
      random,
      now,
      onProduced: (message) => ledger.produced(message),
    });
    const endless = settings.duration === undefined && settings.simulate === undefined && options.replay === undefined;
    const duration = settings.duration ?? (endless || speed !== Infinity ? DEFAULT_DURATION : undefined);
    ({ progress, drained } = await drive(options, fleet, local, duration, interrupt));
  } finally {
    await local.close();
  }
  return report(options, home, project, ledger, progress, drained);
}

function replayOf({ replay, fullScaleG, sensor }: RunOptions): Replay | undefined {
  if (replay === undefined) {
    if (fullScaleG !== undefined || sensor !== undefined) throw new CliError('CLI_USAGE', '--full-scale-g and --sensor go with --replay FILE.wav');
    return undefined;
  }
  if (fullScaleG === undefined) throw new CliError('CLI_USAGE', '--replay needs --full-scale-g: the acceleration, in g, of the recording’s largest code');
  return { file: replay, fullScaleG, sensor };
}

async function drive(options: RunOptions, fleet: Fleet, local: LocalBroker, duration: string | undefined, interrupt: Interrupt): Promise<{ progress: FleetProgress; drained: boolean }> {
  const picture = fleetPicture(fleet, { title: 'thrum run', duration, sink: local.sink.counts });
  const panel = showLive(options, picture);
  try {
    const durationMs = duration === undefined ? undefined : parseDurationMs(duration)!;
    return await driveFleet(fleet, { durationMs, interrupted: interrupt.signal, failed: local.failed });
  } finally {
    panel.stop();
    interrupt.release();
    await fleet.close();
  }
}

async function report(options: RunOptions, home: Home, project: Project, ledger: Ledger, progress: FleetProgress, drained: boolean): Promise<number> {
  say(options, 'reading the store back …');
  let stored = { batches: 0, bytes: 0 };
  for await (const { batch, payloadBytes } of readProject(join(home.store, project.projectId), project.projectId, home.keys)) {
    stored = { batches: stored.batches + 1, bytes: stored.bytes + payloadBytes };
    for (const message of batch.messages) ledger.stored(message);
  }
  const result = ledger.reconcile();
  const complete = drained && result.storedOnce === result.produced && result.duplicated === 0 && result.altered === 0;
  printResult(options, jsonOf(home, project, progress, result, complete), () => linesOf(home, project, progress, result, stored.bytes, complete));
  return complete ? 0 : 1;
}

function jsonOf(home: Home, project: Project, progress: FleetProgress, result: Reconciliation, complete: boolean): object {
  const { latencyUs, simulatedMs, ...counts } = progress;
  return {
    home: home.path,
    projectId: project.projectId,
    project: project.name,
    simulatedUntil: new Date(simulatedMs).toISOString(),
    ...counts,
    latencyMs: { p50: latencyUs.percentile(50) / 1000, p99: latencyUs.percentile(99) / 1000, max: latencyUs.max / 1000 },
    ...result,
    allStoredExactlyOnce: complete,
  };
}

function linesOf(home: Home, project: Project, progress: FleetProgress, result: Reconciliation, storedBytes: number, complete: boolean): string[] {
  const { latencyUs } = progress;
  return [
    `project       ${project.name} (${project.projectId}) in ${home.path}`,
    `simulated     until ${minute(progress.simulatedMs)}`,
    `produced      ${count(result.produced)} messages: ${count(progress.measurements)} measurements, ${count(progress.waveforms)} waveforms, ${count(progress.alarms)} zone changes`,
    `acknowledged  ${count(progress.acknowledged)} messages, ${bytes(progress.acknowledgedBytes)}; latency p50 ${milliseconds(latencyUs.percentile(50))}, p99 ${milliseconds(latencyUs.percentile(99))}`,
    `stored        ${count(result.storedOnce)} of them, decrypted, decoded and equal${result.earlier > 0 ? `; ${count(result.earlier)} more from before` : ''}; ${bytes(storedBytes)} in all`,
    verdict(progress, result, complete),
  ];
}

function verdict(progress: FleetProgress, result: Reconciliation, complete: boolean): string {
  if (complete) return `All ${count(result.produced)} messages are stored exactly once.`;
  const faults = [
    [result.missing, 'missing'],
    [result.duplicated, 'stored twice'],
    [result.altered, 'altered'],
    [progress.queuedBatches, 'batches still queued at the gateways'],
  ] as const;
  return `NOT all messages are stored exactly once: ${faults.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`).join(', ')}.`;
}
