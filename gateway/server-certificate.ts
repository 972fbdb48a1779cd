/**
 * What a gateway asks of its broker's certificate beyond a chain to the authority, which OpenSSL has verified. Promises:
 * the broker's name stands among the alternative names; the certificate is a server's, for signing, and no authority's;
 * neither a revocation list nor a stapled OCSP answer speaks against it, and one that must be stapled is there.
 */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { DetailedPeerCertificate } from 'node:tls';
import { readCertificate, readStaple, revocationIn, type Crl, type WithoutList } from '../certs/mod.ts';
import { GatewayError } from './errors.ts';

/** Certificates of a chain that is looked at: OpenSSL builds no longer ones for anybody we know. */
const CHAIN_CERTIFICATES_MAX = 16;
/** The TLS extension of stapling, as a certificate demands it (RFC 7633). */
const STATUS_REQUEST = 5;

/** Where revocation lists come from. */
export interface ServerRevocation {
  /** Asked at each connection; may throw, then there is none. */
  readonly lists: () => readonly Crl[];
  readonly withoutList: WithoutList;
}

export interface ShownByServer {
  readonly host: string;
  readonly certificate: DetailedPeerCertificate;
  /** The OCSP answer that came with it, DER. */
  readonly staple: Buffer | undefined;
}

/** Why a broker is not to be believed, GATEWAY_UNTRUSTED; undefined when nothing is wrong. */
export function distrustOfServer({ host, certificate, staple }: ShownByServer, revocation: ServerRevocation | undefined, nowMs: number): GatewayError | undefined {
  try {
    const chain = chainOf(certificate);
    const reason = unfit(chain[0]!, host) ?? (revocation && revocationIn(chain, revocation.lists(), revocation.withoutList, nowMs)) ?? stapled(chain, staple, nowMs);
    return reason === undefined ? undefined : untrusted(host, reason);
  } catch (cause) {
    return untrusted(host, (cause as Error).message, cause);
  }
}

function untrusted(host: string, reason: string, cause?: unknown): GatewayError {
  return new GatewayError('GATEWAY_UNTRUSTED', `the broker at ${host} is not believed: ${reason}`, { cause });
}

function chainOf(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let next: DetailedPeerCertificate | undefined = leaf; next; ) {
    if (chain.length === CHAIN_CERTIFICATES_MAX) throw new Error(`its chain has more than ${CHAIN_CERTIFICATES_MAX} certificates`);
    chain.push(new X509Certificate(next.raw));
    const above: DetailedPeerCertificate | undefined = next.issuerCertificate;
    next = above === next ? undefined : above;
  }
  return chain;
}

/** Names as RFC 9525, section 6; purposes as RFC 5280, section 4.2.1, and RFC 8446, section 4.4.2.2. */
function unfit(certificate: X509Certificate, host: string): string | undefined {
  const { keyUsage, extendedKeyUsage, basicConstraints } = readCertificate(certificate);
  const name = host.replace(/\.$/, '');
  const isItsName = isIP(name) !== 0 ? certificate.checkIP(name) : certificate.checkHost(name, { subject: 'never', partialWildcards: false });
  if (isItsName === undefined) return 'its certificate is for other names (the common name does not count)';
  if (basicConstraints?.ca === true) return 'it shows the certificate of an authority';
  if (keyUsage && !keyUsage.includes('digitalSignature')) return 'its certificate is not for signing';
  if (extendedKeyUsage && !extendedKeyUsage.includes('serverAuth')) return 'its certificate is not a server’s';
  return undefined;
}

/** An answer that came must be good (RFC 6066, section 8); one must come where the certificate says so. */
function stapled(chain: readonly X509Certificate[], staple: Buffer | undefined, nowMs: number): string | undefined {
  const [certificate, issuer] = chain;
  if (staple === undefined || staple.length === 0) return readCertificate(certificate!).tlsFeatures.includes(STATUS_REQUEST) ? 'its certificate must come with an OCSP answer, and does not' : undefined;
  if (!issuer) return 'an OCSP answer came for a certificate without an issuer';
  const status = readStaple(staple, certificate!, issuer, nowMs);
  return status === 'good' ? undefined : `its authority says by OCSP that its certificate is ${status}`;
}
