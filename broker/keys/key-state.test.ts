/** The key store over time and size: files of version 1, ten thousand keys, several writers. */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deriveKey, sealOnce } from '../../certs/mod.ts';
import { newMaterial } from './key-due.ts';
import { emptyKeyState, parseKeyState } from './key-state.ts';
import { base64, makeKms, START_MS, type TestKms } from './kms.fixture.ts';

let kms: TestKms;
let keystore: string;

beforeEach(async () => {
  kms = await makeKms();
  keystore = join(kms.directory, 'keys', 'keystore');
});
afterEach(() => kms.remove());

/** Writes a document as the key store of this home, as any version of the file is written. */
async function write(document: object): Promise<void> {
  const header = (await readFile(keystore)).subarray(0, 42);
  const root = Buffer.from((await readFile(join(kms.directory, 'keys', 'root.key'), 'utf8')).trim(), 'hex');
  const sealed = sealOnce(deriveKey(root, header.subarray(26), 'thrum key store v1'), header, Buffer.from(JSON.stringify(document)));
  await writeFile(keystore, Buffer.concat([header, sealed]));
}

describe('a key store of version 1', () => {
  const [mine, theirs, off] = [randomUUID(), randomUUID(), randomUUID()];
  const key = (keyId: string, owner: string, state: string): object => ({ keyId, owner, state, description: 'old', createdMs: 5, materials: [newMaterial(5)] });
  const version1 = { version: 1, keys: [key(mine, 'customer', 'Disabled'), key(theirs, 'service', 'Enabled'), key(off, 'service', 'Disabled')], aliases: { 'alias/old': mine } };

  it('is read, and becomes version 2 with the next change, with the same account before and after', async () => {
    await write(version1);
    const before = kms.elsewhere();
    const { arn } = await before.describeKey('alias/old');
    expect(await before.describeKey(mine)).toMatchObject({ state: 'Disabled', aliases: ['alias/old'], createdMs: 5 });
    expect((await before.store.read()).accountId).toBe(kms.accountId);
    await before.enableKey(mine);
    expect(await kms.elsewhere().describeKey('alias/old')).toMatchObject({ arn, state: 'Enabled' });
    expect(await kms.call('ListAliases')).toMatchObject({ Aliases: [{ AliasName: 'alias/old', TargetKeyId: mine, CreationDate: 0.005 }] });
  });

  it('keeps a service key for its account, and gives the owner one that was switched off, who could not switch it on otherwise', async () => {
    await write(version1);
    expect((await kms.elsewhere().serviceKeyFor()).keyId).toBe(theirs);
    expect((await kms.elsewhere().describeKey(off)).owner).toBe('customer');
  });
});

describe('ten thousand keys', () => {
  const COUNT = 10_000;

  beforeEach(async () => {
    const keys = Array.from({ length: COUNT }, () => ({ keyId: randomUUID(), owner: 'customer' as const, state: 'Enabled' as const, description: 'one of many', createdMs: START_MS, materials: [newMaterial(START_MS)] }));
    const aliases = Object.fromEntries(keys.map(({ keyId }, n) => [`alias/key-${n}`, { keyId, createdMs: START_MS, updatedMs: START_MS }]));
    await kms.keys.store.update((state) => ({ state: { ...state, keys, aliases }, result: undefined }));
  });

  it('fit into the file, are listed in pages, found by alias, used and changed', { timeout: 120_000 }, async () => {
    const seen = new Set<string>();
    for (let Marker: string | undefined, pages = 0; pages === 0 || Marker !== undefined; pages++) {
      const page = (await kms.call('ListKeys', { Limit: 1000, ...(Marker === undefined ? {} : { Marker }) })) as unknown as { Keys: { KeyId: string }[]; NextMarker?: string };
      for (const { KeyId } of page.Keys) seen.add(KeyId);
      Marker = page.NextMarker;
    }
    expect(seen.size).toBe(COUNT);
    const elsewhere = kms.elsewhere();
    for (let n = 0; n < COUNT; n += 97) {
      expect(await kms.call('Encrypt', { KeyId: `alias/key-${n}`, Plaintext: base64('x') })).toHaveProperty('CiphertextBlob');
    }
    await elsewhere.disableKey('alias/key-9999');
    expect(await kms.refusal('Encrypt', { KeyId: 'alias/key-9999', Plaintext: base64('x') })).toBe('DisabledException');
    expect((await elsewhere.listKeys()).filter(({ state }) => state === 'Disabled')).toHaveLength(1);
  });

  it('are parsed once a change, not once a use', { timeout: 120_000 }, async () => {
    const elsewhere = kms.elsewhere();
    const { keyId } = await elsewhere.serviceKeyFor();
    const state = await elsewhere.store.read();
    await elsewhere.generateDataKey(keyId, {});
    expect(await elsewhere.store.read()).toBe(state);
    await elsewhere.disableKey('alias/key-1');
    const changed = await elsewhere.store.read();
    expect(changed).not.toBe(state);
    await elsewhere.describeKey('alias/key-1');
    expect(await elsewhere.store.read()).toBe(changed);
  });
});

it('refuses a state that breaks a rule of its own', () => {
  const salt = Buffer.alloc(16, 1);
  const empty = emptyKeyState(salt);
  expect(empty.accountId).toMatch(/^\d{12}$/);
  const good = { keyId: randomUUID(), owner: 'customer', state: 'Enabled', description: '', createdMs: 1, materials: [newMaterial(1)] };
  const parse = (key: object): unknown => parseKeyState(JSON.stringify({ ...empty, keys: [key] }), salt);
  expect(parse(good)).toMatchObject({ keys: [{ keyId: good.keyId }] });
  for (const broken of [{ ...good, materials: [] }, { ...good, state: 'Gone' }, { ...good, more: 1 }, { ...good, rotation: { periodDays: 10, nextMs: 1 } }, { ...good, keyId: 'x' }]) {
    expect(() => parse(broken)).toThrow();
  }
});

it('loses nothing when several processes change different things of one key at once', { timeout: 60_000 }, async () => {
  const { id: KeyId } = await kms.key();
  await Promise.all([
    ...Array.from({ length: 5 }, (_, n) => kms.call('TagResource', { KeyId, Tags: [{ TagKey: `t${n}`, TagValue: '' }] })),
    ...Array.from({ length: 5 }, () => kms.call('CreateGrant', { KeyId, GranteePrincipal: kms.user('ann').principalArn, Operations: ['Decrypt'] })),
    ...Array.from({ length: 3 }, () => kms.elsewhere().createKey({ owner: 'customer' })),
  ]);
  expect(await kms.call('ListResourceTags', { KeyId })).toMatchObject({ Tags: [0, 1, 2, 3, 4].map((n) => ({ TagKey: `t${n}` })) });
  expect(((await kms.call('ListGrants', { KeyId })) as unknown as { Grants: object[] }).Grants).toHaveLength(5);
  expect(await kms.elsewhere().listKeys()).toHaveLength(4);
});
