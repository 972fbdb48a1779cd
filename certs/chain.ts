/**
 * Whether a certificate file leads to a root: the first certificate was signed by the root, or by an intermediate that
 * stands behind it in the file and was itself signed by the root, as a TLS peer that trusts the root would find.
 */

import { X509Certificate, type KeyObject } from 'node:crypto';

import { certificateBlocks } from './pem.ts';

/** A leaf and two intermediates: more than we ever write. */
const CHAIN_CERTIFICATES_MAX = 3;

/** An authority's certificate with its key taken out, which node:crypto would do anew each time. */
interface Issuer {
  readonly certificate: X509Certificate;
  readonly publicKey: KeyObject;
}

/** Verifies many files against one root; intermediates, which many share, are verified once. */
export class ChainVerifier {
  readonly #root: Issuer;
  /** By the text of the block: the intermediate, or undefined when the root has not signed it. */
  readonly #intermediates = new Map<string, Issuer | undefined>();

  constructor(root: X509Certificate) {
    this.#root = issuerOf(root);
  }

  /** False also for what is no certificate. Validity in time is asked of the intermediates only; the leaf's is the caller's. */
  leadsToRoot(pem: string, nowMs: number): boolean {
    const [leafPem, ...rest] = certificateBlocks(pem, CHAIN_CERTIFICATES_MAX);
    if (leafPem === undefined) return false;
    const leaf = new X509Certificate(leafPem);
    if (isSignedBy(leaf, this.#root)) return true;
    return rest.some((block) => {
      const intermediate = this.#intermediate(block);
      return intermediate !== undefined && Date.parse(intermediate.certificate.validTo) >= nowMs && isSignedBy(leaf, intermediate);
    });
  }

  #intermediate(block: string): Issuer | undefined {
    if (!this.#intermediates.has(block)) {
      const certificate = parsed(block);
      const isGood = certificate?.ca === true && isSignedBy(certificate, this.#root);
      this.#intermediates.set(block, isGood ? issuerOf(certificate) : undefined);
    }
    return this.#intermediates.get(block);
  }
}

function issuerOf(certificate: X509Certificate): Issuer {
  return { certificate, publicKey: certificate.publicKey };
}

function isSignedBy(certificate: X509Certificate, issuer: Issuer): boolean {
  return certificate.checkIssued(issuer.certificate) && certificate.verify(issuer.publicKey);
}

function parsed(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block);
  } catch {
    return undefined;
  }
}
