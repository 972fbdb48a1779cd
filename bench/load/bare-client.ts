/**
 * What a load client is held against: bare TLS sockets with one shared context and a prepared CONNECT, in a process of its
 * own. `node bare-client.js PORT CERTIFICATE KEY AUTHORITY CLIENTS PER_SECOND`; prints CPU and memory per connection as JSON.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { generate } from 'mqtt-packet';

const [port, certificate = '', key = '', authority = '', clients, perS] = process.argv.slice(2);
const context = createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key), ca: readFileSync(authority) });
const packet = generate({ cmd: 'connect', clientId: 'bare', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 });

function open(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), servername: 'localhost', secureContext: context });
    socket.setNoDelay(true);
    socket.once('secureConnect', () => socket.write(packet));
    socket.once('data', () => resolve(socket));
    socket.once('error', reject);
  });
}

(await open()).destroy();
const before = { cpu: process.cpuUsage(), rss: process.memoryUsage.rss(), ms: performance.now() };
const opening: Promise<TLSSocket>[] = [];
for (let n = 0; n < Number(clients); n++) {
  const waitMs = before.ms + (n * 1000) / Number(perS) - performance.now();
  if (waitMs > 0) await delay(waitMs);
  opening.push(open());
}
const sockets = await Promise.all(opening);
const { user, system } = process.cpuUsage(before.cpu);
const rssBytes = process.memoryUsage.rss() - before.rss;
process.stdout.write(`${JSON.stringify({ cpuMs: (user + system) / 1000 / sockets.length, bytes: rssBytes / sockets.length })}\n`);
process.exit(0);
