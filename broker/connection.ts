/** One client behind its gate: who its certificate says it is. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { claimIdentity, nameOfCertificate, peerIdentity, type CertificateName } from '../certs/mod.ts';
import { peerOf, type Peer } from './admission.ts';

export interface Connection {
  readonly peer: Peer;
  readonly certificate: X509Certificate;
  /** Where it comes from. */
  readonly address: string | undefined;
  /** What revocation lists call it. */
  readonly name: CertificateName;
}

/** Who is at the other end of a socket whose handshake is done; ADMISSION_NO_IDENTITY for strangers. */
export function connectionOf(socket: TLSSocket): Connection {
  const shown = socket.getPeerX509Certificate();
  const certificate = socket.authorized ? shown : undefined;
  const peer = peerOf(certificate && (peerIdentity(certificate) ?? claimIdentity(certificate)));
  return { peer, certificate: certificate!, address: socket.remoteAddress, name: nameOfCertificate(certificate!) };
}
