/** What is told of a broker: its address, and its certificate as first seen. */
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { keyTypeOf } from '../../certs/mod.ts';
import type { BrokerFacts } from './report.ts';
import type { Broker } from './scenario.ts';

const SCHEMES = { tls: 'mqtts', tcp: 'mqtt', wss: 'wss', ws: 'ws' } as const;
const MOST_CERTIFICATES = 16;

export function brokerUrl({ transport, host, port, path }: Broker): string {
  const authority = host.includes(':') ? `[${host}]` : host;
  return `${SCHEMES[transport]}://${authority}:${port}${transport === 'ws' || transport === 'wss' ? path : ''}`;
}

/** The certificate that a broker showed; null when its session was resumed and none came. */
export function certificateFacts(socket: TLSSocket, verified: boolean): BrokerFacts['certificate'] {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return null;
  return { keyType: keyTypeOf(certificate.publicKey), chainLength: chainLengthOf(socket.getPeerCertificate(true)), subject: certificate.subject.replaceAll('\n', ', '), verified };
}

/** Certificates up to the root that it was verified by, or as far as it came. */
function chainLengthOf(leaf: DetailedPeerCertificate): number {
  let length = 1;
  for (let one = leaf; (one.issuerCertificate as DetailedPeerCertificate | undefined) !== undefined && one.issuerCertificate !== one && length < MOST_CERTIFICATES; one = one.issuerCertificate) length += 1;
  return length;
}
