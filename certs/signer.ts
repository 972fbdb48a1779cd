/**
 * A certificate that may sign others, together with its private key: read from a pair of files, or made. What it
 * promises: a signer's key is its certificate's, and the certificate is that of an authority.
 */

import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';

import { certificatePem, commonNameDer, randomSerial, signCertificate } from './certificate-builder.ts';
import { readCertificate, type CertificateContent } from './certificate-reader.ts';
import { CertsError } from './errors.ts';
import { authorityKeyIdentifier, keyIdentifier, subjectKeyIdentifier } from './extensions.ts';
import { spkiDer } from './key-pair.ts';
import type { PairPaths } from './layout.ts';
import { parseCertificate } from './pem.ts';
import { readPrivateFile } from './private-file.ts';
import type { Profile, Validity } from './profiles.ts';

/** What signing needs. Objects of this type stay within this room. */
export interface Signer {
  readonly certificate: X509Certificate;
  /** Of this certificate alone, without those above it. */
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
  readonly subjectDer: Buffer;
  readonly keyIdentifier: Buffer;
  /** Lower-case hexadecimal. */
  readonly serial: string;
  readonly notAfterMs: number;
  /** How many authorities may stand below it; undefined for any number. */
  readonly pathLength: number | undefined;
}

/**
 * Reads a signer from its two files. Throws CERTS_KEY_EXPOSED when others may read a file of it, CERTS_UNREADABLE when a
 * file is missing, cannot be read or is no authority's, CERTS_KEY_MISMATCH when key and certificate do not belong together.
 */
export async function readSigner(paths: PairPaths): Promise<Signer> {
  const certificate = await readAuthorityCertificate(paths.certificatePath);
  return signerOf(certificate, await readPrivateKey(paths.keyPath, certificate), paths.certificatePath);
}

/** The certificate of an authority. Throws CERTS_KEY_EXPOSED, CERTS_UNREADABLE. */
export async function readAuthorityCertificate(path: string): Promise<X509Certificate> {
  const certificate = parseCertificate((await readPrivateFile(path)).toString('utf8'), path, 'CERTS_UNREADABLE');
  if (!certificate.ca) throw new CertsError('CERTS_UNREADABLE', `${path} is not the certificate of an authority`);
  return certificate;
}

/** The private key of a certificate. Throws CERTS_KEY_EXPOSED, CERTS_UNREADABLE, CERTS_KEY_MISMATCH. */
export async function readPrivateKey(path: string, certificate: X509Certificate): Promise<KeyObject> {
  const pem = await readPrivateFile(path);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${path} holds no unencrypted PEM private key`, { cause });
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new CertsError('CERTS_KEY_MISMATCH', `${path} is not the key of the certificate beside it`);
  }
  return privateKey;
}

/** A signer from parts that belong together. `source` names the certificate in errors: CERTS_UNREADABLE. */
export function signerOf(certificate: X509Certificate, privateKey: KeyObject, source: string): Signer {
  let content: CertificateContent;
  try {
    content = readCertificate(certificate);
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${source} is malformed; restore it from a backup`, { cause });
  }
  return {
    certificate,
    certificatePem: certificatePem(certificate.raw),
    privateKey,
    subjectDer: content.subjectDer,
    keyIdentifier:
      content.subjectKeyIdentifier === undefined
        ? keyIdentifier(spkiDer(certificate.publicKey))
        : Buffer.from(content.subjectKeyIdentifier, 'hex'),
    serial: content.serial,
    notAfterMs: content.notAfterMs,
    pathLength: content.basicConstraints?.pathLength,
  };
}

/** A certificate for a public key, signed by `signer`: PEM, and its serial as 32 lower-case hexadecimal digits. */
export function signProfile(
  signer: Signer,
  { commonName, extensions }: Profile,
  validity: Validity,
  spki: Uint8Array,
): { readonly serial: string; readonly certificatePem: string } {
  const serial = randomSerial();
  const der = signCertificate(
    {
      serial,
      issuerDer: signer.subjectDer,
      subjectDer: commonNameDer(commonName),
      ...validity,
      spkiDer: spki,
      extensions: [...extensions, subjectKeyIdentifier(spki), authorityKeyIdentifier(signer.keyIdentifier)],
    },
    signer.privateKey,
  );
  return { serial: serial.toString('hex'), certificatePem: certificatePem(der) };
}
