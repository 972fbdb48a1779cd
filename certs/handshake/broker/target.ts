/** The broker under test: where it is, whom it trusts, and what it should let in. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { commonNameOf, readCertificate, readRawExtensions } from '../../certificate-reader.ts';
import { TAG } from '../../der.ts';
import { membersOf, readDer, tagOf } from '../../der-reader.ts';
import { CertsError } from '../../errors.ts';
import { EXTENSION_OID, keyIdentifier, type Extension } from '../../extensions.ts';
import { spkiDer } from '../../key-pair.ts';
import { commonNameDer, endEntityExtensions, forgeCertificate, type Issuer } from '../forged-certificate.ts';
import type { Credentials } from '../wire/client.ts';

/** An authority whose client certificates the broker takes: the tester signs with it, honestly and otherwise. */
export interface TestAuthority extends Issuer {
  /** What to send after a leaf: intermediates, not the root. DER, nearest first. */
  readonly chain: readonly Uint8Array[];
}

/** Names of the good identity, so that what lies about something else still bears the right name. */
export interface Names {
  readonly subjectDer: Uint8Array;
  readonly commonName: string | undefined;
  /** Its subject alternative name extension, as it stands. */
  readonly altNames: Extension | undefined;
}

/** How MQTT is spoken to this broker. */
export interface MqttSettings {
  readonly clientId: string;
  /** Where the good identity may publish with QoS 0, and where nobody but another may. */
  readonly ownTopic: string;
  readonly foreignTopic: string;
  /** What the good identity may not subscribe to. */
  readonly foreignFilter: string;
}

export interface BrokerTarget {
  readonly host: string;
  readonly port: number;
  /** For SNI and for checking the server's certificate. */
  readonly serverName: string;
  /** What the server's chain should lead to, DER. */
  readonly trust?: readonly X509Certificate[];
  readonly authority?: TestAuthority;
  /** An identity that the broker lets in. With an authority and without this, one is made up. */
  readonly identity?: Credentials;
  /** Absent: there is no MQTT behind this TLS, and what needs it is not run. */
  readonly mqtt?: MqttSettings;
  /** An identity of another client, which the broker lets in as that. */
  readonly stranger?: () => Promise<Credentials>;
  /** An identity that the broker's revocation list names. */
  readonly revoked?: () => Promise<Credentials>;
  /** Issues the good identity anew, on the books of whoever revokes; without it the tester signs by itself. */
  readonly issue?: () => Promise<Credentials>;
  /** Has a certificate revoked, and resolves when the command that does it has ended. */
  readonly revoke?: (certificate: X509Certificate) => Promise<void>;
}

/** Names, key and chain of a made-up client for brokers that take anybody whom the authority signed. */
export const TEST_COMMON_NAME = 'thrum-handshake-test';

export function namesOf(identity: Credentials | undefined): Names {
  const leaf = identity?.chain[0];
  if (!leaf) return { subjectDer: commonNameDer(TEST_COMMON_NAME), commonName: TEST_COMMON_NAME, altNames: undefined };
  const certificate = new X509Certificate(leaf);
  const { subject, subjectDer } = readCertificate(certificate);
  return { subjectDer, commonName: commonNameOf(subject), altNames: extensionsOf(leaf).find(({ oid }) => oid === EXTENSION_OID.subjectAltName) };
}

/** All extensions of a certificate as they stand. */
export function extensionsOf(der: Uint8Array): Extension[] {
  const [tbs] = membersOf(readDer(der), TAG.sequence);
  const wrapper = membersOf(tbs, TAG.sequence).find((field) => tagOf(field) === 0xa3);
  if (!wrapper) return [];
  return readRawExtensions(membersOf(wrapper, 0xa3)[0]).map(({ oid, critical, value }) => ({ oid, critical, valueDer: value }));
}

/**
 * The signing authority in PEM texts: `certificates` holds the certificate that belongs to `key`, then what leads from it to
 * the root. Throws CERTS_BAD_PEM, CERTS_KEY_MISMATCH.
 */
export function authorityFrom(certificates: readonly X509Certificate[], key: KeyObject): TestAuthority {
  const signer = certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (!signer) throw new CertsError('CERTS_KEY_MISMATCH', 'the authority’s key belongs to none of its certificates: give the pair');
  const { subjectDer } = readCertificate(signer);
  const isRoot = (certificate: X509Certificate): boolean => certificate.checkIssued(certificate);
  return {
    privateKey: key,
    subjectDer,
    keyIdentifier: keyIdentifier(spkiDer(signer.publicKey)),
    chain: certificates.filter((certificate) => !isRoot(certificate)).map(({ raw }) => raw),
  };
}

/** A private key in PEM; CERTS_UNREADABLE when it is none, without its text. */
export function privateKeyFrom(pem: string, source: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${source} holds no unencrypted PEM private key`, { cause });
  }
}

/** A good identity for brokers that look only at the signature. */
export function madeUpIdentity(authority: TestAuthority, nowMs: number): Credentials {
  return honestIdentity(authority, TEST_COMMON_NAME, nowMs);
}

/** Another client's identity. */
export function strangerOf(authority: TestAuthority, nowMs: number): Credentials {
  return honestIdentity(authority, `${TEST_COMMON_NAME}-stranger`, nowMs);
}

function honestIdentity(authority: TestAuthority, commonName: string, nowMs: number): Credentials {
  const { der, privateKey } = forgeCertificate({
    subjectDer: commonNameDer(commonName),
    issuer: authority,
    notBeforeMs: nowMs - 300_000,
    notAfterMs: nowMs + 86_400_000,
    extensions: endEntityExtensions('clientAuth'),
  });
  return { chain: [der, ...authority.chain], key: privateKey };
}
