/** The broker of a home with its sink, as `run` and `broker` start it. */
import { startBroker, startUploader, Sink, type Broker, type Recovery, type RetentionLimits, type Uploader } from '../broker/mod.ts';
import { certificateIssuer } from './certificate-issuer.ts';
import { now } from './clock.ts';
import { expectManyBuffers } from './heap-limits.ts';
import { ensureAuthority, ensureServerIdentity, type Home } from './home.ts';
import { bytes, count } from './output.ts';
import { random } from './random.ts';
import { keepRevocationLists, revocationSource } from './revocation-keeper.ts';
import { recordAmendment } from './store-change.ts';

export interface LocalBroker {
  readonly broker: Broker;
  readonly sink: Sink;
  readonly authorityPem: string;
  /** What a killed broker had left, of each project that was mended. */
  readonly recovered: readonly RecoveredProject[];
  /** Rejects when the disk fails; never resolves. */
  readonly failed: Promise<never>;
  /** Cuts the clients, stores what was taken, seals the segments, brings them up. */
  close(): Promise<void>;
}

export interface RecoveredProject extends Recovery {
  readonly projectId: string;
}

export interface LocalBrokerOptions {
  readonly host: string;
  readonly port: number;
  readonly onRecovered?: (message: string) => void;
  readonly onRefused?: (message: string) => void;
  /** How old a segment becomes before it is sealed; without it an hour. */
  readonly sealAfterMs?: number | undefined;
  /** What is to be kept at most; without it everything is. */
  readonly retention?: () => RetentionLimits;
  /** Leave local copies of segments that have gone up to the home's bucket. */
  readonly remoteKeep?: boolean;
}

/** How long a stopping broker brings up what is left. */
const UPLOAD_GRACE_MS = 60_000;

/** Starts broker and sink; makes authority and server identity where there are none. */
export async function startLocalBroker(home: Home, options: LocalBrokerOptions): Promise<LocalBroker> {
  expectManyBuffers();
  const authority = await ensureAuthority(home);
  const identity = await ensureServerIdentity(home, authority, options.host);
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  failed.catch(() => undefined); // whoever runs the broker waits for it too
  let broker: Broker | undefined;
  const recovered: RecoveredProject[] = [];
  const sink = await Sink.open({
    directory: home.store,
    projects: home.projects,
    keys: home.projectKeys,
    onFatal: fail,
    sealAfterMs: options.sealAfterMs,
    onSealed: (checkpoint) => {
      home.trail.recordCheckpoint(checkpoint);
      broker?.tellSealed(checkpoint.projectId);
    },
    onAmended: (projectId, version) => recordAmendment(home, projectId, version),
    ...(options.retention && { retention: options.retention }),
    onRetention: (projectId, result) => options.onRefused?.(result instanceof Error ? `retention of project ${projectId}: ${result.message}` : `retention removed ${count(result.segments)} segments (${bytes(result.bytes)}) of project ${projectId}`),
    onRefusal: (projectId, error) => {
      options.onRefused?.(error?.message ?? `project ${projectId} is taken again`);
      if (error) broker?.disconnectProject(projectId);
    },
    onRecovered: (projectId, recovery) => {
      recovered.push({ projectId, ...recovery });
      options.onRecovered?.(recoveryLine(projectId, recovery));
    },
    onHold: (projectId, held) => options.onRefused?.(held ? `project ${projectId}: its key service does not answer; what comes waits` : `project ${projectId} goes on`),
  });
  let stopKeeping = (): Promise<void> => Promise.resolve();
  let uploader: Uploader | undefined;
  try {
    uploader = home.remote && (await startUploader({
      remote: home.remote,
      store: home.store,
      keep: options.remoteKeep === true,
      random,
      onTrouble: (error) => options.onRefused?.(error ? `segments stay here for now: ${error.message}` : 'segments go up again'),
    }));
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
    await uploader?.finish(0);
    throw error;
  }
  const started = broker;
  return {
    broker: started,
    sink,
    authorityPem: authority.certificatePem,
    recovered,
    failed,
    close: async () => {
      await stopKeeping();
      await started.close();
      await sink.close();
      const left = (await uploader?.finish(UPLOAD_GRACE_MS)) ?? 0;
      if (left > 0) options.onRefused?.(`${left} segments have not gone up: they are in ${home.store} and go up at the next start`);
    },
  };
}

function recoveryLine(projectId: string, { segments, records, bytesCut, keysPutAside, filesRemoved }: Recovery): string {
  const rest = [
    ...(bytesCut > 0 ? [`${count(bytesCut)} bytes of an unfinished record cut off`] : []),
    ...(keysPutAside > 0 ? [`${count(keysPutAside)} key files without a segment put aside`] : []),
    ...(filesRemoved > 0 ? [`${count(filesRemoved)} unfinished files removed`] : []),
  ];
  return `recovered project ${projectId} after a broker that was killed: all ${count(records)} records of the last of ${count(segments)} segments kept${rest.map((one) => `, ${one}`).join('')}`;
}
