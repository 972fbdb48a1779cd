/** Cases about what a hello may ask for: compression, renegotiation, ALPN, groups, server names. */
import { fail, pass, warn, type Verdict } from '../model.ts';
import { hybridShareBytes } from '../wire/key-exchange.ts';
import { EXTENSION, GROUP, VERSION } from '../wire/names.ts';
import { alpnOf } from '../wire/server-messages.ts';
import { askHello, refusal, takesHello, type BrokerCase, type Context } from './context.ts';
import { both, plainHello, shareOf } from './hellos.ts';

const compression: BrokerCase = {
  info: {
    id: 'protocol.compression',
    family: 'protocol',
    title: 'Compression is not used',
    offered: 'a ClientHello of TLS 1.2 that prefers DEFLATE to no compression',
    expected: 'a ServerHello without compression',
    sources: ['RFC 9325 3.3', 'CVE-2012-4929'],
    severity: 'high',
  },
  needs: ['tls-1.2'],
  run: (context) =>
    takesHello(context, { ...plainHello(context, [VERSION.tls12]), compressions: [1, 64, 0] }, {}, (hello) =>
      hello.compression === 0 ? pass('no compression was chosen') : fail(`it chose compression ${hello.compression}`),
    ),
};

const secureRenegotiation: BrokerCase = {
  info: {
    id: 'protocol.secure-renegotiation',
    family: 'protocol',
    title: 'Renegotiation, if any, is the secure one',
    offered: 'a ClientHello of TLS 1.2 with renegotiation_info',
    expected: 'renegotiation_info in the ServerHello',
    sources: ['RFC 5746 3.6', 'RFC 9325 3.5'],
    severity: 'high',
  },
  needs: ['tls-1.2'],
  run: (context) =>
    takesHello(context, plainHello(context, [VERSION.tls12]), {}, ({ extensions }) =>
      extensions.has(EXTENSION.renegotiationInfo) ? pass('it says so') : fail('renegotiation_info is missing'),
    ),
};

const extendedMasterSecret: BrokerCase = {
  info: {
    id: 'protocol.extended-master-secret',
    family: 'protocol',
    title: 'The extended master secret is used',
    offered: 'a ClientHello of TLS 1.2 with extended_master_secret',
    expected: 'extended_master_secret in the ServerHello',
    sources: ['RFC 7627 5.2', 'RFC 9325 3.5'],
    severity: 'medium',
  },
  needs: ['tls-1.2'],
  run: (context) =>
    takesHello(context, plainHello(context, [VERSION.tls12]), {}, ({ extensions }) =>
      extensions.has(EXTENSION.extendedMasterSecret)
        ? pass('it is used')
        : fail('it is not used: sessions can be synchronised by an attacker in the middle (triple handshake)'),
    ),
};

const alpnMqtt: BrokerCase = {
  info: {
    id: 'protocol.alpn-mqtt',
    family: 'protocol',
    title: 'ALPN “mqtt” is taken',
    offered: 'a ClientHello with ALPN mqtt',
    expected: 'a handshake, with mqtt chosen or ALPN left alone',
    sources: ['RFC 7301 3.2', 'IANA ALPN protocol IDs'],
    severity: 'low',
  },
  needs: [],
  run: (context) => takesAlpn(context, ['mqtt'], 'ALPN mqtt'),
};

const alpnAws: BrokerCase = {
  info: {
    id: 'protocol.alpn-aws',
    family: 'protocol',
    title: 'ALPN “x-amzn-mqtt-ca”, as devices of AWS IoT say it, is reported',
    offered: 'a ClientHello with ALPN x-amzn-mqtt-ca and mqtt',
    expected: 'one of them chosen, or ALPN left alone',
    sources: ['RFC 7301 3.2', 'AWS IoT Core protocols'],
    severity: 'info',
  },
  needs: [],
  run: (context) => takesAlpn(context, ['x-amzn-mqtt-ca', 'mqtt'], 'ALPN of AWS IoT'),
};

