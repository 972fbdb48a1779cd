/**
 * The matrix: servers of others, each in a good and in several bad configurations, and for each bad one the cases that are
 * named for what is wrong with it.
 */
import { X509Certificate } from 'node:crypto';
import { certificatePem } from '../../certs/certificate-builder.ts';
import { signCrl } from '../../certs/crl.ts';
import { subjectAltName } from '../../certs/extensions.ts';
import { authorityFrom, type BrokerTarget, type TestAuthority } from '../../certs/handshake/broker/target.ts';
import {
  authorityExtensions,
  commonNameDer,
  endEntityExtensions,
  forgeCertificate,
  rsaKeys,
  type ForgedCertificate,
  type Recipe,
} from '../../certs/handshake/forged-certificate.ts';
import { privateKeyPem } from '../../certs/key-pair.ts';
import type { ServerName, ServerSetup } from './servers.fixture.ts';

const DAY_MS = 86_400_000;
const NOW_MS = new Date().getTime();
const validity = { notBeforeMs: NOW_MS - DAY_MS, notAfterMs: NOW_MS + 90 * DAY_MS };

const root = forgeCertificate({ subjectDer: commonNameDer('matrix root'), ...validity, extensions: authorityExtensions() });
const middle = forgeCertificate({ subjectDer: commonNameDer('matrix intermediate'), issuer: root, ...validity, extensions: authorityExtensions(0) });
const rsa = rsaKeys(2048);
const localhost = subjectAltName([
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
]);
const serverIdentity = (change: Partial<Recipe> = {}): ForgedCertificate =>
  forgeCertificate({
    subjectDer: commonNameDer('localhost'),
    issuer: root,
    keys: rsa,
    ...validity,
    extensions: [...endEntityExtensions('serverAuth'), localhost],
    ...change,
  });
const client = forgeCertificate({
  subjectDer: commonNameDer('matrix-client'),
  issuer: root,
  ...validity,
  extensions: endEntityExtensions('clientAuth'),
});
const revoked = forgeCertificate({
  subjectDer: commonNameDer('matrix-client'),
  issuer: root,
  ...validity,
  serial: Buffer.from('4d0badc0ffee0badc0ffee0badc0ffee', 'hex'),
  extensions: endEntityExtensions('clientAuth'),
});
const authority: TestAuthority = authorityFrom([new X509Certificate(root.der)], root.privateKey);
const crlPem = signCrl(
  {
    issuerDer: root.subjectDer,
    issuerKeyIdentifier: root.keyIdentifier,
    number: 1,
    thisUpdateMs: NOW_MS - DAY_MS,
    nextUpdateMs: NOW_MS + DAY_MS,
    entries: [{ serial: '4d0badc0ffee0badc0ffee0badc0ffee', revokedMs: NOW_MS - DAY_MS, reason: 'keyCompromise' }],
  },
  root.privateKey,
);

/** One line of the matrix. */
export interface Configuration {
  readonly server: ServerName;
  readonly name: string;
  readonly setup: ServerSetup;
  /** Cases that must fail: they are named for what is wrong. Empty for the good ones, in which nothing may fail. */
  readonly found: readonly string[];
  /** Cases that fail as well, for the same reason. */
  readonly also: readonly string[];
}

const pems = (identity: ForgedCertificate, ...chain: readonly ForgedCertificate[]): Pick<ServerSetup, 'certificatePem' | 'keyPem'> => ({
  certificatePem: [identity, ...chain].map(({ der }) => certificatePem(der)).join(''),
  keyPem: privateKeyPem(identity.privateKey),
});
const base = { ...pems(serverIdentity()), authorityPem: certificatePem(root.der), crlPem };

function line(server: ServerName, good: readonly string[]) {
  return (
    name: string,
    change: { drop?: readonly string[]; add?: readonly string[]; also?: readonly string[] } & Partial<ServerSetup>,
    ...found: readonly string[]
  ): Configuration => {
    const { drop = [], add = [], also = [], ...setup } = change;
    return {
      server,
      name,
      found,
      also,
      setup: { ...base, ...setup, config: [...good.filter((entry) => !drop.some((start) => entry.startsWith(start))), ...add] },
    };
  };
}

const GOOD_CIPHERS = 'ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2';

const mosquitto = line('mosquitto', [
  'require_certificate true',
  'allow_anonymous false',
  'use_identity_as_username true',
  'tls_version tlsv1.2',
  `ciphers ${GOOD_CIPHERS}`,
  'crlfile {dir}/crl.pem',
  'message_size_limit 1000000',
  'acl_file {dir}/../mosquitto.acl',
]);
const openssl = line('openssl', [
  '-Verify',
  '4',
  '-verify_return_error',
  '-no_tls1',
  '-no_tls1_1',
  '-cipher',
  GOOD_CIPHERS,
  '-serverpref',
  '-crl_check',
  '-CRL',
  '{dir}/crl.pem',
]);
const nginx = line('nginx', [
  'ssl_verify_client on;',
  'ssl_verify_depth 2;',
  'ssl_protocols TLSv1.2 TLSv1.3;',
  `ssl_ciphers ${GOOD_CIPHERS};`,
  'ssl_prefer_server_ciphers on;',
  'ssl_crl {dir}/crl.pem;',
  'ssl_handshake_timeout 2s;',
  'proxy_timeout 8s;',
]);
const stunnel = line('stunnel', [
  'verifyChain = yes',
  'sslVersionMin = TLSv1.2',
  `ciphers = ${GOOD_CIPHERS}`,
  'renegotiation = no',
  'CRLfile = {dir}/crl.pem',
  'TIMEOUTbusy = 2',
  'TIMEOUTidle = 8',
]);

