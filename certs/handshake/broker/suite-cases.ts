/** Cases about cipher suites: the weak are refused, the good are there. */
import { fail, pass, type Severity } from '../model.ts';
import { VERSION } from '../wire/names.ts';
import { GOOD_TLS12, suiteIds, suiteName, suiteOf, type Suite } from '../wire/suites.ts';
import { askHello, refusesHello, takesHello, type BrokerCase } from './context.ts';
import { plainHello } from './hellos.ts';
import { hello12 } from './key-exchange-probe.ts';

/** A case in which suites of one kind must be refused in TLS 1.2. */
function weak(
  id: string,
  title: string,
  severity: Severity,
  sources: readonly string[],
  choose: (suite: Suite) => boolean,
): BrokerCase {
  const suites = suiteIds((suite) => suite.keyExchange !== 'tls13' && choose(suite));
  return {
    info: {
      id: `ciphers.${id}`,
      family: 'ciphers',
      title,
      offered: `TLS 1.2 with ${suites.length === 1 ? suiteName(suites[0]!) : `${suites.length} such suites only`}`,
      expected: 'handshake_failure (40) or insufficient_security (71)',
      sources,
      severity,
    },
    needs: [],
    run: (context) => refusesHello(context, hello12(context, suites)),
  };
}

/** A case in which one suite must be there. */
function there(
  id: string,
  title: string,
  suites: readonly number[],
  version: number,
  sources: readonly string[],
  severity: Severity,
  fact?: string,
): BrokerCase {
  return {
    info: {
      id: `ciphers.${id}`,
      family: 'ciphers',
      title,
      offered: suites.map(suiteName).join(' or '),
      expected: 'a ServerHello with it',
      sources,
      severity,
    },
    needs: [version === VERSION.tls13 ? 'tls-1.3' : 'tls-1.2'],
    run: async (context) => {
      const hello = { ...plainHello(context, [version]), suites };
      if (fact === undefined) return takesHello(context, hello);
      const answer = await askHello(context, hello);
      context.facts.set(fact, 'hello' in answer ? 'yes' : 'no');
      return pass('hello' in answer ? 'it is there' : `it is not there: ${answer.stop.message}`);
    },
  };
}

const serverPreference: BrokerCase = {
  info: {
    id: 'ciphers.preference',
    family: 'ciphers',
    title: 'A weak suite is not taken because the client lists it first',
    offered: 'TLS 1.2 with CBC and static RSA suites before ECDHE with AEAD',
    expected: 'ECDHE with AEAD',
    sources: ['RFC 9325 4.2.1', 'NIST SP 800-52r2 3.3.1'],
    severity: 'medium',
  },
  needs: ['tls-1.2'],
  run: (context) =>
    takesHello(
      context,
      hello12(context, [
        ...suiteIds(({ name, keyExchange }) => keyExchange === 'rsa' || /CBC/.test(name)).filter((id) => suiteOf(id)?.keyExchange !== 'tls13'),
        ...GOOD_TLS12,
      ]),
      {},
      (hello) => (GOOD_TLS12.includes(hello.suite) ? pass(`it chose ${suiteName(hello.suite)}`) : fail(`it chose ${suiteName(hello.suite)}`)),
    ),
};

export const SUITE_CASES: readonly BrokerCase[] = [
  weak('null', 'Suites without encryption are refused', 'critical', ['RFC 9325 4.1'], ({ name }) => name.includes('NULL')),
  weak('export', 'Export suites are refused', 'critical', ['RFC 9325 4.1', 'CVE-2015-0204'], ({ keyExchange }) => keyExchange === 'export'),
  weak(
    'anonymous',
    'Suites without a server certificate are refused',
    'critical',
    ['RFC 9325 4.1', 'RFC 5246 A.5'],
    ({ keyExchange }) => keyExchange === 'anonymous',
  ),
  weak('rc4', 'RC4 is refused', 'high', ['RFC 7465 2', 'RFC 9325 4.1'], ({ name }) => name.includes('RC4') && !name.includes('EXPORT')),
  weak(
    'des',
    'Single DES, RC2 and IDEA are refused',
    'high',
    ['RFC 5469', 'RFC 9325 4.1'],
    ({ name }) => /_DES_|IDEA|RC2/.test(name) && !name.includes('EXPORT'),
  ),
  weak('triple-des', '3DES is refused', 'high', ['RFC 9325 4.1', 'CVE-2016-2183'], ({ name }) => name.includes('3DES') && !name.includes('anon')),
  weak(
    'static-rsa',
    'Key exchange by RSA is refused: no forward secrecy',
    'high',
    ['RFC 9325 4.1', 'NIST SP 800-52r2 3.3.1'],
    ({ keyExchange, name }) => keyExchange === 'rsa' && name.includes('AES'),
  ),
  weak(
    'static-dh',
    'Key exchange with a static Diffie-Hellman key is refused',
    'high',
    ['RFC 9325 4.1'],
    ({ keyExchange }) => keyExchange === 'static-dh',
  ),
  weak(
    'cbc',
    'Suites in CBC mode are refused',
    'medium',
    ['RFC 9325 4.2', 'RFC 7366'],
    ({ name, keyExchange }) => name.includes('CBC') && name.includes('AES') && (keyExchange === 'ecdhe' || keyExchange === 'dhe'),
  ),
  weak('exotic', 'Camellia and SEED in CBC mode are refused', 'low', ['RFC 9325 4.2'], ({ name }) => /CAMELLIA|SEED/.test(name)),
  {
    info: {
      id: 'ciphers.integrity-only',
      family: 'ciphers',
      title: 'TLS 1.3 without encryption is refused',
      offered: 'TLS_SHA256_SHA256 and TLS_SHA384_SHA384 only',
      expected: 'handshake_failure (40)',
      sources: ['RFC 9150 9'],
      severity: 'high',
    },
    needs: ['tls-1.3'],
    run: (context) => refusesHello(context, { ...plainHello(context, [VERSION.tls13]), suites: [0xc0b4, 0xc0b5] }),
  },
  {
    info: {
      id: 'ciphers.unknown-only',
      family: 'ciphers',
      title: 'A client with unknown suites only is refused',
      offered: 'three suites that nobody knows',
      expected: 'handshake_failure (40)',
      sources: ['RFC 8446 4.1.1'],
      severity: 'low',
    },
    needs: [],
    run: (context) => refusesHello(context, { ...plainHello(context), suites: [0x7a01, 0x7a02, 0x7a03] }),
  },
  there('tls-1.3-mandatory', 'TLS_AES_128_GCM_SHA256, which everybody must have, is there', [0x1301], VERSION.tls13, ['RFC 8446 9.1'], 'medium'),
  there('tls-1.2-recommended', 'An ECDHE suite with AES-GCM is there', [0xc02b, 0xc02f, 0xc02c, 0xc030], VERSION.tls12, ['RFC 9325 4.2'], 'medium'),
  there('chacha20', 'Whether ChaCha20-Poly1305 is there is reported', [0x1303], VERSION.tls13, ['RFC 8446 9.1'], 'info', 'ChaCha20-Poly1305'),
  serverPreference,
];
