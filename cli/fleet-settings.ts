/**
 * What a fleet is: the options of `run`, `fleet` and `gateway`, and the fleet file (YAML) that can say the same. Options
 * win over the file, the file over the defaults. docs/fleet.schema.json is made from the schema here.
 */
import type { Command } from 'commander';
import { z } from 'zod';
import type { FleetSettings as PlanSettings } from '../sensors/mod.ts';
import { CliError } from './errors.ts';
import { duration, parseDurationMs, parseSpeed, positiveNumber, speed, SPEED_HINT, wholeNumber } from './values.ts';
import { issuePath, readYamlFile, type YamlKind } from './yaml-file.ts';

/** When simulated time begins, if nothing is known of an earlier run. */
const START_MS = Date.UTC(2026, 0, 1);
/** Fleet files are written by people. */
const FLEET_FILE: YamlKind = { name: 'fleet file', maxBytes: 1024 * 1024, fault: (message, cause) => new CliError('FLEET_FILE', message, { cause }) };

const durationText = z
  .string()
  .refine((text) => parseDurationMs(text) !== undefined, 'write a duration such as 90s, 24h or 365d')
  .meta({ pattern: '^\\d+(\\.\\d+)?(ms|s|m|h|d)$' });
const speedText = z
  .union([z.number().positive(), z.string()])
  .refine((value) => parseSpeed(String(value)) !== undefined, SPEED_HINT)
  .transform(String);

const count = z.number().int().min(1).max(1_000_000);

export const fleetSchema = z.strictObject({
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(1).describe('Everything random follows from it.'),
  sites: count.default(2).describe('Sites of the project.'),
  gateways: count.default(5).describe('Gateways, spread over the sites; each takes up to 20 sensors.'),
  sensors: count.default(60).describe('Sensors, spread over gateways and machines.'),
  machines: count.default(20).describe('Machines, spread over the sites.'),
  faultShare: z.number().min(0).max(1).default(0.3).describe('Part of the machines that have a fault, 0 to 1.'),
  interval: durationText.default('1h').describe('Simulated time between the measurements of a sensor.'),
  waveformEvery: z.number().int().min(0).max(1_000_000).default(24).describe('Every how many measurements the waveform is sent too; 0 never.'),
  captureSamples: z.number().int().min(16).max(65_536).default(8192).describe('Samples per axis of a capture.'),
  speed: speedText.default('7200').describe('Simulated seconds per real second, or max.'),
  simulate: durationText.optional().describe('Simulated time to run for.'),
  duration: durationText.optional().describe('Real time to run for.'),
});

export type FleetSettings = z.infer<typeof fleetSchema>;

/** Adds the fleet's options to a command. */
export function addFleetOptions(command: Command): Command {
  const million = wholeNumber(1, 1_000_000);
  return command
    .option('--fleet <file>', 'fleet file (YAML); options given besides it win')
    .option('--seed <n>', 'everything random follows from it (default 1)', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--sites <n>', 'sites (default 2)', million)
    .option('--gateways <n>', 'gateways, up to 20 sensors each (default 5)', million)
    .option('--sensors <n>', 'sensors (default 60)', million)
    .option('--machines <n>', 'machines (default 20)', million)
    .option('--fault-share <part>', 'part of the machines with a fault, 0 to 1 (default 0.3)', zeroToOne)
    .option('--interval <duration>', 'simulated time between measurements (default 1h)', duration)
    .option('--waveform-every <n>', 'send the waveform with every n-th measurement, 0 never (default 24)', wholeNumber(0, 1_000_000))
    .option('--capture-samples <n>', 'samples per axis of a capture (default 8192)', wholeNumber(16, 65_536))
    .option('--speed <factor>', "simulated seconds per real second, up to 1000000000, or 'max' (default 7200)", speed)
    .option('--simulate <duration>', 'simulated time to run for', duration)
    .option('--duration <duration>', 'real time to run for', duration);
}

function zeroToOne(text: string): number {
  return text === '0' ? 0 : Math.min(positiveNumber(text), 2);
}

/** Settings from the options and the file they name. FLEET_FILE says file, line and column. */
export async function fleetSettings(options: Readonly<Record<string, unknown>>): Promise<FleetSettings> {
  const file = options['fleet'] as string | undefined;
  const fromFile = file === undefined ? {} : await readFleetFile(file);
  const given = Object.fromEntries(Object.keys(fleetSchema.shape).flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
  const result = fleetSchema.safeParse({ ...fromFile, ...given });
  if (!result.success) {
    const { path, message } = result.error.issues[0]!;
    throw new CliError('CLI_USAGE', `${path.join('.')}: ${message}`);
  }
  return result.data;
}

/** How long `thrum run` measures in real time when neither that nor simulated time is given. */
const DEFAULT_RUN = '20s';

/** Real time that a run measures for; undefined when simulated time ends it. */
export function runDuration({ duration: given, simulate }: FleetSettings): string | undefined {
  return given ?? (simulate === undefined ? DEFAULT_RUN : undefined);
}

/** The fleet that the settings describe, as the planner wants it. */
export function planSettings(settings: FleetSettings): PlanSettings {
  const { seed, sites, gateways, sensors, machines, faultShare, waveformEvery, captureSamples } = settings;
  const intervalMs = parseDurationMs(settings.interval)!;
  return { seed, sites, gateways, sensors, machines, faultShare, intervalMs, waveformEvery, captureSamples, startMs: START_MS };
}

async function readFleetFile(path: string): Promise<object> {
  const file = await readYamlFile(path, FLEET_FILE);
  const result = fleetSchema.partial().safeParse(file.value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw FLEET_FILE.fault(`${file.place(issuePath(issue))}: ${issue.path.join('.')}${issue.path.length > 0 ? ': ' : ''}${issue.message}`);
}
