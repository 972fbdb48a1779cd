/**
 * A running fleet: gateways with their sensors in simulated time. Starts where the gateways' queues say the sensors have
 * come to, measures until told to stop, then drains. Every measurement is reported before it is encoded, so that a
 * caller can compare what was produced with what was stored.
 */
import { setMaxListeners } from 'node:events';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ZONES, type SensorMessage, type ZoneEvent } from '../frame/mod.ts';
import type { FirmwareState, Sensor } from '../sensors/mod.ts';
import type { BackoffLimits } from './backoff.ts';
import { SimulatedClock, type Speed } from './clock.ts';
import { Gateway, type GatewayIdentity } from './gateway.ts';
import type { IdentityStore } from './identity-store.ts';
import type { Target } from './target.ts';
import { Turns } from './turns.ts';

/** One gateway of a fleet: who it is and what it hears. */
export interface FleetMember {
  readonly identity: GatewayIdentity;
  /** Where its identity is renewed; without it, it is not. */
  readonly store?: IdentityStore;
  readonly sensors: readonly Sensor[];
}

/** The last time that a frame can carry (docs/frame.md: u48), in the year 10889. */
export const LAST_TIME_MS = 2 ** 48 - 1;

export interface FleetOptions {
  readonly members: readonly FleetMember[];
  readonly target: Target;
  /** Folder for the gateways' queues. */
  readonly directory: string;
  /** Simulated time at which a new fleet begins, ms since 1970. */
  readonly startMs: number;
  readonly speed: Speed;
  /** Simulated time to run for, ms; Infinity: until stopped. It ends at LAST_TIME_MS in any case. */
  readonly simulateMs: number;
  readonly backoff: BackoffLimits;
  readonly random: () => number;
  readonly now: () => number;
  readonly onProduced?: (message: SensorMessage) => void;
  readonly onState?: (gatewayId: string, connected: boolean, reason: string) => void;
  /** Of each renewal of an identity: undefined when the new one has connected, else why not. */
  readonly onRenewal?: (gatewayId: string, error: Error | undefined) => void;
}

/** How a fleet is doing. */
export interface FleetProgress {
  readonly gateways: number;
  readonly connected: number;
  readonly simulatedMs: number;
  readonly measurements: number;
  readonly waveforms: number;
  readonly zoneChanges: number;
  /** Zone changes for the worse, into zone C or D. */
  readonly alarms: number;
  /** Messages produced, of all kinds. */
  readonly produced: number;
  readonly acknowledged: number;
  readonly acknowledgedBytes: number;
  readonly queuedBatches: number;
  /** Identities that were renewed. */
  readonly renewals: number;
  /** Publish to PUBACK, µs. */
  readonly latencyUs: RecordableHistogram;
}

interface Acknowledged {
  messages: number;
  bytes: number;
  renewals: number;
  readonly latencyUs: RecordableHistogram;
}

/** What the gateways tell their fleet. */
interface Shared {
  readonly stopping: AbortController;
  readonly acknowledged: Acknowledged;
}

/** Why a fleet stopped, when it was not asked to. */
class Failure extends Error {
  override readonly name = 'Failure';

  constructor(cause: unknown) {
    super('the fleet cannot go on', { cause });
  }
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #gateways: readonly Gateway[];
  readonly #clock: SimulatedClock;
  readonly #endMs: number;
  readonly #stopping: AbortController;
  readonly #acknowledged: Acknowledged;
  readonly #turns = new Turns();
  readonly #counts = { measurement: 0, waveform: 0, event: 0 };
  #alarms = 0;

  private constructor(options: FleetOptions, gateways: readonly Gateway[], shared: Shared) {
    const startMs = resumeTime(options, gateways);
    this.#options = options;
    this.#gateways = gateways;
    this.#stopping = shared.stopping;
    this.#acknowledged = shared.acknowledged;
    this.#clock = new SimulatedClock({ startMs, speed: options.speed, realNow: options.now });
    this.#endMs = Math.min(startMs + options.simulateMs, LAST_TIME_MS);
  }

  /** Opens all queues and begins to connect. Fails as a whole: no queue is left open. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const shared: Shared = {
      stopping: new AbortController(),
      acknowledged: { messages: 0, bytes: 0, renewals: 0, latencyUs: createHistogram() },
    };
    setMaxListeners(0, shared.stopping.signal); // every gateway and sensor waits for it
    const gateways: Gateway[] = [];
    try {
      for (const member of options.members) gateways.push(await openGateway(options, member, shared));
      const fleet = new Fleet(options, gateways, shared);
      for (const gateway of gateways) gateway.start();
      return fleet;
    } catch (error) {
      for (const gateway of gateways) await gateway.stop();
      throw error;
    }
  }

  /** Measures until simulated time is over, the recordings end, or `stop` is called. */
  async run(): Promise<void> {
    const sensors = this.#options.members.flatMap(({ sensors: all }, index) => all.map((sensor) => this.#live(sensor, this.#gateways[index]!)));
    await Promise.all(sensors);
    const reason: unknown = this.#stopping.signal.reason;
    if (reason instanceof Failure) throw reason.cause;
  }

