import { X509Certificate } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { certificatePem, randomSerial } from './certificate-builder.ts';
import { extKeyUsage, keyUsage } from './extensions.ts';
import { authorityExtensions, commonNameDer, endEntityExtensions, forgeCertificate, type ForgedCertificate, type Recipe } from './handshake/forged-certificate.ts';
import { ocspAnswerDer, type OcspRecipe } from './handshake/client/revocation.ts';
import { readStaple } from './ocsp.ts';

const NOW = new Date().getTime(); // openssl looks at its own clock
const DAY_MS = 86_400_000;
const serial = randomSerial();

function forge(name: string, more: Partial<Recipe>): ForgedCertificate {
  return forgeCertificate({ subjectDer: commonNameDer(name), notBeforeMs: NOW - DAY_MS, notAfterMs: NOW + DAY_MS, extensions: authorityExtensions(), ...more });
}

const issuer = forge('issuer', {});
const server = forge('server', { issuer, serial, extensions: endEntityExtensions('serverAuth') });
const responder = (more: Partial<Recipe> = {}): ForgedCertificate => forge('responder', { issuer, extensions: [keyUsage(['digitalSignature']), extKeyUsage(['ocspSigning'])], ...more });
const answer = (more: Partial<OcspRecipe> = {}): Buffer => ocspAnswerDer({ issuer, serial, status: 'good', nowMs: NOW, ...more });
const read = (der: Uint8Array): string => readStaple(der, new X509Certificate(server.der), new X509Certificate(issuer.der), NOW);

it('reads what the issuer says of the certificate, itself or through a responder that it appointed', () => {
  for (const status of ['good', 'revoked', 'unknown'] as const) {
    expect(read(answer({ status }))).toBe(status);
    expect(read(answer({ status, named: 'by key' }))).toBe(status);
    expect(read(answer({ status, delegate: responder() }))).toBe(status);
    expect(read(answer({ status, delegate: responder(), named: 'by key' }))).toBe(status);
  }
});

it('does not believe whoever else answers', () => {
  const stranger = forge('issuer', {});
  for (const delegate of [
    stranger,
    responder({ issuer: stranger }),
    responder({ extensions: endEntityExtensions('serverAuth') }),
    responder({ extensions: [keyUsage(['digitalSignature'])] }),
    responder({ notBeforeMs: NOW - 2 * DAY_MS, notAfterMs: NOW - DAY_MS }),
    responder({ signature: 'broken' }),
  ]) {
    expect(() => read(answer({ delegate }))).toThrow(expect.objectContaining({ code: 'CERTS_BAD_OCSP' }));
  }
});

it('does not believe an answer about another certificate, or from another time', () => {
  expect(() => read(answer({ serial: randomSerial() }))).toThrow('about another certificate');
  expect(() => read(ocspAnswerDer({ issuer: { ...issuer, subjectDer: commonNameDer('another') }, serial, status: 'good', nowMs: NOW, delegate: issuer }))).toThrow('about another certificate');
  expect(() => read(answer({ thisUpdateMs: NOW - 2 * DAY_MS, nextUpdateMs: NOW - DAY_MS }))).toThrow('out of date');
  expect(() => read(answer({ thisUpdateMs: NOW + DAY_MS, nextUpdateMs: NOW + 2 * DAY_MS }))).toThrow('from the future');
});

it('refuses an answer that is altered, cut or none, with one error', () => {
  const good = answer({ delegate: responder() });
  const believed: number[] = [];
  for (let at = 0; at < good.length; at += 1) {
    const altered = Buffer.from(good);
    altered[at]! ^= 0x04;
    let outcome: unknown;
    try {
      outcome = read(altered);
    } catch (error) {
      outcome = (error as { code?: string }).code;
    }
    if (outcome !== 'CERTS_BAD_OCSP') believed.push(at);
    expect(() => read(good.subarray(0, at))).toThrow(expect.objectContaining({ code: 'CERTS_BAD_OCSP' }));
  }
  expect(believed).toEqual([]);
  expect(() => read(Buffer.from('30030a0106', 'hex'))).toThrow('error 6');
  expect(() => read(Buffer.alloc(70_000))).toThrow('65536 octets');
});

it('says what openssl says of the same answer', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'thrum-ocsp-'));
  try {
    const path = (name: string): string => join(directory, name);
    await writeFile(path('issuer.pem'), certificatePem(issuer.der));
    await writeFile(path('server.pem'), certificatePem(server.der));
    for (const recipe of [{ status: 'good' }, { status: 'revoked' }, { status: 'good', delegate: responder() }] as const) {
      await writeFile(path('answer.der'), answer(recipe));
      const { stdout, stderr } = spawnSync('openssl', ['ocsp', '-respin', path('answer.der'), '-issuer', path('issuer.pem'), '-cert', path('server.pem'), '-CAfile', path('issuer.pem')], { encoding: 'utf8' });
      expect(stderr).toContain('Response verify OK');
      expect(stdout).toContain(`server.pem: ${recipe.status}`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
