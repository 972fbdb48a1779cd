/** How long after `revoke` an open connection of the revoked is closed: the command's own work included, over real TLS. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { startBroker } from '../broker/mod.ts';
import { createAuthority, issueIdentity, publishRevocationLists, readRevocationLists, revocationPaths, revokeCertificates, type Authority } from '../certs/mod.ts';
import { median } from './statistics.ts';

export interface RevocationFigures {
  readonly rounds: number;
  readonly clients: number;
  readonly medianMs: number;
  readonly maxMs: number;
}

const ROUNDS = 20;
const CLIENTS = 100;

export async function measureRevocation(nowMs: number): Promise<RevocationFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'thrum-bench-'));
  const authority = await createAuthority(folder, { nowMs });
  await publishRevocationLists(folder, nowMs);
  const server = await issueIdentity(authority, { role: 'server' }, nowMs);
  const broker = await startBroker({
    host: '127.0.0.1', port: 0, certificatePem: server.certificatePem, keyPem: server.keyPem, authorityPem: authority.certificatePem,
    revocations: { path: revocationPaths(folder).crl, read: () => readRevocationLists(folder) },
    target: { admit: () => Promise.resolve(), publish: (_project, _arrival, done) => done() },
    now: () => nowMs,
  });
  const clients: Client[] = [];
  try {
    for (let index = 0; index < CLIENTS; index++) clients.push(await openClient(authority, broker.port, nowMs));
    const figures: number[] = [];
    for (const { socket, serial } of clients.slice(0, ROUNDS)) {
      const closed = once(socket, 'close');
      const startedAt = performance.now();
      await revokeCertificates(folder, { target: serial, reason: 'keyCompromise' }, nowMs);
      await closed;
      figures.push(performance.now() - startedAt);
    }
    return { rounds: ROUNDS, clients: CLIENTS, medianMs: median(figures), maxMs: Math.max(...figures) };
  } finally {
    for (const { socket } of clients) socket.destroy();
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Client {
  readonly socket: TLSSocket;
  readonly serial: string;
}

/** A client that has said CONNECT and heard CONNACK. */
async function openClient(authority: Authority, port: number, nowMs: number): Promise<Client> {
  const { certificatePem, keyPem, serial } = await issueIdentity(authority, { role: 'operator', name: 'ann' }, nowMs);
  const socket = connect({ host: '127.0.0.1', port, ca: authority.certificatePem, cert: certificatePem, key: keyPem });
  const clientId = Buffer.from(`operator-${serial}`);
  const body = Buffer.concat([Buffer.from([0, 4]), Buffer.from('MQTT'), Buffer.from([4, 2, 0, 0, 0, clientId.length]), clientId]);
  socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
  await once(socket, 'data');
  socket.on('error', () => undefined);
  return { socket, serial };
}
