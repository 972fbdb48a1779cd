/** What must work, and what a ClientHello shows: the honest server, large certificates, recommended ciphers, SNI. */
import { commonNameDer } from '../forged-certificate.ts';
import { fail, notRun, pass, warn, type CaseInfo, type Severity, type Verdict } from '../model.ts';
import { identityOf, type Bait, type ServerIdentity } from './bait.ts';
import type { CaseContext, ClientCase } from './case.ts';
import { EXTENSION, versionName } from '../wire/names.ts';
import { suiteName } from '../wire/suites.ts';
import { isGrease, type ClientHello } from './client-hello.ts';
import { firstWord } from './connection.ts';
import { connectionWithHello } from './refusal.ts';
import type { TlsOptions } from 'node:tls';

/** The case that everything else rests on: without it a refusal says nothing. */
export const CONTROL_ID = 'tls-server.connect';
const FIRST_WORD_MS = 5_000;

interface Working {
  readonly id: string;
  readonly title: string;
  readonly offered: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
  readonly server: (bait: Bait) => ServerIdentity | string;
  readonly options?: (hello: ClientHello) => TlsOptions | string;
}

function workingCase({ id, title, offered, sources, severity, server, options }: Working): ClientCase {
  const info: CaseInfo = { id, family: 'tls-server', title, offered, expected: 'the handshake completes and MQTT begins', sources, severity };
  return { info, serve: (context) => serveWorking(context, offered, server, options) };
}

async function serveWorking(context: CaseContext, offered: string, server: Working['server'], options?: Working['options']): Promise<Verdict> {
  const identity = server(context.bait);
  if (typeof identity === 'string') return notRun(identity);
  const connection = await connectionWithHello(context);
  if (!connection) return notRun('the device did not connect');
  const chosen = options?.((await connection.hello())!) ?? {};
  if (typeof chosen === 'string') return notRun(chosen);
  context.evidence.sent(offered);
  const handshake = await connection.startTls(identity, chosen);
  if (handshake.kind === 'impossible') return fail(`no handshake is possible: ${handshake.why}`);
  if (handshake.kind === 'alert') return fail(`refused with alert ${handshake.alert}`);
  if (handshake.kind !== 'done') return fail(handshake.kind === 'closed' ? 'closed the connection during the handshake' : 'the handshake did not end');
  const word = await firstWord(handshake.socket, FIRST_WORD_MS);
  connection.destroy();
  if (word.kind === 'data') return pass(`completed with ${handshake.socket.getProtocol() ?? 'TLS'} and sent MQTT`);
  return fail(word.kind === 'alert' ? `refused after the handshake with alert ${word.alert}` : word.kind === 'closed' ? 'closed the connection after the handshake' : 'sent nothing for 5 s after the handshake');
}

const honest = (bait: Bait): ServerIdentity => identityOf(bait.server());

/** A certificate of about `octets` bytes, by names that nobody asks for. */
function large(octets: number): (bait: Bait) => ServerIdentity {
  return (bait) => {
    const filler = Array.from({ length: Math.ceil(octets / 64) }, (_, index) => ({ type: 'dns' as const, value: `${String(index).padStart(8, '0')}.${'x'.repeat(45)}.example` }));
    return identityOf(bait.server({}, [bait.hostName, ...filler]));
  };
}

function longChain(bait: Bait): ServerIdentity {
  const above = [bait.intermediate()];
  for (let depth = 1; depth < 5; depth++) above.unshift(bait.intermediate({ issuer: above[0]!, subjectDer: commonNameDer(`thrum handshake tester intermediate ${depth}`) }));
  return identityOf(bait.server({ issuer: above[0]! }), ...above);
}

const CURVES: Readonly<Record<number, string>> = { 23: 'P-256', 24: 'P-384', 25: 'P-521', 29: 'X25519', 30: 'X448' };

/** A group that the client takes but has sent no key for. */
function anotherGroup(hello: ClientHello): TlsOptions | string {
  if (!hello.versions.includes(0x0304)) return 'the device does not offer TLS 1.3';
  const group = hello.groups.find((one) => CURVES[one] !== undefined && !hello.keyShares.has(one));
  return group === undefined ? 'the device has sent a key for every group that it takes' : { minVersion: 'TLSv1.3', ecdhCurve: CURVES[group]! };
}

