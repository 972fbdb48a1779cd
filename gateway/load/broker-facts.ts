/** What is told of a broker: its address, and its certificate as first seen. */
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { keyTypeOf } from '../../certs/mod.ts';
import { serverCertificate } from './client/server-certificates.ts';
import type { BrokerFacts } from './report.ts';
import type { Broker } from './scenario.ts';

const SCHEMES = { tls: 'mqtts', tcp: 'mqtt', wss: 'wss', ws: 'ws' } as const;
const MOST_CERTIFICATES = 16;

export function brokerUrl({ transport, host, port, path }: Broker): string {
  const authority = host.includes(':') ? `[${host}]` : host;
  return `${SCHEMES[transport]}://${authority}:${port}${transport === 'ws' || transport === 'wss' ? path : ''}`;
}

/** The certificate that a broker showed; null when its session was resumed and none came. Node.js asks for it only where it is verified. */
export function certificateFacts({ host, port }: Broker, verified: boolean, socket: TLSSocket | undefined): BrokerFacts['certificate'] {
  if (!verified) socket?.getPeerCertificate();
  const certificate = serverCertificate(`${host}:${port}`);
  if (!certificate) return null;
  return { keyType: keyTypeOf(certificate.publicKey), chainLength: chainLengthOf(certificate), subject: certificate.subject.replaceAll('\n', ', '), verified };
}

/** Certificates that came, its own included. */
function chainLengthOf(leaf: X509Certificate): number {
  let length = 1;
  for (let one = leaf; one.issuerCertificate && length < MOST_CERTIFICATES; one = one.issuerCertificate) length += 1;
  return length;
}
