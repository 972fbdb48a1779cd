/** Cases about the order of messages in a handshake and after it, and old holes that must stay closed. */
import { PeerStop } from '../errors.ts';
import { fail, pass, warn, type Verdict } from '../model.ts';
import { u16, u8, vector } from '../wire/bytes.ts';
import { goodHello } from '../wire/client-hello.ts';
import { TlsClient } from '../wire/client.ts';
import { CONTENT, EXTENSION, HANDSHAKE, VERSION } from '../wire/names.ts';
import { Transport } from '../wire/transport.ts';
import { refusal, tryIn, whenIn, type BrokerCase, type Context } from './context.ts';
import { isIn, hangUp } from './attempt.ts';
import { plainHello } from './hellos.ts';

/** A connection in TLS 1.2 on which the server has said its first flight; the case goes on by hand. */
async function afterServerHelloDone(
  context: Context,
  work: (client: TlsClient) => Promise<Verdict>,
  hello = plainHello(context, [VERSION.tls12]),
): Promise<Verdict> {
  const { target, evidence, timeoutMs } = context;
  const transport = await Transport.open(target.host, target.port, timeoutMs);
  try {
    const client = new TlsClient(transport, evidence, { hello, timeoutMs });
    await client.sayHello();
    for (let type = -1; type !== HANDSHAKE.serverHelloDone;) ({ type } = await client.records.readMessage(timeoutMs));
    return await work(client);
  } finally {
    transport.destroy();
  }
}

/** Passes when the peer ends it; `bad` names what it did instead. */
async function mustEnd(client: TlsClient, bad: string): Promise<Verdict> {
  try {
    await client.records.readRecord(client.settings.timeoutMs);
    return fail(bad);
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    return refusal(error);
  }
}

const earlyChangeCipherSpec: BrokerCase = {
  info: {
    id: 'protocol.early-change-cipher-spec',
    family: 'protocol',
    title: 'ChangeCipherSpec before the key exchange is refused',
    offered: 'TLS 1.2, ChangeCipherSpec right after ServerHelloDone, then a Finished in the clear',
    expected: 'unexpected_message (10)',
    sources: ['CVE-2014-0224', 'RFC 5246 7.1'],
    severity: 'critical',
  },
  needs: ['tls-1.2'],
  run: (context) =>
    afterServerHelloDone(context, async (client) => {
      context.evidence.sent('ChangeCipherSpec, too early');
      await client.records.writeRecord(CONTENT.changeCipherSpec, Buffer.of(1));
      await client.records.writeMessage(HANDSHAKE.finished, Buffer.alloc(12));
      return mustEnd(client, 'it went on');
    }),
};

const skippedKeyExchange: BrokerCase = {
  info: {
    id: 'protocol.skipped-key-exchange',
    family: 'protocol',
    title: 'A Finished without a key exchange is refused',
    offered: 'TLS 1.2, Finished in the clear right after ServerHelloDone',
    expected: 'unexpected_message (10)',
    sources: ['RFC 5246 7.4', 'CVE-2014-6593'],
    severity: 'critical',
  },
  needs: ['tls-1.2'],
  run: (context) =>
    afterServerHelloDone(context, async (client) => {
      await client.records.writeMessage(HANDSHAKE.finished, Buffer.alloc(12));
      return mustEnd(client, 'it went on');
    }),
};

const secondHello: BrokerCase = {
  info: {
    id: 'protocol.second-client-hello',
    family: 'protocol',
    title: 'A second ClientHello inside a handshake is refused',
    offered: 'TLS 1.2, ClientHello again after ServerHelloDone',
    expected: 'unexpected_message (10)',
    sources: ['RFC 5246 7.4', 'RFC 8446 4.1.2'],
    severity: 'low',
  },
  needs: ['tls-1.2'],
  run: (context) =>
    afterServerHelloDone(context, async (client) => {
      await client.sayHello();
      return fail('it answered the second one too');
    }).catch((error: unknown) => {
      if (error instanceof PeerStop) return refusal(error);
      throw error;
    }),
};

const heartbleed: BrokerCase = {
  info: {
    id: 'protocol.heartbleed',
    family: 'protocol',
    title: 'A heartbeat that claims more than it carries gets nothing',
    offered: 'TLS 1.2 with the heartbeat extension, then a request of 3 octets that claims 16,384',
    expected: 'an alert, a close, or silence; no heartbeat response',
    sources: ['CVE-2014-0160', 'RFC 6520 4'],
    severity: 'critical',
  },
  needs: ['tls-1.2'],
  run: (context) => {
    const hello = { ...plainHello(context, [VERSION.tls12]), extra: [{ type: EXTENSION.heartbeat, body: u8(1) }] };
    return afterServerHelloDone(
      context,
      async (client) => {
        context.evidence.sent('heartbeat request, 16,384 bytes claimed');
        await client.transport.write(Buffer.concat([u8(24), u16(0x0303), vector(2, u8(1), u16(0x4000))]));
        try {
          const { type, fragment } = await client.records.readRecord(Math.min(client.settings.timeoutMs, 1_500));
          return type === 24 ? fail(`it answered with ${fragment.length} bytes of its memory`) : warn(`it answered with a record of type ${type}`);
        } catch (error) {
          if (!(error instanceof PeerStop)) throw error;
          return pass(error.code === 'PEER_SILENT' ? 'it said nothing' : `refused: ${error.message}`);
        }
      },
      hello,
    );
  },
};

