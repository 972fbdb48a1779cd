/** Cases about versions: which are spoken, which are not, and that nobody is talked down. */
import { randomBytes } from 'node:crypto';
import { PeerStop } from '../errors.ts';
import { fail, pass, warn } from '../model.ts';
import { u16, u8 } from '../wire/bytes.ts';
import type { HelloRecipe } from '../wire/client-hello.ts';
import { VERSION, versionName } from '../wire/names.ts';
import { DOWNGRADE_TLS11, DOWNGRADE_TLS12 } from '../wire/server-messages.ts';
import { FALLBACK_SCSV, suiteIds } from '../wire/suites.ts';
import { chosenText, refusal, refusesHello, takesHello, type BrokerCase, type Context } from './context.ts';
import { both, plainHello, tolerates } from './hellos.ts';
import { rawAnswer } from './raw.ts';

/** A hello of an old version, with everything that such a server could want. */
function oldHello(context: Context, version: number): HelloRecipe {
  return {
    ...plainHello(context, [VERSION.tls12]),
    legacyVersion: version,
    suites: suiteIds(
      ({ keyExchange, name }) => keyExchange !== 'tls13' && keyExchange !== 'anonymous' && !/GCM|POLY|SHA256|SHA384|NULL|EXPORT/.test(name),
    ),
    random: randomBytes(32),
  };
}

function version(id: string, title: string, number: number, severity: 'critical' | 'high', sources: readonly string[]): BrokerCase {
  return {
    info: {
      id: `protocol.${id}`,
      family: 'protocol',
      title: `${title} is refused`,
      offered: `a ClientHello of ${title} with the suites of its time`,
      expected: 'an alert (protocol_version) or a close, no ServerHello',
      sources,
      severity,
    },
    needs: [],
    run: (context) => refusesHello(context, oldHello(context, number), { helloRecordVersion: number }),
  };
}

const ssl2: BrokerCase = {
  info: {
    id: 'protocol.ssl-2',
    family: 'protocol',
    title: 'SSL 2 is refused',
    offered: 'a CLIENT-HELLO of SSL 2 with its seven ciphers',
    expected: 'an alert or a close, no SERVER-HELLO',
    sources: ['RFC 6176 3'],
    severity: 'critical',
  },
  needs: [],
  run: async (context) => {
    const ciphers = Buffer.from('0100800200800300800400800500800600400700c0', 'hex');
    const body = Buffer.concat([u8(1), u16(2), u16(ciphers.length), u16(0), u16(16), ciphers, randomBytes(16)]);
    const answer = await rawAnswer(context, Buffer.concat([u16(0x8000 | body.length), body]), 'CLIENT-HELLO of SSL 2');
    if (answer instanceof PeerStop) return refusal(answer);
    return (answer[0]! & 0x80) !== 0 && answer[2] === 4
      ? fail('it answered with a SERVER-HELLO of SSL 2')
      : refusal(new PeerStop('PEER_ALERT', 'its answer is no SERVER-HELLO'));
  },
};

const tls12: BrokerCase = {
  info: {
    id: 'protocol.tls-1.2',
    family: 'protocol',
    title: 'TLS 1.2 is spoken',
    offered: 'a ClientHello of TLS 1.2 with ECDHE and AEAD suites',
    expected: 'a ServerHello of TLS 1.2; devices of some years know nothing newer',
    sources: ['RFC 9325 3.1.1', 'NIST SP 800-52r2 3.1'],
    severity: 'low',
  },
  needs: [],
  run: async (context) => {
    const verdict = await takesHello(context, plainHello(context, [VERSION.tls12]));
    if (verdict.outcome === 'pass') return verdict;
    return context.profile.versions.includes(VERSION.tls13) ? warn('TLS 1.3 only: strict, and older devices stay out') : verdict;
  },
};

