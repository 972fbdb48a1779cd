/** Servers that break MQTT after an honest handshake: refusals, packets out of turn, packets that are none. */
import type { Packet } from 'mqtt-packet';
import { fail, notRun, pass, warn, type CaseInfo, type Severity, type Verdict } from '../model.ts';
import type { CaseContext, ClientCase } from './case.ts';
import { sessionCase } from './mqtt-cases.ts';
import { subscribed } from './mqtt-subscribe-cases.ts';
import { openSession, type Session } from './session.ts';

/** How long a device may take to close a connection on which the server broke the protocol. */
const CLOSE_MS = 5_000;
const DELAY_MS = 3_000;
const VIOLATION = 'MQTT 3.1.1 4.8';

const CODES: readonly (readonly [number, string, string])[] = [
  [1, 'unacceptable protocol version', 'version'],
  [2, 'identifier rejected', 'identifier'],
  [3, 'server unavailable', 'unavailable'],
  [4, 'bad user name or password', 'password'],
  [5, 'not authorized', 'unauthorized'],
  [0x42, 'a reserved code', 'reserved'],
];

/** What MQTT 5 says for the codes of 3.1.1; 0x42 is reserved in both. */
const CODE_5: Readonly<Record<number, number>> = { 1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87, 0x42: 0x42 };

function refusedCase([code, meaning, name]: (typeof CODES)[number]): ClientCase {
  const info: CaseInfo = {
    id: `mqtt-server.refused.${name}`,
    family: 'mqtt-server',
    title: `CONNACK ${code}: ${meaning}`,
    offered: `CONNACK ${code} (0x${CODE_5[code]!.toString(16)} in MQTT 5)`,
    expected: 'nothing more is sent, the connection is closed',
    sources: ['MQTT 3.1.1 3.2.2.3', 'MQTT 5 3.2.2.2'],
    severity: 'medium',
  };
  return {
    info,
    serve: async (context) => {
      const session = await openSession(context);
      if (!session) return notRun('the device did not come as far as CONNECT');
      session.refuse(session.version === 5 ? CODE_5[code]! : code);
      const arrival = await session.next(CLOSE_MS);
      if (arrival.kind === 'packet' && arrival.packet.cmd !== 'disconnect') return fail(`went on with ${arrival.packet.cmd.toUpperCase()} though it was refused`);
      return arrival.kind === 'silence' ? warn('left the connection open; the server has to close it') : pass('closed the connection');
    },
  };
}

interface Lie {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly sources?: readonly string[];
  readonly severity?: Severity;
  /** Tells the lie; a text says why it cannot be told to this device. */
  readonly tell: (session: Session) => Promise<string | undefined>;
  /** What it comes to when the device goes on as if nothing had been: `fail` unless given. */
  readonly ignored?: Verdict;
}

const IGNORED = warn('did not close the connection, and goes on as if nothing had been said');

/** A lie that a device should answer by closing the connection. */
function lieCase({ id, title, offered, sources = [VIOLATION], severity = 'medium', tell, ignored = IGNORED }: Lie): ClientCase {
  return {
    info: { id: `mqtt-server.lie.${id}`, family: 'mqtt-server', title, offered, expected: 'the connection is closed', sources, severity },
    serve: async (context: CaseContext) => {
      const session = await openSession(context);
      if (!session) return notRun('the device did not come as far as CONNECT');
      const impossible = await tell(session);
      if (impossible !== undefined) return notRun(impossible);
      const endingBefore = context.deviceEnding();
      const goodbye = await session.find((packet): packet is Extract<Packet, { cmd: 'disconnect' }> => packet.cmd === 'disconnect', CLOSE_MS);
      if (goodbye?.reasonCode) return pass(`disconnected, reason 0x${goodbye.reasonCode.toString(16)}`);
      if (goodbye) return endingBefore === undefined ? warn('said goodbye as if all were well') : pass('closed the connection');
      return session.closed ? pass('closed the connection') : ignored;
    },
  };
}

/** Sends bytes as they are once the device is connected, before it has said a word. */
function bytes(hex: string, text: string) {
  return (session: Session): Promise<undefined> => {
    session.accept();
    session.sendBytes(Buffer.from(hex, 'hex'), text);
    return Promise.resolve(undefined);
  };
}

