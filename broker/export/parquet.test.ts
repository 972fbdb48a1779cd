import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetMetadata, parquetReadObjects, type FileMetaData } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import type { SensorMessage, Waveform } from '../../frame/mod.ts';
import { NOW_MS } from '../broker.fixture.ts';
import { measurementColumns } from './columns.ts';
import { exportFile, type ExportRequest } from './export.ts';
import { batchWith, collector, itemsOf, measurementOf, placeOf, projectOf, requestOf, SENSOR, GATEWAY } from './export.fixture.ts';
import { parquetWriter, ROW_GROUP } from './parquet.ts';

interface Table {
  readonly bytes: Buffer;
  readonly rows: Record<string, unknown>[];
  readonly metadata: FileMetaData;
}

async function tableOf(messages: readonly SensorMessage[], more: Partial<ExportRequest> = {}, place = placeOf()): Promise<Table> {
  const out = collector();
  await exportFile(itemsOf([batchWith(messages)], projectOf({ places: new Map([[SENSOR, place]]) })), requestOf('parquet', more), out.write);
  const bytes = out.bytes();
  const file = new Uint8Array(bytes).buffer;
  return { bytes, rows: await parquetReadObjects({ file }), metadata: parquetMetadata(file) };
}

function waveformOf(axes: Waveform['axes'], more: Partial<Waveform> = {}): Waveform {
  return { kind: 'waveform', sensorId: SENSOR, bootEpoch: 1, sequence: 7, timeMs: NOW_MS, captureId: 7, firstSample: 0, totalSamples: axes[0]!.length, sampleRateHz: 26_667, fullScaleG: 16, axes, ...more };
}

/** Python with a reader of Parquet that shares nothing with ours; undefined where none is installed. */
const reader = ['pyarrow.parquet', 'duckdb'].find((name) => spawnSync('python3', ['-c', `import ${name}`]).status === 0);