/** What comes with a security level of 0, whatever else is right. */
const LEVEL_0 = ['ciphers.signature-sha-1', 'client-certificate.rsa-1024', 'client-certificate.sha-1', 'client-certificate.proof-sha-1'];
const ALL_SUITES = ['ciphers.anonymous', 'ciphers.exotic'];
const without = (all: readonly string[], ...less: readonly string[]): string[] => all.filter((id) => !less.includes(id));

const expired = { notBeforeMs: NOW_MS - 30 * DAY_MS, notAfterMs: NOW_MS - DAY_MS };
const elsewhere = [...endEntityExtensions('serverAuth'), subjectAltName([{ type: 'dns', value: 'elsewhere.example' }])];
const belowMiddle = serverIdentity({ issuer: middle });

export const MATRIX: readonly Configuration[] = [
  mosquitto('good', {}),
  mosquitto(
    'no certificate asked for',
    {
      drop: ['require_certificate', 'allow_anonymous', 'use_identity', 'acl_file'],
      add: ['require_certificate false', 'allow_anonymous true'],
      also: ['mqtt.publish-elsewhere', 'mqtt.subscribe-elsewhere'],
    },
    'client-certificate.none',
  ),
  mosquitto(
    'TLS 1.1, weak security level',
    {
      drop: ['tls_version', 'ciphers', 'crlfile'],
      add: ['tls_version tlsv1.1', 'ciphers ALL:@SECLEVEL=0'],
      also: [...ALL_SUITES, 'ciphers.signature-sha-1', 'client-certificate.proof-sha-1', 'client-certificate.revoked'],
    },
    'protocol.tls-1.1',
    'ciphers.cbc',
    'ciphers.static-rsa',
    'client-certificate.rsa-1024',
    'client-certificate.sha-1',
    'client-certificate.md5',
  ),
  mosquitto('no revocation list', { drop: ['crlfile'] }, 'client-certificate.revoked'),
  mosquitto(
    'no access control',
    { drop: ['acl_file', 'use_identity', 'allow_anonymous'], add: ['allow_anonymous true'] },
    'mqtt.publish-elsewhere',
    'mqtt.subscribe-elsewhere',
  ),
  mosquitto('server certificate expired', pems(serverIdentity(expired)), 'server-certificate.dates'),
  mosquitto('server certificate of another host', pems(serverIdentity({ extensions: elsewhere })), 'server-certificate.name'),
  openssl('good', {}),
  openssl(
    'no certificate asked for',
    { drop: ['-Verify', '4', '-verify_return_error', '-crl_check', '-CRL', '{dir}/crl.pem'] },
    'client-certificate.none',
  ),
  openssl(
    'certificates asked for and not checked',
    {
      drop: ['-verify_return_error', '-crl_check', '-CRL', '{dir}/crl.pem'],
      also: [
        'same-name-authority',
        'same-name-and-key-id',
        'just-expired',
        'not-yet-valid',
        'validity-backwards',
        'expired-intermediate',
        'other-usage',
        'no-digital-signature',
        'unknown-critical',
        'issuer-not-authority',
        'issuer-without-constraints',
        'issuer-may-not-sign',
        'intermediate-missing',
        'leaf-not-first',
        'intermediate-unknown-critical',
        'rsa-1024',
        'sha-1',
        'md5',
        'revoked',
      ].map((id) => `client-certificate.${id}`),
    },
    'client-certificate.self-signed',
    'client-certificate.expired',
    'client-certificate.unknown-authority',
    'client-certificate.broken-signature',
    'client-certificate.path-too-long',
    'client-certificate.name-constraints',
    'client-certificate.server-usage',
  ),
  openssl('early data', { add: ['-early_data', '-max_early_data', '16384', '-no_anti_replay'] }, 'protocol.early-data'),
  openssl('renegotiation', { add: ['-client_renegotiation'] }, 'protocol.renegotiation'),
  openssl(
    'TLS 1.0, anonymous and NULL suites',
    { drop: ['-no_tls1', '-no_tls1_1', '-cipher', GOOD_CIPHERS], add: ['-cipher', 'ALL:eNULL:@SECLEVEL=0'], also: [...LEVEL_0, 'ciphers.exotic'] },
    'protocol.tls-1.0',
    'protocol.tls-1.1',
    'ciphers.null',
    'ciphers.anonymous',
    'ciphers.cbc',
    'ciphers.static-rsa',
  ),
  openssl(
    'SHA-1 signatures',
    {
      drop: ['-cipher', GOOD_CIPHERS],
      add: ['-cipher', 'ECDHE+AESGCM:@SECLEVEL=0', '-sigalgs', 'RSA+SHA1:ECDSA+SHA1:RSA+SHA256:RSA-PSS+SHA256:ECDSA+SHA256'],
      also: without(LEVEL_0, 'ciphers.signature-sha-1'),
    },
    'ciphers.signature-sha-1',
  ),
  openssl(
    'server certificate with RSA 1024',
    {
      drop: ['-cipher', GOOD_CIPHERS],
      add: ['-cipher', 'ECDHE+AESGCM:@SECLEVEL=0'],
      ...pems(serverIdentity({ keys: rsaKeys(1024) })),
      also: LEVEL_0,
    },
    'server-certificate.key',
  ),
  nginx('good', {}),
  nginx('no certificate asked for', { drop: ['ssl_verify_client'], add: ['ssl_verify_client off;'] }, 'client-certificate.none'),
  nginx(
    'optional_no_ca',
    {
      drop: ['ssl_verify_client', 'ssl_crl'],
      add: ['ssl_verify_client optional_no_ca;'],
      also: [
        'client-certificate.same-name-authority',
        'client-certificate.intermediate-missing',
        'client-certificate.leaf-not-first',
        'client-certificate.revoked',
      ],
    },
    'client-certificate.none',
    'client-certificate.self-signed',
    'client-certificate.unknown-authority',
  ),
  nginx(
    'TLS 1.0, weak security level',
    {
      drop: ['ssl_protocols', 'ssl_ciphers'],
      add: ['ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;', 'ssl_ciphers ALL:@SECLEVEL=0;'],
      also: [...LEVEL_0, ...ALL_SUITES],
    },
    'protocol.tls-1.0',
    'protocol.tls-1.1',
    'ciphers.static-rsa',
    'ciphers.cbc',
  ),
  nginx('intermediate not sent', pems(belowMiddle), 'server-certificate.trusted'),
  nginx('TLS 1.2 only', { drop: ['ssl_protocols'], add: ['ssl_protocols TLSv1.2;'] }, 'protocol.tls-1.3'),
  nginx('no revocation list', { drop: ['ssl_crl'] }, 'client-certificate.revoked'),
  stunnel('good', {}),
  stunnel('no certificate asked for', { drop: ['verifyChain', 'CRLfile'] }, 'client-certificate.none'),
  stunnel(
    'TLS 1.0, weak security level',
    {
      drop: ['sslVersionMin', 'ciphers'],
      add: ['sslVersionMin = TLSv1', 'ciphers = ALL:@SECLEVEL=0', 'securityLevel = 0'],
      also: [...LEVEL_0, ...ALL_SUITES, 'ciphers.cbc', 'ciphers.preference'],
    },
    'protocol.tls-1.0',
    'protocol.tls-1.1',
    'ciphers.static-rsa',
  ),
  stunnel(
    'NULL suites',
    {
      drop: ['ciphers'],
      add: ['ciphers = eNULL:ECDHE+AESGCM:@SECLEVEL=0', 'securityLevel = 0'],
      also: [...LEVEL_0, 'ciphers.anonymous', 'ciphers.preference'],
    },
    'ciphers.null',
  ),
  stunnel(
    'server certificate signed with SHA-1',
    {
      drop: ['ciphers'],
      add: ['ciphers = ECDHE+AESGCM:@SECLEVEL=0', 'securityLevel = 0'],
      ...pems(serverIdentity({ digest: 'sha1' })),
      also: LEVEL_0,
    },
    'server-certificate.signature',
  ),
  stunnel(
    'server certificate without names',
    pems(serverIdentity({ extensions: endEntityExtensions('serverAuth') })),
    'server-certificate.name',
    'server-certificate.names-form',
  ),
  stunnel('no revocation list', { drop: ['CRLfile'] }, 'client-certificate.revoked'),
];

/** What Mosquitto lets each client do: its own topics. */
export const MOSQUITTO_ACL = 'pattern readwrite %u/#\n';

/** The target for a server of the matrix. */
export function matrixTarget(server: ServerName, port: number): BrokerTarget {
  return {
    host: '127.0.0.1',
    port,
    serverName: 'localhost',
    trust: [new X509Certificate(root.der)],
    authority,
    identity: { chain: [client.der], key: client.privateKey },
    revoked: () => Promise.resolve({ chain: [revoked.der], key: revoked.privateKey }),
    stranger: () => {
      const other = forgeCertificate({
        subjectDer: commonNameDer('matrix-stranger'),
        issuer: root,
        ...validity,
        extensions: endEntityExtensions('clientAuth'),
      });
      return Promise.resolve({ chain: [other.der], key: other.privateKey });
    },
    ...(server === 'mosquitto'
      ? { mqtt: { clientId: 'matrix-client', ownTopic: 'matrix-client/test', foreignTopic: 'someone-else/test', foreignFilter: 'someone-else/test' } }
      : {}),
  };
}
