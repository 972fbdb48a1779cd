/**
 * Tells each gateway now and then where its project's log stands on disk, on `thrum/<project>/<gateway>/checkpoint`: so gateways can
 * witness that the store was not put back to an older copy (store/witness.ts). Nothing is retained, and nobody waits for it.
 */
import type { Aedes } from 'aedes';
import { prefixOf } from './admission.ts';
import type { Connection } from './connection.ts';
import type { PublishTarget } from './mqtt-service.ts';

/** How often gateways are told. */
const CHECKPOINT_MS = 60_000;

/** Tells who is connected from now on until stopped. `everyMs`: for tests that do not want to wait. */
export function tellCheckpoints(aedes: Aedes, connected: () => Iterable<Connection>, target: PublishTarget, everyMs = CHECKPOINT_MS): { stop(): void } {
  const timer = setInterval(() => {
    for (const { peer } of connected()) {
      const checkpoint = peer.role === 'gateway' ? target.checkpoint?.(peer.projectId) : undefined;
      if (peer.role !== 'gateway' || !checkpoint) continue;
      const topic = `${prefixOf(peer.projectId, peer.gatewayId)}checkpoint`;
      aedes.publish({ cmd: 'publish', topic, payload: Buffer.from(JSON.stringify(checkpoint)), qos: 0, retain: false, dup: false }, () => undefined);
    }
  }, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
