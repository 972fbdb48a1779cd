/** The broker of a home with its sink, as `run` and `broker` start it. */
import { startBroker, Sink, type Broker } from '../broker/mod.ts';
import { certificateIssuer } from './certificate-issuer.ts';
import { now } from './clock.ts';
import { freeBuffersAtOnce } from './external-memory.ts';
import { ensureAuthority, ensureServerIdentity, type Home } from './home.ts';
import { keepRevocationLists, revocationSource } from './revocation-keeper.ts';

export interface LocalBroker {
  readonly broker: Broker;
  readonly sink: Sink;
  readonly authorityPem: string;
  /** Rejects when the disk fails; never resolves. */
  readonly failed: Promise<never>;
  /** Cuts the clients, stores what was taken, seals the segments. */
  close(): Promise<void>;
}

export interface LocalBrokerOptions {
  readonly host: string;
  readonly port: number;
  readonly onRefused?: (message: string) => void;
}

/** Starts broker and sink; makes authority and server identity where there are none. */
export async function startLocalBroker(home: Home, options: LocalBrokerOptions): Promise<LocalBroker> {
  freeBuffersAtOnce();
  const authority = await ensureAuthority(home);
  const identity = await ensureServerIdentity(home, authority, options.host);
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined); // whoever runs the broker waits for it too
  let broker: Broker | undefined;
  const sink = await Sink.open({
    directory: home.store,
    projects: home.projects,
    keys: home.projectKeys,
    onFatal: fail,
    onRefusal: (projectId, error) => {
      options.onRefused?.(error?.message ?? `project ${projectId} is taken again`);
      if (error) broker?.disconnectProject(projectId);
    },
    onHold: (projectId, held) => options.onRefused?.(held ? `project ${projectId}: its key service does not answer; what comes waits` : `project ${projectId} goes on`),
  });
  let stopKeeping = (): Promise<void> => Promise.resolve();
  try {
    stopKeeping = await keepRevocationLists(home, (message) => options.onRefused?.(message));
    broker = await startBroker({
      ...options,
      certificatePem: identity.certificatePem,
      keyPem: identity.keyPem,
      authorityPem: authority.certificatePem,
      revocations: revocationSource(home),
      target: sink,
      issuer: certificateIssuer(home),
      now,
      audit: home.trail.record,
      onRefused: (error) => options.onRefused?.(`refused: ${error.message}`),
    });
  } catch (error) {
    await stopKeeping();
    await sink.close();
    throw error;
  }
  const started = broker;
  return {
    broker: started,
    sink,
    authorityPem: authority.certificatePem,
    failed,
    close: async () => {
      await stopKeeping();
      await started.close();
      await sink.close();
    },
  };
}
