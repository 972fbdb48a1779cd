/** Cases after the handshake: silence, slowness, size, and connections that break off. */
import { PeerStop } from '../errors.ts';
import { fail, pass, warn } from '../model.ts';
import { openTls } from '../wire/client.ts';
import { attempt, connectPacket, endText, hangUp, isIn } from './attempt.ts';
import { closesWithin, rawAnswer } from './raw.ts';
import { mqttOf, settingsFor, tryIn, whenIn, type BrokerCase } from './context.ts';
import { after, closed, newest, publish } from './mqtt-asking.ts';

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

export const MQTT_TIME_CASES: readonly BrokerCase[] = [
  plain,
  slowConnect,
  keepAlive,
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