const renegotiation: BrokerCase = {
  info: {
    id: 'protocol.renegotiation',
    family: 'protocol',
    title: 'A renegotiation that the client begins is refused',
    offered: 'TLS 1.2, then a ClientHello inside the connection',
    expected: 'no_renegotiation (100), another alert, or a close',
    sources: ['RFC 9325 3.5', 'CVE-2011-1473'],
    severity: 'medium',
  },
  needs: ['tls-1.2', 'identity'],
  run: (context) =>
    whenIn(context, [VERSION.tls12], {}, async (result) => {
      const { client } = result;
      const hello = { ...goodHello([VERSION.tls12], context.target.serverName), renegotiationInfo: client.verifyData?.client ?? Buffer.alloc(0) };
      const inner = new TlsClient(client.transport, context.evidence, { hello, helloRecordVersion: VERSION.tls12, timeoutMs: context.timeoutMs });
      inner.records.writeCipher = client.records.writeCipher;
      inner.records.readCipher = client.records.readCipher;
      try {
        await inner.sayHello();
        return fail('it began a new handshake');
      } catch (error) {
        if (!(error instanceof PeerStop)) throw error;
        // A server may also ignore it (RFC 5246 7.4.1.1): nothing happens then.
        return error.code === 'PEER_SILENT' ? pass('it ignored the hello') : refusal(error);
      }
    }),
};

const keyUpdate: BrokerCase = {
  info: {
    id: 'protocol.key-update',
    family: 'protocol',
    title: 'A key update with a value that does not exist is refused',
    offered: 'TLS 1.3, KeyUpdate with request_update 7',
    expected: 'illegal_parameter (47), or a close',
    sources: ['RFC 8446 4.6.3'],
    severity: 'low',
  },
  needs: ['tls-1.3', 'identity'],
  run: (context) =>
    whenIn(context, [VERSION.tls13], {}, async ({ client }) => {
      await client.records.writeMessage(HANDSHAKE.keyUpdate, u8(7));
      const closedMs = await endOf(client, context.timeoutMs);
      return closedMs ?? fail('it went on');
    }),
};

async function endOf(client: TlsClient, timeoutMs: number): Promise<Verdict | undefined> {
  try {
    for (;;) await client.read(timeoutMs);
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    return error.code === 'PEER_SILENT' ? undefined : refusal(error);
  }
}

const brokenFinished: BrokerCase = {
  info: {
    id: 'protocol.broken-finished',
    family: 'protocol',
    title: 'A client whose Finished is wrong is refused',
    offered: 'a handshake whose last message has one bit flipped',
    expected: 'decrypt_error (51)',
    sources: ['RFC 8446 4.4.4', 'RFC 5246 7.4.9'],
    severity: 'critical',
  },
  needs: ['identity'],
  run: async (context) => {
    for (const version of context.profile.versions) {
      const result = await tryIn(context, [version], {
        deviations: { finished: (honest) => Buffer.from(honest.map((octet, index) => (index === 0 ? octet ^ 1 : octet))) },
      });
      hangUp(result);
      if (result.end !== 'stopped') return fail(isIn(result) ? 'it was let in' : 'TLS went on; only MQTT refused it');
    }
    return pass('refused');
  },
};

/** 2^9 bytes, the least that can be asked for. */
const FRAGMENT_CODE = 1;
const FRAGMENT_BYTES = 512;

const maxFragmentLength: BrokerCase = {
  info: {
    id: 'protocol.max-fragment-length',
    family: 'protocol',
    title: 'A device that asks for small records gets them, or is told that it will not',
    offered: 'TLS 1.2 with max_fragment_length 512',
    expected: 'the extension in the ServerHello and records of at most 512 bytes; or no such extension',
    sources: ['RFC 6066 4'],
    severity: 'low',
  },
  needs: ['tls-1.2'],
  run: (context) => {
    const hello = { ...plainHello(context, [VERSION.tls12]), extra: [{ type: EXTENSION.maxFragmentLength, body: u8(FRAGMENT_CODE) }] };
    return afterServerHelloDone(
      context,
      ({ serverExtensions, records }) => {
        const isTaken = serverExtensions.has(EXTENSION.maxFragmentLength);
        context.facts.set('max_fragment_length', isTaken ? 'taken' : 'not taken');
        if (!isTaken) return Promise.resolve(pass('it does not take it, and says so'));
        const largest = records.largestReadBytes;
        return Promise.resolve(
          largest <= FRAGMENT_BYTES ? pass(`its records have at most ${largest} bytes`) : fail(`it agreed, and sent a record of ${largest} bytes`),
        );
      },
      hello,
    );
  },
};

export const ORDER_CASES: readonly BrokerCase[] = [
  earlyChangeCipherSpec,
  skippedKeyExchange,
  secondHello,
  heartbleed,
  renegotiation,
  brokenFinished,
  keyUpdate,
  maxFragmentLength,
];