const tls13: BrokerCase = {
  info: {
    id: 'protocol.tls-1.3',
    family: 'protocol',
    title: 'TLS 1.3 is spoken',
    offered: 'a ClientHello of TLS 1.3',
    expected: 'a ServerHello of TLS 1.3',
    sources: ['RFC 9325 3.1.1', 'NIST SP 800-52r2 3.1'],
    severity: 'medium',
  },
  needs: [],
  run: (context) =>
    takesHello(context, { ...plainHello(context, [VERSION.tls13]) }, {}, (hello) =>
      hello.version === VERSION.tls13
        ? pass(`it agreed: ${chosenText(hello)}`)
        : fail(`it chose ${versionName(hello.version)}, which was not offered`),
    ),
};

const downgradeSentinel: BrokerCase = {
  info: {
    id: 'protocol.downgrade-sentinel',
    family: 'protocol',
    title: 'A server of TLS 1.3 marks a lower version',
    offered: 'a ClientHello of TLS 1.2 only',
    expected: 'the last octets of the server’s random say DOWNGRD',
    sources: ['RFC 8446 4.1.3'],
    severity: 'medium',
  },
  needs: ['tls-1.2', 'tls-1.3'],
  run: (context) =>
    takesHello(context, plainHello(context, [VERSION.tls12]), {}, ({ random }) =>
      [DOWNGRADE_TLS12, DOWNGRADE_TLS11].some((mark) => random.subarray(24).equals(mark))
        ? pass('the mark is there')
        : fail('the mark is missing: an attacker can hide TLS 1.3 unseen'),
    ),
};

const fallback: BrokerCase = {
  info: {
    id: 'protocol.fallback-scsv',
    family: 'protocol',
    title: 'A needless fall-back is refused',
    offered: 'a ClientHello of TLS 1.2 with TLS_FALLBACK_SCSV',
    expected: 'inappropriate_fallback (86), for the server knows TLS 1.3',
    sources: ['RFC 7507 3'],
    severity: 'low',
  },
  needs: ['tls-1.2', 'tls-1.3'],
  run: async (context) => {
    const hello = plainHello(context, [VERSION.tls12]);
    const verdict = await refusesHello(context, { ...hello, suites: [...hello.suites, FALLBACK_SCSV] });
    return verdict.outcome === 'fail' ? warn(`${verdict.reason}; clients of TLS 1.3 do not fall back by themselves, others may`) : verdict;
  },
};

export const VERSION_CASES: readonly BrokerCase[] = [
  ssl2,
  version('ssl-3', 'SSL 3', VERSION.ssl3, 'critical', ['RFC 7568 3']),
  version('tls-1.0', 'TLS 1.0', VERSION.tls10, 'high', ['RFC 8996 4', 'NIST SP 800-52r2 3.1']),
  version('tls-1.1', 'TLS 1.1', VERSION.tls11, 'high', ['RFC 8996 5', 'NIST SP 800-52r2 3.1']),
  tls12,
  tls13,
  tolerates(
    'version-future',
    'A version of the future does not disturb',
    'supported_versions with 0x0305 and 0x7f1c first',
    ['RFC 8446 4.2.1'],
    (context) => ({
      ...plainHello(context),
      versions: [0x0305, 0x7f1c, ...both],
    }),
  ),
  {
    ...tolerates(
      'version-intolerance',
      'A legacy version above TLS 1.2 is answered with the highest it knows',
      'a ClientHello of version 0x0399 without supported_versions',
      ['RFC 8446 D.2', 'RFC 5246 E.1'],
      (context) => ({
        ...plainHello(context, [VERSION.tls12]),
        legacyVersion: 0x0399,
      }),
    ),
    needs: ['tls-1.2'],
  },
  {
    info: {
      id: 'protocol.record-version',
      family: 'protocol',
      title: 'The version in the record header of a ClientHello is ignored',
      offered: 'a ClientHello in a record of version 0x0303, and in one of 0x0300',
      expected: 'a ServerHello both times',
      sources: ['RFC 8446 5.1', 'RFC 5246 E.1'],
      severity: 'low',
    },
    needs: [],
    run: async (context) => {
      const newer = await takesHello(context, plainHello(context), { helloRecordVersion: 0x0303 });
      return newer.outcome === 'pass' ? takesHello(context, plainHello(context), { helloRecordVersion: 0x0300 }) : newer;
    },
  },
  downgradeSentinel,
  fallback,
];
