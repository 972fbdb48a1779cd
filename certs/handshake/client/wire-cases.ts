/** Servers that lie in the handshake itself, record by record: signatures, Finished, what was chosen, what was left out. */
import { ecKeys } from '../forged-certificate.ts';
import { fail, notRun, pass, warn, type CaseInfo, type Severity, type Verdict } from '../model.ts';
import { alertName, EXTENSION, HANDSHAKE, VERSION } from '../wire/names.ts';
import { DOWNGRADE_TLS12 } from '../wire/server-messages.ts';
import { SUITES, suiteName } from '../wire/suites.ts';
import { identityOf, type Bait, type ServerIdentity } from './bait.ts';
import type { CaseContext, ClientCase } from './case.ts';
import type { ClientHello } from './client-hello.ts';
import { Liar, upToStop, type Lies, type Outcome } from './liar.ts';
import { honestSuite12, lie12 } from './liar12.ts';
import { honestSuite13, lie13, sharedGroup, type Afterwards } from './liar13.ts';
import { connectionWithHello } from './refusal.ts';

export interface WireLie {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
  readonly version: 12 | 13;
  /** The lies, made for what the device offers; a text is why the case cannot be put to it. */
  readonly lies: (hello: ClientHello, bait: Bait) => Lies | string;
  readonly server?: (bait: Bait) => ServerIdentity;
  readonly afterwards?: Afterwards;
  /** What it means that the device goes on. */
  readonly judge?: (outcome: Outcome) => Verdict;
  readonly expected?: string;
}

/** A lie that must be refused before the device goes on with the handshake. */
export function refused({ reached, stop }: Outcome): Verdict {
  if (reached) return fail(reached === 'data' ? 'went on and sent MQTT' : 'went on with the handshake');
  return refusal(stop);
}

/** A lie that shows only when the device has done its part: it must not send MQTT. */
export function refusedBeforeData({ reached, stop }: Outcome): Verdict {
  return reached === 'data' ? fail('went on and sent MQTT') : refusal(stop);
}

/** Nothing to object to: MQTT must follow. */
export function mustWork({ reached, stop }: Outcome): Verdict {
  return reached === 'data' ? pass('went on and sent MQTT') : fail(`did not go on: ${stop?.message ?? 'no reason'}`);
}

/** Odd, but no lie: the device may go on or refuse. */
export function mayGoOn({ reached, stop }: Outcome): Verdict {
  return reached === 'data' ? pass('went on and sent MQTT') : stop?.code === 'PEER_SILENT' ? warn('neither went on nor refused within 8 s') : pass(`refused: ${stop?.message ?? ''}`);
}

function refusal(stop: Outcome['stop']): Verdict {
  if (!stop || stop.code === 'PEER_SILENT') return warn('neither went on nor refused within 8 s');
  return pass(stop.alert === undefined ? `refused: ${stop.message}` : `refused with alert ${alertName(stop.alert)}`);
}

export function wireCase(lie: WireLie): ClientCase {
  const { id, title, offered, sources, severity, expected = 'an alert, or the connection closed' } = lie;
  const info: CaseInfo = { id: `tls-server.${id}`, family: 'tls-server', title, offered, expected, sources, severity };
  return { info, serve: (context) => serveWireLie(context, lie) };
}

async function serveWireLie(context: CaseContext, lie: WireLie): Promise<Verdict> {
  const connection = await connectionWithHello(context);
  if (!connection) return notRun('the device did not connect');
  const hello = (await connection.hello())!;
  const lies = lie.lies(hello, context.bait);
  if (typeof lies === 'string') return notRun(lies);
  if (!hello.versions.includes(lie.version === 12 ? VERSION.tls12 : VERSION.tls13)) return notRun(`the device does not offer TLS 1.${lie.version - 10}`);
  const liar = new Liar(connection, hello, (lie.server ?? serverFor(hello))(context.bait), lies, context.evidence);
  if (lie.version === 12 ? lies.suite === undefined && !honestSuite12(liar) : !honestSuite13(liar) || sharedGroup(liar) === undefined) {
    return notRun('the device offers no cipher suite or group that the tester speaks');
  }
  const outcome = await upToStop((reach) => (lie.version === 12 ? lie12(liar, reach) : lie13(liar, reach, lie.afterwards)));
  connection.destroy();
  return (lie.judge ?? refused)(outcome);
}

