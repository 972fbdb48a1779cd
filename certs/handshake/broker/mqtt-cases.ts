/** Cases after the handshake: whether MQTT keeps to its rules, and each client to what is its own. */
import { generate, type Packet } from 'mqtt-packet';
import { PeerStop } from '../errors.ts';
import { fail, pass, warn, type Severity, type Verdict } from '../model.ts';
import { openTls, type TlsClient } from '../wire/client.ts';
import { attempt, connectPacket, endText, hangUp, isIn, PacketReader } from './attempt.ts';
import { closesWithin, rawAnswer } from './raw.ts';
import { goodConnect, mqttOf, settingsFor, tryIn, whenIn, type BrokerCase, type Context, type Need } from './context.ts';

const NEEDS: readonly Need[] = ['identity', 'mqtt'];

interface Claim {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly expected: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
}

function after(claim: Claim, run: (context: Context) => Promise<Verdict>, extra: Partial<Pick<BrokerCase, 'mode' | 'needs'>> = {}): BrokerCase {
  return { info: { ...claim, id: `mqtt.${claim.id}`, family: 'after-handshake' }, needs: NEEDS, run, ...extra };
}

/** Inside, after CONNACK: sends octets and tells whether the broker closed, as it should. */
function mustClose(claim: Claim, octets: (context: Context) => Uint8Array, said: string): BrokerCase {
  return after(claim, (context) =>
    whenIn(context, newest(context), {}, async ({ client }) => {
      context.evidence.sent(said);
      await client.write(octets(context));
      return closed(client, context.timeoutMs);
    }),
  );
}

/** Instead of CONNECT: sends octets and tells whether the broker closed or refused. */
function insteadOfConnect(claim: Claim, octets: (context: Context) => Uint8Array, said: string): BrokerCase {
  return after(claim, async (context) => {
    const { target, evidence } = context;
    const client = await openTls(target.host, target.port, evidence, settingsFor(context, newest(context)));
    try {
      await client.handshake();
      evidence.sent(said);
      await client.write(octets(context));
      return await refusedOrClosed(client, context.timeoutMs);
    } finally {
      client.transport.destroy();
    }
  });
}

const newest = (context: Context): readonly number[] => context.profile.versions.slice(0, 1);

/** Passes when the connection ends; packets on the way are named. */
async function closed(client: TlsClient, timeoutMs: number): Promise<Verdict> {
  const reader = new PacketReader(client);
  let last = 'nothing';
  try {
    for (;;) {
      last = `MQTT ${(await reader.next(timeoutMs)).cmd}`;
      client.evidence.received(last);
    }
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    return error.code === 'PEER_SILENT' ? fail(`it kept the connection; it answered with ${last}`) : pass(`closed: ${error.message}`);
  }
}

async function refusedOrClosed(client: TlsClient, timeoutMs: number): Promise<Verdict> {
  try {
    const packet = await new PacketReader(client).next(timeoutMs);
    client.evidence.received(`MQTT ${packet.cmd}`);
    if (packet.cmd !== 'connack') return fail(`it answered with ${packet.cmd}`);
    return packet.returnCode === 0 ? fail('it said welcome') : pass(`refused: CONNACK ${packet.returnCode ?? 'with a reason'}`);
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    return error.code === 'PEER_SILENT' ? fail('it neither refused nor closed') : pass(`closed: ${error.message}`);
  }
}

const publish = (topic: string, change: Partial<Extract<Packet, { cmd: 'publish' }>> = {}): Buffer =>
  generate({ cmd: 'publish', topic, payload: 'x', qos: 0, dup: false, retain: false, ...change });

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

/** Publishes retained to the foreign topic and asks for it back: what comes back was stored. */
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

const keepAlive = after(
  {
    id: 'keep-alive',
    title: 'A client that says nothing for one and a half keep-alives is cut off',
    offered: 'CONNECT with keep-alive 2 s, then silence',
    expected: 'a close after 3 s, give or take',
    sources: ['MQTT 3.1.1 3.1.2-24'],
    severity: 'medium',
  },
  async (context) => {
    const result = await attempt(
      context.target,
      context.evidence,
      settingsFor(context, newest(context)),
      connectPacket({ clientId: mqttOf(context).clientId, keepaliveS: 2 }),
    );
    if (!isIn(result)) return fail(`the good identity did not get in: ${endText(result)}`);
    try {
      const closedMs = await closesWithin(result.client.transport, 10_000, () => context.evidence.elapsedMs);
      if (closedMs === undefined) return fail('still open after 10 s');
      const text = `closed after ${(closedMs / 1000).toFixed(1)} s`;
      return closedMs < 1_900 ? fail(`${text}, which is too early`) : closedMs > 6_000 ? warn(text) : pass(text);
    } finally {
      hangUp(result);
    }
  },
);

