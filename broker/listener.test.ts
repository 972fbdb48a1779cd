import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAuthority, issueIdentity } from '../certs/mod.ts';
import { createListener } from './listener.ts';

const NOW_MS = Date.UTC(2026, 4, 6);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thrum-listener-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each([
  ['says nothing', Buffer.alloc(0)],
  ['says half a ClientHello', Buffer.from('160301010001', 'hex')],
])('closes the connection of who %s for the time of a handshake', async (_, bytes) => {
  const authority = await createAuthority(join(folder, String(bytes.length)), { nowMs: NOW_MS });
  const identity = await issueIdentity(authority, { role: 'server' }, NOW_MS);
  const server = createListener({ ...identity, authorityPem: authority.certificatePem, handshakeMs: 50, connections: 10 }, undefined);
  const errors: Error[] = [];
  server.on('tlsClientError', (error) => errors.push(error));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(bytes);
  socket.resume();
  await once(socket, 'close');
  expect(errors).toMatchObject([{ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }]);
  server.close();
  await once(server, 'close');
});
