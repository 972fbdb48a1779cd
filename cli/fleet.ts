/** `thrum fleet` and `thrum gateway`: many gateways, or one of them, against any MQTT broker over mutual TLS. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { loadAuthority, peerIdentity, readPrivateFile } from '../certs/mod.ts';
import { DEFAULT_BACKOFF, Fleet, parseTarget, type FleetProgress } from '../gateway/mod.ts';
import { planFleet, type FleetPlan, type GatewayPlan } from '../sensors/mod.ts';
import { now } from './clock.ts';
import { CliError, EXIT } from './errors.ts';
import { driveFleet } from './fleet-drive.ts';
import { identitiesFor, membersOf, sensorsOf, type OwnIdentity } from './fleet-members.ts';
import { fleetPicture } from './fleet-picture.ts';
import { addFleetOptions, fleetSettings, planSettings } from './fleet-settings.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addKmsOptions } from './kms-options.ts';
import { catchInterrupt } from './interrupt.ts';
import { showLive } from './live-panel.ts';
import { addOutputOptions, bytes, count, latencyMs, latencyText, minute, printResult, say, type OutputOptions } from './output.ts';
import { provisioned, readDeviceClaim } from './provisioning.ts';
import { putPlaces } from './project-places.ts';
import { random } from './random.ts';
import { addScreeningOption, type ScreeningOptions } from './screening.ts';
import { homeRevocation, revocationFile } from './server-revocation.ts';
import { Troubles } from './troubles.ts';
import { duration, parseDurationMs, parseSpeed, wholeNumber } from './values.ts';

interface FleetCommandOptions extends HomeOptions, OutputOptions, ScreeningOptions {
  readonly url: string;
  readonly ca?: string;
  readonly crl?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly project: string;
  readonly number?: number;
  readonly claim?: string;
  readonly identityLifetime?: string;
  readonly renew?: boolean;
}

export function addFleetCommand(program: Command): void {
  const command = program.command('fleet').description('run a fleet against any MQTT broker over mutual TLS');
  addConnection(command)
    .addHelpText('after', '\nWithout --cert and --key each gateway gets an identity from the home’s authority.\n\nExample:\n  thrum fleet --url mqtts://broker.example:8883 --ca ca.pem --cert client.pem --key client.key --duration 60s')
    .action(async (options: FleetCommandOptions) => {
      process.exitCode = await runFleet(options, 'thrum fleet', (gateways) => gateways);
    });
}

export function addGatewayCommand(program: Command): void {
  const command = program
    .command('gateway')
    .description('run one gateway of a fleet with its sensors, as a process of its own')
    .option('--number <n>', 'which gateway of the fleet, from 1', wholeNumber(1, 1_000_000), 1)
    .option('--claim <dir>', 'folder of a claim: with it the gateway gets an identity of its own, unless it has one');
  addConnection(command)
    .addHelpText('after', '\nThe gateway’s number and the fleet’s options say which sensors it has; its queue survives a restart.\n\nExamples:\n  thrum gateway --number 2 --url mqtts://localhost:8883 --home ./plant\n  thrum gateway --claim ./claim --url mqtts://broker.example:8883 --home ./device')
    .action(async (options: FleetCommandOptions) => {
      process.exitCode = await runFleet(options, 'thrum gateway', (gateways) => [pick(gateways, options.number!)]);
    });
}

function addConnection(command: Command): Command {
  command
    .requiredOption('--url <url>', 'broker, as mqtts://host:port')
    .option('--ca <file>', 'certificate of the authority that signed the broker’s (default the home’s)')
    .option('--crl <file>', 'revocation list of that authority, PEM; read again when it changes (default the home’s, with the home’s authority)')
    .option('--cert <file>', 'client certificate for all gateways (default one each from the home)')
    .option('--key <file>', 'its private key')
    .option('--identity-lifetime <duration>', 'issue identities that last so long, instead of using those at hand', duration)
    .option('--renew', 'have identities renewed as soon as there is a connection, not at two thirds of their life')
    .option('--project <name>', 'project: a name in the home, or with --cert any word of a-z, 0-9 and -', 'demo');
  return addOutputOptions(addKmsOptions(addHomeOptions(addScreeningOption(addFleetOptions(command)))));
}

function pick(gateways: readonly GatewayPlan[], number: number): GatewayPlan {
  const gateway = gateways[number - 1];
  if (!gateway) throw new CliError('CLI_USAGE', `--number ${number}: the fleet has ${gateways.length} gateways`);
  return gateway;
}

async function runFleet(options: FleetCommandOptions, title: string, choose: (gateways: readonly GatewayPlan[]) => readonly GatewayPlan[]): Promise<number> {
  parseTarget(options.url, ''); // before anything is made; not by the argument parser, which would repeat a password
  const settings = await fleetSettings(options as unknown as Record<string, unknown>);
  const plan = planFleet(planSettings(settings));
  const gateways = choose(plan.gateways);
  const ca = options.ca === undefined ? undefined : await readCertificate(options.ca);
  const listed = options.crl === undefined ? undefined : revocationFile(options.crl);
  const client = await readClient(options);
  const claim = options.claim === undefined ? undefined : await readDeviceClaim(options.claim);
  if (claim && (client ?? options.identityLifetime)) throw new CliError('CLI_USAGE', '--claim does not go with --cert, --key or --identity-lifetime');
  // Whatever is not given in a file is the home's, so there must be one.
  const home = await openHome(options, claim || (ca !== undefined && client !== undefined) ? 'create' : 'refuse');
  const authorityPem = ca ?? claim?.authorityPem ?? (await loadAuthority(home.certs)).certificatePem;
  const revocation = listed ?? ((ca ?? claim) === undefined ? homeRevocation(home) : undefined);
  const target = { ...parseTarget(options.url, authorityPem), ...(revocation && { revocation }) };
  const identities = claim
    ? await Promise.all(gateways.map(({ gatewayId }) => provisioned(home, claim, gatewayId, target, DEFAULT_BACKOFF, (line) => say(options, line))))
    : await identify(options, home, client, plan, gateways);
  const troubles = new Troubles();
  const interrupt = catchInterrupt(); // now that the queues are opened, which must be closed
  const fleet = await Fleet.start({
    members: membersOf(identities, sensorsOf(gateways)),
    target,
    directory: home.gateways,
    startMs: planSettings(settings).startMs,
    speed: parseSpeed(settings.speed)!,
    simulateMs: settings.simulate === undefined ? Infinity : parseDurationMs(settings.simulate)!,
    backoff: DEFAULT_BACKOFF,
    random,
    now,
    onState: (gatewayId, connected, reason) => {
      troubles.note(gatewayId, connected, reason);
      if (options.verbose && !options.quiet) process.stderr.write(`${gatewayId} ${connected ? 'connected' : `disconnected: ${reason}`}\n`);
    },
    onRenewal: (gatewayId, error) => {
      if (error || options.verbose) say(options, error ? `${gatewayId} keeps its identity for now: ${error.message}` : `${gatewayId} has a new identity`);
    },
  });
  if (options.renew) fleet.renew();
  const panel = showLive(options, fleetPicture(fleet, { title, duration: settings.duration, trouble: () => troubles.text }));
  let trouble = '';
  const { progress, drained } = await driveFleet(fleet, {
    durationMs: settings.duration === undefined ? undefined : parseDurationMs(settings.duration)!,
    interrupted: interrupt.signal,
  }).finally(async () => {
    trouble = troubles.text; // before the goodbyes
    panel.stop();
    await fleet.close();
    interrupt.release();
  });
  report(options, progress, drained, trouble);
  if (progress.acknowledged === 0 && trouble !== '') return EXIT.environment;
  return drained ? EXIT.done : EXIT.failure;
}

/** One identity for all gateways, from files. */
interface Client {
  readonly projectId: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

async function readClient({ cert, key, project }: FleetCommandOptions): Promise<Client | undefined> {
  if ((cert === undefined) !== (key === undefined)) throw new CliError('CLI_USAGE', '--cert and --key go together');
  if (cert === undefined || key === undefined) return undefined;
  const certificatePem = await readCertificate(cert);
  const keyPem = (await readPrivateFile(key)).toString('utf8');
  const projectId = peerIdentity(new X509Certificate(certificatePem))?.projectId ?? project;
  if (!/^[a-z0-9-]{1,60}$/.test(projectId)) throw new CliError('CLI_USAGE', `--project ${projectId}: write 1 to 60 of a-z, 0-9 and -`);
  return { projectId, certificatePem, keyPem };
}

async function identify(options: FleetCommandOptions, home: Home, client: Client | undefined, plan: FleetPlan, gateways: readonly GatewayPlan[]): Promise<OwnIdentity[]> {
  const { identityLifetime } = options;
  if (client) return gateways.map(({ gatewayId }) => ({ identity: { gatewayId, ...client } }));
  const authority = await loadAuthority(home.certs);
  const project = await home.projects.find(options.project);
  await putPlaces(home, project, plan, gateways, options);
  return identitiesFor(home, authority, project.projectId, gateways.map(({ gatewayId }) => gatewayId), { lifetimeMs: identityLifetime === undefined ? undefined : parseDurationMs(identityLifetime)! });
}

/** A certificate in PEM form, as text. */
async function readCertificate(path: string): Promise<string> {
  const pem = await readFile(path, 'utf8');
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new CliError('CLI_USAGE', `${path} is not a certificate in PEM form`, { cause });
  }
  return pem;
}

function report(options: OutputOptions, progress: FleetProgress, drained: boolean, trouble: string): void {
  const { latencyUs, simulatedMs, ...counts } = progress;
  printResult(options, { simulatedUntil: new Date(simulatedMs).toISOString(), ...counts, latencyMs: latencyMs(latencyUs), allAcknowledged: drained }, () => [
    `simulated     until ${minute(simulatedMs)}`,
    `produced      ${count(progress.produced)} messages: ${count(progress.measurements)} measurements, ${count(progress.waveforms)} waveforms, ${count(progress.zoneChanges)} zone changes (${count(progress.alarms)} alarms)`,
    `acknowledged  ${count(progress.acknowledged)} messages, ${bytes(progress.acknowledgedBytes)}; latency ${latencyText(latencyUs)}`,
    verdict(progress, drained, trouble),
  ]);
}

function verdict(progress: FleetProgress, drained: boolean, trouble: string): string {
  const why = trouble === '' ? '' : ` (${trouble})`;
  if (!drained) return `NOT all messages are acknowledged: ${count(progress.queuedBatches)} batches stay queued for the next start${why}.`;
  return progress.produced === 0 ? `Nothing was measured${why}.` : 'All messages are acknowledged by the broker.';
}
