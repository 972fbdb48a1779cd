/** The packets that are few: written and read by mqtt-packet, which knows all of their fields. */
import { generate, parser, type IConnackPacket, type Packet } from 'mqtt-packet';
import type { Qos } from '../scenario.ts';
import type { ClientSettings } from './host.ts';
import { lengthBytes, writeLength } from './packets.ts';

export function connectPacket({ clientId, mqttVersion, cleanSession, sessionExpiryS, keepAliveS, will }: ClientSettings): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: mqttVersion,
    clientId,
    clean: cleanSession,
    keepalive: keepAliveS,
    ...(will && { will }),
    ...(mqttVersion === 5 && { properties: { sessionExpiryInterval: sessionExpiryS } }),
  });
}

export function subscribePacket(mqttVersion: 4 | 5, messageId: number, filters: readonly string[], qos: Qos): Buffer {
  return generate({ cmd: 'subscribe', messageId, subscriptions: filters.map((topic) => ({ topic, qos })) }, { protocolVersion: mqttVersion });
}

export function unsubscribePacket(mqttVersion: 4 | 5, messageId: number, filters: readonly string[]): Buffer {
  return generate({ cmd: 'unsubscribe', messageId, unsubscriptions: [...filters] }, { protocolVersion: mqttVersion });
}

export function requestPacket(mqttVersion: 4 | 5, messageId: number, topic: string, payload: Buffer): Buffer {
  return generate({ cmd: 'publish', messageId, topic, payload, qos: 1, dup: false, retain: false }, { protocolVersion: mqttVersion });
}

/** What a CONNACK says, 0 for yes; undefined when it says nothing, or what it must not: a receive maximum of 0, a property twice. */
export function connackCode({ returnCode, reasonCode = returnCode, properties = {} }: IConnackPacket): number | undefined {
  return properties.receiveMaximum === 0 || Object.values(properties).some(Array.isArray) ? undefined : reasonCode;
}

/** The first refusal in a SUBACK or UNSUBACK for so many filters, 0 for none; undefined when it does not answer that. */
export function refusalIn(packet: Packet, messageId: number, filters: number): number | undefined {
  const codes = packet.cmd === 'suback' || packet.cmd === 'unsuback' ? ((packet.granted as number[] | undefined) ?? []) : [];
  // An UNSUBACK of MQTT 3.1.1 has no codes.
  const isWhole = packet.messageId === messageId && (codes.length === filters || (codes.length === 0 && packet.cmd === 'unsuback'));
  return isWhole ? (codes.find((code) => code >= 0x80) ?? 0) : undefined;
}

/** A whole packet, given its first byte and what follows its length; undefined when it is no MQTT. */
export function parsePacket(mqttVersion: 4 | 5, first: number, rest: Buffer): Packet | undefined {
  const head = Buffer.alloc(1 + lengthBytes(rest.length));
  head[0] = first;
  writeLength(rest.length, head, 1);
  let packet: Packet | undefined;
  try {
    const reader = parser({ protocolVersion: mqttVersion });
    reader.on('packet', (parsed) => (packet = parsed));
    reader.on('error', () => (packet = undefined));
    reader.parse(Buffer.concat([head, rest]));
  } catch {
    return undefined;
  }
  return packet;
}
