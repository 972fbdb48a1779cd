/** The lying server in TLS 1.2 (RFC 5246), with ECDHE or, up to ClientKeyExchange, static RSA. */
import { u16, u8, vector } from '../wire/bytes.ts';
import { makeKeyShare } from '../wire/key-exchange.ts';
import { prf } from '../wire/key-schedule.ts';
import { CONTENT, EXTENSION, GROUP, HANDSHAKE, VERSION } from '../wire/names.ts';
import { fixedIvBytes, keyBytes, tls12Cipher, type RecordCipher } from '../wire/record-cipher.ts';
import { encodeCertificate } from '../wire/server-messages.ts';
import { schemeFor, signScheme } from '../wire/signature.ts';
import { suiteOf, type Suite } from '../wire/suites.ts';
import type { Liar, Reached } from './liar.ts';

const VERIFY_DATA_BYTES = 12;
/** NamedCurve, RFC 8422 5.4. */
const NAMED_CURVE = 3;

/** The suite that an honest server would choose: ECDHE, AEAD, of the certificate's kind of key; undefined when there is none. */
export function honestSuite12({ hello, identity }: Liar): Suite | undefined {
  const kind = identity.privateKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa';
  return hello.suites.map(suiteOf).find((suite) => suite?.keyExchange === 'ecdhe' && suite.aead !== undefined && suite.authentication === kind);
}

/** Tells the lies as far as the device goes along; alerts and closes are thrown. */
export async function lie12(liar: Liar, reach: (how: Reached) => void): Promise<void> {
  const { hello, identity, lies } = liar;
  const suite = lies.suite === undefined ? honestSuite12(liar) : (suiteOf(lies.suite) ?? honestSuite12(liar));
  if (!suite) throw new Error('no cipher suite in common');
  const master = hello.extensions.has(EXTENSION.extendedMasterSecret);
  const extensions = [
    ...(hello.extensions.has(EXTENSION.renegotiationInfo) || hello.suites.includes(0xff) ? [{ type: EXTENSION.renegotiationInfo, body: vector(1) }] : []),
    ...(master ? [{ type: EXTENSION.extendedMasterSecret, body: Buffer.alloc(0) }] : []),
  ];
  await liar.sayHello({ version: VERSION.tls12, random: liar.random, sessionId: Buffer.alloc(0), suite: lies.suite ?? suite.id, compression: 0, extensions });
  await liar.say(HANDSHAKE.certificate, encodeCertificate(lies.chain ?? identity.chain, VERSION.tls12));
  const share = makeKeyShare(lies.group ?? (hello.groups.includes(GROUP.p256) ? GROUP.p256 : GROUP.x25519));
  if (suite.keyExchange === 'ecdhe') await liar.say(HANDSHAKE.serverKeyExchange, signedShare(liar, share));
  await liar.say(HANDSHAKE.serverHelloDone, Buffer.alloc(0));

  const exchange = await liar.listen();
  if (exchange.type !== HANDSHAKE.clientKeyExchange) return;
  reach('handshake');
  if (!suite.aead || suite.keyExchange !== 'ecdhe') return;
  const premaster = share.secret(exchange.body.subarray(1));
  const secret = master ? prf(suite.hash, premaster, 'extended master secret', liar.hash(suite.hash), 48) : prf(suite.hash, premaster, 'master secret', Buffer.concat([hello.random, liar.random]), 48);
  const ciphers = ciphersOf(suite, secret, hello.random, liar.random);
  await readFinished(liar, ciphers.read);
  const honest = prf(suite.hash, secret, 'server finished', liar.hash(suite.hash), VERIFY_DATA_BYTES);
  await liar.records.writeRecord(CONTENT.changeCipherSpec, Buffer.of(1));
  liar.records.writeCipher = ciphers.write;
  await liar.say(HANDSHAKE.finished, lies.finished?.(honest) ?? honest);
  await liar.data();
  reach('data');
}

async function readFinished(liar: Liar, cipher: RecordCipher): Promise<void> {
  for (;;) {
    const { type, fragment } = await liar.records.readRecord(8_000);
    if (type === CONTENT.changeCipherSpec) liar.records.readCipher = cipher;
    else if (type === CONTENT.handshake) {
      liar.records.addHandshake(fragment);
      await liar.listen();
      return;
    }
  }
}

/** Body of ServerKeyExchange (RFC 8422 5.4). */
function signedShare({ hello, identity, lies, random }: Liar, { group, publicBytes }: { group: number; publicBytes: Buffer }): Buffer {
  const parameters = Buffer.concat([u8(NAMED_CURVE), u16(group), vector(1, publicBytes)]);
  const key = lies.signingKey ?? identity.privateKey;
  const scheme = lies.scheme ?? schemeFor(key, hello.schemes, 'TLS 1.2') ?? 0x0403;
  const honest = signScheme(scheme, key, Buffer.concat([hello.random, random, parameters]));
  return Buffer.concat([parameters, u16(scheme), vector(2, lies.signature?.(honest) ?? honest)]);
}

function ciphersOf(suite: Suite, master: Buffer, clientRandom: Buffer, serverRandom: Buffer): { read: RecordCipher; write: RecordCipher } {
  const aead = suite.aead!;
  const [key, iv] = [keyBytes(aead), fixedIvBytes(aead)];
  const block = prf(suite.hash, master, 'key expansion', Buffer.concat([serverRandom, clientRandom]), 2 * (key + iv));
  const ivs = block.subarray(2 * key);
  return { read: tls12Cipher(aead, block.subarray(0, key), ivs.subarray(0, iv)), write: tls12Cipher(aead, block.subarray(key, 2 * key), ivs.subarray(iv, 2 * iv)) };
}