/** A P-256 server, or an RSA one for devices that take nothing else. */
function serverFor(hello: ClientHello): (bait: Bait) => ServerIdentity {
  const takesEc = hello.schemes.includes(0x0403);
  return (bait) => identityOf(takesEc ? bait.server() : bait.server({ keys: bait.rsa(2048) }));
}

const flip = (honest: Buffer): Buffer => {
  const broken = Buffer.from(honest);
  broken[broken.length - 1]! ^= 1;
  return broken;
};

const rsaServer = (bait: Bait): ServerIdentity => identityOf(bait.server({ keys: bait.rsa(2048) }));
const UNKNOWN_EXTENSION = { type: 0xfaf0, body: Buffer.alloc(0) };

const UNASKED = (outcome: Outcome): Verdict => (outcome.reached ? warn('ignored it; the specification wants the handshake ended, but nothing is lost') : refused(outcome));

/** Lies that are the same in both versions. */
function inBoth(version: 12 | 13): ClientCase[] {
  const name = `tls-1.${version - 10}`;
  const section = (in12: string, in13: string): string[] => [version === 12 ? in12 : in13];
  const message = version === 12 ? 'ServerKeyExchange' : 'CertificateVerify';
  const both = { version } as const;
  return [
    wireCase({ ...both, id: `${name}.signature`, title: `Broken signature in ${message}`, offered: `${message} with a bit flipped`, sources: section('RFC 5246 7.4.3', 'RFC 8446 4.4.3'), severity: 'critical', lies: () => ({ signature: flip }) }),
    wireCase({ ...both, id: `${name}.other-key`, title: `${message} signed by another key`, offered: 'the certificate of one key, the signature of another', sources: section('RFC 5246 7.4.3', 'RFC 8446 4.4.3'), severity: 'critical', lies: () => ({ signingKey: ecKeys('P-256').privateKey, scheme: 0x0403 }) }),
    wireCase({ ...both, id: `${name}.signature-sha1`, title: `${message} signed with SHA-1`, offered: 'ecdsa_sha1, whether it is offered or not', sources: ['RFC 9155', 'RFC 8446 4.2.3'], severity: 'medium', lies: () => ({ scheme: 0x0203 }), server: (bait) => identityOf(bait.server()) }),
    wireCase({ ...both, id: `${name}.finished`, title: 'Wrong Finished', offered: 'Finished with a bit flipped', sources: section('RFC 5246 7.4.9', 'RFC 8446 4.4.4'), severity: 'critical', lies: () => ({ finished: flip }), judge: version === 12 ? refusedBeforeData : refused }),
    wireCase({ ...both, id: `${name}.finished-empty`, title: 'Empty Finished', offered: 'Finished without content', sources: section('RFC 5246 7.4.9', 'RFC 8446 4.4.4'), severity: 'critical', lies: () => ({ finished: () => Buffer.alloc(0) }), judge: version === 12 ? refusedBeforeData : refused }),
    wireCase({ ...both, id: `${name}.no-certificate`, title: 'No certificate', offered: `neither Certificate nor ${message}`, sources: section('RFC 5246 7.4.2', 'RFC 8446 4.4.2'), severity: 'critical', lies: () => ({ omit: version === 12 ? [HANDSHAKE.certificate] : [HANDSHAKE.certificate, HANDSHAKE.certificateVerify] }) }),
    wireCase({ ...both, id: `${name}.empty-certificate`, title: 'Empty list of certificates', offered: 'Certificate without any', sources: section('RFC 5246 7.4.2', 'RFC 8446 4.4.2.4'), severity: 'critical', lies: () => ({ chain: [] }) }),
    wireCase({ ...both, id: `${name}.no-signature`, title: `No ${message}`, offered: `${message} left out`, sources: section('RFC 5246 7.4.3', 'RFC 8446 4.4.3'), severity: 'critical', lies: () => ({ omit: [version === 12 ? HANDSHAKE.serverKeyExchange : HANDSHAKE.certificateVerify] }) }),
    wireCase({ ...both, id: `${name}.extension`, title: 'Extension that was not asked for', offered: 'an unknown extension in ServerHello', sources: section('RFC 5246 7.4.1.4', 'RFC 8446 4.2'), severity: 'low', lies: () => ({ serverHello: (honest) => ({ ...honest, extensions: [...honest.extensions, UNKNOWN_EXTENSION] }) }), judge: UNASKED }),
    wireCase({ ...both, id: `${name}.cipher`, title: 'Cipher suite that was not offered', offered: 'ServerHello with another suite', sources: section('RFC 5246 7.4.1.3', 'RFC 8446 4.1.3'), severity: 'high', lies: (hello) => notOffered(hello, version) }),
    wireCase({ ...both, id: `${name}.group`, title: 'Group that was not offered', offered: version === 12 ? 'a key share on P-224 or secp256k1' : 'HelloRetryRequest for P-224 or secp256k1', sources: section('RFC 8422 5.4', 'RFC 8446 4.1.4'), severity: 'medium', lies: ({ groups }) => (groups.includes(0x0016) ? (groups.includes(0x0015) ? 'the device offers both groups' : { group: 0x0015 }) : { group: 0x0016 }) }),
    wireCase({ ...both, id: `${name}.compression`, title: 'Compression chosen', offered: 'ServerHello with compression method 1', sources: section('RFC 3749 2', 'RFC 8446 4.1.3'), severity: 'high', lies: ({ compressions }) => (compressions.includes(1) ? 'the device offers compression, which is judged by tls-server.hello.compression' : { serverHello: (honest) => ({ ...honest, compression: 1 }) }) }),
    wireCase({ ...both, id: `${name}.fragments`, title: 'Tiny fragments', offered: 'handshake messages in records of 20 bytes', sources: section('RFC 5246 6.2.1', 'RFC 8446 5.1'), severity: 'medium', expected: 'MQTT begins', lies: () => ({ fragmentBytes: 20 }), judge: mustWork }),
    wireCase({ ...both, id: `${name}.warnings`, title: 'Flood of warning alerts', offered: '1,000 warnings before ServerHello', sources: ['CVE-2016-8610', 'RFC 8446 6'], severity: 'low', expected: 'refused, or gone on with', lies: () => ({ before: Buffer.concat(Array.from({ length: 1_000 }, () => Buffer.from('15030300020164', 'hex'))) }), judge: mayGoOn }),
  ];
}

