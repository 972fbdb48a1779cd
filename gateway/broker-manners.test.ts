import type { Packet } from 'mqtt';
import { expect, it } from 'vitest';
import { brokenRule } from './broker-manners.ts';

const publish = (more: object): Packet => ({ cmd: 'publish', topic: 'a/b', payload: 'x', qos: 0, dup: false, retain: false, ...more });

it('has nothing against what an honest broker sends', () => {
  expect(brokenRule({ cmd: 'connack', sessionPresent: false }, 'connecting')).toBeUndefined();
  for (const packet of [publish({}), publish({ qos: 1, messageId: 7 }), { cmd: 'puback', messageId: 1 }, { cmd: 'pingresp' }, { cmd: 'suback', messageId: 2, granted: [1] }] as Packet[]) {
    expect(brokenRule(packet, 'connected')).toBeUndefined();
  }
});

it.each([
  ['a packet before CONNACK', publish({}), 'connecting'],
  ['a second CONNACK', { cmd: 'connack', sessionPresent: false }, 'connected'],
  ['a session that there cannot be', { cmd: 'connack', sessionPresent: true }, 'connecting'],
  ['a packet that only clients send', { cmd: 'pingreq' }, 'connected'],
  ['an empty topic', publish({ topic: '' }), 'connected'],
  ['a topic with a wildcard', publish({ topic: 'a/#' }), 'connected'],
  ['a topic with NUL', publish({ topic: 'a\0b' }), 'connected'],
  ['a topic that was no UTF-8', publish({ topic: Buffer.from('61c32862', 'hex').toString() }), 'connected'],
  ['packet id 0', publish({ qos: 1, messageId: 0 }), 'connected'],
] as const)('objects to %s', (_, packet, connected) => {
  expect(brokenRule(packet as Packet, connected)).toBeTypeOf('string');
});
