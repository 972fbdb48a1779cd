/** What a device says over MQTT when all is well, and when one answer does not come. */
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { fail, notRun, pass, warn, type Severity, type Verdict } from '../model.ts';
import type { CaseContext, ClientCase } from './case.ts';
import { ENDED_CONTENT } from './device.ts';
import { acceptedSession, openSession, type Session } from './session.ts';

/** How long a device may take until it publishes or subscribes for the first time. */
const WORD_MS = 15_000;
/** How long a repetition on the same connection is waited for. */
const REPEAT_MS = 12_000;
/** A device that has asked so often without an answer does not look at the answers. */
const PINGS_MAX = 4;

const isPublish = (qos: number) => (packet: Packet): packet is IPublishPacket => packet.cmd === 'publish' && packet.qos === qos;
const isAcknowledged = (packet: Packet): packet is IPublishPacket => packet.cmd === 'publish' && packet.qos > 0;

interface Question {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly expected: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
  readonly pace?: 'slow';
  readonly judge: (session: Session, context: CaseContext) => Promise<Verdict>;
}

/** A case that begins with an honest CONNACK. */
export function sessionCase({ judge, pace, ...question }: Question): ClientCase {
  return {
    info: { ...question, family: 'mqtt-server' },
    ...(pace ? { pace } : {}),
    serve: async (context) => {
      const session = await acceptedSession(context);
      return session ? judge(session, context) : notRun('the device did not come as far as CONNECT');
    },
  };
}

/** MQTT 3.1.1 3.1 and MQTT 5 3.1, as far as the parser has not looked. */
async function serveConnect(context: CaseContext): Promise<Verdict> {
  const session = await openSession(context);
  if (!session) return notRun('the device did not come as far as CONNECT');
  const { clientId, clean, keepalive = 0 } = session.connect;
  session.accept();
  if (clientId === '' && !clean) return fail('an empty client id with a persistent session, which MQTT 3.1.1 3.1.3.1 forbids');
  const again = await session.until('connect', 500);
  if (again) return fail('sent CONNECT twice on one connection');
  return keepalive === 0 ? warn('asks for no keep-alive, so neither side notices a connection that died') : pass(`MQTT ${{ 3: '3.1', 4: '3.1.1', 5: '5' }[session.version] ?? session.version}, keep-alive ${keepalive} s`);
}

async function publishLive(session: Session): Promise<Verdict> {
  const first = await session.find(isAcknowledged, WORD_MS);
  if (!first) return notRun('the device published nothing with QoS 1 or 2');
  if (first.dup) return fail('the first PUBLISH has DUP set');
  const again = await findPublish(session, first, REPEAT_MS);
  if (!again) {
    return warn(
      session.closed
        ? 'closed the connection instead of publishing again on it, which MQTT leaves to it; Device Advisor asks for more than the specification'
        : 'does not publish again on a live connection: Device Advisor asks for it, the MQTT specification does not, and MQTT 5 forbids it',
    );
  }
  if (session.version === 5) return fail('published again on a live connection, which MQTT 5 forbids (4.4)');
  if (again.messageId !== first.messageId) return fail(`published again as packet ${again.messageId ?? 0}, not ${first.messageId ?? 0}`);
  return again.dup ? pass('published again with the same packet id and DUP') : fail('published again without DUP');
}

/** The next PUBLISH with the payload of an earlier one; all else is answered, other publishes with QoS 1 are not. */
async function findPublish(session: Session, earlier: IPublishPacket, withinMs: number): Promise<IPublishPacket | undefined> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const arrival = await session.next(deadlineMs - performance.now());
    if (arrival.kind !== 'packet') return undefined;
    const { packet } = arrival;
    if (packet.cmd !== 'publish') session.politely(packet);
    else if (packet.topic === earlier.topic && Buffer.from(packet.payload).equals(Buffer.from(earlier.payload))) return packet;
  }
}

async function publishAfterReconnect(session: Session, context: CaseContext): Promise<Verdict> {
  const first = await session.find(isAcknowledged, WORD_MS);
  if (!first) return notRun('the device published nothing with QoS 1 or 2');
  session.reset();
  const next = await openSession(context);
  if (!next) {
    const ending = context.deviceEnding();
    if (ending === ENDED_CONTENT) return fail('ended as if all were well, though its message was never acknowledged');
    return warn(`did not come again${ending === undefined ? '' : ` (it ${ending})`}: its message is lost unless whoever starts it sends it again`);
  }
  const persistent = next.connect.clean === false;
  next.accept(persistent ? 'resumed' : 'new');
  const again = await findPublish(next, first, WORD_MS);
  if (!again) return persistent ? fail('resumed its session but did not publish again what was not acknowledged') : warn('did not publish again; with a clean session MQTT leaves that to the application');
  if (!persistent) return pass('published again, as a new message of a new session');
  if (again.messageId !== first.messageId) return fail(`published again as packet ${again.messageId ?? 0}, not ${first.messageId ?? 0}`);
  return again.dup ? pass('published again with the same packet id and DUP') : fail('published again without DUP');
}

