/**
 * A broker in a process of its own, for measuring it from outside: `node broker-process.js HOME sink|none`. Prints one
 * line of JSON with its address and the files a client needs; ends when its standard input does.
 */
import { join } from 'node:path';
import { KeyService, Projects, Sink, startBroker, type PublishTarget } from '../broker/mod.ts';
import { expectManyBuffers } from '../cli/heap-limits.ts';
import { createAuthority, issueIdentity, loadAuthority } from '../certs/mod.ts';

const CLIENTS = 8;
expectManyBuffers();
const [home = '', mode = 'sink'] = process.argv.slice(2);
const now = (): number => Date.now(); // eslint-disable-line no-restricted-properties -- a process of its own, with a clock of its own

const keys = new KeyService(join(home, 'keys'), { kind: 'file' }, now);
const projects = new Projects(join(home, 'projects'), keys);
const { projectId } = await projects.create('bench', { nowMs: now() });
await createAuthority(join(home, 'certs'), { nowMs: now() });
const authority = await loadAuthority(join(home, 'certs'));
const server = await issueIdentity(authority, { role: 'server' }, now());
const fail = (error: Error): void => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
};
const sink = mode === 'sink' ? await Sink.open({ directory: join(home, 'store'), projects, keys, onFatal: fail }) : undefined;
/** The same broker and the same admission, but nothing is kept. */
const answerOnly: PublishTarget = { admit: () => Promise.resolve(), publish: (_project, _arrival, done) => setImmediate(done) };
const broker = await startBroker({
  host: '127.0.0.1',
  port: 0,
  certificatePem: server.certificatePem,
  keyPem: server.keyPem,
  authorityPem: authority.certificatePem,
  target: sink ?? answerOnly,
  now,
});
const clients = [];
for (let i = 0; i < CLIENTS; i++) {
  const gatewayId = `70b3d5e75f${String(i).padStart(6, '0')}`;
  const { certificatePem, keyPem } = await issueIdentity(authority, { role: 'gateway', projectId, gatewayId }, now());
  clients.push({ gatewayId, certificatePem, keyPem });
}
process.stdout.write(`${JSON.stringify({ port: broker.port, projectId, authorityPem: authority.certificatePem, clients })}\n`);
process.stdin.resume();
process.stdin.on('end', () => {
  void broker
    .close()
    .then(() => sink?.close())
    .then(() => process.exit(0));
});
