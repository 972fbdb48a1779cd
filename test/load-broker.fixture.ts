/** For tests of load clients: one Mosquitto with a listener for each way in, good and bad, and the certificates for them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { certificatePem, commonNameDer, randomSerial, signCertificate } from '../certs/certificate-builder.ts';
import { subjectAltName } from '../certs/extensions.ts';
import { generateKeyPair, privateKeyPem, spkiDer } from '../certs/key-pair.ts';
import { createAuthority, mintIdentity, type Authority, type MintedIdentity } from '../certs/mod.ts';
import { freePort } from './cli.ts';

const DAY_MS = 86_400_000;
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;

/** `closed` lets nobody in; the last four are TLS whose certificate is not to be trusted. */
export const LISTENERS = ['tcp', 'tls', 'ws', 'wss', 'closed', 'wrongName', 'expired', 'unknownAuthority', 'selfSigned'] as const;
export type Listener = (typeof LISTENERS)[number];

export interface Certificates {
  readonly authorityPem: string;
  readonly clients: { readonly good: MintedIdentity; readonly 'an expired': MintedIdentity; readonly "a stranger's": MintedIdentity };
  readonly servers: ReadonlyMap<Listener, MintedIdentity>;
}

export interface MosquittoBroker {
  readonly ports: Readonly<Record<Listener, number>>;
  stop(): Promise<void>;
}

export function isMosquittoInstalled(): boolean {
  return spawnSync('sh', ['-c', 'command -v mosquitto'], { env: { PATH } }).status === 0;
}

export async function makeCertificates(folder: string, nowMs: number): Promise<Certificates> {
  const [ours, theirs] = await Promise.all(['ours', 'theirs'].map((name) => createAuthority(join(folder, name), { nowMs })));
  const past = { notBeforeMs: nowMs - 3 * DAY_MS, lifetimeDays: 1 };
  const operator = (authority: Authority, extra = {}): Promise<MintedIdentity> => mintIdentity(authority, { role: 'operator', name: 'load', ...extra }, nowMs);
  const good = await mintIdentity(ours!, { role: 'server' }, nowMs);
  return {
    authorityPem: ours!.certificatePem,
    clients: { good: await operator(ours!), 'an expired': await operator(ours!, past), "a stranger's": await operator(theirs!) },
    servers: new Map<Listener, MintedIdentity>([
      ['tls', good],
      ['wss', good],
      ['wrongName', await mintIdentity(ours!, { role: 'server', dnsNames: ['elsewhere.example'] }, nowMs)],
      ['expired', await mintIdentity(ours!, { role: 'server', ...past }, nowMs)],
      ['unknownAuthority', await mintIdentity(theirs!, { role: 'server' }, nowMs)],
      ['selfSigned', await selfSigned(nowMs)],
    ]),
  };
}

async function selfSigned(nowMs: number): Promise<MintedIdentity> {
  const { privateKey, publicKey } = await generateKeyPair('ec-p256');
  const name = commonNameDer('localhost');
  const names = subjectAltName([{ type: 'dns', value: 'localhost' }]);
  const fields = { serial: randomSerial(), issuerDer: name, subjectDer: name, notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + DAY_MS, spkiDer: spkiDer(publicKey), extensions: [names] };
  return { certificatePem: certificatePem(signCertificate(fields, privateKey)), keyPem: privateKeyPem(privateKey) };
}

/** Starts it with files in `folder`; resolves once all listeners are open. */
export async function startMosquitto(folder: string, { authorityPem, servers }: Certificates): Promise<MosquittoBroker> {
  const authorityFile = join(folder, 'ca.pem');
  await writeFile(authorityFile, authorityPem);
  const ports = Object.fromEntries(await Promise.all(LISTENERS.map(async (name) => [name, await freePort()] as const))) as Record<Listener, number>;
  const lines = ['per_listener_settings true', 'user root', 'set_tcp_nodelay true'];
  for (const name of LISTENERS) {
    lines.push(`listener ${ports[name]} 127.0.0.1`, `allow_anonymous ${name !== 'closed'}`);
    if (name === 'ws' || name === 'wss') lines.push('protocol websockets');
    const server = servers.get(name);
    if (!server) continue;
    const [certificate, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
    await writeFile(certificate, server.certificatePem);
    await writeFile(key, server.keyPem);
    lines.push(`cafile ${authorityFile}`, `certfile ${certificate}`, `keyfile ${key}`, 'require_certificate true');
  }
  const config = join(folder, 'mosquitto.conf');
  await writeFile(config, `${lines.join('\n')}\n`);
  const child = spawn('mosquitto', ['-c', config, '-v'], { env: { PATH }, stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.includes('running')) resolve();
      if (said.length < 100) said.push(line);
    });
    child.once('exit', () => reject(new Error(`mosquitto did not start: ${said.join('; ')}`)));
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await once(child, 'exit');
  };
  return { ports, stop };
}
