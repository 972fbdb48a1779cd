import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { SensorMessage, Zone, ZoneEvent } from '../../../frame/mod.ts';
import { nextZone, ZONE_BOUNDARIES_MM_PER_S as SENSORS_BOUNDARIES } from '../../../sensors/mod.ts';
import { makeHome, NOW_MS } from '../../broker.fixture.ts';
import type { ExportEntry, StoredConnection } from '../entry.ts';
import { exportFile, type ExportRequest } from '../export.ts';
import { batchWith, collector, GATEWAY, itemsOf, measurementOf, placeOf, projectOf, requestOf, SENSOR, storeFleet } from '../export.fixture.ts';
import { monitronEvent, type MonitronEvent } from './event.ts';
import { ZONE_BOUNDARIES_MM_PER_S } from './iso-zones.ts';
import { SILENCE_MS } from './presence.ts';

const published = JSON.parse(await readFile(new URL('../../../docs/monitron-v2.schema.json', import.meta.url), 'utf8')) as Parameters<typeof z.fromJSONSchema>[0];
const schema = z.fromJSONSchema(published);

/** The stream of these entries; every line is held against the published schema. */
async function streamOf(items: Parameters<typeof exportFile>[0], more: Partial<ExportRequest> = {}): Promise<MonitronEvent[]> {
  const out = collector();
  const { rows } = await exportFile(items, requestOf('monitron-v2', more), out.write);
  const lines = out.text().split('\n').slice(0, -1);
  expect(lines).toHaveLength(rows);
  return lines.map((line) => schema.parse(JSON.parse(line)) as MonitronEvent);
}

const project = projectOf({ places: new Map([[SENSOR, placeOf({ isoClass: 'CLASS2' })]]), gatewaySites: new Map([[GATEWAY, 'North']]) });

function events(entries: ExportEntry[], more: Partial<ExportRequest> = {}): Promise<MonitronEvent[]> {
  return streamOf(itemsOf(entries, project), more);
}

function change(from: Zone, to: Zone, sequence = 3): ZoneEvent {
  return { kind: 'event', sensorId: SENSOR, bootEpoch: 2, sequence, timeMs: NOW_MS, event: 'zone-change', from, to, velocityRmsMmPerS: 3 };
}

function moving(totalRms: number, sequence = 3): SensorMessage {
  return measurementOf({ sequence, velocityMmPerS: { ...measurementOf().velocityMmPerS, totalRms } });
}

const connection = (connected: boolean, receivedMs: number): StoredConnection => ({ channel: 'connection', receivedMs, gatewayId: GATEWAY, connected });

const ofType = <Type extends MonitronEvent['eventType']>(all: readonly MonitronEvent[], type: Type): Extract<MonitronEvent, { eventType: Type }>[] =>
  all.filter((event): event is Extract<MonitronEvent, { eventType: Type }> => event.eventType === type);

