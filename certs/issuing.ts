/**
 * The intermediate that signs identities, in `ca/issuing`, and its rotation. Promises: at every moment, also after a
 * crash within a rotation, there is one whole intermediate to sign with; older ones are kept in `ca/retired/<serial>`,
 * with their keys, because whoever they signed can still be revoked.
 */

import type { KeyObject, X509Certificate } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';

import { CertsError, systemCode } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import { DEFAULT_KEY_TYPE, generateKeyPair, privateKeyPem, spkiDer, type KeyType } from './key-pair.ts';
import {
  CERTIFICATE_FILE,
  KEY_FILE,
  authorityPaths,
  issuingPaths,
  nextIssuingPaths,
  retiredDirectory,
  retiredPaths,
  rotationLockPath,
} from './layout.ts';
import { parseCertificate } from './pem.ts';
import { isThere, makePrivateDirectory, publishPrivateDirectory, syncDirectory } from './private-file.ts';
import { issuingProfile, issuingValidity } from './profiles.ts';
import { readAuthorityCertificate, readPrivateKey, readSigner, signProfile, signerOf, type Signer } from './signer.ts';

/** Makes an intermediate below `root`, in memory. Throws CERTS_AUTHORITY_EXPIRED, CERTS_BAD_REQUEST. */
export async function makeIssuing(root: Signer, options: { nowMs: number; keyType: KeyType }): Promise<Signer> {
  const validity = issuingValidity(options.nowMs, root.notAfterMs);
  const { privateKey, publicKey } = await generateKeyPair(options.keyType);
  const spki = spkiDer(publicKey);
  const { certificatePem } = signProfile(root, issuingProfile(spki), validity, spki);
  return signerOf(parseCertificate(certificatePem, 'the new intermediate'), privateKey, 'the new intermediate');
}

/**
 * The intermediate in use below `root`; undefined where there is none.
 * Throws CERTS_KEY_EXPOSED, CERTS_UNREADABLE (also when `root` has not signed it), CERTS_KEY_MISMATCH.
 */
export async function readIssuing(directory: string, root: X509Certificate): Promise<Signer | undefined> {
  // Within a rotation there is a moment without `issuing`; the next one is whole then, and may be in place when we look.
  for (const paths of [issuingPaths(directory), nextIssuingPaths(directory), issuingPaths(directory)]) {
    if (!(await isThere(paths.certificatePath))) continue;
    const signer = await readSigner(paths);
    if (!signer.certificate.checkIssued(root) || !signer.certificate.verify(root.publicKey)) {
      throw new CertsError('CERTS_UNREADABLE', `${paths.certificatePath} was not signed by the root beside it; restore the pair`);
    }
    return signer;
  }
  return undefined;
}

/**
 * Makes a new intermediate and puts it in the place of the one in use, which is kept. Needs the root's key in
 * `ca/key.pem`. Identities signed before stay valid: they carry their intermediate. Returns the new one's serial and
 * certificate. A process that loaded the authority before goes on with the old one.
 * Throws CERTS_NO_ROOT_KEY when the key is elsewhere, CERTS_BAD_REQUEST when the root may not have an intermediate,
 * CERTS_AUTHORITY_EXPIRED, CERTS_NO_AUTHORITY, CERTS_WRITE_FAILED, LOCK_HELD when another rotation takes more than 10 s.
 */
export async function rotateIssuing(
  directory: string,
  options: { nowMs: number; keyType?: KeyType },
): Promise<{ readonly serial: string; readonly certificatePem: string; readonly certificatePath: string }> {
  const paths = authorityPaths(directory);
  if (!(await isThere(paths.certificatePath))) {
    throw new CertsError('CERTS_NO_AUTHORITY', `${directory} holds no certificate authority; 'thrum certs init' makes one`);
  }
  return withFileLock(rotationLockPath(directory), async () => {
    const root = await readRoot(directory);
    const fresh = await makeIssuing(root, { nowMs: options.nowMs, keyType: options.keyType ?? DEFAULT_KEY_TYPE });
    const current = issuingPaths(directory);
    const next = nextIssuingPaths(directory);
    const old = await readIssuing(directory, root.certificate);
    const isWhole = await isThere(current.certificatePath);
    // A rotation that was killed halfway has left the one in use under the name of the next.
    if (isWhole) await rm(next.directory, { recursive: true, force: true });
    else if (old) await rename(next.directory, current.directory);
    await publishPrivateDirectory(next.directory, filesOf(fresh));
    if (old) {
      await makePrivateDirectory(retiredDirectory(directory));
      await rename(current.directory, retiredPaths(directory, old.serial).directory);
    }
    await rename(next.directory, current.directory);
    await syncDirectory(paths.directory);
    return { serial: fresh.serial, certificatePem: fresh.certificatePem, certificatePath: current.certificatePath };
  });
}

/**
 * All that can sign for this authority, each with its key: the root where its key is here, the intermediate in use, the
 * retired ones. For revocation lists. Throws CERTS_KEY_EXPOSED, CERTS_UNREADABLE, CERTS_KEY_MISMATCH.
 */
export async function readSigners(directory: string): Promise<Signer[]> {
  const paths = authorityPaths(directory);
  const root = await readAuthorityCertificate(paths.certificatePath);
  const found: Signer[] = [];
  if (await isThere(paths.keyPath)) found.push(await readSigner(paths));
  const issuing = await readIssuing(directory, root);
  if (issuing) found.push(issuing);
  for (const serial of await retiredSerials(directory)) found.push(await readSigner(retiredPaths(directory, serial)));
  return found;
}

async function retiredSerials(directory: string): Promise<string[]> {
  try {
    return (await readdir(retiredDirectory(directory))).filter((name) => !name.startsWith('.')).sort();
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return [];
    throw new CertsError('CERTS_UNREADABLE', `${retiredDirectory(directory)} cannot be read (${systemCode(cause)})`, { cause });
  }
}

async function readRoot(directory: string): Promise<Signer> {
  const { certificatePath, keyPath } = authorityPaths(directory);
  const certificate = await readAuthorityCertificate(certificatePath);
  if (!(await isThere(keyPath))) {
    throw new CertsError('CERTS_NO_ROOT_KEY', `${keyPath} is not here; put the root's key back for as long as this takes`);
  }
  const privateKey: KeyObject = await readPrivateKey(keyPath, certificate);
  const root = signerOf(certificate, privateKey, certificatePath);
  if (root.pathLength === 0) {
    throw new CertsError('CERTS_BAD_REQUEST', `${certificatePath} allows no intermediate (path length 0); only a new authority can have one`);
  }
  return root;
}

function filesOf(signer: Signer): Record<string, string> {
  return { [KEY_FILE]: privateKeyPem(signer.privateKey), [CERTIFICATE_FILE]: signer.certificatePem };
}
