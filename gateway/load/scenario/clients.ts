/** Groups of clients as they are written → as a load test has them. */
import type { Broker, ClientGroup, IdentitySource } from '../scenario.ts';
import { addressesOf } from './addresses.ts';
import { ScenarioFault } from './fault.ts';
import { differsByClient } from './placeholders.ts';
import type { WrittenGroup, WrittenIdentity } from './schema.ts';

const KEPT_SESSION_S = 3_600;
const DAY_MS = 86_400_000;

/** `resolvePath` says where a path in the scenario leads. ScenarioFault for what does not go together. */
export function groupOf(name: string, written: WrittenGroup, brokers: ReadonlyMap<string, Broker>, resolvePath: (path: string) => string): ClientGroup {
  const path = ['clients', name];
  const { tls, will, reading, cleanSession } = written;
  if (written.count > 1 && !differsByClient(written.id)) {
    throw new ScenarioFault([...path, 'id'], `all ${written.count} clients would have the same id, and brokers let only one of them stay: write {n} or {gateway} in it`);
  }
  if (tls.min === 'TLSv1.3' && tls.max === 'TLSv1.2') throw new ScenarioFault([...path, 'tls', 'max'], 'must not be below min');
  if (written.sessionExpiry !== undefined && written.mqttVersion === '3.1.1') throw new ScenarioFault([...path, 'sessionExpiry'], 'is of MQTT 5: write mqttVersion: 5');
  const localAddresses = addressesOf(written.localAddress ?? []);
  if ('fault' in localAddresses) throw new ScenarioFault([...path, 'localAddress'], localAddresses.fault);
  const spoken = [...brokers.values()].some(({ transport }) => transport === 'tls' || transport === 'wss');
  return {
    name,
    count: written.count,
    clientId: written.id,
    identity: identityOf(written.identity ?? (spoken ? 'mint' : 'none'), [...path, 'identity'], written.count, resolvePath),
    tls: {
      verify: tls.verify,
      ...(tls.ca === undefined ? {} : { authorityFile: resolvePath(tls.ca) }),
      minVersion: tls.min,
      maxVersion: tls.max,
      ...(tls.ciphers === undefined ? {} : { ciphers: tls.ciphers }),
      ...(tls.groups === undefined ? {} : { groups: tls.groups }),
      resume: tls.resume,
    },
    mqttVersion: written.mqttVersion === '3.1.1' ? 4 : 5,
    cleanSession,
    sessionExpiryS: written.sessionExpiry === undefined ? (cleanSession ? 0 : KEPT_SESSION_S) : Math.round(written.sessionExpiry / 1_000),
    keepAliveS: Math.ceil(written.keepAlive / 1_000),
    ...(will === undefined ? {} : { will }),
    localAddresses,
    ...(reading === undefined ? {} : { reading: { onMs: reading.on, offMs: reading.off } }),
  };
}

function identityOf(written: WrittenIdentity, path: readonly string[], count: number, resolvePath: (path: string) => string): IdentitySource {
  if (written === 'none') return { kind: 'none' };
  if (written === 'mint') return { kind: 'mint', role: 'gateway', keyTypes: ['ec-p256'], lifetimeMs: DAY_MS };
  const { mint, shared, files, manifest } = written;
  if (shared) return { kind: 'shared', certificateFile: resolvePath(shared.certificate), keyFile: resolvePath(shared.key) };
  if (files) {
    if (count > 1 && !differsByClient(files.certificate)) {
      throw new ScenarioFault([...path, 'files', 'certificate'], 'is the same for all clients: write {n}, {client} or {gateway} in it, or shared instead of files');
    }
    return { kind: 'files', certificateFile: resolvePath(files.certificate), keyFile: resolvePath(files.key) };
  }
  if (manifest !== undefined) return { kind: 'manifest', file: resolvePath(manifest) };
  const { role, keyTypes, lifetime, fault } = mint!;
  return { kind: 'mint', role, keyTypes, lifetimeMs: lifetime, ...(fault === undefined ? {} : { fault }) };
}
