/**
 * Whether a certificate file leads to a root: the first certificate was signed by the root, or by an intermediate that
 * stands behind it in the file and was itself signed by the root, as a TLS peer that trusts the root would find.
 */

import { X509Certificate } from 'node:crypto';

import { certificateBlocks } from './pem.ts';

/** A leaf and two intermediates: more than we ever write. */
const CHAIN_CERTIFICATES_MAX = 3;

/** Verifies many files against one root; intermediates, which many share, are verified once. */
export class ChainVerifier {
  readonly #root: X509Certificate;
  /** By the text of the block: the intermediate, or undefined when the root has not signed it. */
  readonly #intermediates = new Map<string, X509Certificate | undefined>();

  constructor(root: X509Certificate) {
    this.#root = root;
  }

  /** False also for what is no certificate. Validity in time is asked of the intermediates only; the leaf's is the caller's. */
  leadsToRoot(pem: string, nowMs: number): boolean {
    const [leafPem, ...rest] = certificateBlocks(pem, CHAIN_CERTIFICATES_MAX);
    if (leafPem === undefined) return false;
    const leaf = new X509Certificate(leafPem);
    if (isSignedBy(leaf, this.#root)) return true;
    return rest.some((block) => {
      const intermediate = this.#intermediate(block);
      return intermediate !== undefined && Date.parse(intermediate.validTo) >= nowMs && isSignedBy(leaf, intermediate);
    });
  }

  #intermediate(block: string): X509Certificate | undefined {
    if (!this.#intermediates.has(block)) {
      const certificate = parsed(block);
      const good = certificate?.ca === true && isSignedBy(certificate, this.#root);
      this.#intermediates.set(block, good ? certificate : undefined);
    }
    return this.#intermediates.get(block);
  }
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function parsed(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block);
  } catch {
    return undefined;
  }
}
