/** Cases about the form of a ClientHello: what is unusual is taken, what breaks a rule is refused. */
import { randomBytes } from 'node:crypto';
import { u16, u16List, vector } from '../wire/bytes.ts';
import { serverNameBody, type HelloRecipe, type RawExtension } from '../wire/client-hello.ts';
import { EXTENSION, GROUP, greaseValue, VERSION } from '../wire/names.ts';
import { takesHello, type BrokerCase } from './context.ts';
import { extra, malformed, padded, plainHello, rejects, shareOf, tolerates, unknownExtensions, without } from './hellos.ts';

const fragmented: BrokerCase = {
  info: {
    id: 'protocol.hello-fragmented',
    family: 'protocol',
    title: 'A ClientHello in many records is taken',
    offered: 'a ClientHello in records of 64 bytes',
    expected: 'a ServerHello',
    sources: ['RFC 8446 5.1'],
    severity: 'medium',
  },
  needs: [],
  run: (context) => takesHello(context, plainHello(context), { helloFragmentBytes: 64 }),
};

function greased(hello: HelloRecipe): HelloRecipe {
  const share = shareOf(GROUP.x25519);
  return {
    ...hello,
    versions: [greaseValue(3), ...(hello.versions ?? [VERSION.tls12])],
    suites: [greaseValue(1), ...hello.suites],
    groups: [greaseValue(5), ...(hello.groups ?? [])],
    schemes: [greaseValue(9), ...(hello.schemes ?? [])],
    keyShares: [{ group: greaseValue(5), bytes: Buffer.of(0) }, share],
    extra: [
      { type: greaseValue(7), body: Buffer.alloc(0) },
      { type: greaseValue(8), body: Buffer.of(0) },
    ],
  };
}

/** Body of a pre_shared_key extension with a ticket that nobody issued. */
function strangePsk(): RawExtension {
  return {
    type: EXTENSION.preSharedKey,
    body: Buffer.concat([vector(2, vector(2, randomBytes(32)), Buffer.alloc(4)), vector(2, vector(1, randomBytes(32)))]),
  };
}

