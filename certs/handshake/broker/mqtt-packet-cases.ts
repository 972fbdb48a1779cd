/** Cases after the handshake: packets that break the rules of MQTT. */
import { generate } from 'mqtt-packet';
import { connectPacket } from './attempt.ts';
import { goodConnect, mqttOf, type BrokerCase, type Context } from './context.ts';
import { insteadOfConnect, mustClose, publish } from './mqtt-asking.ts';

/** A CONNECT with octets changed. */
function bentConnect(context: Context, bend: (packet: Buffer) => Buffer): Buffer {
  return bend(connectPacket({ clientId: mqttOf(context).clientId }));
}

export const MQTT_PACKET_CASES: readonly BrokerCase[] = [
  insteadOfConnect(
    {
      id: 'first-not-connect',
      title: 'The first packet must be CONNECT',
      offered: 'PINGREQ as the first packet',
      expected: 'a close',
      sources: ['MQTT 3.1.1 3.1.0-1'],
      severity: 'medium',
    },
    () => generate({ cmd: 'pingreq' }),
    'PINGREQ',
  ),
  mustClose(
    {
      id: 'second-connect',
      title: 'A second CONNECT ends the connection',
      offered: 'CONNECT again',
      expected: 'a close',
      sources: ['MQTT 3.1.1 3.1.0-2'],
      severity: 'medium',
    },
    (context) => goodConnect(context)!,
    'CONNECT again',
  ),
  insteadOfConnect(
    {
      id: 'protocol-name',
      title: 'Another protocol name is refused',
      offered: 'CONNECT with the protocol name MQTX',
      expected: 'a close, or CONNACK 1',
      sources: ['MQTT 3.1.1 3.1.2-1'],
      severity: 'low',
    },
    (context) => bentConnect(context, (packet) => Buffer.from(packet.toString('latin1').replace('MQTT', 'MQTX'), 'latin1')),
    'CONNECT of MQTX',
  ),
  insteadOfConnect(
    {
      id: 'protocol-level',
      title: 'Another protocol level is refused',
      offered: 'CONNECT with level 99',
      expected: 'CONNACK 1, or a close',
      sources: ['MQTT 3.1.1 3.1.2-2'],
      severity: 'low',
    },
    (context) => bentConnect(context, (packet) => withOctet(packet, 8, 99)),
    'CONNECT of level 99',
  ),
  insteadOfConnect(
    {
      id: 'reserved-flag',
      title: 'A CONNECT with its reserved flag set is refused',
      offered: 'CONNECT with flag 0 set',
      expected: 'a close',
      sources: ['MQTT 3.1.1 3.1.2-3'],
      severity: 'low',
    },
    (context) => bentConnect(context, (packet) => withOctet(packet, 9, packet[9]! | 1)),
    'CONNECT with its reserved flag',
  ),
  insteadOfConnect(
    {
      id: 'bad-utf-8',
      title: 'A client id that is not UTF-8 is refused',
      offered: 'CONNECT with octets C0 80 in the client id',
      expected: 'a close, or CONNACK 2',
      sources: ['MQTT 3.1.1 1.5.3-1'],
      severity: 'low',
    },
    (context) => bentConnect(context, (packet) => withOctet(withOctet(packet, packet.length - 2, 0xc0), packet.length - 1, 0x80)),
    'CONNECT with a client id that is not UTF-8',
  ),
  insteadOfConnect(
    {
      id: 'nul-in-client-id',
      title: 'A client id with a NUL in it is refused',
      offered: 'CONNECT with a NUL at the end of the client id',
      expected: 'a close, or CONNACK 2',
      sources: ['MQTT 3.1.1 1.5.3-2'],
      severity: 'low',
    },
    (context) => bentConnect(context, (packet) => withOctet(packet, packet.length - 1, 0)),
    'CONNECT with a NUL in the client id',
  ),
  mustClose(
    {
      id: 'qos-3',
      title: 'A publish with QoS 3 ends the connection',
      offered: 'PUBLISH with both QoS bits set',
      expected: 'a close',
      sources: ['MQTT 3.1.1 3.3.1-4'],
      severity: 'low',
    },
    (context) => withOctet(publish(mqttOf(context).ownTopic), 0, 0x36),
    'PUBLISH with QoS 3',
  ),
  mustClose(
    {
      id: 'wildcard-topic',
      title: 'A publish to a wildcard ends the connection',
      offered: 'PUBLISH to the own topic and /#',
      expected: 'a close',
      sources: ['MQTT 3.1.1 3.3.2-2'],
      severity: 'low',
    },
    (context) => publish(`${mqttOf(context).ownTopic}/#`),
    'PUBLISH to a wildcard',
  ),
  mustClose(
    {
      id: 'remaining-length',
      title: 'A remaining length of five octets ends the connection',
      offered: 'a header with FF FF FF FF 7F',
      expected: 'a close',
      sources: ['MQTT 3.1.1 2.2.3'],
      severity: 'low',
    },
    () => Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 1]),
    'a remaining length of five octets',
  ),
  mustClose(
    {
      id: 'garbage',
      title: 'Octets that are no MQTT end the connection',
      offered: '64 octets of F0',
      expected: 'a close',
      sources: ['MQTT 3.1.1 2.2.1', 'MQTT 3.1.1 4.8'],
      severity: 'medium',
    },
    () => Buffer.alloc(64, 0xf0),
    '64 octets of F0',
  ),
];

function withOctet(packet: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(packet);
  changed[at] = value;
  return changed;
}
