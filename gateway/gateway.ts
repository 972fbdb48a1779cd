/**
 * One gateway: takes what its sensors say, keeps it on disk, sends it in batches. `take` returns once the messages would
 * survive a power cut; until then the sensor still has them. When the queue is full `take` waits: nothing is dropped.
 */
import { batchOf, frameOf, readBatchHeader, type SensorMessage } from '../frame/mod.ts';
import type { FirmwareState } from '../sensors/mod.ts';
import type { BackoffLimits } from './backoff.ts';
import { CheckpointKeeper } from './checkpoint.ts';
import { GatewayError } from './errors.ts';
import type { IdentityStore } from './identity-store.ts';
import { Renewal } from './renewal.ts';
import { Spool } from './spool.ts';
import type { Channel, FirmwareStates, SpooledBatch } from './spool-format.ts';
import type { Target } from './target.ts';
import { Uplink } from './uplink.ts';

/** Limits of a gateway. */
export const GATEWAY_LIMITS = {
  /** Longest that a message waits for others to share its batch. */
  lingerMs: 100,
  batchMessages: 64,
  /** A batch is closed before it would grow past this; one message alone may be longer. */
  batchBytes: 128 * 1024,
  /** Frames kept for a broker that does not take them; past it the sensors wait. */
  queueBytes: 16 * 2 ** 20,
} as const;

export interface GatewayIdentity {
  readonly gatewayId: string;
  readonly projectId: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface GatewayOptions {
  readonly identity: GatewayIdentity;
  /** Where its identities are kept and renewed; without it, it has the one that is given, until that ends. */
  readonly store?: IdentityStore;
  /** How many sensors it hears: once all of them wait for their batch to be kept, nobody else can join it. */
  readonly sensors: number;
  readonly target: Target;
  readonly directory: string;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  /** Real time, ms since 1970. */
  readonly now: () => number;
  /** When it aborts, no more will be measured: takes that wait for room are kept at once. */
  readonly stopping: AbortSignal;
  readonly onAcknowledged: (messages: number, bytes: number, latencyMs: number) => void;
  readonly onState: (connected: boolean, reason: string) => void;
  /** Of each renewal: undefined when the new identity has connected; else why not, and it is tried again. */
  readonly onRenewal?: (error: Error | undefined) => void;
  /** The queue's disk failed: nothing more is taken. */
  readonly onFatal: (error: Error) => void;
}

interface Open {
  readonly channel: Channel;
  readonly frames: Uint8Array[];
  readonly states: Record<string, FirmwareState>;
  readonly waiting: { resolve: () => void; reject: (error: Error) => void }[];
  bytes: number;
}

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #spool: Spool;
  readonly #uplink: Uplink;
  readonly #renewal: Renewal | undefined;
  readonly #checkpoint: CheckpointKeeper;
  #open: Open | undefined;
  #linger: NodeJS.Timeout | undefined;
  #sealing: Promise<void> = Promise.resolve();
  /** Who waits for the queue to shrink: `take` for room, `drained` for nothing to be left. */
  #waiters: (() => void)[] = [];
  #stopped: Promise<void> | undefined;
  #failure: Error | undefined;

