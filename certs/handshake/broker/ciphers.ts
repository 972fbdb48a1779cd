/** Cases about suites, groups and signatures: the weak are refused, the good are there, and what was chosen is told. */
import { PeerStop } from '../errors.ts';
import { fail, pass, warn, type Severity } from '../model.ts';
import { encodeHello, type HelloRecipe } from '../wire/client-hello.ts';
import { openTls, type TlsClient } from '../wire/client.ts';
import { GROUP, groupName, HANDSHAKE, SCHEME, schemeName, VERSION } from '../wire/names.ts';
import { parseServerKeyExchange } from '../wire/server-messages.ts';
import { GOOD_TLS12, suiteIds, suiteName, suiteOf, type Suite } from '../wire/suites.ts';
import { askHello, chosenText, refusal, refusesHello, takesHello, type BrokerCase, type Context } from './context.ts';
import { plainHello } from './hellos.ts';

/** Groups that weak or old servers may want; they are named, not used. */
const ANY_GROUPS = [GROUP.x25519, GROUP.p256, GROUP.p384, GROUP.p521, 0x0016, 0x0015, GROUP.p192];
const ANY_SCHEMES = [
  SCHEME.ecdsaP256Sha256,
  SCHEME.rsaPssSha256,
  SCHEME.rsaPkcs1Sha256,
  SCHEME.ecdsaP384Sha384,
  SCHEME.rsaPkcs1Sha384,
  SCHEME.ecdsaSha1,
  SCHEME.rsaPkcs1Sha1,
];

function hello12(context: Context, suites: readonly number[]): HelloRecipe {
  return { ...plainHello(context, [VERSION.tls12]), suites, groups: ANY_GROUPS, schemes: ANY_SCHEMES };
}

/** A case in which suites of one kind must be refused in TLS 1.2. */
function weak(
  id: string,
  title: string,
  severity: Severity,
  sources: readonly string[],
  choose: (suite: Suite) => boolean,
  verdict: 'fail' | 'warn' = 'fail',
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
    run: async (context) => {
      const found = await refusesHello(context, hello12(context, suites));
      return found.outcome === 'fail' && verdict === 'warn' ? warn(found.reason) : found;
    },
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
    sources: ['RFC 8422 5.1.1', 'RFC 9325 4.3'],
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

/** The first flight of a TLS 1.2 server up to its ServerKeyExchange. */
async function keyExchangeOf(context: Context, hello: HelloRecipe): Promise<ReturnType<typeof parseServerKeyExchange> | PeerStop> {
  const { target, evidence, timeoutMs } = context;
  let client: TlsClient | undefined;
  try {
    client = await openTls(target.host, target.port, evidence, { hello, timeoutMs });
    const chosen = suiteOf((await client.sayHello()).suite);
    const kind = chosen?.keyExchange;
    if (kind !== 'ecdhe' && kind !== 'dhe') return new PeerStop('PEER_MALFORMED', `it chose ${chosen?.name ?? 'another suite'}`);
    for (;;) {
      const { type, body } = await client.records.readMessage(timeoutMs);
      if (type === HANDSHAKE.serverKeyExchange) return parseServerKeyExchange(body, kind);
    }
  } catch (error) {
    if (error instanceof PeerStop) return error;
    throw error;
  } finally {
    client?.transport.destroy();
  }
}

const weakPrime: BrokerCase = {
  info: {
    id: 'ciphers.weak-dh',
    family: 'ciphers',
    title: 'Finite-field Diffie-Hellman, if any, has a prime of 2,048 bits or more',
    offered: 'TLS 1.2 with DHE suites only',
    expected: 'handshake_failure (40), or a long prime',
    sources: ['RFC 9325 4.3', 'CVE-2015-4000'],
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

/** A case about the hash that the server signs its key exchange with. */
function signedWith(id: string, title: string, schemes: readonly number[], sources: readonly string[], severity: Severity): BrokerCase {
  return {
    info: {
      id: `ciphers.${id}`,
      family: 'ciphers',
      title,
      offered: `TLS 1.2 with ${schemes.map(schemeName).join(' and ')} only`,
      expected: 'handshake_failure (40), or a signature that is none of these',
      sources,
      severity,
    },
    needs: ['tls-1.2'],
    run: async (context) => {
      const exchange = await keyExchangeOf(context, { ...plainHello(context, [VERSION.tls12]), schemes });
      if (exchange instanceof PeerStop) return refusal(exchange);
      return schemes.includes(exchange.scheme)
        ? fail(`it signed with ${schemeName(exchange.scheme)}`)
        : warn(`it signed with ${schemeName(exchange.scheme)}, which was not offered`);
    },
  };
}

const requestedSchemes: BrokerCase = {
  info: {
    id: 'ciphers.client-schemes',
    family: 'ciphers',
    title: 'No client is asked for signatures with SHA-1 or MD5',
    offered: 'a handshake up to CertificateRequest',
    expected: 'no SHA-1 and no MD5 among the schemes',
    sources: ['RFC 9155 2', 'RFC 9155 3'],
    severity: 'medium',
  },
  needs: ['certificate-request'],
  run: async (context) => {
    const weakOnes = await requested(context);
    if (weakOnes instanceof PeerStop) return fail(weakOnes.message);
    return weakOnes.length === 0 ? pass('none is asked for') : warn(`it asks for ${weakOnes.map(schemeName).join(', ')}`);
  },
};

async function requested(context: Context): Promise<number[] | PeerStop> {
  const { target, evidence, timeoutMs } = context;
  const client = await openTls(target.host, target.port, evidence, { hello: plainHello(context), timeoutMs });
  try {
    await client.handshake();
  } catch (error) {
    if (!(error instanceof PeerStop)) throw error;
    if (!client.certificateRequest) return error;
  } finally {
    client.transport.destroy();
  }
  return (client.certificateRequest?.schemes ?? []).filter((scheme) => scheme >> 8 === 1 || scheme >> 8 === 2);
}

export const CIPHER_CASES: readonly BrokerCase[] = [
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
  signedWith('signature-sha-1', 'The server does not sign with SHA-1', [SCHEME.rsaPkcs1Sha1, SCHEME.ecdsaSha1], ['RFC 9155 3'], 'high'),
  signedWith('signature-md5', 'The server does not sign with MD5', [SCHEME.rsaPkcs1Md5], ['RFC 9155 3', 'RFC 6151 2'], 'critical'),
  {
    info: {
      id: 'ciphers.tls-1.3-pkcs1',
      family: 'ciphers',
      title: 'TLS 1.3 does not sign with RSA PKCS#1 v1.5',
      offered: 'TLS 1.3 with rsa_pkcs1_sha256 only',
      expected: 'handshake_failure (40)',
      sources: ['RFC 8446 4.2.3'],
      severity: 'medium',
    },
    needs: ['tls-1.3'],
    run: (context) => refusesHello(context, { ...plainHello(context, [VERSION.tls13]), schemes: [SCHEME.rsaPkcs1Sha256, SCHEME.rsaPkcs1Sha384] }),
  },
  requestedSchemes,
];
