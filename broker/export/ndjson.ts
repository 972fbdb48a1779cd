/** Newline-delimited JSON: every message as it was sent, with its gateway and its arrival; the owner's names only when asked for. */
import { frameToJson } from '../../frame/mod.ts';
import type { ExportRow, RowWriter, WriteBytes } from './entry.ts';
import { lineWriter } from './lines.ts';

/** One message as a line of NDJSON, without the line's end. */
export function toNdjson({ message, gatewayId, receivedMs, place }: ExportRow, withNames = false): string {
  const names = withNames && place ? { siteName: place.siteName, assetName: place.assetName, positionName: place.positionName } : {};
  return JSON.stringify({ gatewayId, receivedTime: new Date(receivedMs).toISOString(), ...names, ...(frameToJson(message) as object) });
}

export function ndjsonWriter(write: WriteBytes, withNames: boolean): RowWriter {
  const lines = lineWriter(write, '\n');
  return { add: (row) => lines.add(toNdjson(row, withNames)), finish: () => lines.finish() };
}
