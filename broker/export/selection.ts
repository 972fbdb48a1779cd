/** Which messages are wanted. Promises: every reader of the store and every format selects by this one rule. */
import type { SensorMessage } from '../../frame/mod.ts';
import { isConnection, type ExportEntry, type ExportItem, type ExportRow, type Place, type Places } from './entry.ts';

/** All that is given must hold. Names are compared as they are written. */
export interface Selection {
  readonly sensorId?: string;
  readonly gatewayId?: string;
  readonly siteName?: string;
  readonly assetName?: string;
  readonly positionName?: string;
  /** Times of measurement by the sensor's clock, ms since 1970: from this one on … */
  readonly fromMs?: number;
  /** … to before this one. */
  readonly toMs?: number;
  readonly kind?: SensorMessage['kind'];
  /** At most so many rows. */
  readonly limit?: number;
}

/** What a row, or an event of a stream, is about. */
export interface Subject {
  readonly sensorId: string | undefined;
  readonly gatewayId: string;
  readonly timeMs: number;
  readonly place: Partial<Place> | undefined;
}

/** Whether `subject` is wanted; the kind of message is the caller's to look at. */
export function selects(selection: Selection, { sensorId, gatewayId, timeMs, place }: Subject): boolean {
  return (
    (selection.sensorId === undefined || selection.sensorId === sensorId) &&
    (selection.gatewayId === undefined || selection.gatewayId === gatewayId) &&
    (selection.fromMs === undefined || timeMs >= selection.fromMs) &&
    (selection.toMs === undefined || timeMs < selection.toMs) &&
    isThere(selection, place)
  );
}

function isThere(selection: Selection, place: Partial<Place> | undefined): boolean {
  return (
    (selection.siteName === undefined || selection.siteName === place?.siteName) &&
    (selection.assetName === undefined || selection.assetName === place?.assetName) &&
    (selection.positionName === undefined || selection.positionName === place?.positionName)
  );
}

/** Whether any sensor is at the place that the selection names; true when it names none. */
export function namesKnownPlace(selection: Selection, places: Places): boolean {
  return !namesPlace(selection) || [...places.values()].some((place) => isThere(selection, place));
}

export function namesPlace({ siteName, assetName, positionName }: Selection): boolean {
  return [siteName, assetName, positionName].some((name) => name !== undefined);
}

/** The wanted messages of one entry, in their order. */
export function* rowsOf({ project, entry }: ExportItem, selection: Selection): Generator<ExportRow> {
  if (isConnection(entry)) return;
  const { receivedMs, batch: { gatewayId, messages } } = entry;
  for (const message of messages) {
    if (selection.kind !== undefined && message.kind !== selection.kind) continue;
    const place = project.places.get(message.sensorId);
    if (selects(selection, { sensorId: message.sensorId, gatewayId, timeMs: message.timeMs, place })) yield { message, gatewayId, receivedMs, place };
  }
}

/** What a gateway sent that does not decode: undefined for all else. */
export function undecodable(entry: ExportEntry): string | undefined {
  if (isConnection(entry) || entry.undecodable === undefined) return undefined;
  return `${entry.file}, record ${entry.record}: gateway ${entry.batch.gatewayId} sent a batch that does not decode: ${entry.undecodable}`;
}
