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
/** And at each seal, but not more often than this: under full load a segment may last no longer than a second. */
const AFTER_SEAL_MS = 10_000;

export interface CheckpointIntervals {
  readonly everyMs?: number | undefined;
  readonly afterSealMs?: number | undefined;
}

export interface CheckpointTeller {
  /** A segment of this project was sealed: its gateways are told now, or when the last telling is long enough ago. */
  sealed(projectId: string): void;
  stop(): void;
}

/** Tells who is connected from now on until stopped. The intervals are for tests that do not want to wait. */
export function tellCheckpoints(
  aedes: Aedes,
  connected: () => Iterable<Connection>,
  target: PublishTarget,
  { everyMs = CHECKPOINT_MS, afterSealMs = AFTER_SEAL_MS }: CheckpointIntervals = {},
): CheckpointTeller {
  /** Projects with a new seal, of which nobody was told yet. */
  const sealed = new Set<string>();
  let pause: NodeJS.Timeout | undefined;
  let stopped = false;
  const timer = setInterval(() => tell(() => true), everyMs).unref();
  return {
    sealed: (projectId) => {
      if (stopped) return;
      sealed.add(projectId);
      if (!pause) tellSealed();
    },
    stop: () => {
      stopped = true;
      clearInterval(timer);
      clearTimeout(pause);
    },
  };

  function tellSealed(): void {
    pause = undefined;
    if (sealed.size === 0) return;
    tell((projectId) => sealed.has(projectId));
    sealed.clear();
    pause = setTimeout(tellSealed, afterSealMs).unref();
  }

  function tell(concerns: (projectId: string) => boolean): void {
    for (const { peer } of connected()) {
      const checkpoint = peer.role === 'gateway' && concerns(peer.projectId) ? target.checkpoint?.(peer.projectId) : undefined;
      if (peer.role !== 'gateway' || !checkpoint) continue;
      const topic = `${prefixOf(peer.projectId, peer.gatewayId)}checkpoint`;
      aedes.publish({ cmd: 'publish', topic, payload: Buffer.from(JSON.stringify(checkpoint)), qos: 0, retain: false, dup: false }, () => undefined);
    }
  }
}
