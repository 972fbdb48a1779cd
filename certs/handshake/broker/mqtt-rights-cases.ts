/** Cases after the handshake: each client keeps to what is its own. */
import { generate } from 'mqtt-packet';
import { PeerStop } from '../errors.ts';
import { fail, pass, warn, type Severity, type Verdict } from '../model.ts';
import { type TlsClient } from '../wire/client.ts';
import { attempt, connectPacket, endText, hangUp, isIn, PacketReader } from './attempt.ts';
import { goodConnect, mqttOf, settingsFor, tryIn, whenIn, type BrokerCase, type Context } from './context.ts';
import { after, closed, NEEDS, newest, publish } from './mqtt-asking.ts';

/** A publish that must not reach anybody: the broker closes, says no, or lets it vanish, which only a listener could tell. */
const publishElsewhere = after(
  {
    id: 'publish-elsewhere',
    title: 'A client publishes only under its own name',
    offered: 'PUBLISH with QoS 1 to a topic of somebody else’s',
    expected: 'a close, or no effect (MQTT 3.1.1 knows no refusal)',
    sources: ['MQTT 3.1.1 3.3.5', 'MQTT 3.1.1 5.4.2'],
    severity: 'critical',
  },
  (context) =>
    whenIn(context, newest(context), {}, async ({ client }) => {
      const { foreignTopic } = mqttOf(context);
      context.evidence.sent(`PUBLISH to ${foreignTopic}`);
      await client.write(publish(foreignTopic, { qos: 1, messageId: 7 }));
      try {
        const packet = await new PacketReader(client).next(context.timeoutMs);
        context.evidence.received(`MQTT ${packet.cmd}`);
        // Brokers of 3.1.1 may acknowledge and drop (3.3.5): that it was dropped shows only to who listens.
        return packet.cmd === 'puback' ? await wasDropped(context) : fail(`it answered with ${packet.cmd}`);
      } catch (error) {
        if (!(error instanceof PeerStop)) throw error;
        return error.code === 'PEER_SILENT' ? pass('no answer: it was not taken') : pass(`closed: ${error.message}`);
      }
    }),
);

/** Subscribes to the foreign topic, publishes to it and listens: what comes back was taken. */
async function wasDropped(context: Context): Promise<Verdict> {
  const { foreignTopic } = mqttOf(context);
  return whenIn(context, newest(context), {}, async ({ client }) => {
    const reader = new PacketReader(client);
    await client.write(generate({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: foreignTopic, qos: 0 }] }));
    const suback = await reader.next(context.timeoutMs);
    if (suback.cmd !== 'suback' || suback.granted[0] === 128)
      return warn('it acknowledged; whether it was dropped cannot be told, for it may not be listened to');
    await client.write(publish(foreignTopic));
    try {
      const packet = await reader.next(1_000);
      return packet.cmd === 'publish' ? fail('it was taken, and delivered') : warn(`it answered with ${packet.cmd}`);
    } catch (error) {
      if (!(error instanceof PeerStop)) throw error;
      return pass('acknowledged and dropped');
    }
  });
}

function subscribeTo(id: string, title: string, filter: (context: Context) => string, severity: Severity): BrokerCase {
  return after(
    { id, title, offered: 'SUBSCRIBE to it', expected: 'SUBACK 0x80, or a close', sources: ['MQTT 3.1.1 3.9.3', 'MQTT 3.1.1 5.4.2'], severity },
    (context) =>
      whenIn(context, newest(context), {}, async ({ client }) => {
        const topic = filter(context);
        context.evidence.sent(`SUBSCRIBE ${topic}`);
        await client.write(generate({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic, qos: 0 }] }));
        try {
          const packet = await new PacketReader(client).next(context.timeoutMs);
          if (packet.cmd !== 'suback') return fail(`it answered with ${packet.cmd}`);
          return packet.granted[0] === 128 ? pass('SUBACK 0x80') : await isDeaf(client, topic);
        } catch (error) {
          if (!(error instanceof PeerStop)) throw error;
          return error.code === 'PEER_SILENT' ? fail('no answer') : pass(`closed: ${error.message}`);
        }
      }),
  );
}

