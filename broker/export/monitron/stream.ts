/**
 * The events that follow from what a project stored. Promises: what an event says depends on the whole history before it and
 * on nothing else, so a selection leaves events out and changes none; the same event has the same id in every export.
 */
import type { Measurement, SensorMessage, ZoneEvent } from '../../../frame/mod.ts';
import type { StoredBatch } from '../../store/read.ts';
import { isConnection, type ExportEntry, type ExportProject, type StoredConnection } from '../entry.ts';
import type { Subject } from '../selection.ts';
import { baseline, type Baseline } from './baseline.ts';
import { envelopeOf, gatewayOf, positionOf, type StreamSettings } from './envelope.ts';
import type { EventBody, IsoOutput, MonitronEvent } from './event.ts';
import { featuresOf } from './features.ts';
import { classificationOf, isoState, type IsoState } from './iso-zones.ts';
import { presence, SILENCE_MS } from './presence.ts';

/** An event and what it is about, for the selection to judge. */
export interface StreamEvent {
  readonly event: MonitronEvent;
  readonly subject: Subject;
}

/** Events of one project, entry by entry. */
export interface ProjectStream {
  take(entry: ExportEntry): StreamEvent[];
  /** What has happened by `nowMs` without an entry that says so: sensors fell silent. */
  end(nowMs: number): StreamEvent[];
}

/** What is remembered of a sensor. */
interface SensorState {
  readonly iso: IsoState;
  readonly vibration: Baseline;
  readonly temperature: Baseline;
}

/** Least spread of the baselines: 5 % of the vibration, 1 °C. */
const LEAST_VIBRATION_SPREAD = 0.05;
const LEAST_TEMPERATURE_SPREAD_C = 1;
/** Vibration below it is taken for it, because nothing has no logarithm. In g. */
const LEAST_VIBRATION_G = 1e-6;

export function projectStream(project: ExportProject, settings: StreamSettings): ProjectStream {
  const sensors = new Map<string, SensorState>();
  const present = presence();

  const stateOf = (sensorId: string): SensorState => {
    let state = sensors.get(sensorId);
    if (!state) sensors.set(sensorId, (state = { iso: isoState(), vibration: baseline(LEAST_VIBRATION_SPREAD), temperature: baseline(LEAST_TEMPERATURE_SPREAD_C) }));
    return state;
  };
  const sensorEvent = (body: EventBody, sensorId: string, of: Origin): StreamEvent => ({
    event: envelopeOf(project, body, of.receivedMs, of.messageKey, settings),
    subject: { sensorId, gatewayId: of.gatewayId, timeMs: of.timeMs, place: project.places.get(sensorId) },
  });
  const presenceEvent = (eventType: 'sensorConnected' | 'sensorDisconnected', sensorId: string, of: Origin): StreamEvent =>
    sensorEvent({ eventType, eventPayload: { ...positionOf(project, sensorId, project.places.get(sensorId), settings), sensor: { physicalId: sensorId } } }, sensorId, of);
  const silent = (nowMs: number): StreamEvent[] =>
    present.silent(nowMs).map(({ sensorId, last }) => presenceEvent('sensorDisconnected', sensorId, { ...last, receivedMs: last.receivedMs + SILENCE_MS, timeMs: last.timeMs + SILENCE_MS }));

  const takeMessage = (message: SensorMessage, of: Origin, change: ZoneEvent | undefined): StreamEvent[] => {
    const { sensorId } = message;
    const events = present.heard(sensorId, of) ? [presenceEvent('sensorConnected', sensorId, of)] : [];
    const state = stateOf(sensorId);
    if (change) state.iso.report(change.to);
    if (message.kind === 'measurement') events.push(sensorEvent(measurementBody(project, message, of, state, settings), sensorId, of));
    const transition = message.kind === 'event' ? transitionBody(project, message, settings) : undefined;
    if (transition) events.push(sensorEvent(transition, sensorId, of));
    return events;
  };
  return {
    take: (entry) => {
      const gone = silent(entry.receivedMs);
      if (isConnection(entry)) return [...gone, connectionEvent(project, entry, settings)];
      const changes = changesOf(entry);
      const events = entry.batch.messages.flatMap((message, index) => takeMessage(message, originOf(entry, message, index), changes.get(measurementKey(message))));
      return [...gone, ...events];
    },
    end: silent,
  };
}

