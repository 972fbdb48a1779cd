import { describe, expect, it } from 'vitest';
import { NOW_MS } from '../broker.fixture.ts';
import { batchWith, GATEWAY, measurementOf, placeOf, projectOf, SENSOR } from './export.fixture.ts';
import { namesKnownPlace, rowsOf, type Selection } from './selection.ts';

const project = projectOf({ places: new Map([[SENSOR, placeOf()]]) });
const entry = batchWith([measurementOf(), measurementOf({ sensorId: '00124b00000000bb', timeMs: NOW_MS + 10 })]);

function selected(selection: Selection): string[] {
  return [...rowsOf({ project, entry }, selection)].map(({ message }) => message.sensorId.slice(-2));
}

describe('a selection', () => {
  it.each<[string, Selection, string[]]>([
    ['nothing takes all', {}, ['aa', 'bb']],
    ['a sensor', { sensorId: SENSOR }, ['aa']],
    ['a gateway', { gatewayId: GATEWAY }, ['aa', 'bb']],
    ['another gateway', { gatewayId: '00124b0000000002' }, []],
    ['a site', { siteName: 'North' }, ['aa']],
    ['a site, an asset and a position', { siteName: 'North', assetName: 'Pump 4', positionName: 'Drive end' }, ['aa']],
    ['a site and an asset that is not there', { siteName: 'North', assetName: 'Pump 5' }, []],
    ['a name in other letters', { siteName: 'north' }, []],
    ['from a time, which is in it', { fromMs: NOW_MS + 10 }, ['bb']],
    ['to a time, which is not in it', { toMs: NOW_MS + 10 }, ['aa']],
    ['a kind', { kind: 'event' }, []],
  ])('of %s', (_what, selection, sensors) => {
    expect(selected(selection)).toEqual(sensors);
  });

  it('knows whether any sensor is where it says', () => {
    expect(namesKnownPlace({ sensorId: SENSOR }, new Map())).toBe(true);
    expect(namesKnownPlace({ siteName: 'North' }, project.places)).toBe(true);
    expect(namesKnownPlace({ siteName: 'North', positionName: 'Fan' }, project.places)).toBe(false);
    expect(namesKnownPlace({ siteName: 'North' }, new Map())).toBe(false);
  });

  it('takes no rows from a connection', () => {
    expect([...rowsOf({ project, entry: { channel: 'connection', receivedMs: NOW_MS, gatewayId: GATEWAY, connected: true } }, {})]).toEqual([]);
  });
});
