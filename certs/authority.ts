/**
 * The certificate authority of a directory. Its root is what everybody trusts; an intermediate below it, "issuing",
 * signs the identities, so that the root's key can lie elsewhere. Promises: an authority is never overwritten, and is
 * there with its intermediate or not at all; no private key is reachable through the Authority object.
 */

import { certificatePem, commonNameDer, randomSerial, signCertificate } from './certificate-builder.ts';
import { CertsError } from './errors.ts';
import { authorityKeyIdentifier, keyIdentifier, subjectKeyIdentifier } from './extensions.ts';
import { makeIssuing, readIssuing } from './issuing.ts';
import { DEFAULT_KEY_TYPE, generateKeyPair, privateKeyPem, spkiDer, type KeyType } from './key-pair.ts';
import { CERTIFICATE_FILE, ISSUING_DIRECTORY, KEY_FILE, authorityPaths } from './layout.ts';
import { authorityName } from './names.ts';
import { parseCertificate } from './pem.ts';
import { isThere, makePrivateDirectory, publishPrivateDirectory } from './private-file.ts';
import { authorityValidity, rootProfile } from './profiles.ts';
import { readAuthorityCertificate, readPrivateKey, signerOf, type Signer } from './signer.ts';

/** An authority that can issue. Its private key is held inside this module and is no property of the object. */
export interface Authority {
  /** The root: what everybody trusts. */
  readonly certificatePem: string;
  /** What signs identities: the intermediate, or the root itself where there is no intermediate. */
  readonly issuingPem: string;
  /** The directory given to createAuthority or loadAuthority; identities are written under it. */
  readonly directory: string;
}

const DEFAULT_COMMON_NAME = 'thrum certificate authority';
const signers = new WeakMap<Authority, Signer>();

/**
 * Creates a self-signed root in `<directory>/ca`, valid for 10 years, and an intermediate in `<directory>/ca/issuing`,
 * valid for 5, both with keys of `keyType`. `commonName` is the root's: 1 to 64 printable characters.
 * Throws CERTS_EXISTS when there is one (nothing is overwritten, also when two are created at once), CERTS_BAD_REQUEST,
 * CERTS_WRITE_FAILED.
 */
export async function createAuthority(
  directory: string,
  options: { nowMs: number; commonName?: string; keyType?: KeyType },
): Promise<Authority> {
  const { nowMs, keyType = DEFAULT_KEY_TYPE } = options;
  const profile = rootProfile(authorityName(options.commonName ?? DEFAULT_COMMON_NAME));
  const validity = authorityValidity(nowMs);
  const paths = authorityPaths(directory);
  if (await isThere(paths.certificatePath)) throw exists(paths.directory);

  const { privateKey, publicKey } = await generateKeyPair(keyType);
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
  const root = signerOf(parseCertificate(pem, paths.certificatePath), privateKey, paths.certificatePath);
  const issuing = await makeIssuing(root, { nowMs, keyType });
  await makePrivateDirectory(directory);
  await publishPrivateDirectory(paths.directory, {
    [KEY_FILE]: privateKeyPem(privateKey),
    [CERTIFICATE_FILE]: pem,
    [`${ISSUING_DIRECTORY}/${KEY_FILE}`]: privateKeyPem(issuing.privateKey),
    [`${ISSUING_DIRECTORY}/${CERTIFICATE_FILE}`]: issuing.certificatePem,
  });
  return enclose(directory, pem, issuing);
}

/**
 * Loads the authority in `<directory>/ca`, made by {@link createAuthority} or put there by hand. Where there is an
 * intermediate the root's key may be missing; where there is none the root signs identities itself.
 * Throws CERTS_NO_AUTHORITY when there is none, CERTS_KEY_EXPOSED when others may read a file of it, CERTS_UNREADABLE
 * when a file cannot be read or is no authority's, CERTS_KEY_MISMATCH when key and certificate do not belong together.
 */
export async function loadAuthority(directory: string): Promise<Authority> {
  const paths = authorityPaths(directory);
  if (!(await isThere(paths.certificatePath))) throw none(directory, paths.certificatePath);
  const certificate = await readAuthorityCertificate(paths.certificatePath);
  const pem = certificatePem(certificate.raw);
  const issuing = await readIssuing(directory, certificate);
  if (await isThere(paths.keyPath)) {
    // Read also where it signs nothing today: a key that others may read, or a wrong one, is better found now.
    const privateKey = await readPrivateKey(paths.keyPath, certificate);
    return enclose(directory, pem, issuing ?? signerOf(certificate, privateKey, paths.certificatePath));
  }
  if (issuing === undefined) throw none(directory, paths.keyPath);
  return enclose(directory, pem, issuing);
}

/** The root's certificate alone, which needs no key. Throws CERTS_NO_AUTHORITY, CERTS_KEY_EXPOSED, CERTS_UNREADABLE. */
export async function readAuthorityPem(directory: string): Promise<string> {
  const { certificatePath } = authorityPaths(directory);
  if (!(await isThere(certificatePath))) throw none(directory, certificatePath);
  return certificatePem((await readAuthorityCertificate(certificatePath)).raw);
}

/** What an authority signs identities with; for this room only. CERTS_BAD_REQUEST for an object that is not from here. */
export function issuingSigner(authority: Authority): Signer {
  const signer = signers.get(authority);
  if (signer === undefined) {
    throw new CertsError('CERTS_BAD_REQUEST', 'this authority was not made by createAuthority or loadAuthority');
  }
  return signer;
}

/** A certificate the authority's signer has signed, followed by what leads from it to the root, the root left out. */
export function chainPem(authority: Authority, leafPem: string): string {
  return authority.issuingPem === authority.certificatePem ? leafPem : leafPem + authority.issuingPem;
}

function enclose(directory: string, rootPem: string, signer: Signer): Authority {
  const authority: Authority = Object.freeze({ certificatePem: rootPem, issuingPem: signer.certificatePem, directory });
  signers.set(authority, signer);
  return authority;
}

function none(directory: string, path: string): CertsError {
  const message = `${directory} holds no certificate authority (no ${path}); 'thrum certs init' makes one`;
  return new CertsError('CERTS_NO_AUTHORITY', message);
}

function exists(path: string): CertsError {
  return new CertsError('CERTS_EXISTS', `${path} holds a certificate authority already; load it or move it away`);
}