function notOffered(hello: ClientHello, version: 12 | 13): Lies | string {
  const suite = SUITES.find(({ id, aead, keyExchange, authentication }) => !hello.suites.includes(id) && aead !== undefined && (version === 13 ? keyExchange === 'tls13' : keyExchange === 'ecdhe' && authentication === 'ecdsa'));
  if (suite) return { suite: suite.id };
  const next = version === 13 ? 0x1304 : 0xc006; // AES-CCM, and no encryption at all
  return hello.suites.includes(next) ? 'the device offers all suites that the tester knows' : { serverHello: (honest) => ({ ...honest, suite: next }) };
}

/** A suite that nobody should take, chosen whether it is offered or not: RSA, up to ClientKeyExchange. */
function weakSuite(id: number, name: string, severity: Severity, judge?: WireLie['judge']): ClientCase {
  const suite = suiteName(id);
  return wireCase({ id: `weak-cipher.${name}`, title: `${suite} only`, offered: `ServerHello with ${suite}`, sources: ['RFC 9325 4.1', ...(name === 'rc4' ? ['RFC 7465'] : [])], severity, version: 12, lies: () => ({ suite: id, omit: [HANDSHAKE.serverKeyExchange] }), server: rsaServer, ...(judge ? { judge } : {}) });
}

const STATIC_RSA = (outcome: Outcome): Verdict => (outcome.reached ? warn('went on: without forward secrecy a stolen server key opens all that was recorded (RFC 9325: SHOULD NOT)') : refused(outcome));

