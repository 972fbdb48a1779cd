/**
 * A broker that only acknowledges, in a process of its own: mutual TLS, CONNACK, SUBACK, PUBACK, PINGRESP, nothing else, so
 * that the generator is what is measured. `node sink.js CERTIFICATE KEY AUTHORITY`; prints its port; ends with its input.
 */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { acknowledgement, PacketReader } from '../../gateway/load/client/packets.ts';

const [certificate = '', key = '', authority = ''] = process.argv.slice(2);
const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const PINGRESP = Buffer.from([0xd0, 0]);

function serve(socket: TLSSocket): void {
  const reader = new PacketReader();
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    const answers: Buffer[] = [];
    const understood = reader.read(chunk, (first, bytes, start, end) => {
      const answer = answerTo(first, bytes, start, end);
      if (answer) answers.push(answer);
      return true;
    });
    if (!understood) return void socket.destroy();
    if (answers.length > 0) socket.write(answers.length === 1 ? answers[0]! : Buffer.concat(answers));
  });
}

function answerTo(first: number, bytes: Buffer, start: number, end: number): Buffer | undefined {
  switch (first >>> 4) {
    case 1:
      return CONNACK;
    case 3:
      return (first & 6) === 2 ? acknowledgement(4, bytes.readUInt16BE(start + 2 + bytes.readUInt16BE(start))) : undefined;
    case 8:
      return Buffer.from([0x90, 3, bytes[start]!, bytes[start + 1]!, bytes[end - 1]!]);
    case 12:
      return PINGRESP;
    default:
      return undefined;
  }
}

const server = createServer(
  { cert: readFileSync(certificate), key: readFileSync(key), ca: readFileSync(authority), requestCert: true, rejectUnauthorized: true, noDelay: true },
  serve,
);
server.on('tlsClientError', () => undefined);
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
