/**
 * Exports: what is stored, in formats that others read. Promises: memory does not grow with what is exported; every export
 * is summed up for the audit trail, also one that failed on the way, because what it wrote by then may have left.
 */
import { createHash } from 'node:crypto';
import type { SensorMessage } from '../../frame/mod.ts';
import { eventColumns, measurementColumns, waveformColumns } from './columns.ts';
import { csvWriter } from './csv.ts';
import type { ExportItem, RowWriter, WriteBytes } from './entry.ts';
import { lineWriter } from './lines.ts';
import type { StreamSettings } from './monitron/envelope.ts';
import { projectStream, type ProjectStream, type StreamEvent } from './monitron/stream.ts';
import { ndjsonWriter } from './ndjson.ts';
import { parquetWriter } from './parquet.ts';
import { rowsOf, selects, type Selection } from './selection.ts';
import { WavExport, type WavResult } from './wav.ts';

/** Formats of one file. WAV is a folder of files. */
export type FileFormat = 'ndjson' | 'csv' | 'parquet' | 'monitron-v2';

export interface ExportRequest extends StreamSettings {
  readonly format: FileFormat;
  readonly selection: Selection;
  /** When it is exported: sensors that have been silent for long by then are disconnected (monitron-v2). */
  readonly nowMs: number;
  /** Counts rows as they are taken. */
  readonly onRow?: (rows: number) => void;
  readonly onExported?: (summary: ExportSummary) => void;
}

/** What left the store. */
export interface ExportSummary {
  readonly format: FileFormat | 'wav';
  /** Messages, events of the stream, or recordings; not the heading of a table. */
  readonly rows: number;
  readonly bytes: number;
  /** Of the bytes in their order; of a folder see {@link WavResult}. Hexadecimal digits. */
  readonly sha256: string;
  /** False when the export failed, or was cut short, on the way. */
  readonly complete: boolean;
}

/** Kinds of messages that a format can hold; the first is taken when none is chosen, unless the format mixes them. */
export const KINDS: Readonly<Record<FileFormat | 'wav', readonly SensorMessage['kind'][]>> = {
  ndjson: ['measurement', 'waveform', 'event'],
  csv: ['measurement'],
  parquet: ['measurement', 'waveform', 'event'],
  'monitron-v2': ['measurement', 'event'],
  wav: ['waveform'],
};

/** Writes the items in a format of one file. Throws what reading or writing throws. */
export async function exportFile(items: AsyncIterable<ExportItem>, request: ExportRequest, write: WriteBytes): Promise<ExportSummary> {
  const hash = createHash('sha256');
  let bytes = 0;
  let rows = 0;
  let complete = false;
  const counted: WriteBytes = async (piece) => {
    await write(piece);
    hash.update(piece);
    bytes += piece.length;
  };
  const onRow = (): void => {
    rows += 1;
    request.onRow?.(rows);
  };
  const summary = (): ExportSummary => ({ format: request.format, rows, bytes, sha256: hash.copy().digest('hex'), complete });
  try {
    if (request.format === 'monitron-v2') await writeEvents(items, request, counted, onRow);
    else await writeRows(items, request, counted, onRow);
    complete = true;
    return summary();
  } finally {
    request.onExported?.(summary());
  }
}

async function writeRows(items: AsyncIterable<ExportItem>, { format, selection, withNames }: ExportRequest, write: WriteBytes, onRow: () => void): Promise<void> {
  const { kind, writer } = await writerOf(format, selection.kind, withNames, write);
  const wanted = kind === undefined ? selection : { ...selection, kind };
  let left = selection.limit ?? Infinity;
  reading: for await (const item of items) {
    for (const row of rowsOf(item, wanted)) {
      const written = writer.add(row);
      if (written) await written;
      onRow();
      if (--left <= 0) break reading;
    }
  }
  await writer.finish();
}

/** The writer, and the kind of messages that it takes: undefined for all. Rows of another kind never reach it. */
async function writerOf(format: FileFormat, kind: SensorMessage['kind'] | undefined, withNames: boolean, write: WriteBytes): Promise<{ kind?: SensorMessage['kind']; writer: RowWriter }> {
  if (format === 'ndjson') return { writer: ndjsonWriter(write, withNames) };
  if (format === 'csv') return { kind: 'measurement', writer: csvWriter(write, withNames) };
  if (kind === 'event') return { kind, writer: (await parquetWriter(write, eventColumns(withNames))) };
  if (kind === 'waveform') return { kind, writer: (await parquetWriter(write, waveformColumns(withNames))) };
  return { kind: 'measurement', writer: (await parquetWriter(write, measurementColumns(withNames))) };
}

async function writeEvents(items: AsyncIterable<ExportItem>, request: ExportRequest, write: WriteBytes, onRow: () => void): Promise<void> {
  const { selection, nowMs } = request;
  const lines = lineWriter(write, '\n');
  let left = selection.limit ?? Infinity;
  const print = async (events: readonly StreamEvent[]): Promise<void> => {
    for (const { event, subject } of events) {
      if (left <= 0) return;
      if (!isOfKind(event.eventType, selection.kind) || !selects(selection, subject)) continue;
      const written = lines.add(JSON.stringify(event));
      if (written) await written;
      onRow();
      left -= 1;
    }
  };
  let current: { readonly projectId: string; readonly stream: ProjectStream } | undefined;
  for await (const { project, entry } of items) {
    if (current?.projectId !== project.projectId) {
      await print(current?.stream.end(nowMs) ?? []);
      current = { projectId: project.projectId, stream: projectStream(project, request) };
    }
    await print(current.stream.take(entry));
    if (left <= 0) break;
  }
  await print(current?.stream.end(nowMs) ?? []);
  await lines.finish();
}

function isOfKind(eventType: StreamEvent['event']['eventType'], kind: SensorMessage['kind'] | undefined): boolean {
  if (kind === undefined) return true;
  return eventType === (kind === 'measurement' ? 'measurement' : 'assetStateTransition');
}

/** Writes whole captures as WAV files into a folder, a folder for each project when `perProject` says so. */
export async function exportWav(items: AsyncIterable<ExportItem>, selection: Selection, directory: string, perProject: boolean, onExported?: (summary: ExportSummary) => void): Promise<WavResult> {
  const captures = new WavExport(directory);
  let left = selection.limit ?? Infinity;
  try {
    reading: for await (const item of items) {
      for (const { message } of rowsOf(item, { ...selection, kind: 'waveform' })) {
        if (message.kind === 'waveform') await captures.add(message, perProject ? item.project.projectId : '');
        if (--left <= 0) break reading;
      }
    }
  } catch (error) {
    await captures.discard();
    throw error;
  }
  const result = await captures.finish();
  onExported?.({ format: 'wav', rows: result.files.length, bytes: result.bytes, sha256: result.sha256, complete: true });
  return result;
}
