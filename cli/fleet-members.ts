/** From a plan to gateways with identities and sensors: what `run`, `fleet` and `gateway` have in common. */
import { readFile } from 'node:fs/promises';
import { findGatewayIdentities, issueIdentities, type Authority } from '../certs/mod.ts';
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

/** The sensors of each gateway; `recorded`, if given, takes the place of the simulated sensor of the same id. */
export function sensorsOf(gateways: readonly GatewayPlan[], recorded?: Sensor): Sensor[][] {
  return gateways.map(({ sensors }) => sensors.map((spec) => (spec.sensorId === recorded?.sensorId ? recorded : createSensor(spec))));
}

/** The sensor that replays a recording. */
export async function replaySensorOf(gateways: readonly GatewayPlan[], replay: Replay): Promise<Sensor> {
  const specs = gateways.flatMap(({ sensors }) => sensors);
  const { sensor = specs[0]?.sensorId } = replay;
  const chosen = specs.find(({ sensorId, name }) => sensorId === sensor || name === sensor);
  if (!chosen) throw new CliError('CLI_USAGE', `--sensor: there is no sensor '${sensor}' in this fleet`);
  return readReplay(replay, chosen);
}

async function readReplay({ file, fullScaleG }: Replay, spec: SensorSpec): Promise<Sensor> {
  const { sensorId, name, seed, captureSamples, startMs, intervalMs } = spec;
  const bytes = await readFile(file);
  try {
    return createReplaySensor({ sensorId, name, seed, recording: readWav(bytes), fullScaleG, captureSamples, startMs, intervalMs });
  } catch (error) {
    throw new CliError('CLI_USAGE', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Identities for gateways of a project from the home's own authority; those that are missing are issued, until interrupted. */
export async function identitiesFor(home: Home, authority: Authority, projectId: string, gatewayIds: readonly string[], interrupted?: AbortSignal): Promise<GatewayIdentity[]> {
  const found = await findGatewayIdentities(home.certs, projectId, now());
  const missing = gatewayIds.filter((gatewayId) => !found.has(gatewayId));
  interrupted?.throwIfAborted();
  const requests = missing.map((gatewayId) => ({ role: 'gateway', projectId, gatewayId }) as const);
  const issued = await issueIdentities(authority, requests, now(), () => interrupted?.throwIfAborted());
  for (const [index, gatewayId] of missing.entries()) found.set(gatewayId, issued[index]!);
  return gatewayIds.map((gatewayId) => {
    const { certificatePem, keyPem } = found.get(gatewayId)!;
    return { gatewayId, projectId, certificatePem, keyPem };
  });
}

/** Each gateway with its identity and its sensors. */
export function membersOf(identities: readonly GatewayIdentity[], sensors: readonly Sensor[][]): FleetMember[] {
  return identities.map((identity, index) => ({ identity, sensors: sensors[index] ?? [] }));
}
