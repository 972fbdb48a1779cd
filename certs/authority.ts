/**
 * The certificate authority: made once, loaded from its directory, issuing identities. Promises: an authority is never
 * overwritten; its private key is not reachable through the Authority object; an identity is on disk with both its
 * files or not at all.
 */

import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { access } from 'node:fs/promises';

import { certificatePem, commonNameDer, randomSerial, signCertificate } from './certificate-builder.ts';
import { readCertificate, type CertificateContent } from './certificate-reader.ts';
import { CertsError, systemCode } from './errors.ts';
import { authorityKeyIdentifier, keyIdentifier, subjectKeyIdentifier } from './extensions.ts';
import { DEFAULT_KEY_TYPE, generateKeyPair, privateKeyPem, spkiDer, type KeyType } from './key-pair.ts';
import { CERTIFICATE_FILE, KEY_FILE, authorityPaths, identityPaths, roleDirectory } from './layout.ts';
import { authorityName } from './names.ts';
import { parseCertificate } from './pem.ts';
import { makePrivateDirectory, publishPrivateDirectory, readPrivateFile } from './private-file.ts';
import { authorityProfile, authorityValidity, identityProfile, identityValidity } from './profiles.ts';
import type { IdentityRequest, Role } from './profiles.ts';

/** An authority that can issue. Its private key is held inside this module and is no property of the object. */
export interface Authority {
  readonly certificatePem: string;
  /** The directory given to createAuthority or loadAuthority; identities are written under it. */
  readonly directory: string;
}

/** What signing needs. */
export interface SigningMaterial {
  readonly privateKey: KeyObject;
  readonly subjectDer: Buffer;
  readonly keyIdentifier: Buffer;
  readonly notAfterMs: number;
}

