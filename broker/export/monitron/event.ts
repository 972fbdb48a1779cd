/**
 * The event stream of the service modelled (its data export schema, version 2.0): the shape of every line. Promises:
 * docs/monitron-v2.schema.json is made from the schemas here, and no line has a field that is not in them.
 */
import { z } from 'zod';

const eui64 = z.string().regex(/^[0-9a-f]{16}$/).describe('EUI-64, 16 lower-case hexadecimal digits');
const sensor = z.strictObject({ physicalId: eui64 });
const gateway = z.strictObject({ physicalId: eui64 });
const name = z.string().min(1).describe('The owner’s name of it with --with-names; an id without');

const rms = z.strictObject({ rms: z.number().nonnegative() });
const axes = { xAxis: rms.optional(), yAxis: rms.optional(), zAxis: rms.optional() };
const totalVibration = z.strictObject({
  absMax: z.number().nonnegative().optional(),
  absMin: z.number().nonnegative().optional(),
  crestFactor: z.number().nonnegative().optional(),
  rms: z.number().nonnegative().optional(),
});
const band10To1000Hz = z.strictObject({ totalVibration, ...axes });

const classification = z.enum(['UNKNOWN', 'HEALTHY', 'WARNING', 'ALARM']);
export type Classification = z.infer<typeof classification>;

const persistent = { previousPersistentClassificationOutput: classification, persistentClassificationOutput: classification };
const learned = z.strictObject({ ...persistent, pointwiseClassificationOutput: z.enum(['UNKNOWN', 'INITIALIZING', 'HEALTHY', 'WARNING', 'ALARM']) });
/** What a model that learns says of one measurement. */
export type LearnedOutput = z.infer<typeof learned>;

const vibrationIso = z.strictObject({ isoClass: z.enum(['CLASS1', 'CLASS2', 'CLASS3', 'CLASS4']).optional(), ...persistent, pointwiseClassificationOutput: classification });
/** What the zones of ISO 20816 say of one measurement. */
export type IsoOutput = z.infer<typeof vibrationIso>;

const position = {
  siteName: name,
  assetName: name,
  positionName: name,
  assetPositionURL: z.url().describe('Names the position and leads nowhere: .invalid is reserved (RFC 2606)'),
  assetPositionId: eui64.describe('The id of the sensor, which is what a position is known by'),
};

const measurementPayload = z.strictObject({
  ...position,
  sensor: sensor.extend({ rssi: z.number().int().describe('dBm') }),
  gateway,
  sequenceNo: z.number().int().min(0).max(0xffff_ffff),
  features: z.strictObject({
    acceleration: z.strictObject({ band0To6000Hz: z.strictObject(axes), band10To1000Hz }).describe('m/s²'),
    velocity: z.strictObject({ band10To1000Hz }).describe('mm/s'),
    temperature: z.number().optional().describe('°C'),
  }),
  models: z.strictObject({ temperatureML: learned, vibrationISO: vibrationIso, vibrationML: learned }),
});
export type MeasurementPayload = z.infer<typeof measurementPayload>;

const gatewayPayload = z.strictObject({ siteName: name, gatewayName: name, gatewayListURL: z.url(), gateway });
const sensorPayload = z.strictObject({ ...position, sensor });
const transitionPayload = z.strictObject({
  ...position,
  sensor,
  assetTransitionType: z.literal('measurement'),
  assetState: z.strictObject({ newState: classification, previousState: classification }),
});

const envelope = {
  timestamp: z.string().regex(/^\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/).describe('When the broker received it, UTC'),
  eventId: z.uuid().describe('UUID of version 5: the same event has the same id in every export'),
  version: z.literal('2.0'),
  accountId: z.string().regex(/^\d{12}$/),
  projectName: name,
  projectId: z.string().min(1),
};

export const monitronEvent = z.discriminatedUnion('eventType', [
  z.strictObject({ ...envelope, eventType: z.literal('measurement'), eventPayload: measurementPayload }),
  z.strictObject({ ...envelope, eventType: z.literal('gatewayConnected'), eventPayload: gatewayPayload }),
  z.strictObject({ ...envelope, eventType: z.literal('gatewayDisconnected'), eventPayload: gatewayPayload }),
  z.strictObject({ ...envelope, eventType: z.literal('sensorConnected'), eventPayload: sensorPayload }),
  z.strictObject({ ...envelope, eventType: z.literal('sensorDisconnected'), eventPayload: sensorPayload }),
  z.strictObject({ ...envelope, eventType: z.literal('assetStateTransition'), eventPayload: transitionPayload }),
]);
export type MonitronEvent = z.infer<typeof monitronEvent>;
/** What an event says besides its envelope. */
export type EventBody = MonitronEvent extends infer Event ? (Event extends MonitronEvent ? Pick<Event, 'eventType' | 'eventPayload'> : never) : never;