function packet(told: Packet) {
  return (session: Session): Promise<undefined> => {
    session.accept();
    session.send(told);
    return Promise.resolve(undefined);
  };
}

function beforeConnack(session: Session): Promise<undefined> {
  session.send({ cmd: 'publish', topic: 'thrum', payload: 'x', qos: 0, dup: false, retain: false });
  session.accept();
  return Promise.resolve(undefined);
}

/** A PUBLISH with a topic that is none, to whoever listens: QoS 0, or 1 with a packet id. */
function publishBytes(flags: number, topic: Buffer, id?: number): (session: Session) => Promise<undefined> {
  return (session) => {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(topic.length);
    const packetId = id === undefined ? [] : [Buffer.from([id >> 8, id & 255])];
    const properties = session.version === 5 ? [Buffer.from([0])] : [];
    const body = Buffer.concat([head, topic, ...packetId, ...properties, Buffer.from('x')]);
    session.accept();
    session.sendBytes(Buffer.concat([Buffer.from([0x30 | flags, body.length]), body]), 'the PUBLISH');
    return Promise.resolve(undefined);
  };
}

const BROKEN = fail('did not close the connection');

export const LIE_CASES: readonly ClientCase[] = [
  ...CODES.map(refusedCase),
  lieCase({ id: 'before-connack', title: 'PUBLISH before CONNACK', offered: 'PUBLISH as the first packet', sources: ['MQTT 3.1.1 3.2'], tell: beforeConnack }),
  lieCase({ id: 'connack-twice', title: 'CONNACK twice', offered: 'a second CONNACK', sources: ['MQTT 3.1.1 3.2'], severity: 'low', tell: packet({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false }) }),
  lieCase({
    id: 'session-present', title: 'Session present where there can be none', offered: 'CONNACK with session present for a clean session', sources: ['MQTT 5 3.2.2.1.1', 'MQTT 3.1.1 3.2.2.2'], severity: 'low',
    tell: (session) => {
      if (session.connect.clean === false) return Promise.resolve('the device asks for a persistent session');
      session.accept('resumed');
      return Promise.resolve(undefined);
    },
  }),
  lieCase({ id: 'remaining-length', title: 'Remaining length of five bytes', offered: 'a packet whose length does not end', sources: ['MQTT 3.1.1 2.2.3'], tell: bytes('30ffffffffff0100', 'a remaining length of five bytes'), ignored: BROKEN }),
  lieCase({ id: 'reserved-type', title: 'Packet of type 0', offered: 'a packet of a reserved type', sources: ['MQTT 3.1.1 2.2.1'], tell: bytes('0000', 'a packet of type 0'), ignored: BROKEN }),
  lieCase({ id: 'reserved-flags', title: 'PINGRESP with reserved flags set', offered: 'PINGRESP with flags 0101', sources: ['MQTT 3.1.1 2.2.2'], severity: 'low', tell: bytes('d500', 'PINGRESP with flags 0101'), ignored: BROKEN }),
  lieCase({ id: 'qos-3', title: 'PUBLISH with QoS 3', offered: 'both QoS bits set', sources: ['MQTT 3.1.1 3.3.1.2'], tell: publishBytes(0x06, Buffer.from('thrum'), 1), ignored: BROKEN }),
  lieCase({ id: 'topic-nul', title: 'Topic with a NUL', offered: 'PUBLISH to a topic with U+0000', sources: ['MQTT 3.1.1 1.5.3'], severity: 'low', tell: publishBytes(0, Buffer.from('a\0b')) }),
  lieCase({ id: 'topic-utf8', title: 'Topic that is no UTF-8', offered: 'PUBLISH to a topic of ill-formed UTF-8', sources: ['MQTT 3.1.1 1.5.3'], severity: 'low', tell: publishBytes(0, Buffer.from('61c32862', 'hex')) }),
  lieCase({ id: 'topic-wildcard', title: 'Topic with a wildcard', offered: 'PUBLISH to a/#', sources: ['MQTT 3.1.1 3.3.2.1'], severity: 'low', tell: publishBytes(0, Buffer.from('a/#')) }),
  lieCase({ id: 'topic-empty', title: 'Empty topic', offered: 'PUBLISH to an empty topic', sources: ['MQTT 3.1.1 4.7.3'], severity: 'low', tell: publishBytes(0, Buffer.alloc(0)) }),
  lieCase({ id: 'packet-id-0', title: 'PUBLISH with packet id 0', offered: 'QoS 1 with packet id 0', sources: ['MQTT 3.1.1 2.3.1'], severity: 'low', tell: publishBytes(0x02, Buffer.from('thrum'), 0) }),
  lieCase({ id: 'client-packet', title: 'A packet that only clients send', offered: 'SUBSCRIBE from the server', sources: ['MQTT 3.1.1 2.2.1'], severity: 'low', tell: packet({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: 'x', qos: 0 }] }) }),
  lieCase({
    id: 'topic-alias', title: 'Topic alias beyond what the device takes (MQTT 5)', offered: 'PUBLISH with topic alias 65535', sources: ['MQTT 5 3.3.2.3.4'], severity: 'low',
    tell: (session) => {
      if (session.version !== 5) return Promise.resolve('the device speaks MQTT 3.1.1, which has no topic aliases');
      session.accept();
      session.send({ cmd: 'publish', topic: 'thrum', payload: 'x', qos: 0, dup: false, retain: false, properties: { topicAlias: 65_535 } });
      return Promise.resolve(undefined);
    },
  }),
  ...[
    ['suback', 'Unasked SUBACK', { cmd: 'suback', messageId: 77, granted: [0] }],
    ['pubrel', 'Unasked PUBREL', { cmd: 'pubrel', messageId: 77 }],
    ['pubrec', 'Unasked PUBREC', { cmd: 'pubrec', messageId: 77 }],
  ].map(([id, title, told]) =>
    survivesCase(`mqtt-server.unasked.${id as string}`, title as string, (session) => {
      session.send(told as Packet);
      return Promise.resolve(undefined);
    }),
  ),
  survivesCase('mqtt-server.connack-late', 'CONNACK after three seconds', undefined),
  survivesCase('mqtt-server.huge.announced', 'A packet of 256 MiB is announced', (session) => {
    session.sendBytes(Buffer.concat([Buffer.from('30ffffff7f', 'hex'), Buffer.from([0, 5]), Buffer.from('thrum'), Buffer.alloc(256 * 1024, 'x')]), 'the first 256 KiB of a PUBLISH of 256 MiB');
    return Promise.resolve(undefined);
  }),
  survivesCase('mqtt-server.huge.sent', 'A publish of 1 MiB', async (session) => {
    const filter = await subscribed(session);
    if (!filter) return 'the device subscribed to nothing';
    session.send({ cmd: 'publish', topic: filter.topic, payload: Buffer.alloc(1024 * 1024, 'x'), qos: 0, dup: false, retain: false });
    return undefined;
  }),
  sessionCase({
    id: 'mqtt-server.goodbye', title: 'Says goodbye', offered: 'CONNACK 0, all is acknowledged', expected: 'DISCONNECT before the device closes', sources: ['MQTT 3.1.1 3.14'], severity: 'info',
    judge: async (session) => {
      const goodbye = await session.until('disconnect', 10_000);
      if (goodbye) return pass('DISCONNECT');
      return session.closed ? warn('closed without DISCONNECT, so its will is published') : notRun('the device stays connected');
    },
  }),
];

/** Something odd that a device must outlive: it may go on, or close; it may not crash. `undefined`: CONNACK comes late. */
function survivesCase(id: string, title: string, tell: ((session: Session) => Promise<string | undefined>) | undefined): ClientCase {
  return {
    info: { id, family: 'mqtt-server', title, offered: title.charAt(0).toLowerCase() + title.slice(1), expected: 'the device goes on, or closes the connection; it does not crash', sources: ['MQTT 3.1.1 4.8'], severity: 'high' },
    serve: async (context) => {
      const session = await openSession(context);
      if (!session) return notRun('the device did not come as far as CONNECT');
      if (tell === undefined) {
        const early = await session.next(DELAY_MS);
        if (early.kind === 'closed') return warn('did not wait three seconds for its CONNACK');
        if (early.kind === 'packet') context.evidence.note('the device did not wait for CONNACK, which MQTT allows');
      }
      session.accept();
      const impossible = await tell?.(session);
      if (impossible !== undefined) return notRun(impossible);
      await session.find((packet): packet is Extract<Packet, { cmd: 'disconnect' }> => packet.cmd === 'disconnect', 2_000);
      return pass(session.closed ? 'the device closed the connection' : 'the device goes on');
    },
  };
}
