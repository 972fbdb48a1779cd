import { spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import forge from 'node-forge';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createAuthority, type Authority } from './authority.ts';
import { issueIdentity } from './issue.ts';
import { certificateBlocks } from './pem.ts';
import { pkcs12 } from './pkcs12.ts';

const nowMs = Date.UTC(2026, 4, 6);
const passphrase = 'correct horse "battery"';
const openssl = spawnSync('openssl', ['version']).status === 0;
const keytool = spawnSync('keytool', ['-help']).status === 0;
let root: string;
let authority: Authority;
const made = new Map<string, ReturnType<typeof write>>();
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-p12-'));
  authority = await createAuthority(root, { nowMs });
});
afterAll(() => rm(root, { recursive: true, force: true }));

type Kind = 'ec-p256' | 'rsa-2048' | 'ed25519';

/** One file for each kind of key, as making it is meant to take a while. */
async function make(keyType: Kind): ReturnType<typeof write> {
  const file = made.get(keyType) ?? write(keyType);
  made.set(keyType, file);
  return file;
}

async function write(keyType: Kind): Promise<{ path: string; bytes: Buffer; keyPem: string; chain: string[] }> {
  const { certificatePem, keyPem } = await issueIdentity(authority, { role: 'operator', name: 'ada', keyType }, nowMs);
  const chain = [...certificateBlocks(certificatePem, 9), authority.certificatePem];
  const certificates = chain.map((pem) => new X509Certificate(pem).raw);
  const bytes = await pkcs12({ privateKey: createPrivateKey(keyPem), certificates, name: 'ada' }, passphrase);
  const path = join(root, `${keyType}.p12`);
  await writeFile(path, bytes);
  return { path, bytes, keyPem, chain };
}

describe('a PKCS #12 file', () => {
  it.skipIf(!openssl).each(['ec-p256', 'rsa-2048', 'ed25519'] as const)('is opened by openssl, with a key of type %s', async (keyType) => {
    const { path, keyPem, chain } = await make(keyType);
    const run = (pass: string): { status: number | null; stdout: string } => spawnSync('openssl', ['pkcs12', '-in', path, '-nodes', '-passin', 'stdin'], { input: `${pass}\n`, encoding: 'utf8' });
    const { status, stdout } = run(passphrase);
    expect(status).toBe(0);
    const key = /-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----/.exec(stdout)![0];
    expect(createPrivateKey(key).equals(createPrivateKey(keyPem))).toBe(true);
    const found = certificateBlocks(stdout, 9).map((block) => new X509Certificate(block).fingerprint256);
    expect(found).toEqual(chain.map((pem) => new X509Certificate(pem).fingerprint256));
    expect(run('another').status).not.toBe(0);
  });

  it.skipIf(!keytool)('is opened by keytool', async () => {
    const { path } = await make('ed25519');
    await writeFile(join(root, 'pass'), passphrase);
    const { status, stdout } = spawnSync('keytool', ['-list', '-v', '-keystore', path, '-storetype', 'PKCS12', '-storepass:file', join(root, 'pass')], { encoding: 'utf8' });
    expect(stdout).toMatch(/Alias name: ada[^]*Entry type: PrivateKeyEntry\nCertificate chain length: 3\n/);
    expect(status).toBe(0);
  });

  it('is opened by node-forge, with no other passphrase', async () => {
    const asn1 = forge.asn1.fromDer((await make('rsa-2048')).bytes.toString('latin1'));
    expect(forge.pkcs12.pkcs12FromAsn1(asn1, passphrase).getBags({ friendlyName: 'ada' }).friendlyName).toHaveLength(2);
    expect(() => forge.pkcs12.pkcs12FromAsn1(asn1, 'another one')).toThrow(/Invalid password/);
  });

  it('needs a passphrase that all readers take, and does not repeat one that it refuses', async () => {
    for (const wrong of ['', 'short', 'pässwörter', 'x'.repeat(1025)]) {
      const { keyPem, certificatePem } = await issueIdentity(authority, { role: 'operator', name: 'ada' }, nowMs);
      const content = { privateKey: createPrivateKey(keyPem), certificates: [new X509Certificate(certificatePem).raw], name: 'ada' };
      await expect(pkcs12(content, wrong)).rejects.toMatchObject({ code: 'CERTS_BAD_REQUEST', message: 'this passphrase is not allowed; use 8 to 1024 printable ASCII characters' });
    }
  });
});
