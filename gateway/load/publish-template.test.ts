import fc from 'fast-check';
import { parser, type IPublishPacket } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { decodeBatch, frameOf, readBatchHeader, type SensorMessage } from '../../frame/mod.ts';
import { bytesTemplate, frameTemplate, textTemplate, type PublishHead, type PublishTemplate } from './publish-template.ts';
import { gatewayIdOf } from './squads.ts';
import { MAX_BATCH_MESSAGES, MAX_STREAMS, readStamp, streamKey, FIRST_BATCH_NUMBER, STAMP_BYTES } from './stamp.ts';

const band = { rms: { x: 0.5, y: 7, z: 1 }, totalRms: 0.25, totalAbsMax: 9, totalAbsMin: 0, totalCrestFactor: 3 };
const measurement = (sequence: number): SensorMessage => ({
  kind: 'measurement', sensorId: '00a0b1c2d3e4f506', bootEpoch: 1, sequence, timeMs: 1_700_000_000_000 + sequence * 1000,
  accelerationRmsG: { x: 1, y: 2, z: 3 }, accelerationG: band, velocityMmPerS: band, temperatureC: 40, batteryPercent: 100, rssiDbm: -70,
});
const event: SensorMessage = { kind: 'event', sensorId: '00a0b1c2d3e4f506', bootEpoch: 1, sequence: 9, timeMs: 1_700_000_000_000, event: 'zone-change', from: 'A', to: 'D', velocityRmsMmPerS: 12 };