/** The message that an event follows from. */
interface Origin {
  readonly gatewayId: string;
  readonly receivedMs: number;
  readonly timeMs: number;
  readonly messageKey: string;
}

/** The number of a batch and the place in it name a message for all time: a batch is stored once. */
function originOf({ receivedMs, batch: { gatewayId, bootEpoch, sequence } }: StoredBatch, { timeMs }: SensorMessage, index: number): Origin {
  return { gatewayId, receivedMs, timeMs, messageKey: `${gatewayId}/${bootEpoch}/${sequence}/${index}` };
}

function measurementKey({ sensorId, bootEpoch, sequence }: SensorMessage): string {
  return `${sensorId}/${bootEpoch}/${sequence}`;
}

/** Zone changes by their measurement: a gateway puts both into one batch, the change after the measurement that caused it. */
function changesOf({ batch }: StoredBatch): ReadonlyMap<string, ZoneEvent> {
  return new Map(batch.messages.flatMap((message) => (message.kind === 'event' ? [[measurementKey(message), message] as const] : [])));
}

function measurementBody(project: ExportProject, message: Measurement, { gatewayId }: Origin, state: SensorState, settings: StreamSettings): EventBody {
  const { sensorId, accelerationRmsG: { x, y, z }, rssiDbm, sequence, temperatureC, velocityMmPerS } = message;
  const place = project.places.get(sensorId);
  const vibrationG = Math.sqrt([x, y, z].reduce((sum, rms) => (Number.isNaN(rms) ? sum : sum + rms * rms), 0));
  const measured = [x, y, z].some((rms) => !Number.isNaN(rms));
  return {
    eventType: 'measurement',
    eventPayload: {
      ...positionOf(project, sensorId, place, settings),
      sensor: { physicalId: sensorId, rssi: rssiDbm },
      gateway: { physicalId: gatewayId },
      sequenceNo: sequence,
      features: featuresOf(message),
      models: {
        temperatureML: state.temperature.next(temperatureC),
        vibrationISO: { ...isoClassOf(place?.isoClass), ...state.iso.next(velocityMmPerS.totalRms) },
        vibrationML: state.vibration.next(measured ? Math.log(Math.max(vibrationG, LEAST_VIBRATION_G)) : NaN),
      },
    },
  };
}

function isoClassOf(text: string | undefined): Pick<IsoOutput, 'isoClass'> {
  return text !== undefined && /^CLASS[1-4]$/.test(text) ? { isoClass: text as NonNullable<IsoOutput['isoClass']> } : {};
}

/** Undefined when the zone changed and the state of the asset did not: A and B are both healthy. */
function transitionBody(project: ExportProject, { sensorId, from, to }: ZoneEvent, settings: StreamSettings): EventBody | undefined {
  const assetState = { newState: classificationOf(to), previousState: classificationOf(from) };
  if (assetState.newState === assetState.previousState) return undefined;
  const position = positionOf(project, sensorId, project.places.get(sensorId), settings);
  return { eventType: 'assetStateTransition', eventPayload: { ...position, sensor: { physicalId: sensorId }, assetTransitionType: 'measurement', assetState } };
}

function connectionEvent(project: ExportProject, { gatewayId, receivedMs, connected }: StoredConnection, settings: StreamSettings): StreamEvent {
  const eventType = connected ? 'gatewayConnected' : 'gatewayDisconnected';
  const siteName = project.gatewaySites.get(gatewayId);
  return {
    event: envelopeOf(project, { eventType, eventPayload: gatewayOf(project, gatewayId, settings) }, receivedMs, `${gatewayId}/${receivedMs}`, settings),
    subject: { sensorId: undefined, gatewayId, timeMs: receivedMs, place: siteName === undefined ? undefined : { siteName } },
  };
}
