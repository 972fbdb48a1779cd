/** From a plan to gateways with identities and sensors: what `run`, `fleet` and `gateway` have in common. */
import { readFile } from 'node:fs/promises';
import { findGatewayIdentities, issueIdentity, type Authority } from '../certs/mod.ts';
import { readWav } from '../frame/mod.ts';
import type { FleetMember, GatewayIdentity } from '../gateway/mod.ts';
import { createReplaySensor, createSensor, type GatewayPlan, type Sensor, type SensorSpec } from '../sensors/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import type { Home } from './home.ts';

/** A recording that takes a machine's place under one sensor. */
export interface Replay {
  readonly file: string;
  readonly fullScaleG: number;
  /** Sensor id or name; the first sensor when it is not given. */
  readonly sensor: string | undefined;
}

/** The sensors of each gateway, one of them replaying a recording if asked to. */
export async function sensorsOf(gateways: readonly GatewayPlan[], replay: Replay | undefined): Promise<Sensor[][]> {
  const specs = gateways.flatMap(({ sensors }) => sensors);
  const chosen = replay && (replay.sensor === undefined ? specs[0] : specs.find(({ sensorId, name }) => [sensorId, name].includes(replay.sensor!)));
  if (replay && !chosen) throw new CliError('CLI_USAGE', `--sensor: there is no sensor '${replay.sensor}' in this fleet`);
  const recorded = replay && chosen ? await replaySensor(replay, chosen) : undefined;
  return gateways.map(({ sensors }) => sensors.map((spec) => (spec === chosen && recorded ? recorded : createSensor(spec))));
}

async function replaySensor({ file, fullScaleG }: Replay, spec: SensorSpec): Promise<Sensor> {
  const { sensorId, name, seed, captureSamples, startMs, intervalMs } = spec;
  const bytes = await readFile(file);
  try {
    return createReplaySensor({ sensorId, name, seed, recording: readWav(bytes), fullScaleG, captureSamples, startMs, intervalMs });
  } catch (error) {
    throw new CliError('CLI_USAGE', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Identities for gateways of a project from the home's own authority; those that are missing are issued. */
export async function identitiesFor(home: Home, authority: Authority, projectId: string, gatewayIds: readonly string[]): Promise<GatewayIdentity[]> {
  const found = await findGatewayIdentities(home.certs, projectId, now());
  const identities: GatewayIdentity[] = [];
  for (const gatewayId of gatewayIds) {
    const identity = found.get(gatewayId) ?? (await issueIdentity(authority, { role: 'gateway', projectId, gatewayId }, now()));
    identities.push({ gatewayId, projectId, certificatePem: identity.certificatePem, keyPem: identity.keyPem });
  }
  return identities;
}

/** Each gateway with its identity and its sensors. */
export function membersOf(identities: readonly GatewayIdentity[], sensors: readonly Sensor[][]): FleetMember[] {
  return identities.map((identity, index) => ({ identity, sensors: sensors[index] ?? [] }));
}
