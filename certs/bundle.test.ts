import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createAuthority, type Authority } from './authority.ts';
import { BUNDLE_FORMATS, bundleFiles, type BundleFormat } from './bundle.ts';
import { issueIdentity, type IssuedIdentity } from './issue.ts';
import { findNamed } from './list.ts';
import { certificateBlocks } from './pem.ts';
import { publishPrivateDirectory } from './private-file.ts';

// TLS and mosquitto go by the real clock.
const nowMs = new Date().getTime();
const gateway = { role: 'gateway', projectId: 'plant-1', gatewayId: '0011223344556677' } as const;
const openssl = spawnSync('openssl', ['version']).status === 0;
const mosquitto = spawnSync('mosquitto', ['-h']).error === undefined;
let root: string;
let authority: Authority;
let client: IssuedIdentity;
let server: IssuedIdentity;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum bundle-'));
  authority = await createAuthority(root, { nowMs });
  client = await issueIdentity(authority, gateway, nowMs);
  server = await issueIdentity(authority, { role: 'server' }, nowMs);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function bundle(format: BundleFormat, identity: IssuedIdentity, name: string): Promise<string> {
  const directory = join(root, name);
  const files = await bundleFiles(format, { identity, authorityPem: authority.certificatePem, directory, passphrase: 'correct horse' });
  await publishPrivateDirectory(directory, files);
  return directory;
}

describe('a bundle', () => {
  it('of PEM files has the certificate, its key, the chain and the root apart', async () => {
    const directory = await bundle('pem', client, 'pem');
    const read = (file: string): Promise<string> => readFile(join(directory, file), 'utf8');
    expect((await readdir(directory)).sort()).toEqual(['ca.pem', 'cert.pem', 'chain.pem', 'fullchain.pem', 'key.pem']);
    expect(certificateBlocks(await read('cert.pem'), 9)).toHaveLength(1);
    expect(await read('chain.pem')).toBe(authority.issuingPem);
    expect(await read('ca.pem')).toBe(authority.certificatePem);
    expect(await read('fullchain.pem')).toBe(client.certificatePem);
    expect(new X509Certificate(await read('cert.pem')).checkPrivateKey(createPrivateKey(await read('key.pem')))).toBe(true);
  });

  it.runIf(process.platform !== 'win32').each(BUNDLE_FORMATS)('for %s is private, whole, and never written over another', async (format) => {
    const directory = await bundle(format, client, `private-${format}`);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    for (const file of await readdir(directory)) expect((await stat(join(directory, file))).mode & 0o777, file).toBe(0o600);
    await expect(bundle(format, client, `private-${format}`)).rejects.toMatchObject({ code: 'CERTS_EXISTS' });
  });

  it('for AWS IoT has the names of its connection kit, and variables that a shell can read', async () => {
    const directory = await bundle('aws-iot', client, "it's aws");
    const id = gateway.gatewayId;
    expect((await readdir(directory)).sort()).toEqual([`${id}.cert.pem`, `${id}.private.key`, `${id}.public.key`, 'aws-iot-device-client.conf', 'aws-iot.env', 'root-CA.crt', 'signing-CA.pem']);
    const { stdout } = spawnSync('sh', ['-c', '. "$0/aws-iot.env" && cat "$CLIENT_PRIVATE_KEY_PATH" "$CLIENT_CERT_PATH" "$ROOT_CA_CERT_PATH"', directory], { encoding: 'utf8' });
    expect(stdout).toBe(client.keyPem + client.certificatePem + authority.certificatePem);
    const publicPem = await readFile(join(directory, `${id}.public.key`), 'utf8');
    expect(createPublicKey(publicPem).equals(createPublicKey(client.keyPem))).toBe(true);
    expect(JSON.parse(await readFile(join(directory, 'aws-iot-device-client.conf'), 'utf8'))).toMatchObject({ 'thing-name': id });
    await expect(bundle('aws-iot', server, 'aws server')).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST' });
  });

  it('as PKCS #12 needs a passphrase', async () => {
    const source = { identity: client, authorityPem: authority.certificatePem, directory: root };
    await expect(bundleFiles('p12', source)).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST' });
  });
});

describe('the identity to bundle', () => {
  it('is found by serial number and by name', async () => {
    expect(await findNamed(root, client.serial.toUpperCase(), nowMs)).toEqual(client);
    expect(await findNamed(root, gateway.gatewayId, nowMs)).toEqual(client);
    expect(await findNamed(root, 'localhost', nowMs)).toEqual(server);
    await expect(findNamed(root, 'nobody', nowMs)).rejects.toMatchObject({ code: 'CERTS_NOT_FOUND' });
  });

  it('must be told by its serial number where two projects have a gateway of the same id', async () => {
    const twin = await issueIdentity(authority, { ...gateway, projectId: 'plant-2' }, nowMs);
    await expect(findNamed(root, gateway.gatewayId, nowMs)).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST' });
    expect(await findNamed(root, twin.serial, nowMs)).toEqual(twin);
  });
});

describe.skipIf(!openssl)('with openssl', () => {
  it('two bundles make a handshake in which each side knows the other', async () => {
    const [listening, connecting] = [await bundle('openssl', server, 'openssl server'), await bundle('openssl', client, 'openssl client')];
    const child = spawn('sh', [join(listening, 'listen.sh'), '0'], { stdio: ['pipe', 'pipe', 'pipe'] });
    try {
      let seen = '';
      child.stderr.on('data', (chunk: Buffer) => (seen += chunk.toString()));
      const port = await new Promise<string>((resolve) => {
        createInterface({ input: child.stdout }).on('line', (line) => {
          const match = /^ACCEPT .*:(\d+)$/.exec(line);
          if (match) resolve(match[1]!);
        });
      });
      const { status, stdout } = spawnSync('sh', [join(connecting, 'connect.sh'), `localhost:${port}`], { input: 'Q\n', encoding: 'utf8' });
      expect(status).toBe(0);
      expect(stdout).toContain('Verify return code: 0 (ok)');
      await expect.poll(() => seen).toMatch(/depth=0 CN ?= ?0011223344556677\nverify return:1/);
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});

describe.skipIf(!mosquitto)('with mosquitto', () => {
  it('a broker and a client run on bundles, the client named by its certificate', { timeout: 30_000 }, async () => {
    const [broker, publisher] = [await bundle('mosquitto', server, 'mosquitto server'), await bundle('mosquitto', client, 'mosquitto client')];
    const port = await freePort();
    const conf = join(broker, 'mosquitto.conf');
    const text = await readFile(conf, 'utf8');
    expect(text).toContain('listener 8883\n');
    const user = process.getuid?.() === 0 ? 'user root\n' : '';
    await writeFile(conf, text.replace('8883', `${port} 127.0.0.1`) + user);
    const child = spawn('mosquitto', ['-c', conf, '-v'], { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      const log = createInterface({ input: child.stderr });
      const said: string[] = [];
      log.on('line', (line) => said.push(line));
      await expect.poll(() => said.join('\n'), { timeout: 10_000 }).toMatch(/running/);
      const { status, stderr } = spawnSync('mosquitto_pub', ['-h', 'localhost', '-p', String(port), '-q', '1', '-t', 'a/b', '-m', 'hello'], { env: { ...process.env, XDG_CONFIG_HOME: publisher }, encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      await expect.poll(() => said.join('\n')).toMatch(/as 0011223344556677 \(.*u'0011223344556677'/);
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});

async function freePort(): Promise<number> {
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as { port: number };
  listening.close();
  await once(listening, 'close');
  return port;
}
