import { X509Certificate } from 'node:crypto';
import { cp, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority, issueIdentity, retireIdentity, signRequest, type Authority, type IssuedIdentity } from '../certs/mod.ts';
import { IdentityStore, type Credentials, type FirstIdentity } from './identity-store.ts';

const nowMs = new Date().getTime();
const OWNER = { projectId: 'plant-1', gatewayId: '0011223344556677' };

let root: string;
let authority: Authority;
let issued: IssuedIdentity;
let first: FirstIdentity;
let retired: number;
let directory: string;
let folders = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-identity-'));
  authority = await createAuthority(join(root, 'certs'), { nowMs });
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  issued = await issueIdentity(authority, { role: 'gateway', ...OWNER }, nowMs);
  retired = 0;
  first = { certificatePem: issued.certificatePem, keyPem: issued.keyPem, retire: () => { retired += 1; return Promise.resolve(); } };
  directory = join(root, `identity-${(folders += 1)}`);
});

const open = (): Promise<IdentityStore> => IdentityStore.open(directory, OWNER, first);
const sign = async (requestPem: string, more = {}): Promise<string> =>
  (await signRequest(authority, requestPem, { role: 'gateway', ...OWNER, ...more }, nowMs + 1_000)).certificatePem;
const serialOf = (credentials: Credentials | undefined): string | undefined =>
  credentials && new X509Certificate(credentials.certificatePem).serialNumber.toLowerCase();

describe('a gateway’s identities', () => {
  it('are the first one until a new one has connected, and then that alone', async () => {
    const store = await open();
    expect(serialOf(store.toTry())).toBe(issued.serial);
    await store.accept(await sign(await store.request()));
    expect(serialOf(store.current)).toBe(issued.serial);
    const candidate = store.candidate!;
    expect([1, 2, 3].map(() => serialOf(store.toTry()))).toEqual([serialOf(candidate), issued.serial, serialOf(candidate)]);
    expect(await store.connected(first)).toBe(false);
    expect(retired).toBe(0);
    expect(await store.connected(candidate)).toBe(true);
    expect([retired, serialOf(store.current), store.candidate]).toEqual([1, serialOf(candidate), undefined]);
  });

  it('go from one to the next, and only the last is left on disk, private', async () => {
    const store = await open();
    for (let round = 0; round < 3; round++) {
      await store.accept(await sign(await store.request()));
      await store.connected(store.candidate!);
    }
    expect(await readdir(directory)).toEqual(['000003']);
    for (const name of ['key.pem', 'cert.pem']) expect((await stat(join(directory, '000003', name))).mode & 0o777).toBe(0o600);
    expect(serialOf((await IdentityStore.open(directory, OWNER)).current)).toBe(serialOf(store.current));
  });

  it('are no other gateway’s, for no other key, and none that was not asked for', async () => {
    const store = await open();
    await expect(store.accept(issued.certificatePem)).rejects.toMatchObject({ code: 'GATEWAY_REFUSED' });
    const request = await store.request();
    const other = await issueIdentity(authority, { role: 'gateway', ...OWNER, gatewayId: '0011223344556678' }, nowMs);
    for (const wrong of [issued.certificatePem, other.certificatePem, authority.certificatePem, 'nothing', '']) {
      await expect(store.accept(wrong)).rejects.toMatchObject({ code: 'GATEWAY_REFUSED' });
    }
    await store.accept(await sign(request));
    expect(store.candidate).toBeDefined();
  });

  it('give way to what an operator issues later', async () => {
    const store = await open();
    await store.accept(await sign(await store.request()));
    await store.connected(store.candidate!);
    const later = await issueIdentity(authority, { role: 'gateway', ...OWNER }, nowMs + 5_000);
    const again = await IdentityStore.open(directory, OWNER, { ...later, retire: () => Promise.resolve() });
    expect([serialOf(again.current), again.candidate]).toEqual([later.serial, undefined]);
  });

  it('are refused when their files do not belong together', async () => {
    const store = await open();
    await store.accept(await sign(await store.request()));
    await writeFile(join(directory, '000001', 'key.pem'), issued.keyPem, { mode: 0o600 });
    await expect(open()).rejects.toMatchObject({ code: 'GATEWAY_IDENTITY', message: expect.stringContaining(join(directory, '000001')) as string });
  });
});

describe('a gateway that is killed', () => {
  it('after it made its key asks again with the same', async () => {
    const request = await (await open()).request();
    const again = await open();
    expect(await again.request()).toBe(request);
    expect(serialOf(again.toTry())).toBe(issued.serial);
    await again.accept(await sign(request));
    expect(again.candidate).toBeDefined();
  });

  it('before its key was whole on disk begins anew', async () => {
    await open();
    await writeFile(join(directory, '.000001.0123456789abcdef.tmp'), '');
    await cp(join(root, 'certs', 'ca', 'cert.pem'), join(directory, '000001', 'request.pem'), { recursive: true });
    const again = await open();
    expect(await again.request()).toContain('CERTIFICATE REQUEST');
    expect(serialOf(again.toTry())).toBe(issued.serial);
  });

  it('after the certificate came tries it, with the old one to fall back on', async () => {
    const store = await open();
    await store.accept(await sign(await store.request()));
    const candidate = serialOf(store.candidate);
    const again = await open();
    expect([serialOf(again.toTry()), serialOf(again.toTry())]).toEqual([candidate, issued.serial]);
    await again.connected(again.candidate!);
    expect(retired).toBe(1);
  });

  it('while the old one is deleted goes on with the new', async () => {
    const store = await open();
    await store.accept(await sign(await store.request()));
    await store.connected(store.candidate!);
    await store.accept(await sign(await store.request()));
    await rm(join(directory, '000001', 'key.pem')); // as far as the deletion of the old one came
    const [candidate] = [serialOf(store.candidate)];
    retired = 0;
    const again = await IdentityStore.open(directory, OWNER);
    expect([serialOf(again.current), again.candidate]).toEqual([candidate, undefined]);
    expect(await readdir(directory)).toEqual(['000002']);
  });

  it('before the first identity’s key was deleted deletes it with the next connection', async () => {
    const store = await open();
    await store.accept(await sign(await store.request()));
    const used = store.candidate!;
    first.retire = () => Promise.reject(new Error('killed'));
    await expect(store.connected(used)).rejects.toThrow('killed');
    first.retire = () => { retired += 1; return Promise.resolve(); };
    const again = await open();
    expect(await again.connected(again.candidate!)).toBe(true);
    expect(retired).toBe(1);
  });

  it('while a candidate is given up asks for another', async () => {
    const store = await open();
    await store.accept(await sign(await store.request()));
    await rm(join(directory, '000001', 'key.pem'));
    const again = await open();
    expect([serialOf(again.current), again.candidate]).toEqual([issued.serial, undefined]);
    expect(await again.request()).toContain('CERTIFICATE REQUEST');
  });
});

it('leaves the certificate of an identity on record when its key is given up, and can be told twice', async () => {
  const certs = join(root, 'certs');
  await retireIdentity(certs, issued);
  await retireIdentity(certs, issued);
  expect(await readdir(join(certs, 'signed', issued.serial))).toEqual(['cert.pem']);
  expect(await readdir(join(certs, 'gateways'))).not.toContain(issued.serial);
});
