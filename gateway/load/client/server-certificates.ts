/**
 * Brokers' certificates as Node.js hands them to the check of the name. It makes an object of the whole chain at each
 * handshake, 0.7 ms of the 2.3 ms CPU that a connection took; a load test meets the same few certificates thousands of times.
 * Promise: an object is only used again for a certificate that is the same octet by octet; OpenSSL verifies each chain anyway.
 */
import type { X509Certificate } from 'node:crypto';
import type { PeerCertificate, TLSSocket } from 'node:tls';

const MOST_KEPT = 64;

interface Known {
  readonly certificate: X509Certificate;
  readonly der: Buffer;
  /** What `tls.checkServerIdentity` looks at. */
  readonly names: PeerCertificate;
}

/** Seen of late, by address. */
const known = new Map<string, Known>();

/** Lets the socket tell of its peer's certificate what is known of it. `address` is where it connects to. */
export function rememberServerCertificate(socket: TLSSocket, address: string): void {
  const ask = socket.getPeerCertificate.bind(socket);
  const recall = (): PeerCertificate => {
    const certificate = socket.getPeerX509Certificate();
    if (!certificate) return ask();
    const der = certificate.raw;
    const before = known.get(address);
    if (before?.der.equals(der)) return before.names;
    if (known.size >= MOST_KEPT) known.clear();
    const names = certificate.toLegacyObject();
    known.set(address, { certificate, der, names });
    return names;
  };
  socket.getPeerCertificate = recall as TLSSocket['getPeerCertificate'];
}

/** The certificate last seen there, with those above it that came. */
export function serverCertificate(address: string): X509Certificate | undefined {
  return known.get(address)?.certificate;
}
