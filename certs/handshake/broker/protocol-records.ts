/** Cases about records: limits, emptiness, floods, silence. */
import { PeerStop } from '../errors.ts';
import { fail, pass, warn, type Verdict } from '../model.ts';
import { u16, u8, vector } from '../wire/bytes.ts';
import { Transport } from '../wire/transport.ts';
import { refusal, whenIn, type BrokerCase, type Context } from './context.ts';
import { closesWithin, rawAnswer } from './raw.ts';

const recordTooLong: BrokerCase = {
  info: {
    id: 'protocol.record-too-long',
    family: 'protocol',
    title: 'A record longer than TLS allows is refused',
    offered: 'a handshake record of 20,000 bytes',
    expected: 'record_overflow (22), or a close',
    sources: ['RFC 8446 5.1', 'RFC 5246 6.2.1'],
    severity: 'medium',
  },
  needs: [],
  run: async (context) => {
    const answer = await rawAnswer(context, Buffer.concat([u8(22), u16(0x0301), vector(2, Buffer.alloc(20_000, 1))]), 'a record of 20,000 bytes');
    return answer instanceof PeerStop ? refusal(answer) : fail('it answered');
  },
};

const emptyRecords: BrokerCase = {
  info: {
    id: 'protocol.empty-records',
    family: 'protocol',
    title: 'A flood of empty records is not endured for ever',
    offered: '2,000 empty handshake records',
    expected: 'unexpected_message (10), or a close',
    sources: ['RFC 8446 5.1', 'RFC 5246 6.2.1'],
    severity: 'low',
  },
  needs: [],
  run: async (context) => {
    const empty = Buffer.from([22, 3, 1, 0, 0]);
    const answer = await rawAnswer(context, Buffer.concat(Array.from({ length: 2_000 }, () => empty)), '2,000 empty handshake records');
    return answer instanceof PeerStop ? refusal(answer) : fail('it answered');
  },
};

const alertFlood: BrokerCase = {
  info: {
    id: 'protocol.alert-flood',
    family: 'protocol',
    title: 'A flood of warnings is not endured for ever',
    offered: '5,000 warning alerts before the ClientHello',
    expected: 'an alert or a close',
    sources: ['CVE-2016-8610', 'RFC 8446 6'],
    severity: 'low',
  },
  needs: [],
  run: async (context) => {
    const warning = Buffer.from([21, 3, 1, 0, 2, 1, 90]);
    const answer = await rawAnswer(context, Buffer.concat(Array.from({ length: 5_000 }, () => warning)), '5,000 warning alerts');
    return answer instanceof PeerStop ? refusal(answer) : fail('it answered');
  },
};

const noTls: BrokerCase = {
  info: {
    id: 'protocol.not-tls',
    family: 'protocol',
    title: 'Who does not speak TLS is sent away',
    offered: 'an HTTP request in the clear',
    expected: 'an alert or a close, and nothing of the application',
    sources: ['RFC 8446 6'],
    severity: 'high',
  },
  needs: [],
  run: async (context) => {
    const answer = await rawAnswer(context, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'an HTTP request in the clear');
    if (answer instanceof PeerStop) return refusal(answer);
    // Some servers tell the browser in plain text that this is a TLS port, and close.
    return answer.subarray(0, 5).toString('latin1') === 'HTTP/'
      ? pass('it said in HTTP that this is not for HTTP')
      : fail('it answered in the clear');
  },
};

const largestRecord: BrokerCase = {
  info: {
    id: 'protocol.largest-record',
    family: 'protocol',
    title: 'The largest record that TLS allows is taken',
    offered: 'data of 16,384 bytes in one record: MQTT packets that make no trouble, or octets where there is no MQTT',
    expected: 'the connection stays',
    sources: ['RFC 8446 5.1'],
    severity: 'low',
  },
  needs: ['identity', 'mqtt'],
  run: (context) =>
    whenIn(context, context.profile.versions.slice(0, 1), {}, async ({ client }) => {
      const pings = Buffer.concat(Array.from({ length: 8_192 }, () => Buffer.from([0xc0, 0])));
      context.evidence.sent('8,192 PINGREQ in one record of 16,384 bytes');
      await client.write(pings);
      const first = await client.read(context.timeoutMs);
      return first[0] === 0xd0 ? pass('it answered them') : fail(`it answered with 0x${first[0]!.toString(16)}`);
    }),
};

const truncated: BrokerCase = {
  info: {
    id: 'protocol.half-a-record',
    family: 'protocol',
    title: 'Half a ClientHello and then nothing is not waited for without end',
    offered: 'the first half of a ClientHello, then silence',
    expected: 'a close in bounded time',
    sources: ['MQTT 3.1.1 3.1.4', 'CWE-400'],
    severity: 'low',
  },
  needs: [],
  run: (context) => slow(context, async (transport) => transport.write(Buffer.from('160301010001', 'hex')), 'half a ClientHello'),
};

const tcpOnly: BrokerCase = {
  info: {
    id: 'protocol.silent-connection',
    family: 'protocol',
    title: 'A connection on which nothing is said is closed',
    offered: 'TCP, then silence',
    expected: 'a close in bounded time',
    sources: ['MQTT 3.1.1 3.1.4', 'CWE-400'],
    severity: 'low',
  },
  needs: [],
  run: (context) => slow(context, async () => Promise.resolve(), 'nothing'),
};

async function slow(context: Context, act: (transport: Transport) => Promise<void>, said: string): Promise<Verdict> {
  const { target, evidence, timeoutMs, patienceMs } = context;
  const transport = await Transport.open(target.host, target.port, timeoutMs);
  try {
    evidence.sent(said);
    await act(transport);
    const closedMs = await closesWithin(transport, patienceMs, () => evidence.elapsedMs);
    if (closedMs === undefined) return warn(`still open after ${patienceMs / 1000} s: whoever opens many of these costs it memory and descriptors`);
    evidence.received(`closed after ${(closedMs / 1000).toFixed(1)} s`);
    return pass(`closed after ${(closedMs / 1000).toFixed(1)} s`);
  } finally {
    transport.destroy();
  }
}

export const RECORD_CASES: readonly BrokerCase[] = [recordTooLong, emptyRecords, alertFlood, noTls, largestRecord, truncated, tcpOnly];