  private constructor(options: GatewayOptions, spool: Spool) {
    this.#options = options;
    this.#spool = spool;
    const { identity, store, target, backoff, random, now, onState, stopping } = options;
    this.#checkpoint = new CheckpointKeeper(options.directory);
    stopping.addEventListener('abort', () => this.#wake(), { once: true });
    this.#uplink = new Uplink({
      projectId: identity.projectId,
      gatewayId: identity.gatewayId,
      credentials: () => store?.toTry() ?? identity,
      target,
      spool,
      backoff,
      random,
      now,
      onState,
      onAcknowledged: (batch, latencyMs) => this.#acknowledged(batch, latencyMs),
      onIdentified: (used) => this.#renewal?.connected(used),
      onCheckpoint: (payload) => this.#checkpoint.take(payload),
    });
    this.#renewal = store && new Renewal({
      store,
      link: this.#uplink,
      now,
      random,
      onRenewed: () => options.onRenewal?.(undefined),
      onTrouble: (error) => options.onRenewal?.(error),
    });
  }

  /** Opens the queue on disk; connects only with `start`. */
  static async open(options: GatewayOptions): Promise<Gateway> {
    return new Gateway(options, await Spool.open(options.directory, options.now()));
  }

  /** How far each sensor had come when it was last kept. */
  get states(): FirmwareStates {
    return this.#spool.states;
  }

  get connected(): boolean {
    return this.#uplink.connected;
  }

  /** Batches on disk that the broker has not acknowledged. */
  get queuedBatches(): number {
    return this.#spool.pending.length;
  }

  get queuedBytes(): number {
    return this.#spool.pendingBytes;
  }

  start(): void {
    this.#uplink.start();
    this.#renewal?.start();
  }

  /** Asks for a new identity at once, or as soon as there is a connection. */
  renew(): void {
    this.#renewal?.renewNow();
  }

  /** Keeps one sensor's messages and what its flash then holds. GATEWAY_STOPPED or SPOOL_FAILED when it cannot. */
  async take(sensorId: string, messages: readonly SensorMessage[], state: FirmwareState): Promise<void> {
    const frames = messages.map((message) => frameOf(message));
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    const channel: Channel = messages.some(({ kind }) => kind === 'event') ? 'event' : 'data';
    await this.#room();
    if (this.#open && (this.#open.bytes + bytes > GATEWAY_LIMITS.batchBytes || this.#open.channel !== channel)) this.flush();
    if (this.#failure ?? this.#stopped) throw this.#failure ?? stopping();
    const open = (this.#open ??= this.#begin(channel));
    open.frames.push(...frames);
    open.states[sensorId] = state;
    open.bytes += bytes;
    const kept = new Promise<void>((resolve, reject) => open.waiting.push({ resolve, reject }));
    const complete = open.frames.length >= GATEWAY_LIMITS.batchMessages || open.waiting.length >= this.#options.sensors;
    if (channel === 'event' || complete) this.flush();
    return kept;
  }

  /** Closes the batch that is being filled, if any. */
  flush(): void {
    const open = this.#open;
    if (!open) return;
    clearTimeout(this.#linger);
    this.#open = undefined;
    this.#sealing = this.#sealing.then(() => this.#seal(open));
  }

  /** Resolves once everything taken is acknowledged; rejects when `signal` aborts first or the gateway is stopped. */
  async drained(signal: AbortSignal): Promise<void> {
    this.flush();
    await this.#sealing;
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (this.#spool.pending.length > 0) {
        signal.throwIfAborted();
        if (this.#stopped) throw stopping();
        await this.#change();
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /** Keeps what was taken, disconnects, closes the queue. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<void> {
    this.flush();
    this.#wake();
    await this.#sealing;
    const renewed = this.#renewal?.stop(); // what it waits for ends with the connection
    await this.#uplink.stop();
    await renewed;
    await this.#checkpoint.settled();
    await this.#spool.close();
  }

  #begin(channel: Channel): Open {
    this.#linger = setTimeout(() => this.flush(), GATEWAY_LIMITS.lingerMs);
    return { channel, frames: [], states: {}, waiting: [], bytes: 0 };
  }

  async #seal(open: Open): Promise<void> {
    const { gatewayId } = this.#options.identity;
    try {
      await this.#spool.put(
        open.channel,
        (bootEpoch, sequence) => Buffer.from(batchOf({ gatewayId, bootEpoch, sequence }, open.frames)),
        open.states,
      );
      for (const { resolve } of open.waiting) resolve();
      this.#uplink.pump();
    } catch (error) {
      this.#failure ??= error as Error;
      for (const { reject } of open.waiting) reject(error as Error);
      this.#wake(); // no acknowledgement will: who waits for room is to hear of it too
      this.#options.onFatal(error as Error);
    }
  }

  async #room(): Promise<void> {
    const over = (): boolean => this.#stopped !== undefined || this.#failure !== undefined || this.#options.stopping.aborted;
    while (!over() && this.#spool.pendingBytes >= GATEWAY_LIMITS.queueBytes) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #acknowledged(batch: SpooledBatch, latencyMs: number): void {
    const { messageCount } = readBatchHeader(batch.frame);
    this.#options.onAcknowledged(messageCount, batch.frame.length, latencyMs);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiting) resolve();
  }
}

function stopping(): GatewayError {
  return new GatewayError('GATEWAY_STOPPED', 'the gateway is stopping');
}
