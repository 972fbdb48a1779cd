/** The lying server in TLS 1.3 (RFC 8446), without asking for a certificate. */
import { u16, vector } from '../wire/bytes.ts';
import { encodeExtension } from '../wire/client-hello.ts';
import { COMPLETE_GROUPS, makeKeyShare } from '../wire/key-exchange.ts';
import { finishedData, Tls13Secrets } from '../wire/key-schedule.ts';
import { CONTENT, EXTENSION, HANDSHAKE, VERSION } from '../wire/names.ts';
import { tls13Cipher } from '../wire/record-cipher.ts';
import { encodeCertificate, RETRY_RANDOM } from '../wire/server-messages.ts';
import { certificateVerifyContent, schemeFor, signScheme } from '../wire/signature.ts';
import { suiteOf, type Suite } from '../wire/suites.ts';
import { alsoPlainAlerts, type Liar, type Reached } from './liar.ts';

/** What goes on over an established connection, before MQTT is waited for. */
export type Afterwards = (liar: Liar) => Promise<void>;

export function honestSuite13({ hello }: Liar): Suite | undefined {
  return hello.suites.map(suiteOf).find((suite) => suite?.keyExchange === 'tls13' && suite.aead !== undefined);
}

/** A group for which the device has sent a share; undefined when there is none that is known here. */
export function sharedGroup({ hello }: Liar): number | undefined {
  return COMPLETE_GROUPS.find((group) => hello.keyShares.has(group));
}

/** Tells the lies as far as the device goes along; alerts and closes are thrown. */
export async function lie13(liar: Liar, reach: (how: Reached) => void, afterwards?: Afterwards): Promise<void> {
  const { hello, lies } = liar;
  const suite = (lies.suite === undefined ? undefined : suiteOf(lies.suite)) ?? honestSuite13(liar);
  const group = sharedGroup(liar);
  if (!suite?.aead || group === undefined) throw new Error('no cipher suite or group in common');
  const share = makeKeyShare(group);
  if (lies.group !== undefined) return askForGroup(liar, suite, lies.group, reach);
  await liar.sayHello({
    version: VERSION.tls12,
    random: liar.random,
    sessionId: hello.sessionId,
    suite: lies.suite ?? suite.id,
    compression: 0,
    extensions: [
      { type: EXTENSION.supportedVersions, body: u16(VERSION.tls13) },
      { type: EXTENSION.keyShare, body: Buffer.concat([u16(group), vector(2, share.publicBytes)]) },
    ],
  });
  const secrets = new Tls13Secrets(suite.hash);
  secrets.mix(share.secret(hello.keyShares.get(group)!));
  const [theirs, own] = [secrets.handshakeTraffic('c', liar.hash(suite.hash)), secrets.handshakeTraffic('s', liar.hash(suite.hash))];
  await liar.records.writeRecord(CONTENT.changeCipherSpec, Buffer.of(1));
  liar.records.writeCipher = tls13Cipher(suite.aead, suite.hash, own);
  await sayIdentity(liar, suite);
  const honest = finishedData(suite.hash, own, liar.hash(suite.hash));
  await liar.say(HANDSHAKE.finished, lies.finished?.(honest) ?? honest);
  const complete = liar.hash(suite.hash);
  liar.records.readCipher = alsoPlainAlerts(tls13Cipher(suite.aead, suite.hash, theirs));
  await liar.listen();
  reach('handshake');
  liar.records.writeCipher = tls13Cipher(suite.aead, suite.hash, secrets.applicationTraffic('s', complete));
  liar.records.readCipher = tls13Cipher(suite.aead, suite.hash, secrets.applicationTraffic('c', complete));
  await afterwards?.(liar);
  await liar.data();
  reach('data');
}

/** HelloRetryRequest for a group: a device that goes along sends another ClientHello. */
async function askForGroup(liar: Liar, suite: Suite, group: number, reach: (how: Reached) => void): Promise<void> {
  const extensions = [{ type: EXTENSION.supportedVersions, body: u16(VERSION.tls13) }, { type: EXTENSION.keyShare, body: u16(group) }];
  await liar.sayHello({ version: VERSION.tls12, random: RETRY_RANDOM, sessionId: liar.hello.sessionId, suite: suite.id, compression: 0, extensions });
  if ((await liar.listen()).type === HANDSHAKE.clientHello) reach('handshake');
}

async function sayIdentity(liar: Liar, suite: Suite): Promise<void> {
  const { hello, identity, lies } = liar;
  await liar.say(HANDSHAKE.encryptedExtensions, vector(2, ...(lies.encryptedExtensions ?? []).map(encodeExtension)));
  await liar.say(HANDSHAKE.certificate, encodeCertificate(lies.chain ?? identity.chain, VERSION.tls13));
  const key = lies.signingKey ?? identity.privateKey;
  const scheme = lies.scheme ?? schemeFor(key, hello.schemes, 'TLS 1.3') ?? 0x0403;
  const honest = signScheme(scheme, key, certificateVerifyContent('server', liar.hash(suite.hash)));
  await liar.say(HANDSHAKE.certificateVerify, Buffer.concat([u16(scheme), vector(2, lies.signature?.(honest) ?? honest)]));
}