describe('Parquet', () => {
  it('has typed columns, with null for what is unknown', async () => {
    const { rows } = await tableOf([measurementOf({ bootEpoch: 0xffff_ffff, sequence: 0xffff_fffe })]);
    expect(rows).toEqual([
      expect.objectContaining({
        time: new Date(NOW_MS), receivedTime: new Date(NOW_MS + 5), gatewayId: GATEWAY, sensorId: SENSOR, bootEpoch: 0xffff_ffff, sequence: 0xffff_fffe,
        accelerationRmsXG: 0.1, accelerationRmsYG: null, velocity10To1000HzTotalRmsMmPerS: 3.2, temperatureC: null, batteryPercent: 80, rssiDbm: -60,
      }),
    ]);
  });

  it('says types that every reader knows, and the unit of each column', async () => {
    const { metadata } = await tableOf([measurementOf()]);
    const element = (name: string): unknown => metadata.schema.find((one) => one.name === name);
    expect(element('time')).toMatchObject({ type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' } });
    expect(element('sequence')).toMatchObject({ type: 'INT32', converted_type: 'UINT_32' });
    expect(element('rssiDbm')).toMatchObject({ type: 'INT32' });
    expect(element('temperatureC')).toMatchObject({ type: 'DOUBLE' });
    expect(metadata.schema.filter(({ logical_type: logical }) => logical?.type === 'INTEGER')).toEqual([]); // DuckDB refuses what the library writes of it
    const chunk = (name: string): NonNullable<FileMetaData['row_groups'][0]['columns'][0]['meta_data']> => metadata.row_groups[0]!.columns.find(({ meta_data: data }) => data?.path_in_schema[0] === name)!.meta_data!;
    expect(chunk('sensorId').encodings).toContain('RLE_DICTIONARY');
    expect(measurementColumns(false).filter(({ unit }) => unit !== undefined).map(({ name, unit }) => [name, unit])).toEqual(
      metadata.row_groups[0]!.columns.flatMap(({ meta_data: data }) => (data?.key_value_metadata ?? []).map(({ value }) => [data!.path_in_schema[0], value])),
    );
    expect(chunk('accelerationRmsXG').key_value_metadata).toEqual([{ key: 'unit', value: 'g' }]);
  });

  it('brings names back letter by letter, when they are asked for', async () => {
    const place = placeOf({ siteName: '=1+1', assetName: 'two\nlines, "quoted"\u0000', positionName: 'Süd 泵 🛠' });
    expect((await tableOf([measurementOf()], { withNames: true }, place)).rows[0]).toMatchObject(place);
    expect(Object.keys((await tableOf([measurementOf()], {}, place)).rows[0]!).filter((name) => name.endsWith('Name'))).toEqual([]);
  });

  it('holds the longest waveform there is, 24 bits deep, and those of fewer axes', async () => {
    const long = [1, 2, 3].map((factor) => Int32Array.from({ length: 65_536 }, (_, n) => ((n * factor * 7919) % 2 ** 24) - 2 ** 23));
    const { rows } = await tableOf([waveformOf(long), waveformOf([Int16Array.of(-32_768, 0, 32_767)])], { selection: { kind: 'waveform' } });
    expect(rows.map(({ bitsPerSample, totalSamples }) => [bitsPerSample, totalSamples])).toEqual([[24, 65_536], [16, 3]]);
    for (const [index, axis] of ['x', 'y', 'z'].entries()) expect(Int32Array.from(rows[0]![axis] as number[])).toEqual(long[index]);
    expect([rows[1]!['y'] ?? null, rows[1]!['z'] ?? null]).toEqual([null, null]);
    expect(rows[1]).toMatchObject({ x: [-32_768, 0, 32_767], sampleRateHz: 26_667, fullScaleG: 16 });
  });

  it('holds zone changes', async () => {
    const event: SensorMessage = { kind: 'event', sensorId: SENSOR, bootEpoch: 1, sequence: 1, timeMs: NOW_MS, event: 'zone-change', from: 'A', to: 'C', velocityRmsMmPerS: 3 };
    expect((await tableOf([measurementOf(), event], { selection: { kind: 'event' } })).rows).toEqual([expect.objectContaining({ event: 'zone-change', from: 'A', to: 'C', velocityRmsMmPerS: 3 })]);
  });

  it('of nothing is a table with its columns and no rows', async () => {
    const { rows, metadata } = await tableOf([]);
    expect(rows).toEqual([]);
    expect(metadata.schema).toHaveLength(1 + measurementColumns(false).length);
  });

  it('keeps no more than a row group, however many rows there are', { timeout: 60_000 }, async () => {
    const row = { message: measurementOf(), gatewayId: GATEWAY, receivedMs: NOW_MS, place: undefined };
    let kept = 0;
    let most = 0;
    let writes = 0;
    const writer = await parquetWriter(() => {
      most = Math.max(most, kept);
      kept = 0;
      writes += 1;
      return Promise.resolve();
    }, measurementColumns(false));
    for (let n = 0; n < 4 * ROW_GROUP.rows; n++) {
      kept += 1;
      const written = writer.add(row);
      if (written) await written;
    }
    expect({ most, writes }).toEqual({ most: ROW_GROUP.rows, writes: 4 });
    await writer.finish();
  });

  it('ends a row group also by its samples', async () => {
    const axes = [new Int16Array(65_536), new Int16Array(65_536), new Int16Array(65_536)];
    const { metadata } = await tableOf(Array.from({ length: 12 }, (_, sequence) => waveformOf(axes, { sequence })), { selection: { kind: 'waveform' } });
    expect(metadata.row_groups.map(({ num_rows: rows }) => Number(rows))).toEqual([6, 6]);
  });

  it.skipIf(reader === undefined)('is read by another library', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'thrum-parquet-'));
    try {
      const path = join(folder, 'm.parquet');
      await writeFile(path, (await tableOf([measurementOf({ sequence: 0xffff_ffff }), measurementOf()])).bytes);
      const program = reader === 'duckdb'
        ? 'import duckdb,sys; print(duckdb.sql(f"select sequence, rssiDbm, epoch_ms(time) from \'{sys.argv[1]}\'").fetchall())'
        : 'import pyarrow.parquet as p,sys; t=p.read_table(sys.argv[1]); print([(r["sequence"],r["rssiDbm"],round(r["time"].timestamp()*1000)) for r in t.to_pylist()])';
      expect(execFileSync('python3', ['-c', program, path], { encoding: 'utf8' }).trim()).toBe(`[(4294967295, -60, ${NOW_MS}), (3, -60, ${NOW_MS})]`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