/** A broker may grant and deliver nothing, as Mosquitto does when reading is what is not allowed. */
async function isDeaf(client: TlsClient, topic: string): Promise<Verdict> {
  if (topic.includes('#') || topic.includes('+') || topic.startsWith('$')) {
    const heard = await new PacketReader(client).next(1_000).then(
      (packet) => packet.cmd,
      () => undefined,
    );
    return heard === 'publish'
      ? fail('it was granted, and something came')
      : warn('it was granted; whether anything would be delivered cannot be told from here');
  }
  await client.write(publish(topic));
  const heard = await new PacketReader(client).next(1_000).then(
    (packet) => packet.cmd,
    () => undefined,
  );
  return heard === 'publish' ? fail('it was granted, and delivered') : warn('it was granted; nothing was delivered');
}

const otherClientId = after(
  {
    id: 'other-client-id',
    title: 'A client id that is not the certificate’s is refused',
    offered: 'CONNECT with another client id',
    expected: 'CONNACK 2 or 5, or a close',
    sources: ['MQTT 3.1.1 3.1.4', 'MQTT 3.1.1 5.4.1'],
    severity: 'high',
  },
  async (context) => {
    const result = await attempt(
      context.target,
      context.evidence,
      settingsFor(context, newest(context)),
      connectPacket({ clientId: `${mqttOf(context).clientId.slice(0, -2)}zz` }),
    );
    hangUp(result);
    if (isIn(result)) return warn('it was let in: any certificate can take any client id, and cut its holder off');
    return pass(`refused: ${endText(result)}`);
  },
);

const takeover = after(
  {
    id: 'takeover-by-other',
    title: 'Nobody else’s certificate can take a client’s place',
    offered: 'the good identity connects; then another certificate with the same client id',
    expected: 'the second is refused, the first stays',
    sources: ['MQTT 3.1.1 3.1.4', 'MQTT 3.1.1 5.4.1'],
    severity: 'high',
  },
  (context) =>
    whenIn(context, newest(context), {}, async ({ client }) => {
      const other = await context.target.stranger!();
      const result = await attempt(
        context.target,
        context.evidence,
        settingsFor(context, newest(context), { credentials: other }),
        goodConnect(context),
      );
      hangUp(result);
      const isStranger = isIn(result);
      await client.write(generate({ cmd: 'pingreq' }));
      const alive = await new PacketReader(client).next(context.timeoutMs).then(
        ({ cmd }) => cmd === 'pingresp',
        () => false,
      );
      if (isStranger && !alive) return warn('the second took the first one’s place: any certificate can do that to any client');
      if (isStranger) return warn('both are in, with one client id');
      return alive
        ? pass(`the second was refused (${endText(result)}), the first stayed`)
        : fail('the second was refused, and the first was cut off all the same');
    }),
  { needs: [...NEEDS, 'stranger'] },
);

const ownTakeover = after(
  {
    id: 'takeover-by-itself',
    title: 'A client that comes again ends its old connection',
    offered: 'the good identity twice',
    expected: 'the first connection is closed',
    sources: ['MQTT 3.1.1 3.1.4-2'],
    severity: 'medium',
  },
  (context) =>
    whenIn(context, newest(context), {}, async ({ client }) => {
      const second = await tryIn(context, newest(context));
      try {
        if (!isIn(second)) return fail(`the second was not let in: ${endText(second)}`);
        return await closed(client, context.timeoutMs);
      } finally {
        hangUp(second);
      }
    }),
);

const wills = after(
  {
    id: 'will-elsewhere',
    title: 'A last will is bound to the client’s own topics',
    offered: 'CONNECT with a will for a topic of somebody else’s',
    expected: 'a refusal, or a will that goes nowhere',
    sources: ['MQTT 3.1.1 3.1.2.5', 'MQTT 3.1.1 5.4.2'],
    severity: 'high',
  },
  async (context) => {
    const { clientId, foreignTopic } = mqttOf(context);
    const result = await attempt(
      context.target,
      context.evidence,
      settingsFor(context, newest(context)),
      connectPacket({ clientId, will: { topic: foreignTopic, payload: 'gone' } }),
    );
    hangUp(result);
    return isIn(result)
      ? warn('the CONNECT was taken; whether the will is delivered cannot be told without a listener')
      : pass(`refused: ${endText(result)}`);
  },
);

export const MQTT_RIGHTS_CASES: readonly BrokerCase[] = [
  otherClientId,
  takeover,
  ownTakeover,
  publishElsewhere,
  subscribeTo('subscribe-elsewhere', 'A client listens only to what is its own', (context) => mqttOf(context).foreignFilter, 'critical'),
  subscribeTo('subscribe-all', 'Nobody listens to everything', () => '#', 'critical'),
  wills,
];