export const HELLO_CASES: readonly BrokerCase[] = [
  rejects(
    'compression-only',
    'A hello that does not allow to go without compression is refused',
    'a ClientHello of TLS 1.2 with DEFLATE only',
    'decode_error (50) or illegal_parameter (47)',
    ['RFC 5246 7.4.1.2'],
    (context) => ({ ...plainHello(context, [VERSION.tls12]), compressions: [1] }),
  ),
  rejects(
    'compression-tls-1.3',
    'TLS 1.3 with compression is refused',
    'a ClientHello of TLS 1.3 that offers DEFLATE',
    'illegal_parameter (47)',
    ['RFC 8446 4.1.2'],
    (context) => ({ ...plainHello(context, [VERSION.tls13]), compressions: [1, 0] }),
    ['tls-1.3'],
  ),
  fragmented,
  tolerates(
    'grease',
    'Reserved values (GREASE) are ignored',
    'reserved versions, suites, groups, schemes, shares and extensions',
    ['RFC 8701 3'],
    (context) => greased(plainHello(context)),
  ),
  tolerates(
    'unknown-extensions',
    'Unknown extensions are ignored',
    'two extensions that nobody knows',
    ['RFC 8446 4.2', 'RFC 5246 7.4.1.4'],
    (context) => extra(plainHello(context), ...unknownExtensions),
  ),
  tolerates(
    'hello-padded-512',
    'A hello of between 256 and 511 bytes is taken',
    'a ClientHello padded to 400 bytes',
    ['RFC 7685 1'],
    (context) => padded(plainHello(context), 400),
    'low',
  ),
  tolerates(
    'hello-padded-12k',
    'A hello of 12 kB is taken',
    'a ClientHello padded to 12,000 bytes',
    ['RFC 8446 4.1.2', 'RFC 7685 3'],
    (context) => padded(plainHello(context), 12_000),
    'low',
  ),
  tolerates('sni-absent', 'A hello without a server name is taken', 'a ClientHello without SNI, as devices send it', ['RFC 6066 3'], (context) =>
    without(plainHello(context), 'serverName'),
  ),
  rejects(
    'sni-malformed',
    'A server name extension that is malformed is refused',
    'SNI with a length that is too long',
    'decode_error (50)',
    ['RFC 6066 3'],
    (context) =>
      extra(without(plainHello(context), 'serverName'), {
        type: EXTENSION.serverName,
        body: Buffer.concat([u16(40), serverNameBody('x').subarray(2)]),
      }),
  ),
  rejects(
    'extension-twice',
    'An extension that stands twice is refused',
    'supported_groups twice',
    'illegal_parameter (47) or decode_error (50)',
    ['RFC 8446 4.2', 'RFC 5246 7.4.1.4'],
    (context) => extra(plainHello(context), { type: EXTENSION.supportedGroups, body: vector(2, u16List([GROUP.p256])) }),
  ),
  rejects(
    'psk-not-last',
    'pre_shared_key that is not the last extension is refused',
    'pre_shared_key before another extension',
    'illegal_parameter (47)',
    ['RFC 8446 4.2.11'],
    (context) => extra(plainHello(context, [VERSION.tls13]), strangePsk(), unknownExtensions[0]!),
    ['tls-1.3'],
  ),
  rejects(
    'no-signature-algorithms',
    'TLS 1.3 without signature_algorithms is refused',
    'a ClientHello of TLS 1.3 without them',
    'missing_extension (109)',
    ['RFC 8446 9.2'],
    (context) => without(plainHello(context, [VERSION.tls13]), 'schemes'),
    ['tls-1.3'],
  ),
  rejects(
    'no-groups',
    'TLS 1.3 with a key share and without supported_groups is refused',
    'a ClientHello of TLS 1.3 without them',
    'missing_extension (109)',
    ['RFC 8446 9.2'],
    (context) => ({ ...without(plainHello(context, [VERSION.tls13]), 'groups'), keyShares: [shareOf(GROUP.x25519)] }),
    ['tls-1.3'],
  ),
  rejects(
    'share-of-other-group',
    'A key share of a group that is not in supported_groups is not taken',
    'supported_groups P-256, key share X25519 only',
    'illegal_parameter (47), or HelloRetryRequest for P-256',
    ['RFC 8446 4.2.8'],
    (context) => ({ ...plainHello(context, [VERSION.tls13]), groups: [0xfff0], keyShares: [shareOf(GROUP.x25519)] }),
    ['tls-1.3'],
  ),
  rejects(
    'no-suites',
    'A hello without cipher suites is refused',
    'an empty list of suites',
    'handshake_failure (40) or decode_error (50)',
    ['RFC 8446 4.1.2'],
    (context) => ({ ...plainHello(context, [VERSION.tls12]), suites: [] }),
  ),
  malformed(
    'hello-truncated',
    'A hello that ends too early is refused',
    'a ClientHello cut in the middle of its extensions',
    'decode_error (50)',
    ['RFC 8446 6.2'],
    (body) => body.subarray(0, body.length - 7),
  ),
  malformed(
    'hello-trailing',
    'A hello with octets after its end is refused',
    'a ClientHello with four octets too many',
    'decode_error (50)',
    ['RFC 8446 4.2', 'RFC 5246 7.4.1.4'],
    (body) => Buffer.concat([body, randomBytes(4)]),
  ),
  malformed(
    'session-id-long',
    'A session id of more than 32 octets is refused',
    'a ClientHello with one of 33',
    'decode_error (50)',
    ['RFC 8446 4.1.2'],
    (body) => Buffer.concat([body.subarray(0, 34), vector(1, randomBytes(33)), body.subarray(35)]),
  ),
];