const slowConnect = after(
  {
    id: 'slow-connect',
    title: 'Who does not say CONNECT after the handshake is cut off',
    offered: 'the handshake, then silence',
    expected: 'a close in bounded time',
    sources: ['MQTT 3.1.1 3.1.4'],
    severity: 'low',
  },
  async (context) => {
    const { target, evidence, patienceMs } = context;
    const client = await openTls(target.host, target.port, evidence, settingsFor(context, newest(context)));
    try {
      await client.handshake();
      const closedMs = await closesWithin(client.transport, patienceMs, () => evidence.elapsedMs);
      return closedMs === undefined ? warn(`still open after ${patienceMs / 1000} s`) : pass(`closed after ${(closedMs / 1000).toFixed(1)} s`);
    } finally {
      client.transport.destroy();
    }
  },
  { mode: 'beside' },
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

const plain = after(
  {
    id: 'without-tls',
    title: 'MQTT without TLS is not spoken on this port',
    offered: 'CONNECT in the clear',
    expected: 'an alert or a close, no CONNACK',
    sources: ['MQTT 3.1.1 5.4.5', 'RFC 9325 3.2'],
    severity: 'critical',
  },
  async (context) => {
    const answer = await rawAnswer(context, connectPacket({ clientId: 'thrum-plain' }), 'CONNECT in the clear');
    if (answer instanceof PeerStop) return pass(`refused: ${answer.message}`);
    return answer[0] === 0x20 ? fail('it said CONNACK, in the clear') : fail('it answered in the clear');
  },
  { needs: [] },
);

/** A CONNECT with octets changed. */
function bentConnect(context: Context, bend: (packet: Buffer) => Buffer): Buffer {
  return bend(connectPacket({ clientId: mqttOf(context).clientId }));
}

export const MQTT_CASES: readonly BrokerCase[] = [
  plain,
  otherClientId,
  takeover,
  ownTakeover,
  publishElsewhere,
  subscribeTo('subscribe-elsewhere', 'A client listens only to what is its own', (context) => mqttOf(context).foreignFilter, 'critical'),
  subscribeTo('subscribe-all', 'Nobody listens to everything', () => '#', 'critical'),
  wills,
  slowConnect,
  keepAlive,
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
  after(
    {
      id: 'oversize',
      title: 'A packet of 256 MB is not waited for',
      offered: 'the header of a PUBLISH of 268,435,455 bytes and its first megabyte',
      expected: 'a close at the limit, or in bounded time',
      sources: ['MQTT 3.1.1 2.2.3', 'CWE-400'],
      severity: 'medium',
    },
    (context) =>
      whenIn(context, newest(context), {}, async ({ client }) => {
        context.evidence.sent('the header of a PUBLISH of 268,435,455 bytes');
        await client.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
        for (let sent = 0; sent < 64 && client.transport.ended === undefined; sent++) await client.write(Buffer.alloc(16_384, 0));
        const verdict = await closed(client, Math.min(context.timeoutMs, 3_000));
        return verdict.outcome === 'fail' ? warn('it goes on reading: whoever is let in can make it hold 256 MB') : verdict;
      }),
  ),
  after(
    {
      id: 'truncated-close',
      title: 'A connection that is cut without close_notify does no harm',
      offered: 'CONNECT, half a PUBLISH, then a reset; then CONNECT again',
      expected: 'the client is let in again',
      sources: ['RFC 8446 6.1', 'MQTT 3.1.1 4.8'],
      severity: 'medium',
    },
    async (context) => {
      const first = await tryIn(context, newest(context));
      if (!isIn(first)) return fail(`the good identity did not get in: ${endText(first)}`);
      await first.client.write(publish(mqttOf(context).ownTopic).subarray(0, 5));
      context.evidence.sent('half a PUBLISH, then a reset');
      first.client.transport.reset();
      const second = await tryIn(context, newest(context));
      hangUp(second);
      return isIn(second) ? pass('it was let in again') : fail(`it was not let in again: ${endText(second)}`);
    },
  ),
];

function withOctet(packet: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(packet);
  changed[at] = value;
  return changed;
}