function only(version: 'TLSv1.2' | 'TLSv1.3', number: number): (hello: ClientHello) => TlsOptions | string {
  return (hello) => (hello.versions.includes(number) ? { minVersion: version, maxVersion: version } : `the device does not offer ${versionName(number)}`);
}

export const WORKING_CASES = [
  workingCase({ id: CONTROL_ID, title: 'An honest server', offered: 'right name, trusted authority, TLS 1.2 or 1.3', sources: ['RFC 8446 2', 'AWS IoT Device Advisor TLS_Connect'], severity: 'critical', server: honest }),
  workingCase({ id: 'tls-server.tls-1.2', title: 'A server of TLS 1.2 only', offered: 'TLS 1.2 with forward secrecy and AEAD', sources: ['RFC 9325 3.1.1'], severity: 'low', server: honest, options: only('TLSv1.2', 0x0303) }),
  workingCase({ id: 'tls-server.tls-1.3', title: 'A server of TLS 1.3 only', offered: 'TLS 1.3', sources: ['RFC 9325 3.1.1'], severity: 'low', server: honest, options: only('TLSv1.3', 0x0304) }),
  workingCase({ id: 'tls-server.rsa-2048', title: 'A server with an RSA key', offered: 'RSA key of 2048 bits', sources: ['NIST SP 800-52r2 3.2'], severity: 'low', server: (bait) => identityOf(bait.server({ keys: bait.rsa(2048) })) }),
  workingCase({ id: 'tls-server.large-certificate', title: 'A large server certificate', offered: 'certificate of 8 KiB', sources: ['AWS IoT Device Advisor TLS_Large_Size_Server_Cert'], severity: 'medium', server: large(8_192) }),
  workingCase({ id: 'tls-server.larger-than-record', title: 'A certificate that needs more than one record', offered: 'certificate of 20 KiB', sources: ['RFC 8446 5.1'], severity: 'low', server: large(20_480) }),
  workingCase({ id: 'tls-server.long-chain', title: 'A chain of five intermediates', offered: 'six certificates below the trusted authority', sources: ['RFC 5280 6.1'], severity: 'low', server: longChain }),
  workingCase({ id: 'tls-server.hello-retry', title: 'HelloRetryRequest for another group', offered: 'HelloRetryRequest, then an honest handshake', sources: ['RFC 8446 4.1.4'], severity: 'medium', server: honest, options: anotherGroup }),
];

interface HelloQuestion {
  readonly id: string;
  readonly title: string;
  readonly expected: string;
  readonly sources: readonly string[];
  readonly severity: Severity;
  readonly judge: (hello: ClientHello, bait: Bait) => Verdict;
}

function helloCase({ judge, ...question }: HelloQuestion): ClientCase {
  const info: CaseInfo = { ...question, family: 'tls-server', offered: 'nothing: the ClientHello is read' };
  return {
    info,
    serve: async ({ bait, ...context }) => {
      const connection = await connectionWithHello({ bait, ...context });
      if (!connection) return notRun('the device did not connect');
      const verdict = judge((await connection.hello())!, bait);
      connection.destroy();
      return verdict;
    },
  };
}

/** What AWS IoT recommends: TLS 1.3, and ECDHE with AES-GCM. */
const RECOMMENDED = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca8, 0xcca9];
/** Cipher suites that no client should offer (RFC 9325, section 4.1). */
const NEVER = /NULL|EXPORT|RC4|RC2|_DES|3DES|anon/;

function named(values: readonly number[]): string {
  return values.map((value) => `0x${value.toString(16).padStart(4, '0')}`).join(' ');
}

