import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeWav, frameToJson, type SensorMessage, type Waveform } from '../../frame/mod.ts';
import { makeHome, NOW_MS, type TestHome } from '../broker.fixture.ts';
import { exportEvent } from './audit.ts';
import { exportFile, exportWav, type ExportRequest, type ExportSummary, type FileFormat } from './export.ts';
import { batchWith, collector, itemsOf, measurementOf, placeOf, projectOf, requestOf, SENSOR, storeFleet, type StoredFleet } from './export.fixture.ts';
import { undecodable } from './selection.ts';

const FORMATS: readonly FileFormat[] = ['ndjson', 'csv', 'parquet', 'monitron-v2'];

async function textOf(items: Parameters<typeof exportFile>[0], request: ExportRequest): Promise<string> {
  const out = collector();
  await exportFile(items, request, out.write);
  return out.text();
}

function ofKind<Kind extends SensorMessage['kind']>(messages: readonly SensorMessage[], kind: Kind): Extract<SensorMessage, { kind: Kind }>[] {
  return messages.filter((message): message is Extract<SensorMessage, { kind: Kind }> => message.kind === kind);
}

describe('what a fleet stored', () => {
  let home: TestHome;
  let fleet: StoredFleet;
  let folder: string;
  beforeAll(async () => {
    home = await makeHome();
    fleet = await storeFleet(home);
    folder = await mkdtemp(join(tmpdir(), 'thrum-export-'));
  }, 60_000);
  afterAll(async () => {
    await home.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it('comes back from NDJSON, message by message', async () => {
    const lines = (await textOf(fleet.items(), requestOf('ndjson'))).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toEqual(fleet.sent.map((message) => ({ gatewayId: expect.any(String) as string, receivedTime: expect.any(String) as string, ...(frameToJson(message) as object) })));
  });

  it('comes back from CSV, measurement by measurement', async () => {
    const [header, ...rows] = (await textOf(fleet.items(), requestOf('csv'))).trimEnd().split('\r\n').map((line) => line.split(','));
    const column = (row: string[], name: string): number => Number(row[header!.indexOf(name)]);
    expect(rows.map((row) => [column(row, 'sequence'), column(row, 'temperatureC'), column(row, 'accelerationRmsZG'), column(row, 'velocity10To1000HzTotalCrestFactor')])).toEqual(
      ofKind(fleet.sent, 'measurement').map((m) => [m.sequence, m.temperatureC, m.accelerationRmsG.z, m.velocityMmPerS.totalCrestFactor]),
    );
  });

  it('comes back from Parquet, kind by kind', async () => {
    const rowsOf = async (kind: SensorMessage['kind']): Promise<Record<string, unknown>[]> => {
      const out = collector();
      await exportFile(fleet.items(), requestOf('parquet', { selection: { kind } }), out.write);
      return parquetReadObjects({ file: new Uint8Array(out.bytes()).buffer });
    };
    expect((await rowsOf('measurement')).map((row) => [row['time'], row['sensorId'], row['velocity10To1000HzRmsXMmPerS'], row['temperatureC']])).toEqual(
      ofKind(fleet.sent, 'measurement').map((m) => [new Date(m.timeMs), m.sensorId, m.velocityMmPerS.rms.x, m.temperatureC]),
    );
    const waveforms = ofKind(fleet.sent, 'waveform');
    expect(waveforms.length).toBeGreaterThan(20);
    expect((await rowsOf('waveform')).map(({ x, y, z }) => [x, y, z])).toEqual(waveforms.map(({ axes }) => axes.map((axis) => Array.from(axis))));
    const changes = ofKind(fleet.sent, 'event');
    expect(changes.length).toBeGreaterThan(0);
    expect((await rowsOf('event')).map(({ from, to }) => [from, to])).toEqual(changes.map(({ from, to }) => [from, to]));
  });

  it('comes back from WAV files, which only their owner can read', async () => {
    const { files, incomplete } = await exportWav(fleet.items(), {}, join(folder, 'recordings'), false);
    expect(incomplete).toEqual([]);
    const expected = new Map(ofKind(fleet.sent, 'waveform').map((w) => [`${w.sensorId}-${w.bootEpoch}-${w.captureId}.wav`, Buffer.from(encodeWav(w.axes, w.sampleRateHz))]));
    expect((await readdir(join(folder, 'recordings'))).sort()).toEqual([...expected.keys()].sort());
    for (const path of files) expect(await readFile(path)).toEqual(expected.get(path.slice(path.lastIndexOf('/') + 1)));
  });
});

describe('an export', () => {
  it.each(FORMATS)('to %s of an empty project has no rows', async (format) => {
    expect(await exportFile(itemsOf([]), requestOf(format), collector().write)).toMatchObject({ rows: 0, complete: true });
  });

  it.each(FORMATS)('to %s is summed up by its rows and the SHA-256 of its bytes', async (format) => {
    const out = collector();
    const told: ExportSummary[] = [];
    const summary = await exportFile(itemsOf([batchWith([measurementOf(), measurementOf({ sequence: 4 })])]), requestOf(format, { onExported: (one) => told.push(one) }), out.write);
    expect(summary).toEqual({ format, rows: format === 'monitron-v2' ? 3 : 2, bytes: out.bytes().length, sha256: createHash('sha256').update(out.bytes()).digest('hex'), complete: true });
    expect(told).toEqual([summary]);
  });

  it('that fails on the way is summed up too, by what had left', async () => {
    const told: ExportSummary[] = [];
    const fails = async function* (): AsyncGenerator<ReturnType<typeof batchWith>> {
      for (let n = 0; n < 200; n++) yield batchWith([measurementOf({ sequence: n })], n);
      throw await Promise.resolve(new Error('damaged'));
    };
    const out = collector();
    await expect(exportFile(itemsOf(fails()), requestOf('ndjson', { onExported: (one) => told.push(one) }), out.write)).rejects.toThrow('damaged');
    expect(out.bytes().length).toBeGreaterThan(0);
    expect(told).toEqual([expect.objectContaining({ rows: 200, bytes: out.bytes().length, complete: false })]);
  });

  it('reads no further than its limit', async () => {
    let read = 0;
    const entries = function* (): Generator<ReturnType<typeof batchWith>> {
      for (;;) yield batchWith([measurementOf({ sequence: read })], ++read);
    };
    expect(await exportFile(itemsOf(entries()), requestOf('csv', { selection: { limit: 3 } }), collector().write)).toMatchObject({ rows: 3 });
    expect(read).toBe(3);
  });

  it('writes text in pieces of 64 KiB and a line, however much there is', async () => {
    const out = collector();
    const batches = Array.from({ length: 2_000 }, (_, n) => batchWith([measurementOf({ sequence: n })], n));
    await exportFile(itemsOf(batches), requestOf('ndjson'), out.write);
    expect(out.pieces.length).toBeGreaterThan(10);
    expect(Math.max(...out.pieces.map(({ length }) => length))).toBeLessThan(66 * 1024);
  });

  it('passes over a batch that does not decode, and says where it is kept', async () => {
    const bad = { ...batchWith([]), undecodable: 'bad frame' };
    expect(await exportFile(itemsOf([bad, batchWith([measurementOf()])]), requestOf('ndjson'), collector().write)).toMatchObject({ rows: 1 });
    expect(undecodable(bad)).toBe('segment, record 1: gateway 00124b0000000001 sent a batch that does not decode: bad frame');
    expect(undecodable(batchWith([]))).toBeUndefined();
  });

  it('to NDJSON has the names of places when they are asked for', async () => {
    const items = (): ReturnType<typeof itemsOf> => itemsOf([batchWith([measurementOf()])], projectOf({ places: new Map([[SENSOR, placeOf({ siteName: 'a\nb' })]]) }));
    expect(JSON.parse(await textOf(items(), requestOf('ndjson', { withNames: true })))).toMatchObject({ siteName: 'a\nb', assetName: 'Pump 4', positionName: 'Drive end', temperatureC: null });
    expect(await textOf(items(), requestOf('ndjson'))).not.toContain('Name');
  });

  it('to WAV keeps projects apart that have the same sensors', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'thrum-export-'));
    try {
      const wave = (value: number): Waveform => ({ kind: 'waveform', sensorId: SENSOR, bootEpoch: 1, sequence: 7, timeMs: NOW_MS, captureId: 7, firstSample: 0, totalSamples: 2, sampleRateHz: 1000, fullScaleG: 16, axes: [Int16Array.of(value, value)] });
      const both = async function* (): ReturnType<typeof itemsOf> {
        yield* itemsOf([batchWith([wave(1)])], projectOf({ projectId: 'p-1' }));
        yield* itemsOf([batchWith([wave(2)])], projectOf({ projectId: 'p-2' }));
      };
      const told: ExportSummary[] = [];
      const { files, sha256 } = await exportWav(both(), {}, folder, true, (one) => told.push(one));
      expect(files).toEqual([join(folder, 'p-1', `${SENSOR}-1-7.wav`), join(folder, 'p-2', `${SENSOR}-1-7.wav`)]);
      const sums = await Promise.all(files.map(async (path) => `${createHash('sha256').update(await readFile(path)).digest('hex')}  ${path.slice(folder.length + 1)}\n`));
      expect(sha256).toBe(createHash('sha256').update(sums.join('')).digest('hex'));
      expect(told).toEqual([{ format: 'wav', rows: 2, bytes: 96, sha256, complete: true }]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('the audit event of an export', () => {
  const summary: ExportSummary = { format: 'csv', rows: 3, bytes: 9, sha256: 'ab', complete: true };
  const data = { principal: 'arn:aws:iam::123456789012:root', projectIds: ['p-1'], selection: { siteName: 'North', sensorId: SENSOR, fromMs: 0 }, withNames: true, summary };

  it('says what left, and not where it was measured', () => {
    const event = exportEvent(data);
    expect(event).toMatchObject({
      eventName: 'ExportData', principal: data.principal, readOnly: true, resources: ['arn:thrum:store:::project/p-1'],
      requestParameters: { format: 'csv', withNames: true, byPlace: true, sensorId: SENSOR, from: '1970-01-01T00:00:00.000Z' }, responseElements: { rows: 3, bytes: 9, sha256: 'ab' },
    });
    expect(event).not.toHaveProperty('errorCode');
    expect(JSON.stringify(event)).not.toContain('North');
  });

  it('says when the export ended before it was whole', () => {
    expect(exportEvent({ ...data, summary: { ...summary, complete: false } })).toMatchObject({ errorCode: 'ExportIncomplete', responseElements: { rows: 3 } });
  });
});
