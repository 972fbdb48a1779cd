import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { expect, it } from 'vitest';
import { readClientHello, type ClientHello } from './client-hello.ts';

/** What node:tls sends first. */
async function firstBytes(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, servername: 'broker.example' });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [NodeJS.ReadableStream & { destroy(): void }];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

it('reads what a client offers, whole only when all of it has come', async () => {
  const bytes = await firstBytes();
  for (let length = 0; length < bytes.length; length += 7) expect(readClientHello(bytes.subarray(0, length))).toBeUndefined();
  const hello = readClientHello(bytes) as ClientHello;
  expect(hello).toMatchObject({ serverName: 'broker.example', versions: [0x0304, 0x0303], compressions: [0] });
  expect(hello.suites).toContain(0x1301);
  expect(hello.message.length).toBe(bytes.length - 5);
});

it('puts a ClientHello together that comes in many records', async () => {
  const bytes = await firstBytes();
  const message = bytes.subarray(5);
  const records = Array.from({ length: Math.ceil(message.length / 40) }, (_, index) => {
    const piece = message.subarray(index * 40, index * 40 + 40);
    return Buffer.concat([Buffer.from([22, 3, 1, 0, piece.length]), piece]);
  });
  expect((readClientHello(Buffer.concat(records)) as ClientHello).message).toEqual(message);
});

it('takes bytes that are no ClientHello for what they are, and never throws', async () => {
  expect(readClientHello(Buffer.from('GET / HTTP/1.1\r\n'))).toBe('other');
  expect(readClientHello(Buffer.from('101000044d515454', 'hex'))).toBe('other');
  const bytes = await firstBytes();
  for (let at = 5; at < bytes.length; at++) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 0xff;
    expect(() => readClientHello(altered)).not.toThrow();
  }
});
