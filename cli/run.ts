/** `thrum run`: broker and fleet in one process, then everything stored is compared with everything produced. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { isConnection, localSource, readProject, type Project } from '../broker/mod.ts';
import { loadAuthority } from '../certs/mod.ts';
import { Fleet, Ledger, type FleetProgress, type Reconciliation } from '../gateway/mod.ts';
import { planFleet, type Sensor } from '../sensors/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { identitiesFor, membersOf, replaySensorOf, sensorsOf, type Replay } from './fleet-members.ts';
import { fleetPicture } from './fleet-picture.ts';
import { driveFleet, LOCAL_BACKOFF } from './fleet-drive.ts';
import { addFleetOptions, fleetSettings, planSettings, runDuration, type FleetSettings } from './fleet-settings.ts';
import { addHomeOptions, ensureProject, openHomeFor, type Home, type HomeOptions } from './home.ts';
import { catchInterrupt, type Interrupt } from './interrupt.ts';
import { showLive } from './live-panel.ts';
import { startLocalBroker, type LocalBroker } from './local-broker.ts';
import { addOutputOptions, say, type OutputOptions } from './output.ts';
import { random } from './random.ts';
import { homeRevocation } from './server-revocation.ts';
import { Troubles } from './troubles.ts';
import { putPlaces } from './project-places.ts';
import { reportRun } from './run-report.ts';
import { addScreeningOption, type ScreeningOptions } from './screening.ts';
import { duration as durationText, parseDurationMs, parseSpeed, positiveNumber, wholeNumber } from './values.ts';

interface RunOptions extends HomeOptions, OutputOptions, ScreeningOptions {
  readonly host: string;
  readonly port: number;
  readonly project: string;
  readonly identityLifetime?: string;
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
    .option('--identity-lifetime <duration>', 'issue identities that last so long, instead of using those at hand', durationText)
    .option('--replay <file.wav>', 'let a sensor measure this recording (16-bit WAV, 1 to 3 channels)')
    .option('--full-scale-g <g>', 'acceleration of the largest code in the recording', positiveNumber)
    .option('--sensor <id or name>', 'which sensor replays (default the first)')
    .addHelpText('after', '\nExamples:\n  thrum run\n  thrum run --sensors 200 --gateways 12 --machines 70 --duration 60s --json\n  thrum run --replay bearing.wav --full-scale-g 8');
  addOutputOptions(addHomeOptions(addScreeningOption(addFleetOptions(command)))).action(async (options: RunOptions) => {
    process.exitCode = await run(options);
  });
}

async function run(options: RunOptions): Promise<number> {
  const settings = await fleetSettings(options as unknown as Record<string, unknown>);
  const plan = planFleet(planSettings(settings));
  const replay = replayOf(options);
  const recorded = replay && (await replaySensorOf(plan.gateways, replay));
  const sensors = sensorsOf(plan.gateways, recorded);
  const home = await openHomeFor(options, options.project);
  const project = await ensureProject(home, options.project, options);
  await putPlaces(home, project, plan, plan.gateways, options);
  const interrupt = catchInterrupt();
  try {
    return await runCaught(options, { settings, gatewayIds: plan.gateways.map(({ gatewayId }) => gatewayId), sensors, recorded, home, project }, interrupt);
  } finally {
    interrupt.release();
  }
}

/** What a run is about, once all that was asked for is there. */
interface Prepared {
  readonly settings: FleetSettings;
  readonly gatewayIds: readonly string[];
  /** Of each gateway. */
  readonly sensors: readonly Sensor[][];
  readonly recorded: Sensor | undefined;
  readonly home: Home;
  readonly project: Project;
}

/** From when the store is opened Ctrl-C is caught, to the very end: after measuring it is closed, read back and reported on. */
async function runCaught(options: RunOptions, { settings, gatewayIds, sensors, recorded, home, project }: Prepared, interrupt: Interrupt): Promise<number> {
  const local = await startLocalBroker(home, { ...options, onRecovered: (line) => say(options, line), ...(options.verbose ? { onRefused: (line: string) => say(options, line) } : {}) });
  const ledger = new Ledger();
  let playedWindows = 0;
  const troubles = new Troubles();
  let progress: FleetProgress;
  try {
    const authority = await loadAuthority(home.certs);
    const identities = await identitiesFor(home, authority, project.projectId, gatewayIds, { interrupted: interrupt.signal, lifetimeMs: options.identityLifetime === undefined ? undefined : parseDurationMs(options.identityLifetime)! });
    const speed = parseSpeed(settings.speed)!;
    const fleet = await Fleet.start({
      members: membersOf(identities, sensors),
      target: { host: reachable(options.host), port: local.broker.port, authorityPem: local.authorityPem, revocation: homeRevocation(home) },
      directory: home.gateways,
      startMs: planSettings(settings).startMs,
      speed,
      simulateMs: settings.simulate === undefined ? Infinity : parseDurationMs(settings.simulate)!,
      backoff: LOCAL_BACKOFF,
      random,
      now,
      onState: (gatewayId, connected, reason) => troubles.note(gatewayId, connected, reason),
      onRenewal: (gatewayId, error) => {
        if (error) say(options, `${gatewayId} keeps its identity for now: ${error.message}`);
      },
      onProduced: (message) => {
        ledger.produced(message);
        if (message.kind === 'measurement' && message.sensorId === recorded?.sensorId) playedWindows += 1;
        if (ledger.full) fleet.stop();
      },
    });
    const duration = runDuration(settings);
    progress = await drive(options, fleet, local, duration, interrupt, troubles);
  } finally {
    await local.close();
  }
  say(options, 'reading the store back …');
  const { result, storedBytes } = await readBack(home, project.projectId, ledger);
  return reportRun(options, { home: home.path, project, recovered: local.recovered, progress, result, storedBytes, replay: recorded && { sensor: recorded, playedWindows } });
}

/** Where this process itself reaches a broker that listens on `host`. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host;
}

function replayOf({ replay, fullScaleG, sensor }: RunOptions): Replay | undefined {
  if (replay === undefined) {
    if (fullScaleG !== undefined || sensor !== undefined) throw new CliError('CLI_USAGE', '--full-scale-g and --sensor go with --replay FILE.wav');
    return undefined;
  }
  if (fullScaleG === undefined) throw new CliError('CLI_USAGE', '--replay needs --full-scale-g: the acceleration, in g, of the recording’s largest code');
  return { file: replay, fullScaleG, sensor };
}

async function drive(options: RunOptions, fleet: Fleet, local: LocalBroker, duration: string | undefined, interrupt: Interrupt, troubles: Troubles): Promise<FleetProgress> {
  const picture = fleetPicture(fleet, { title: 'thrum run', duration, sink: local.sink.counts, trouble: () => troubles.text });
  const panel = showLive(options, picture);
  try {
    const durationMs = duration === undefined ? undefined : parseDurationMs(duration)!;
    return (await driveFleet(fleet, { durationMs, interrupted: interrupt.signal, failed: local.failed })).progress;
  } finally {
    panel.stop();
    await fleet.close();
  }
}

/** Reads everything back and holds it against what was produced. */
async function readBack(home: Home, projectId: string, ledger: Ledger): Promise<{ result: Reconciliation; storedBytes: number }> {
  let storedBytes = 0;
  for await (const item of readProject(localSource(join(home.store, projectId)), projectId, home.keys)) {
    if (isConnection(item)) continue;
    storedBytes += item.payloadBytes;
    for (const message of item.batch.messages) ledger.stored(message);
  }
  return { result: ledger.reconcile(), storedBytes };
}
