/** A device that believes whatever a TLS server says, to be caught: it connects once, says MQTT CONNECT, and waits for the end. */
import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { generate } from 'mqtt-packet';
import { Evidence } from '../../certs/handshake/model.ts';
import { goodHello } from '../../certs/handshake/wire/client-hello.ts';
import { openTls } from '../../certs/handshake/wire/client.ts';
import { VERSION } from '../../certs/handshake/wire/names.ts';

const PATIENCE_MS = 8_000;
const HELLO = generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'careless', clean: true, keepalive: 30 });

/** Takes any signature, any Finished, any suite or group; resolves when the server has gone. Rejects with what it cannot go along with. */
export async function believeEverything(host: string, port: number): Promise<void> {
  // Not all suites, so that one can be chosen that was not offered.
  const hello = { ...goodHello([VERSION.tls13, VERSION.tls12], host), suites: [0x1301, 0xc02b, 0xc02f] };
  const client = await openTls('127.0.0.1', port, new Evidence(() => performance.now()), { hello, deviations: { trusts: 'everything' }, timeoutMs: PATIENCE_MS });
  try {
    await client.handshake();
    await client.write(HELLO);
    await client.read(PATIENCE_MS);
  } finally {
    client.transport.destroy();
  }
}

/** Takes any version that OpenSSL still speaks, and any certificate. */
export async function believeOldVersions(host: string, port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, ...(isIP(host) === 0 ? { servername: host } : {}), rejectUnauthorized: false, minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' });
  socket.on('error', () => undefined);
  socket.write(HELLO);
  await once(socket, 'close');
}