const alpnUnknown: BrokerCase = {
  info: {
    id: 'protocol.alpn-unknown',
    family: 'protocol',
    title: 'A protocol that was not offered is never chosen',
    offered: 'a ClientHello with ALPN h2 and a made-up name only',
    expected: 'no_application_protocol (120), or ALPN left alone',
    sources: ['RFC 7301 3.2'],
    severity: 'low',
  },
  needs: [],
  run: async (context) => {
    const answer = await askHello(context, { ...plainHello(context, [VERSION.tls12]), alpn: ['h2', 'thrum-nothing'] });
    if (!('hello' in answer)) return refusal(answer.stop);
    const chosen = alpnOf(answer.hello.extensions);
    if (chosen === undefined) return pass('ALPN was left alone');
    return chosen === 'h2' ? warn('it chose h2: is there HTTP on this port?') : fail(`it chose ${JSON.stringify(chosen)}`);
  },
};

async function takesAlpn(context: Context, alpn: readonly string[], fact: string): Promise<Verdict> {
  // In TLS 1.2 the choice stands in the clear.
  const versions = context.profile.versions.includes(VERSION.tls12) ? [VERSION.tls12] : both;
  return takesHello(context, { ...plainHello(context, versions), alpn }, {}, ({ extensions }) => {
    const chosen = alpnOf(extensions);
    context.facts.set(fact, chosen ?? 'left alone');
    if (chosen === undefined) return pass('ALPN was left alone');
    return alpn.includes(chosen) ? pass(`it chose ${chosen}`) : fail(`it chose ${JSON.stringify(chosen)}, which was not offered`);
  });
}

const hybrid: BrokerCase = {
  info: {
    id: 'protocol.post-quantum-hello',
    family: 'protocol',
    title: 'A large ClientHello with a post-quantum key share is taken',
    offered: 'a ClientHello of about 1.7 kB with shares of X25519MLKEM768 and X25519',
    expected: 'a ServerHello with either group',
    sources: ['RFC 8446 4.2.8', 'draft-ietf-tls-ecdhe-mlkem'],
    severity: 'medium',
  },
  needs: ['tls-1.3'],
  run: (context) =>
    takesHello(context, {
      ...plainHello(context, [VERSION.tls13]),
      groups: [GROUP.x25519MlKem768, GROUP.x25519, GROUP.p256],
      keyShares: [{ group: GROUP.x25519MlKem768, bytes: hybridShareBytes() }, shareOf(GROUP.x25519)],
    }),
};

const retry: BrokerCase = {
  info: {
    id: 'protocol.hello-retry',
    family: 'protocol',
    title: 'A client without a fitting key share is asked for one',
    offered: 'a ClientHello of TLS 1.3 with groups X25519 and P-256 and no key share',
    expected: 'HelloRetryRequest, then a ServerHello',
    sources: ['RFC 8446 4.1.4', 'RFC 8446 4.2.8'],
    severity: 'medium',
  },
  needs: ['tls-1.3'],
  run: (context) => takesHello(context, { ...plainHello(context, [VERSION.tls13]), keyShares: [] }),
};

const sessionIdEcho: BrokerCase = {
  info: {
    id: 'protocol.session-id-echo',
    family: 'protocol',
    title: 'TLS 1.3 gives the session id back',
    offered: 'a ClientHello of TLS 1.3 with a session id of 32 octets',
    expected: 'the same in the ServerHello, for middleboxes',
    sources: ['RFC 8446 4.1.3', 'RFC 8446 D.4'],
    severity: 'low',
  },
  needs: ['tls-1.3'],
  run: (context) => {
    const hello = plainHello(context, [VERSION.tls13]);
    return takesHello(context, hello, {}, ({ sessionId }) => (sessionId.equals(hello.sessionId) ? pass('it is') : fail('it is not the same')));
  },
};

export const FEATURE_CASES: readonly BrokerCase[] = [
  compression,
  secureRenegotiation,
  extendedMasterSecret,
  retry,
  sessionIdEcho,
  hybrid,
  alpnMqtt,
  alpnAws,
  alpnUnknown,
  {
    info: {
      id: 'protocol.sni-wrong',
      family: 'protocol',
      title: 'A server name that it does not know does no harm',
      offered: 'a ClientHello with SNI nobody.invalid',
      expected: 'unrecognized_name (112), or the handshake with its usual certificate',
      sources: ['RFC 6066 3'],
      severity: 'info',
    },
    needs: [],
    run: async (context) => {
      const answer = await askHello(context, { ...plainHello(context), serverName: 'nobody.invalid' });
      context.facts.set('unknown server name', 'hello' in answer ? 'taken' : answer.stop.message);
      if ('hello' in answer) return pass('the handshake went on');
      return refusal(answer.stop);
    },
  },
];
