/**
 * Who has an identity already, of all that were ever issued here: what a claim must not give a second time. Promise: each
 * certificate is read once, however often it is asked, so that ten thousand devices can be provisioned in a row.
 */

import { createHash, X509Certificate } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';

import { readCertificate } from './certificate-reader.ts';
import { CertsError, systemCode } from './errors.ts';
import { identityIn } from './identity.ts';
import { spkiDer } from './key-pair.ts';
import { identityPaths, roleDirectory, signedDirectory, signedPaths } from './layout.ts';

export interface RegisteredIdentity {
  readonly serial: string;
  readonly notAfterMs: number;
  /** SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal. */
  readonly keySha256: string;
  readonly certificatePath: string;
}

/** How a public key is told from another. */
export function keyFingerprint(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex');
}

export class ClaimRegister {
  readonly #directory: string;
  readonly #seen = new Set<string>();
  readonly #byGateway = new Map<string, RegisteredIdentity[]>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The identities of a gateway, also those that are over or revoked, oldest first. CERTS_UNREADABLE. */
  async identitiesOf(projectId: string, gatewayId: string): Promise<readonly RegisteredIdentity[]> {
    await this.#readNew(signedDirectory(this.#directory), (serial) => signedPaths(this.#directory, serial).certificatePath);
    await this.#readNew(roleDirectory(this.#directory, 'gateway'), (serial) => identityPaths(this.#directory, 'gateway', serial).certificatePath);
    return this.#byGateway.get(`${projectId}/${gatewayId}`) ?? [];
  }

  async #readNew(directory: string, pathOf: (serial: string) => string): Promise<void> {
    let serials: string[];
    try {
      serials = await readdir(directory);
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return;
      throw new CertsError('CERTS_UNREADABLE', `${directory} cannot be read (${systemCode(cause)})`, { cause });
    }
    for (const serial of serials) if (!serial.startsWith('.') && !this.#seen.has(serial)) await this.#read(serial, pathOf(serial));
  }

  async #read(serial: string, certificatePath: string): Promise<void> {
    try {
      const certificate = new X509Certificate(await readFile(certificatePath));
      const content = readCertificate(certificate);
      const identity = identityIn(content);
      this.#seen.add(serial);
      if (identity?.role !== 'gateway') return;
      const name = `${identity.projectId!}/${identity.gatewayId!}`;
      const entry = { serial, notAfterMs: content.notAfterMs, keySha256: keyFingerprint(spkiDer(certificate.publicKey)), certificatePath };
      this.#byGateway.set(name, [...(this.#byGateway.get(name) ?? []), entry]);
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return; // moved meanwhile, as when its key is given up
      throw new CertsError('CERTS_UNREADABLE', `${certificatePath} cannot be read; restore it or move its directory away`, { cause });
    }
  }
}
