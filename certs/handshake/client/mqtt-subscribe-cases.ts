/** What a device that subscribes does: acknowledge, ask again, resume its session, notice that the session is gone. */
import type { ISubscribePacket } from 'mqtt-packet';
import { fail, notRun, pass, warn, type Verdict } from '../model.ts';
import type { CaseContext, ClientCase } from './case.ts';
import { sessionCase } from './mqtt-cases.ts';
import { openSession, type Session } from './session.ts';

const WORD_MS = 15_000;
const REPEAT_MS = 12_000;
const ANSWER_MS = 5_000;
/** A publish of several records of the largest size. */
const LARGE_PAYLOAD_BYTES = 100 * 1024;
const NOTHING_SUBSCRIBED = 'the device subscribed to nothing';

/** A topic that a filter matches. */
export function topicOf(filter: string): string {
  return filter.replace(/^\$share\/[^/]+\//, '').replaceAll('+', 'x').replace(/#$/, 'x');
}

/** Waits for SUBSCRIBE and answers it; the first filter with the highest QoS. */
export async function subscribed(session: Session): Promise<{ topic: string; qos: number } | undefined> {
  const packet = await session.until('subscribe', WORD_MS);
  if (!packet) return undefined;
  session.politely(packet);
  const best = [...packet.subscriptions].sort((a, b) => b.qos - a.qos)[0]!;
  return { topic: topicOf(best.topic), qos: best.qos };
}

async function acknowledges(session: Session, payload: Buffer): Promise<Verdict> {
  const filter = await subscribed(session);
  if (!filter) return notRun(NOTHING_SUBSCRIBED);
  if (filter.qos === 0) return notRun('the device subscribed with QoS 0 only');
  session.send({ cmd: 'publish', topic: filter.topic, payload, qos: 1, messageId: 4_711, dup: false, retain: false });
  const answer = await session.until('puback', ANSWER_MS);
  if (!answer) return fail('no PUBACK came');
  return answer.messageId === 4_711 ? pass('PUBACK with the right packet id') : fail(`PUBACK for packet ${answer.messageId ?? 0}, not 4711`);
}

async function exactlyOnce(session: Session): Promise<Verdict> {
  const filter = await subscribed(session);
  if (!filter) return notRun(NOTHING_SUBSCRIBED);
  if (filter.qos < 2) return notRun('the device subscribed with less than QoS 2');
  session.send({ cmd: 'publish', topic: filter.topic, payload: 'x', qos: 2, messageId: 4_712, dup: false, retain: false });
  if ((await session.until('pubrec', ANSWER_MS))?.messageId !== 4_712) return fail('no PUBREC for packet 4712 came');
  session.send({ cmd: 'pubrel', messageId: 4_712 });
  return (await session.until('pubcomp', ANSWER_MS))?.messageId === 4_712 ? pass('PUBREC, then PUBCOMP') : fail('no PUBCOMP for packet 4712 came');
}

async function retriesSubscribe(session: Session, context: CaseContext): Promise<Verdict> {
  const first = await session.until('subscribe', WORD_MS);
  if (!first) return notRun(NOTHING_SUBSCRIBED);
  const again = await session.find((packet): packet is ISubscribePacket => packet.cmd === 'subscribe', REPEAT_MS);
  if (again) return sameFilters(first, again) ? pass('subscribed again on the same connection') : fail('subscribed to something else instead');
  session.reset();
  const next = await openSession(context);
  next?.accept();
  const later = await next?.until('subscribe', WORD_MS);
  if (later && sameFilters(first, later)) return warn('subscribes again only on a new connection: Device Advisor asks for a retry, MQTT does not');
  return warn('does not subscribe again when no SUBACK comes: Device Advisor asks for it, MQTT does not, but a device that waits for ever hears nothing');
}

function sameFilters(a: ISubscribePacket, b: ISubscribePacket): boolean {
  return JSON.stringify(a.subscriptions.map(({ topic }) => topic).sort()) === JSON.stringify(b.subscriptions.map(({ topic }) => topic).sort());
}

/** After a break the server still has the session, or has lost it. */
function afterBreak(session: 'resumed' | 'new') {
  return async (first: Session, context: CaseContext): Promise<Verdict> => {
    if (first.connect.clean !== false) return notRun('the device asks for clean sessions');
    const filter = await subscribed(first);
    if (!filter) return notRun(NOTHING_SUBSCRIBED);
    first.reset();
    const next = await openSession(context);
    if (!next) return notRun('the device did not come again');
    next.accept(session);
    const again = await next.until('subscribe', session === 'resumed' ? ANSWER_MS : WORD_MS);
    if (session === 'new') return again ? pass('subscribed again, as the session was gone') : fail('did not subscribe again though the session was gone: it hears nothing any more');
    return again ? warn('subscribed again though its session was there: needless, but MQTT allows it') : pass('resumed its session without subscribing again');
  };
}

export const SUBSCRIBE_CASES: readonly ClientCase[] = [
  sessionCase({
    id: 'mqtt-server.subscribe', title: 'Subscribes', offered: 'CONNACK 0', expected: 'SUBSCRIBE', sources: ['MQTT 3.1.1 3.8', 'AWS IoT Device Advisor MQTT_Subscribe'], severity: 'low',
    judge: async (session) => {
      const filter = await subscribed(session);
      return filter ? pass(`subscribed with QoS ${filter.qos}`) : notRun(NOTHING_SUBSCRIBED);
    },
  }),
  sessionCase({ id: 'mqtt-server.puback', title: 'Acknowledges a publish of QoS 1', offered: 'PUBLISH with QoS 1 to what the device subscribed to', expected: 'PUBACK with the same packet id', sources: ['MQTT 3.1.1 4.3.2', 'AWS IoT Device Advisor MQTT_Client_Puback_QoS1'], severity: 'high', judge: (session) => acknowledges(session, Buffer.from('thrum')) }),
  sessionCase({ id: 'mqtt-server.max-fragments', title: 'Takes TLS records of the largest size', offered: 'PUBLISH of 100 KiB with QoS 1, in records of 16 KiB', expected: 'PUBACK with the same packet id', sources: ['RFC 8446 5.1', 'AWS IoT Device Advisor TLS_Receive_Maximum_Size_Fragments'], severity: 'medium', judge: (session) => acknowledges(session, Buffer.alloc(LARGE_PAYLOAD_BYTES, 'thrum ')) }),
  sessionCase({ id: 'mqtt-server.qos-2', title: 'Takes a publish of QoS 2 exactly once', offered: 'PUBLISH with QoS 2, PUBREL', expected: 'PUBREC, PUBCOMP', sources: ['MQTT 3.1.1 4.3.3'], severity: 'medium', judge: exactlyOnce }),
  sessionCase({ id: 'mqtt-server.no-suback', title: 'Subscribes again when no SUBACK comes', offered: 'no SUBACK', expected: 'SUBSCRIBE again', sources: ['AWS IoT Device Advisor MQTT_Subscribe_Retry_No_Suback'], severity: 'low', judge: retriesSubscribe }),
  sessionCase({ id: 'mqtt-server.session.resumed', title: 'Resumes a persistent session', offered: 'a TCP reset, then CONNACK with session present', expected: 'no SUBSCRIBE', sources: ['MQTT 3.1.1 3.1.2.4', 'AWS IoT Device Advisor MQTT_Persistent_Session_Happy_Case'], severity: 'medium', judge: afterBreak('resumed') }),
  sessionCase({ id: 'mqtt-server.session.expired', title: 'Notices that its session is gone', offered: 'a TCP reset, then CONNACK without session present', expected: 'SUBSCRIBE again', sources: ['MQTT 3.1.1 3.2.2.2', 'AWS IoT Device Advisor MQTT_Expired_Persistent_Session'], severity: 'high', judge: afterBreak('new') }),
];