/** A certificate with its private key, on disk and in memory. */
export interface IssuedIdentity {
  readonly role: Role;
  /** 32 lower-case hexadecimal digits. */
  readonly serial: string;
  readonly directory: string;
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

const DEFAULT_COMMON_NAME = 'thrum certificate authority';
const materials = new WeakMap<Authority, SigningMaterial>();

/**
 * Creates a self-signed authority in `<directory>/ca`, valid for 10 years, able to sign identities but no further
 * authorities. `commonName` is 1 to 64 printable characters.
 * Throws CERTS_EXISTS when there is one (nothing is overwritten, also when two are created at once), CERTS_BAD_REQUEST,
 * CERTS_WRITE_FAILED.
 */
export async function createAuthority(
  directory: string,
  options: { nowMs: number; commonName?: string; keyType?: KeyType },
): Promise<Authority> {
  const profile = authorityProfile(authorityName(options.commonName ?? DEFAULT_COMMON_NAME));
  const validity = authorityValidity(options.nowMs);
  const paths = authorityPaths(directory);
  if (await isThere(paths.certificatePath)) throw exists(paths.directory);

  const { privateKey, publicKey } = await generateKeyPair(options.keyType ?? DEFAULT_KEY_TYPE);
  const spki = spkiDer(publicKey);
  const nameDer = commonNameDer(profile.commonName);
  const der = signCertificate(
    {
      serial: randomSerial(),
      issuerDer: nameDer,
      subjectDer: nameDer,
      ...validity,
      spkiDer: spki,
      extensions: [...profile.extensions, subjectKeyIdentifier(spki), authorityKeyIdentifier(keyIdentifier(spki))],
    },
    privateKey,
  );
  const pem = certificatePem(der);
  await makePrivateDirectory(directory);
  await publishPrivateDirectory(paths.directory, { [KEY_FILE]: privateKeyPem(privateKey), [CERTIFICATE_FILE]: pem });
  return enclose(directory, pem, parseCertificate(pem, paths.certificatePath), privateKey);
}

/**
 * Loads the authority in `<directory>/ca`, made by {@link createAuthority} or put there by hand.
 * Throws CERTS_NO_AUTHORITY when there is none, CERTS_KEY_EXPOSED when others may read a file of it, CERTS_UNREADABLE
 * when a file cannot be read or is no authority's, CERTS_KEY_MISMATCH when key and certificate do not belong together.
 */
export async function loadAuthority(directory: string): Promise<Authority> {
  const paths = authorityPaths(directory);
  const pem = (await readAuthorityFile(paths.certificatePath, directory)).toString('utf8');
  const keyPem = await readAuthorityFile(paths.keyPath, directory);
  const certificate = parseCertificate(pem, paths.certificatePath, 'CERTS_UNREADABLE');
  if (!certificate.ca) {
    throw new CertsError('CERTS_UNREADABLE', `${paths.certificatePath} is not the certificate of an authority`);
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(keyPem);
  } catch (cause) {
    throw new CertsError('CERTS_UNREADABLE', `${paths.keyPath} holds no unencrypted PEM private key`, { cause });
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new CertsError('CERTS_KEY_MISMATCH', `${paths.keyPath} is not the key of ${paths.certificatePath}`);
  }
  return enclose(directory, pem, certificate, privateKey);
}

/**
 * Issues an identity: makes its key, signs its certificate, writes `<directory>/<role>s/<serial>/cert.pem` and key.pem
 * (0600 in a 0700 directory). Serial numbers are random, so any number may be issued at once.
 * Throws CERTS_BAD_REQUEST before anything is written, CERTS_AUTHORITY_EXPIRED, CERTS_WRITE_FAILED.
 */
export async function issueIdentity(
  authority: Authority,
  request: IdentityRequest,
  nowMs: number,
): Promise<IssuedIdentity> {
  const material = signingMaterial(authority);
  const profile = identityProfile(request);
  const validity = identityValidity(request, nowMs, material.notAfterMs);
  const { privateKey, publicKey } = await generateKeyPair(request.keyType ?? DEFAULT_KEY_TYPE);
  const spki = spkiDer(publicKey);
  const serialOctets = randomSerial();
  const der = signCertificate(
    {
      serial: serialOctets,
      issuerDer: material.subjectDer,
      subjectDer: commonNameDer(profile.commonName),
      ...validity,
      spkiDer: spki,
      extensions: [
        ...profile.extensions,
        subjectKeyIdentifier(spki),
        authorityKeyIdentifier(material.keyIdentifier),
      ],
    },
    material.privateKey,
  );
  const serial = serialOctets.toString('hex');
  const pem = certificatePem(der);
  const keyPem = privateKeyPem(privateKey);
  const paths = identityPaths(authority.directory, request.role, serial);
  await makePrivateDirectory(roleDirectory(authority.directory, request.role));
  await publishPrivateDirectory(paths.directory, { [KEY_FILE]: keyPem, [CERTIFICATE_FILE]: pem });
  return { role: request.role, serial, ...paths, certificatePem: pem, keyPem };
}

/** What an authority signs with; for this room only. Throws CERTS_BAD_REQUEST for an object that is not from here. */
export function signingMaterial(authority: Authority): SigningMaterial {
  const material = materials.get(authority);
  if (material === undefined) {
    throw new CertsError('CERTS_BAD_REQUEST', 'this authority was not made by createAuthority or loadAuthority');
  }
  return material;
}

function enclose(directory: string, pem: string, certificate: X509Certificate, privateKey: KeyObject): Authority {
  let content: CertificateContent;
  try {
    content = readCertificate(certificate);
  } catch (cause) {
    const path = authorityPaths(directory).certificatePath;
    throw new CertsError('CERTS_UNREADABLE', `${path} is malformed; restore it from a backup`, { cause });
  }
  const authority: Authority = Object.freeze({ certificatePem: pem, directory });
  materials.set(authority, {
    privateKey,
    subjectDer: content.subjectDer,
    keyIdentifier:
      content.subjectKeyIdentifier === undefined
        ? keyIdentifier(spkiDer(certificate.publicKey))
        : Buffer.from(content.subjectKeyIdentifier, 'hex'),
    notAfterMs: content.notAfterMs,
  });
  return authority;
}

async function readAuthorityFile(path: string, directory: string): Promise<Buffer> {
  try {
    return await readPrivateFile(path);
  } catch (error) {
    if (error instanceof CertsError && systemCode(error.cause) === 'ENOENT') {
      const message = `${directory} holds no certificate authority (no ${path}); 'thrum certs init' makes one`;
      throw new CertsError('CERTS_NO_AUTHORITY', message, { cause: error });
    }
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function exists(path: string): CertsError {
  return new CertsError('CERTS_EXISTS', `${path} holds a certificate authority already; load it or move it away`);
}