export const WIRE_CASES: readonly ClientCase[] = [
  ...inBoth(12),
  ...inBoth(13),
  wireCase({ id: 'tls-1.2.weak-key', title: 'Server key on P-192', offered: 'certificate and signature with a key of 192 bits', sources: ['RFC 9325 4.5', 'NIST SP 800-57 5.6'], severity: 'medium', version: 12, lies: () => ({ scheme: 0x0403 }), server: (bait) => identityOf(bait.server({ keys: ecKeys('prime192v1') })), judge: refusedBeforeData }),
  wireCase({ id: 'tls-1.2.downgrade', title: 'Downgrade from TLS 1.3 with the warning in it', offered: 'TLS 1.2 with the random of a server that can do 1.3', sources: ['RFC 8446 4.1.3'], severity: 'high', version: 12, lies: ({ versions }) => (versions.includes(VERSION.tls13) ? { serverHello: (honest) => ({ ...honest, random: Buffer.concat([honest.random.subarray(0, 24), DOWNGRADE_TLS12]) }) } : 'the device does not offer TLS 1.3') }),
  wireCase({ id: 'tls-1.3.session-id', title: 'Another session id than the device’s', offered: 'ServerHello with a session id of its own', sources: ['RFC 8446 4.1.3'], severity: 'low', version: 13, lies: () => ({ serverHello: (honest) => ({ ...honest, sessionId: Buffer.alloc(32, 7) }) }) }),
  wireCase({ id: 'tls-1.3.version', title: 'TLS 1.2 chosen by the extension for 1.3', offered: 'supported_versions 0x0303 in ServerHello', sources: ['RFC 8446 4.2.1'], severity: 'medium', version: 13, lies: () => ({ serverHello: (honest) => ({ ...honest, extensions: honest.extensions.map((one) => (one.type === EXTENSION.supportedVersions ? { ...one, body: Buffer.from('0303', 'hex') } : one)) }) }) }),
  wireCase({ id: 'tls-1.3.encrypted-extension', title: 'Encrypted extension that was not asked for', offered: 'an unknown extension in EncryptedExtensions', sources: ['RFC 8446 4.3.1'], severity: 'low', version: 13, lies: () => ({ encryptedExtensions: [UNKNOWN_EXTENSION] }), judge: UNASKED }),
  wireCase({ id: 'tls-1.3.signature-pkcs1', title: 'CertificateVerify with PKCS #1 v1.5', offered: 'rsa_pkcs1_sha256, which TLS 1.3 has for certificates only', sources: ['RFC 8446 4.4.3'], severity: 'medium', version: 13, lies: () => ({ scheme: 0x0401 }), server: rsaServer }),
  wireCase({ id: 'tls-1.3.tickets', title: 'Flood of session tickets', offered: '100 NewSessionTicket messages', sources: ['RFC 8446 4.6.1'], severity: 'low', expected: 'MQTT begins', version: 13, lies: () => ({}), afterwards: sendTickets, judge: mustWork }),
  wireCase({ id: 'ssl-3', title: 'SSLv3 only', offered: 'ServerHello of SSLv3', sources: ['RFC 7568', 'RFC 8996'], severity: 'critical', version: 12, lies: () => ({ suite: 0x002f, omit: [HANDSHAKE.serverKeyExchange], serverHello: (honest) => ({ ...honest, version: VERSION.ssl3, extensions: [] }) }), server: rsaServer }),
  weakSuite(0x0002, 'null', 'critical'),
  weakSuite(0x0005, 'rc4', 'high'),
  weakSuite(0x000a, '3des', 'high'),
  weakSuite(0x0003, 'export', 'critical'),
  weakSuite(0x0034, 'anonymous', 'critical'),
  weakSuite(0x002f, 'static-rsa-cbc', 'low', STATIC_RSA),
  weakSuite(0x009c, 'static-rsa', 'low', STATIC_RSA),
];

async function sendTickets(liar: Liar): Promise<void> {
  for (let count = 0; count < 100; count++) {
    const body = Buffer.concat([Buffer.from('00001c20', 'hex'), Buffer.from('00000000', 'hex'), Buffer.from([1, count]), Buffer.from([0, 32]), Buffer.alloc(32, count), Buffer.from([0, 0])]);
    await liar.records.writeMessage(HANDSHAKE.newSessionTicket, body, 'NewSessionTicket');
  }
}