describe('the event stream', () => {
  it('has the published schema, which is strict', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(monitronEvent))));
    expect(JSON.stringify(published)).toContain('"additionalProperties":false');
  });

  it('says a measurement in m/s², mm/s and °C, and leaves out what was not measured', async () => {
    const [connected, measured] = await events([batchWith([measurementOf({ temperatureC: 41.25 })])]);
    expect(connected!.eventType).toBe('sensorConnected');
    expect(measured).toMatchObject({ timestamp: '2025-10-09 08:53:20.005', version: '2.0', accountId: '123456789012', projectId: project.projectId, eventType: 'measurement' });
    const { features, sensor, gateway, sequenceNo } = ofType([measured!], 'measurement')[0]!.eventPayload;
    expect({ sensor, gateway, sequenceNo }).toEqual({ sensor: { physicalId: SENSOR, rssi: -60 }, gateway: { physicalId: GATEWAY }, sequenceNo: 3 });
    expect(features).toEqual({
      acceleration: {
        band0To6000Hz: { xAxis: { rms: 0.980665 }, zAxis: { rms: 2.94199 } },
        band10To1000Hz: { totalVibration: { absMax: 49.0332, absMin: 0, crestFactor: 1.5625, rms: 31.3813 }, xAxis: { rms: 9.80665 }, zAxis: { rms: 29.42 } },
      },
      velocity: { band10To1000Hz: { totalVibration: { absMax: 5, absMin: 0, crestFactor: 1.5625, rms: 3.2 }, xAxis: { rms: 1 }, zAxis: { rms: 3 } } },
      temperature: 41.25,
    });
    const [, unknown] = await events([batchWith([measurementOf()])]);
    expect(ofType([unknown!], 'measurement')[0]!.eventPayload.features).not.toHaveProperty('temperature');
  });

  it('keeps the owner’s names out unless they are asked for', async () => {
    const entries = [connection(true, NOW_MS), batchWith([measurementOf(), change('B', 'C')])];
    const ids = await events(entries);
    expect(JSON.stringify(ids)).not.toMatch(/North|Pump|Drive|Mill/);
    const named = await events(entries, { withNames: true });
    expect(named.map(({ eventPayload }) => eventPayload.siteName)).toEqual(['North', 'North', 'North', 'North']);
    expect(named[1]).toMatchObject({ projectName: 'Mill', eventPayload: { assetName: 'Pump 4', positionName: 'Drive end' } });
    expect(ofType(ids, 'measurement')[0]!.eventPayload.assetPositionURL).toBe(`https://thrum.invalid/projects/${project.projectId}/positions/${SENSOR}`);
    expect(named.map(({ eventId }) => eventId)).toEqual(ids.map(({ eventId }) => eventId));
  });

  it('has hostile names in lines of their own', async () => {
    const place = placeOf({ siteName: 'a\n{"eventType":"x"}', assetName: '\u2028=1"\\', positionName: '\u0000泵' });
    const [event] = await streamOf(itemsOf([batchWith([measurementOf()])], projectOf({ places: new Map([[SENSOR, place]]) })), { withNames: true });
    expect(event!.eventPayload).toMatchObject(place);
  });

  it('judges by the boundaries of the sensors', () => {
    expect(ZONE_BOUNDARIES_MM_PER_S).toEqual(SENSORS_BOUNDARIES);
  });

  it('has the zone that the sensor reported for persistent, also for the measurement that caused it, and that of the value for pointwise', async () => {
    const all = await events([
      batchWith([moving(1, 1)], 1), batchWith([moving(3, 2), change('A', 'C', 2)], 2), batchWith([moving(2.7, 3)], 3), batchWith([moving(5, 4), change('C', 'D', 4)], 4), batchWith([moving(NaN, 5)], 5),
    ]);
    const said = ofType(all, 'measurement').map(({ eventPayload: { models: { vibrationISO: iso } } }) => [iso.previousPersistentClassificationOutput, iso.persistentClassificationOutput, iso.pointwiseClassificationOutput, iso.isoClass].join(' '));
    expect(said).toEqual(['UNKNOWN HEALTHY HEALTHY CLASS2', 'HEALTHY WARNING WARNING CLASS2', 'WARNING WARNING HEALTHY CLASS2', 'WARNING ALARM ALARM CLASS2', 'ALARM ALARM UNKNOWN CLASS2']);
  });

  it('has a transition where the state of the asset changed, and none where only the zone did', async () => {
    const all = await events([batchWith([change('A', 'B')], 1), batchWith([change('B', 'D')], 2), batchWith([change('D', 'A')], 3)]);
    expect(ofType(all, 'assetStateTransition').map(({ eventPayload: { assetTransitionType, assetState } }) => [assetTransitionType, assetState])).toEqual([
      ['measurement', { newState: 'ALARM', previousState: 'HEALTHY' }], ['measurement', { newState: 'HEALTHY', previousState: 'ALARM' }],
    ]);
  });

  it('has gateways come and go as they are stored', async () => {
    const all = await events([connection(true, NOW_MS), connection(false, NOW_MS + 7)]);
    expect(all.map(({ eventType, timestamp }) => [eventType, timestamp])).toEqual([['gatewayConnected', '2025-10-09 08:53:20.000'], ['gatewayDisconnected', '2025-10-09 08:53:20.007']]);
    expect(all[0]!.eventPayload).toEqual({ siteName: project.projectId, gatewayName: GATEWAY, gatewayListURL: `https://thrum.invalid/projects/${project.projectId}/gateways`, gateway: { physicalId: GATEWAY } });
  });

  it('has sensors go after a day without a word, in time between what others said, and come back with their next word', async () => {
    const other = '00124b00000000bb';
    const entries = [batchWith([measurementOf()], 1, NOW_MS), batchWith([measurementOf({ sensorId: other })], 2, NOW_MS + 1000), batchWith([measurementOf({ sensorId: other })], 3, NOW_MS + SILENCE_MS), batchWith([measurementOf()], 4, NOW_MS + 2 * SILENCE_MS)];
    const presence = async (nowMs: number): Promise<string[]> => (await events(entries, { nowMs })).filter(({ eventType }) => eventType.startsWith('sensor'))
      .map(({ eventType, timestamp, eventPayload }) => `${eventType} ${(eventPayload as { sensor: { physicalId: string } }).sensor.physicalId.slice(-2)} ${(Date.parse(`${timestamp}Z`) - NOW_MS) / 1000}`);
    const day = SILENCE_MS / 1000;
    const told = ['sensorConnected aa 0', 'sensorConnected bb 1', `sensorDisconnected aa ${day}`, `sensorDisconnected bb ${2 * day}`, `sensorConnected aa ${2 * day}`];
    expect(await presence(NOW_MS + 3 * SILENCE_MS - 1)).toEqual(told);
    expect(await presence(NOW_MS + 3 * SILENCE_MS)).toEqual([...told, `sensorDisconnected aa ${3 * day}`]);
  });

  it('says the same of each event whatever is selected', async () => {
    const entries = Array.from({ length: 200 }, (_, n) => batchWith([moving(n === 190 ? 5 : 1, n), ...(n === 190 ? [change('A', 'D', n)] : [])], n, NOW_MS + n));
    const all = await events(entries);
    expect(new Set(all.map(({ eventId }) => eventId)).size).toBe(all.length);
    const part = await events(entries, { selection: { kind: 'measurement', limit: 10 } });
    expect(part).toEqual(ofType(all, 'measurement').slice(0, 10));
    expect(await events(entries, { selection: { kind: 'event' } })).toEqual(ofType(all, 'assetStateTransition'));
    expect(await events(entries, { selection: { sensorId: '00124b00000000bb' } })).toEqual([]);
  });

  it('of a fleet agrees with what its sensors reported, and is the same twice', { timeout: 60_000 }, async () => {
    const home = await makeHome();
    try {
      const fleet = await storeFleet(home);
      const all = await streamOf(fleet.items());
      expect(await streamOf(fleet.items())).toEqual(all);
      const measured = fleet.sent.filter((message) => message.kind === 'measurement');
      expect(ofType(all, 'measurement')).toHaveLength(measured.length);
      const zones = new Map<string, Zone>();
      for (const event of ofType(all, 'measurement')) {
        const { sensor: { physicalId }, features, models: { vibrationISO } } = event.eventPayload;
        const zone = nextZone(zones.get(physicalId) ?? 'A', features.velocity.band10To1000Hz.totalVibration.rms!);
        zones.set(physicalId, zone);
        expect(vibrationISO.persistentClassificationOutput).toBe({ A: 'HEALTHY', B: 'HEALTHY', C: 'WARNING', D: 'ALARM' }[zone]);
      }
    } finally {
      await home.remove();
    }
  });
});
