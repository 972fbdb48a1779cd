/** Cases about groups and key shares. */
import { PeerStop } from '../errors.ts';
import { fail, pass, type Severity } from '../model.ts';
import { encodeHello } from '../wire/client-hello.ts';
import { openTls, type TlsClient } from '../wire/client.ts';
import { GROUP, groupName, HANDSHAKE, VERSION } from '../wire/names.ts';
import { suiteIds } from '../wire/suites.ts';
import { askHello, chosenText, refusal, refusesHello, type BrokerCase, type Context } from './context.ts';
import { plainHello } from './hellos.ts';
import { hello12, keyExchangeOf } from './key-exchange-probe.ts';

function group(id: string, name: string, number: number, severity: Severity, how: 'required' | 'reported'): BrokerCase {
  return {
    info: {
      id: `ciphers.group-${id}`,
      family: 'ciphers',
      title: how === 'required' ? `Group ${name} is there` : `Whether group ${name} is there is reported`,
      offered: `TLS 1.3 with ${name} as the only group`,
      expected: how === 'required' ? 'a ServerHello, or a retry that asks for it' : 'an answer, whichever',
      sources: number === GROUP.x25519MlKem768 ? ['draft-ietf-tls-ecdhe-mlkem'] : ['RFC 8446 9.1'],
      severity,
    },
    needs: ['tls-1.3'],
    run: async (context) => {
      // Without a share: a server that knows the group asks for one, and that is the answer.
      const has = await hasGroup(context, number);
      context.facts.set(`group ${name}`, has === true ? 'yes' : 'no');
      if (has === true) return pass('it is there');
      return how === 'reported' ? pass(`it is not there: ${has.message}`) : fail(`it is not there: ${has.message}`);
    },
  };
}

async function hasGroup(context: Context, number: number): Promise<true | PeerStop> {
  const { target, evidence, timeoutMs } = context;
  const hello = { ...plainHello(context, [VERSION.tls13]), groups: [number], keyShares: [] };
  let client: TlsClient | undefined;
  try {
    client = await openTls(target.host, target.port, evidence, { hello, timeoutMs });
    await client.records.writeMessage(HANDSHAKE.clientHello, encodeHello(hello), `ClientHello (TLS 1.3; group ${groupName(number)} only)`);
    const { type } = await client.records.readMessage(timeoutMs);
    return type === HANDSHAKE.serverHello ? true : new PeerStop('PEER_MALFORMED', `handshake message ${type}`);
  } catch (error) {
    if (error instanceof PeerStop) return error;
    throw error;
  } finally {
    client?.transport.destroy();
  }
}

/** A case in which a share that is no point must be refused. */
function badShare(id: string, title: string, number: number, bytes: Buffer, sources: readonly string[]): BrokerCase {
  return {
    info: {
      id: `ciphers.${id}`,
      family: 'ciphers',
      title,
      offered: `TLS 1.3 with such a share of ${groupName(number)}`,
      expected: 'illegal_parameter (47), or a close',
      sources,
      severity: 'high',
    },
    needs: ['tls-1.3'],
    run: (context) => refusesHello(context, { ...plainHello(context, [VERSION.tls13]), groups: [number], keyShares: [{ group: number, bytes }] }),
  };
}

const weakGroups: BrokerCase = {
  info: {
    id: 'ciphers.weak-groups',
    family: 'ciphers',
    title: 'Curves of less than 224 bits are refused',
    offered: 'TLS 1.2 with ECDHE and P-192, secp160k1, secp160r1 and sect163 only',
    expected: 'handshake_failure (40)',
    sources: ['RFC 8422 5.1.1', 'RFC 9325 4.5'],
    severity: 'high',
  },
  needs: ['tls-1.2'],
  run: async (context) => {
    const hello = {
      ...hello12(
        context,
        suiteIds(({ keyExchange }) => keyExchange === 'ecdhe'),
      ),
      groups: [GROUP.p192, 0x000f, 0x0010, 0x0001, 0x0003],
    };
    const answer = await askHello(context, hello);
    return 'hello' in answer ? fail(`it agreed: ${chosenText(answer.hello)}`) : refusal(answer.stop);
  },
};

const weakPrime: BrokerCase = {
  info: {
    id: 'ciphers.weak-dh',
    family: 'ciphers',
    title: 'Finite-field Diffie-Hellman, if any, has a prime of 2,048 bits or more',
    offered: 'TLS 1.2 with DHE suites only',
    expected: 'handshake_failure (40), or a long prime',
    sources: ['RFC 9325 4.5', 'CVE-2015-4000'],
    severity: 'high',
  },
  needs: [],
  run: async (context) => {
    const exchange = await keyExchangeOf(
      context,
      hello12(
        context,
        suiteIds(({ keyExchange }) => keyExchange === 'dhe'),
      ),
    );
    if (exchange instanceof PeerStop) return refusal(exchange);
    const bits = exchange.prime ? BigInt(`0x${exchange.prime.toString('hex')}`).toString(2).length : 0;
    context.facts.set('Diffie-Hellman prime', `${bits} bits`);
    return bits >= 2048 ? pass(`its prime has ${bits} bits`) : fail(`its prime has ${bits} bits`);
  },
};

const freshShares: BrokerCase = {
  info: {
    id: 'ciphers.fresh-key-shares',
    family: 'ciphers',
    title: 'Each handshake has a key of its own',
    offered: 'two handshakes of TLS 1.2 or 1.3, one after another',
    expected: 'two different key shares and randoms',
    sources: ['RFC 9325 6.4', 'RFC 8446 4.2.8'],
    severity: 'medium',
  },
  needs: [],
  run: async (context) => {
    const shares: string[] = [];
    const randoms: string[] = [];
    for (let round = 0; round < 2; round++) {
      const answer = await askHello(context, plainHello(context));
      if (!('hello' in answer)) return fail(`it refused: ${answer.stop.message}`);
      randoms.push(answer.hello.random.subarray(0, 24).toString('hex'));
      if (answer.hello.share) shares.push(answer.hello.share.toString('hex'));
    }
    if (randoms[0] === randoms[1]) return fail('both randoms are the same');
    return shares.length === 2 && shares[0] === shares[1] ? fail('both key shares are the same') : pass('they differ');
  },
};

export const GROUP_CASES: readonly BrokerCase[] = [
  group('p-256', 'P-256', GROUP.p256, 'medium', 'required'),
  group('x25519', 'X25519', GROUP.x25519, 'low', 'required'),
  group('x25519-mlkem768', 'X25519MLKEM768', GROUP.x25519MlKem768, 'info', 'reported'),
  weakGroups,
  weakPrime,
  badShare(
    'point-off-curve',
    'A point that is not on the curve is refused',
    GROUP.p256,
    Buffer.concat([Buffer.of(4), Buffer.alloc(63, 0x11), Buffer.of(1)]),
    ['RFC 8446 4.2.8.2'],
  ),
  badShare('zero-share', 'A share of X25519 that leads to zero is refused', GROUP.x25519, Buffer.alloc(32), ['RFC 8446 7.4.2', 'RFC 7748 6.1']),
  badShare('short-share', 'A share that is too short is refused', GROUP.x25519, Buffer.alloc(16, 9), ['RFC 8446 4.2.8.2']),
  freshShares,
];