export const HELLO_CASES = [
  helloCase({
    id: 'tls-server.hello.ciphers',
    title: 'Recommended cipher suites are offered',
    expected: 'at least one suite of TLS 1.3, or ECDHE with an AEAD',
    sources: ['AWS IoT Device Advisor TLS_Support_Aws_Iot_Cipher_Suites', 'RFC 9325 4.2'],
    severity: 'high',
    judge: ({ suites }) => {
      const good = RECOMMENDED.filter((suite) => suites.includes(suite));
      return good.length > 0 ? pass(`offers ${good.map(suiteName).join(', ')}`) : fail('offers none of the recommended suites');
    },
  }),
  helloCase({
    id: 'tls-server.hello.weak-ciphers',
    title: 'No broken cipher suite is offered',
    expected: 'no NULL, EXPORT, RC4, DES, 3DES, anonymous suite',
    sources: ['RFC 9325 4.1', 'RFC 7465'],
    severity: 'medium',
    judge: ({ suites }) => {
      const bad = suites.filter((suite) => NEVER.test(suiteName(suite)));
      return bad.length === 0 ? pass('offers none of them') : fail(`offers ${bad.map(suiteName).join(', ')}`);
    },
  }),
  helloCase({
    id: 'tls-server.hello.versions',
    title: 'TLS 1.2 or newer is offered, nothing older',
    expected: 'TLS 1.2, TLS 1.3',
    sources: ['RFC 8996', 'RFC 9325 3.1.1'],
    severity: 'medium',
    judge: ({ versions }) => {
      const old = versions.filter((version) => version < 0x0303);
      if (Math.max(...versions) < 0x0303) return fail(`offers ${versions.map(versionName).join(', ')} only`);
      if (!versions.includes(0x0304)) return old.length > 1 ? warn('offers TLS 1.2 and nothing newer; whether older versions are taken, the cases of those say') : pass('offers TLS 1.2');
      return old.length === 0 ? pass(`offers ${versions.map(versionName).join(', ')}`) : fail(`still offers ${old.map(versionName).join(', ')}`);
    },
  }),
  helloCase({
    id: 'tls-server.hello.sni',
    title: 'SNI names the host',
    expected: 'server_name with the host that was asked for; none for an IP address',
    sources: ['RFC 6066 3', 'RFC 9325 3.7'],
    severity: 'medium',
    judge: ({ serverName }, { host, hostName }) => {
      if (hostName.type === 'ip') return serverName === undefined ? pass('sends no SNI for an IP address, as it should') : warn(`sends SNI ${serverName} for an IP address, which RFC 6066 forbids`);
      if (serverName === undefined) return fail('sends no SNI');
      return serverName.toLowerCase() === host.toLowerCase() ? pass(`sends ${serverName}`) : fail(`sends ${serverName}, not ${host}`);
    },
  }),
  helloCase({
    id: 'tls-server.hello.compression',
    title: 'No compression is offered',
    expected: 'the null method only',
    sources: ['RFC 9325 3.3', 'RFC 8446 4.1.2'],
    severity: 'high',
    judge: ({ compressions }) => (compressions.length === 1 && compressions[0] === 0 ? pass('offers no compression') : fail(`offers compression methods ${compressions.join(', ')}`)),
  }),
  helloCase({
    id: 'tls-server.hello.renegotiation',
    title: 'Secure renegotiation is signalled in TLS 1.2',
    expected: 'renegotiation_info, or its signalling cipher suite',
    sources: ['RFC 5746 3.4', 'RFC 9325 3.5'],
    severity: 'low',
    judge: ({ versions, extensions, suites }) => {
      if (!versions.includes(0x0303)) return pass('offers no version that can renegotiate');
      return extensions.has(EXTENSION.renegotiationInfo) || suites.includes(0x00ff) ? pass('signalled') : fail('TLS 1.2 is offered without it');
    },
  }),
  helloCase({
    id: 'tls-server.hello.master-secret',
    title: 'Extended master secret is offered in TLS 1.2',
    expected: 'extended_master_secret',
    sources: ['RFC 7627 5.2', 'RFC 9325 3.5'],
    severity: 'low',
    judge: ({ versions, extensions }) => (!versions.includes(0x0303) ? pass('offers no version that needs it') : extensions.has(EXTENSION.extendedMasterSecret) ? pass('offered') : fail('TLS 1.2 is offered without it')),
  }),
  helloCase({
    id: 'tls-server.hello.signatures',
    title: 'No signatures with SHA-1 or MD5 are asked for',
    expected: 'signature_algorithms without SHA-1 and MD5',
    sources: ['RFC 9155', 'RFC 8446 4.2.3'],
    severity: 'low',
    judge: ({ schemes, versions }) => {
      if (schemes.length === 0) return versions.includes(0x0303) ? fail('no signature_algorithms: a server may take SHA-1') : pass('none needed');
      const weak = schemes.filter((scheme) => !isGrease(scheme) && (scheme >> 8 === 1 || scheme >> 8 === 2) && scheme !== 0x0200);
      return weak.length === 0 ? pass('none') : warn(`takes ${named(weak)}`);
    },
  }),
];
