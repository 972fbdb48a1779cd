/**
 * What a broker may send to a gateway: anything else means that broker and gateway no longer agree on what is said, so the
 * connection is given up and begun anew (MQTT 3.1.1, section 4.8). The client library looks at the shape of packets; this
 * looks at what they say, and when.
 */
import type { Packet } from 'mqtt';

/** Kinds that only clients send, in MQTT 3.1.1. */
const CLIENTS_ONLY = new Set(['connect', 'subscribe', 'unsubscribe', 'pingreq', 'disconnect']);
/** Wildcards, NUL, and what stands where bytes were no UTF-8. */
const NO_TOPIC = /[+#\0\uFFFD]/;

/**
 * Says which rule a packet of the broker breaks, `undefined` when none: `connected` is whether CONNACK has come before it.
 * For connections with a clean session.
 */
export function brokenRule(packet: Packet, connected: 'connected' | 'connecting'): string | undefined {
  if (packet.cmd === 'connack') {
    if (connected === 'connected') return 'a second CONNACK';
    return packet.sessionPresent ? 'a session present, though a clean one was asked for' : undefined;
  }
  if (connected === 'connecting') return `${packet.cmd.toUpperCase()} before CONNACK`;
  if (CLIENTS_ONLY.has(packet.cmd)) return `${packet.cmd.toUpperCase()}, which only clients send`;
  if (packet.cmd !== 'publish') return undefined;
  if (packet.topic === '' || NO_TOPIC.test(packet.topic)) return 'PUBLISH to what is no topic';
  return packet.qos > 0 && !packet.messageId ? 'PUBLISH with packet id 0' : undefined;
}