/** Nothing but SUBSCRIBE is answered: a device whose publishes stay open falls silent, and must ask whether anybody is there. */
async function noPingresp(session: Session, { leftMs }: CaseContext): Promise<Verdict> {
  const keepaliveMs = (session.connect.keepalive ?? 0) * 1_000;
  if (keepaliveMs === 0) return notRun('the device asks for no keep-alive');
  for (let asked = 0; ; ) {
    const arrival = await session.next(Math.min(keepaliveMs * 1.5 + 5_000, leftMs()));
    if (arrival.kind === 'closed') return asked > 0 ? pass('closed the connection when no PINGRESP came') : notRun('the device closed before it had to ask (PINGREQ)');
    if (leftMs() === 0) return asked > 0 ? fail('stays connected though no PINGRESP comes') : notRun('the device was never idle, or its keep-alive is longer than the time given');
    if (arrival.kind !== 'packet') return asked > 0 ? fail('stays connected though no PINGRESP comes') : fail(`neither PINGREQ nor anything else within one and a half keep-alives (${keepaliveMs / 1_000} s)`);
    if (arrival.packet.cmd === 'disconnect') return asked > 0 ? pass('disconnected when no PINGRESP came') : notRun('the device left before it had to ask (PINGREQ)');
    if (arrival.packet.cmd === 'pingreq') asked += 1;
    if (asked >= PINGS_MAX) return fail(`asked ${asked} times, was never answered, and stays connected`);
    if (arrival.packet.cmd === 'subscribe') session.politely(arrival.packet);
  }
}

async function wrongPuback(session: Session, context: CaseContext): Promise<Verdict> {
  const first = await session.find(isAcknowledged, WORD_MS);
  if (!first) return notRun('the device published nothing with QoS 1 or 2');
  session.send({ cmd: 'puback', messageId: ((first.messageId ?? 0) % 65_535) + 1_000 });
  const goodbye = await session.find((packet): packet is Extract<Packet, { cmd: 'disconnect' }> => packet.cmd === 'disconnect', 3_000);
  await context.deviceEnded(goodbye || session.closed ? 2_000 : 0);
  if (context.deviceEnding() === ENDED_CONTENT) return fail('took the acknowledgement of another packet for its own and ended content');
  return pass(session.closed ? 'closed the connection' : 'did not take it for its own');
}

export const MQTT_CASES: readonly ClientCase[] = [
  {
    info: { id: 'mqtt-server.connect', family: 'mqtt-server', title: 'Sends CONNECT', offered: 'TLS, then CONNACK 0', expected: 'one well-formed CONNECT, with a keep-alive', sources: ['MQTT 3.1.1 3.1', 'AWS IoT Device Advisor MQTT_Connect'], severity: 'high' },
    serve: serveConnect,
  },
  sessionCase({
    id: 'mqtt-server.publish-0', title: 'Publishes with QoS 0', offered: 'CONNACK 0', expected: 'PUBLISH with QoS 0', sources: ['MQTT 3.1.1 4.3.1', 'AWS IoT Device Advisor MQTT_Publish'], severity: 'low',
    judge: async (session) => ((await session.find(isPublish(0), WORD_MS)) ? pass('published with QoS 0') : notRun('the device published nothing with QoS 0')),
  }),
  sessionCase({
    id: 'mqtt-server.publish-1', title: 'Publishes with QoS 1', offered: 'CONNACK 0', expected: 'PUBLISH with a packet id and without DUP', sources: ['MQTT 3.1.1 4.3.2'], severity: 'medium',
    judge: async (session) => {
      const packet = await session.find(isPublish(1), WORD_MS);
      if (!packet) return notRun('the device published nothing with QoS 1');
      session.politely(packet);
      return packet.dup ? fail('the first PUBLISH has DUP set') : pass(`packet ${packet.messageId ?? 0}`);
    },
  }),
  sessionCase({
    id: 'mqtt-server.publish-retained', title: 'Publishes retained messages', offered: 'CONNACK 0', expected: 'PUBLISH with RETAIN', sources: ['MQTT 3.1.1 3.3.1.3', 'AWS IoT Device Advisor MQTT_Publish_Retained_Messages'], severity: 'info',
    judge: async (session) => ((await session.find((packet): packet is IPublishPacket => packet.cmd === 'publish' && packet.retain, WORD_MS)) ? pass('published with RETAIN') : notRun('the device published nothing with RETAIN')),
  }),
  sessionCase({ id: 'mqtt-server.no-puback.live', title: 'Publishes again on a live connection when no PUBACK comes', offered: 'CONNACK 0, no PUBACK', expected: 'MQTT 3.1.1: the same packet id with DUP, or nothing; MQTT 5: nothing', sources: ['AWS IoT Device Advisor MQTT_Publish_Retry_No_Puback', 'MQTT 3.1.1 4.4', 'MQTT 5 4.4'], severity: 'medium', judge: publishLive }),
  sessionCase({ id: 'mqtt-server.no-puback.reconnect', title: 'Publishes again after a reconnect what was not acknowledged', offered: 'no PUBACK, then a TCP reset', expected: 'persistent session: the same packet id with DUP; clean session: the same message', sources: ['MQTT 3.1.1 4.4', 'AWS IoT Device Advisor MQTT_Publish_Retry_No_Puback'], severity: 'high', judge: publishAfterReconnect }),
  sessionCase({ id: 'mqtt-server.puback.wrong-id', title: 'PUBACK for a packet that was never sent', offered: 'PUBACK with another packet id', expected: 'not taken for the device’s own', sources: ['MQTT 3.1.1 4.3.2'], severity: 'high', judge: wrongPuback }),
  sessionCase({ id: 'mqtt-server.no-pingresp', title: 'Disconnects when no PINGRESP comes', offered: 'CONNACK 0, no PINGRESP', expected: 'PINGREQ within the keep-alive, then the connection closed', sources: ['MQTT 3.1.1 3.1.2.10', 'AWS IoT Device Advisor MQTT_No_Ack_PingResp'], severity: 'medium', pace: 'slow', judge: noPingresp }),
];
