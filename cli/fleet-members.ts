/** From a plan to gateways with identities and sensors: what `run`, `fleet` and `gateway` have in common. */
import { X509Certificate } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainVerifier, findGatewayIdentities, issueIdentities, retireIdentity, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { readWav } from '../frame/mod.ts';
import { gatewayFolder, IdentityStore, type Credentials, type FleetMember, type GatewayIdentity, type StoreOwner } from '../gateway/mod.ts';
import { createReplaySensor, createSensor, type GatewayPlan, type Sensor, type SensorSpec } from '../sensors/mod.ts';
import { audited } from './audit-trail.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import type { Home } from './home.ts';

const DAY_MS = 86_400_000;
/** An identity that ends sooner could not be renewed in time. */
const LEAST_LEFT_MS = 10_000;

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

/** Which identities gateways get. */
export interface IdentitySettings {
  /** Issues new ones that last so long, instead of using those at hand; undefined: a year, and only where there is none. */
  readonly lifetimeMs?: number | undefined;
  readonly interrupted?: AbortSignal;
}

/** A gateway's identity, and where it is renewed. */
export interface OwnIdentity {
  readonly identity: GatewayIdentity;
  readonly store?: IdentityStore;
}

/**
 * Identities for gateways of a project: what each has renewed itself, else the home's, else a new one from the home's own
 * authority, until interrupted.
 */
export async function identitiesFor(home: Home, authority: Authority, projectId: string, gatewayIds: readonly string[], settings: IdentitySettings): Promise<OwnIdentity[]> {
  const found = settings.lifetimeMs === undefined ? await findGatewayIdentities(home.certs, projectId, now()) : new Map<string, IssuedIdentity>();
  const verifier = new ChainVerifier(new X509Certificate(authority.certificatePem));
  const stores = new Map<string, IdentityStore>();
  for (const gatewayId of gatewayIds) {
    settings.interrupted?.throwIfAborted();
    const store = settings.lifetimeMs === undefined ? await identityStoreOf(home, { projectId, gatewayId }, found.get(gatewayId)) : undefined;
    if (isUsable(store?.current, verifier)) stores.set(gatewayId, store!);
  }
  const lifetime = settings.lifetimeMs === undefined ? {} : { lifetimeDays: settings.lifetimeMs / DAY_MS };
  const missing = gatewayIds.filter((gatewayId) => !stores.has(gatewayId));
  const requests = missing.map((gatewayId) => ({ role: 'gateway', projectId, gatewayId, ...lifetime }) as const);
  const issued = missing.length === 0 ? [] : await audited(
    home.trail,
    { eventName: 'IssueCertificates', requestParameters: { role: 'gateway', count: missing.length, subjects: missing }, projectId },
    () => issueIdentities(authority, requests, now(), () => settings.interrupted?.throwIfAborted()),
    (all) => ({ responseElements: { serials: all.map(({ serial }) => serial) } }),
  );
  for (const [index, gatewayId] of missing.entries()) stores.set(gatewayId, await identityStoreOf(home, { projectId, gatewayId }, issued[index], 'replace'));
  return gatewayIds.map((gatewayId) => {
    const store = stores.get(gatewayId)!;
    return { identity: { projectId, gatewayId, ...store.current! }, store };
  });
}

/** Where a gateway of the home keeps its identities, beside its queue. */
export async function identityStoreOf(home: Home, owner: StoreOwner, issued?: IssuedIdentity, kept: 'keep' | 'replace' = 'keep'): Promise<IdentityStore> {
  const directory = join(gatewayFolder(home.gateways, owner), 'identity');
  if (kept === 'replace') await rm(directory, { recursive: true, force: true });
  const first = issued && { certificatePem: issued.certificatePem, keyPem: issued.keyPem, retire: () => retireIdentity(home.certs, issued) };
  return IdentityStore.open(directory, owner, first);
}

/** True when a peer that trusts the home's authority would take it, now and for a while. */
function isUsable(credentials: Credentials | undefined, verifier: ChainVerifier): boolean {
  if (!credentials) return false;
  const { certificatePem } = credentials;
  return Date.parse(new X509Certificate(certificatePem).validTo) > now() + LEAST_LEFT_MS && verifier.leadsToRoot(certificatePem, now());
}

/** Each gateway with its identity and its sensors. */
export function membersOf(identities: readonly OwnIdentity[], sensors: readonly Sensor[][]): FleetMember[] {
  return identities.map((own, index) => ({ ...own, sensors: sensors[index] ?? [] }));
}