  /** Has every gateway ask for a new identity, as soon as it is connected. */
  renew(): void {
    for (const gateway of this.#gateways) gateway.renew();
  }

  /** No more measurements; what was measured is kept. `run` returns soon after. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Waits until all is acknowledged, at most until `signal` aborts; true when nothing is left queued. */
  async drain(signal: AbortSignal): Promise<boolean> {
    const results = await Promise.allSettled(this.#gateways.map((gateway) => gateway.drained(signal)));
    return results.every(({ status }) => status === 'fulfilled');
  }

  /** Disconnects and closes the queues; what is in them stays. */
  async close(): Promise<void> {
    this.stop();
    const results = await Promise.allSettled(this.#gateways.map((gateway) => gateway.stop()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  progress(): FleetProgress {
    const { measurement, waveform, event } = this.#counts;
    return {
      gateways: this.#gateways.length,
      connected: this.#gateways.filter(({ connected }) => connected).length,
      simulatedMs: Math.min(this.#clock.now(), this.#endMs),
      measurements: measurement,
      waveforms: waveform,
      zoneChanges: event,
      alarms: this.#alarms,
      produced: measurement + waveform + event,
      acknowledged: this.#acknowledged.messages,
      acknowledgedBytes: this.#acknowledged.bytes,
      queuedBatches: this.#gateways.reduce((sum, { queuedBatches }) => sum + queuedBatches, 0),
      renewals: this.#acknowledged.renewals,
      latencyUs: this.#acknowledged.latencyUs,
    };
  }

  async #live(sensor: Sensor, gateway: Gateway): Promise<void> {
    const { signal } = this.#stopping;
    let state = resumeState(sensor, gateway);
    try {
      while (state.sequence < sensor.measurementCount) {
        const dueMs = sensor.dueTimeMs(state.sequence);
        if (dueMs > this.#endMs) return;
        await this.#clock.until(dueMs, signal);
        await this.#turns.take();
        if (signal.aborted) return;
        const result = sensor.measure(state);
        for (const message of result.messages) {
          this.#counts[message.kind] += 1;
          if (message.kind === 'event' && isAlarm(message)) this.#alarms += 1;
          this.#options.onProduced?.(message);
        }
        await gateway.take(sensor.sensorId, result.messages, result.state);
        state = result.state;
      }
    } catch (error) {
      if (!signal.aborted) this.#stopping.abort(new Failure(error));
    }
  }
}

function openGateway(options: FleetOptions, { identity, store, sensors }: FleetMember, { stopping, acknowledged }: Shared): Promise<Gateway> {
  const { target, backoff, random, now } = options;
  return Gateway.open({
    identity,
    ...(store && { store }),
    sensors: sensors.length,
    target,
    backoff,
    random,
    now,
    stopping: stopping.signal,
    directory: gatewayFolder(options.directory, identity),
    onAcknowledged: (messages, bytes, latencyMs) => {
      acknowledged.messages += messages;
      acknowledged.bytes += bytes;
      acknowledged.latencyUs.record(Math.max(1, Math.round(latencyMs * 1000)));
    },
    onState: (connected, reason) => options.onState?.(identity.gatewayId, connected, reason),
    onRenewal: (error) => {
      if (!error) acknowledged.renewals += 1;
      options.onRenewal?.(identity.gatewayId, error);
    },
    onFatal: (error) => stopping.abort(new Failure(error)),
  });
}

function isAlarm({ from, to }: ZoneEvent): boolean {
  return ZONES.indexOf(to) >= ZONES.indexOf('C') && ZONES.indexOf(to) > ZONES.indexOf(from);
}

/** Folder of what a gateway keeps, its queue above all: says nothing about the gateway. */
export function gatewayFolder(directory: string, { projectId, gatewayId }: Pick<GatewayIdentity, 'projectId' | 'gatewayId'>): string {
  return join(directory, createHash('sha256').update(`thrum gateway folder\0${projectId}\0${gatewayId}`).digest('hex').slice(0, 32));
}

/**
 * Where a sensor goes on. A machine goes on from where it was left; a recording always begins at its first sample, as a
 * sensor that was switched off and on, so that its capture is whole and is no other's.
 */
function resumeState(sensor: Sensor, gateway: Gateway): FirmwareState {
  const kept = gateway.states[sensor.sensorId];
  if (!kept) return sensor.initialState;
  return sensor.measurementCount === Infinity ? kept : { ...sensor.initialState, bootEpoch: kept.bootEpoch + 1 };
}

/** Simulated time goes on where the latest of the sensors left it. */
function resumeTime(options: FleetOptions, gateways: readonly Gateway[]): number {
  const times = options.members.flatMap(({ sensors }, index) =>
    sensors.map((sensor) => {
      const kept = gateways[index]!.states[sensor.sensorId];
      return kept && kept.sequence > 0 ? sensor.dueTimeMs(kept.sequence - 1) : options.startMs;
    }),
  );
  return times.reduce((latest, time) => Math.max(latest, time), options.startMs);
}