const head: fc.Arbitrary<PublishHead> = fc.record({
  topic: fc.oneof(fc.constantFrom('a', 'thrum/load/ü/data', 't'.repeat(300)), fc.string({ minLength: 1, maxLength: 60 }).map((text) => text.replace(/[+#\0]/g, '_'))),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
  mqttVersion: fc.constantFrom(4 as const, 5 as const),
});
const messageId = fc.integer({ min: 1, max: 65_534 });
const sequence = fc.oneof(fc.constantFrom(0, 1, 127, 128, MAX_BATCH_MESSAGES - 1), fc.integer({ min: 0, max: MAX_BATCH_MESSAGES - 1 }));
const dueUs = fc.double({ min: 1.7e15, max: 1.8e15, noNaN: true });
const runEpoch = fc.oneof(fc.constantFrom(0, 127, 128, 2 ** 32 - MAX_STREAMS), fc.integer({ min: 0, max: 2 ** 32 - MAX_STREAMS }));

/** The packets that a template writes, one after the other in one buffer, as mqtt-packet reads them. */
function written(template: PublishTemplate, head: PublishHead, messages: readonly { readonly id: number; readonly sequence: number; readonly dueUs: number }[]): IPublishPacket[] {
  const buffer = Buffer.alloc(3 + template.bytes * messages.length, 0xee);
  let at = 3;
  for (const { id, sequence, dueUs } of messages) at = template.write(buffer, at, id, sequence, dueUs);
  const packets: IPublishPacket[] = [];
  const reader = parser({ protocolVersion: head.mqttVersion });
  reader.on('packet', (packet) => packets.push(packet as IPublishPacket));
  reader.on('error', (error) => {
    throw error;
  });
  reader.parse(buffer.subarray(3, at));
  expect(packets.length).toBe(messages.length);
  for (const [i, packet] of packets.entries()) {
    expect(packet).toMatchObject({ cmd: 'publish', topic: head.topic, qos: head.qos, retain: head.retain, dup: false });
    expect(packet.messageId).toBe(head.qos === 0 ? undefined : messages[i]!.id);
  }
  return packets;
}

const message = fc.record({ id: messageId, sequence, dueUs });

describe('a template of batch frames', () => {
  it('writes batches of the right gateway, epoch and number that decode to the measurements, and whose stamp can be read', () => {
    fc.assert(
      fc.property(head, fc.integer({ min: 0, max: 999_999 }), runEpoch, fc.nat(MAX_STREAMS - 1), fc.integer({ min: 0, max: 40 }), fc.boolean(), fc.array(message, { minLength: 1, maxLength: 4 }), (head, client, runEpoch, stream, count, hasEvent, messages) => {
        const sent = [...Array.from({ length: count }, (_, i) => measurement(i)), ...(hasEvent ? [event] : [])];
        const gatewayId = gatewayIdOf(client);
        const template = frameTemplate(head, { gatewayId, bootEpoch: runEpoch + stream }, sent.map(frameOf));
        for (const [i, { payload }] of written(template, head, messages).entries()) {
          const bytes = payload as Buffer;
          const { sequence, dueUs } = messages[i]!;
          expect(readBatchHeader(bytes)).toEqual({ gatewayId, bootEpoch: runEpoch + stream, sequence: FIRST_BATCH_NUMBER + sequence, messageCount: sent.length + 1 });
          expect(decodeBatch(bytes).messages.map(({ kind, sequence }) => [kind, sequence])).toEqual(sent.map(({ kind, sequence }) => [kind, sequence]));
          expect(readStamp(bytes, 0, bytes.length, runEpoch)).toEqual({ key: streamKey(client, stream), sequence, dueUs });
        }
      }),
      { numRuns: 150 },
    );
  });

  it('writes frames none of whose bits can be flipped unnoticed', () => {
    const template = frameTemplate({ topic: 't', qos: 1, retain: false, mqttVersion: 4 }, { gatewayId: gatewayIdOf(3), bootEpoch: 1000 }, [frameOf(measurement(1)), frameOf(measurement(2))]);
    const [packet] = written(template, { topic: 't', qos: 1, retain: false, mqttVersion: 4 }, [{ id: 1, sequence: 5, dueUs: 1.7e15 }]);
    const bytes = packet!.payload as Buffer;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes);
      altered[bit >>> 3]! ^= 1 << (bit & 7);
      expect(readStamp(altered, 0, altered.length, 1000)).toBe(bit < 8 ? 'unchecked' : 'corrupted');
    }
  });

  it('writes as many measurements as a batch may have beside the stamp', () => {
    const head = { topic: 't', qos: 0, retain: false, mqttVersion: 4 } as const;
    const frames = Array.from({ length: 1023 }, (_, i) => frameOf(measurement(i)));
    const [packet] = written(frameTemplate(head, { gatewayId: gatewayIdOf(1), bootEpoch: 1 }, frames), head, [{ id: 0, sequence: 0, dueUs: 1 }]);
    expect(decodeBatch(packet!.payload as Buffer).messages.length).toBe(1023);
  });
});

describe('a template of bytes', () => {
  it('writes packets of exactly those bytes but for the stamp, where there is room for one', () => {
    fc.assert(
      fc.property(head, runEpoch, fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.uint8Array({ maxLength: 200 }), fc.array(message, { minLength: 1, maxLength: 4 }), (head, runEpoch, key, payload, messages) => {
        for (const [i, packet] of written(bytesTemplate(head, runEpoch, key, payload), head, messages).entries()) {
          const bytes = packet.payload as Buffer;
          expect(bytes.length).toBe(payload.length);
          if (payload.length < STAMP_BYTES) {
            expect(bytes.equals(payload)).toBe(true);
            continue;
          }
          expect(bytes.subarray(STAMP_BYTES).equals(payload.subarray(STAMP_BYTES))).toBe(true);
          expect(readStamp(bytes, 0, bytes.length, runEpoch)).toEqual({ key, sequence: messages[i]!.sequence, dueUs: messages[i]!.dueUs });
        }
      }),
    );
  });
});

describe('a template of texts', () => {
  it('writes each text as it is rendered, shorter ones in shorter packets', () => {
    fc.assert(
      fc.property(head, fc.array(message, { minLength: 1, maxLength: 5 }), (head, messages) => {
        const render = (sequence: number, dueUs: number): string => `ü${'x'.repeat(sequence % 300)}${dueUs}`;
        const packets = written(textTemplate(head, 400, render), head, messages);
        expect(packets.map(({ payload }) => payload.toString())).toEqual(messages.map(({ sequence, dueUs }) => render(sequence, dueUs)));
      }),
    );
  });
});
