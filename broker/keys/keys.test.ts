/** Promise 5: the key rules, and that the key store itself is never trusted when it was altered. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyError } from '../errors.ts';
import { keysOf, makeHome, NOW_MS, type TestHome } from '../broker.fixture.ts';
import { blobNames, decryptBlob, encryptBlob, materialIdOf } from './ciphertext.ts';
import { KeyService } from './key-service.ts';

let home: TestHome;
let keystore: string;

beforeEach(async () => {
  home = await makeHome();
  keystore = join(home.root, 'keys', 'keystore');
});
afterEach(() => home.remove());

const context = { 'thrum:project': 'p-1' };

describe('a disabled key', () => {
  it('neither makes data keys nor opens them, and does both again when enabled', async () => {
    const { keyId } = await home.keys.createKey({ owner: 'customer', alias: 'alias/mill' });
    await home.keys.grant(keyId, 'p-1');
    const { wrapped, plaintext } = await home.keys.generateDataKey('alias/mill', context);
    expect((await home.keys.disableKey('alias/mill')).state).toBe('Disabled');
    await expect(home.keys.generateDataKey(keyId, context)).rejects.toMatchObject({ code: 'KEY_DISABLED' });
    await expect(home.keys.decrypt(wrapped, context)).rejects.toMatchObject({ code: 'KEY_DISABLED' });
    await home.keys.enableKey(keyId);
    expect(await home.keys.decrypt(wrapped, context)).toEqual(plaintext);
  });

  it('bites at once in another process that has the same directory', async () => {
    const { keyId } = await home.keys.createKey({ owner: 'customer' });
    await home.keys.grant(keyId, 'p-1');
    const elsewhere = keysOf(home.root);
    await elsewhere.generateDataKey(keyId, context);
    for (let round = 0; round < 20; round++) {
      await home.keys.disableKey(keyId);
      await expect(elsewhere.generateDataKey(keyId, context)).rejects.toMatchObject({ code: 'KEY_DISABLED' });
      await elsewhere.enableKey(keyId);
      expect((await home.keys.describeKey(keyId)).state).toBe('Enabled');
    }
  });
});

it('refuses names that name no key', async () => {
  await home.keys.createKey({ owner: 'customer' });
  for (const name of ['alias/none', 'constructor', '__proto__', '', 'alias/__proto__']) {
    await expect(home.keys.describeKey(name)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
  }
});

it('refuses an alias that is taken, reserved or malformed, and changes nothing', async () => {
  await home.keys.createKey({ owner: 'customer', alias: 'alias/a' });
  await expect(home.keys.createKey({ owner: 'customer', alias: 'alias/a' })).rejects.toMatchObject({ code: 'KEY_ALIAS_EXISTS' });
  for (const alias of ['a', 'alias/', 'alias/aws/x', 'alias/a b', 'alias/ü']) {
    await expect(home.keys.createKey({ owner: 'customer', alias })).rejects.toMatchObject({ code: 'KEY_BAD_REQUEST' });
  }
  expect(await home.keys.listKeys()).toHaveLength(1);
});

it('refuses a description that the file could not be read with again', async () => {
  await expect(home.keys.createKey({ owner: 'customer', description: 'x'.repeat(8193) })).rejects.toMatchObject({ code: 'KEY_BAD_REQUEST' });
  await home.keys.createKey({ owner: 'customer', description: 'ü"\\\u2028'.repeat(2000) });
  expect(await keysOf(home.root).listKeys()).toHaveLength(1);
});

it('tells nothing secret of a key', async () => {
  const { keyId } = await home.keys.createKey({ owner: 'customer' });
  expect(Object.keys(await home.keys.describeKey(keyId)).sort()).toEqual(
    ['aliases', 'arn', 'createdMs', 'currentMaterialId', 'description', 'keyId', 'owner', 'state'],
  );
});

describe('the ciphertext', () => {
  const secret = Buffer.alloc(32, 7);
  const keyId = '00000000-0000-4000-8000-000000000001';
  const seal = (pairs: Record<string, string>): Buffer => encryptBlob(keyId, materialIdOf(secret), secret, pairs, Buffer.from('data key'));

  it.each([
    [{ ab: 'c' }, { a: 'bc' }],
    [{ project: '1', x: '2' }, { project: '1x2' }],
    [{ a: '', b: '' }, { a: 'b', '': '' }],
    [{ a: '1' }, {}],
    [{ a: '1' }, { A: '1' }],
  ])('made with the context %j does not open with %j', (made, other) => {
    expect(() => decryptBlob(seal(made), secret, other as Record<string, string>)).toThrow(KeyError);
    expect(decryptBlob(seal(made), secret, made).toString()).toBe('data key');
  });

  it('opens with its context in any order of the names', () => {
    expect(decryptBlob(seal({ a: '1', b: '2' }), secret, { b: '2', a: '1' }).toString()).toBe('data key');
  });

  it('opens only with exactly the context it was made with', () => {
    const contexts = fc.dictionary(fc.string({ maxLength: 3, unit: 'grapheme-ascii' }), fc.string({ maxLength: 3, unit: 'grapheme-ascii' }), { maxKeys: 3 });
    fc.assert(fc.property(contexts, contexts, (made, other) => {
      const same = JSON.stringify(Object.entries(made).sort()) === JSON.stringify(Object.entries(other).sort());
      const open = (): Buffer => decryptBlob(seal(made), secret, other);
      if (same) expect(open().toString()).toBe('data key');
      else expect(open).toThrow(KeyError);
    }));
  });

  it('does not open with any byte altered, and says KEY_CIPHERTEXT for what is no blob', async () => {
    const { keyId: granted } = await home.keys.createKey({ owner: 'customer' });
    await home.keys.grant(granted, 'p-1');
    const { wrapped } = await home.keys.generateDataKey(granted, context);
    for (let at = 0; at < wrapped.length; at++) {
      const altered = Buffer.from(wrapped);
      altered[at]! ^= 1;
      await expect(home.keys.decrypt(altered, context)).rejects.toBeInstanceOf(KeyError);
    }
    for (let length = 0; length < wrapped.length; length++) {
      await expect(home.keys.decrypt(wrapped.subarray(0, length), context)).rejects.toMatchObject({ code: 'KEY_CIPHERTEXT' });
    }
    expect(() => blobNames(Buffer.alloc(200))).toThrow(KeyError);
  });
});

describe('the key store file', () => {
  it('and the root key are readable by their owner only', async () => {
    await home.keys.createKey({ owner: 'customer' });
    for (const name of ['keystore', 'root.key']) expect((await stat(join(home.root, 'keys', name))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home.root, 'keys'))).mode & 0o777).toBe(0o700);
  });

  it('with any byte altered or cut off is a KeyError, never a wrong key', async () => {
    const { keyId } = await home.keys.createKey({ owner: 'customer' });
    const bytes = await readFile(keystore);
    for (let at = 0; at < bytes.length; at++) {
      const altered = Buffer.from(bytes);
      altered[at]! ^= 1 << at % 8;
      await writeFile(keystore, altered);
      await expect(keysOf(home.root).describeKey(keyId), `byte ${at}`).rejects.toBeInstanceOf(KeyError);
    }
    for (let length = 0; length < bytes.length; length += 7) {
      await writeFile(keystore, bytes.subarray(0, length));
      await expect(keysOf(home.root).describeKey(keyId)).rejects.toMatchObject({ code: 'KEYSTORE_DAMAGED' });
      await expect(keysOf(home.root).disableKey(keyId)).rejects.toMatchObject({ code: 'KEYSTORE_DAMAGED' });
    }
    await writeFile(keystore, bytes);
    expect((await home.keys.describeKey(keyId)).keyId).toBe(keyId);
  });

  it('lost does not take the root key with it: the backup still opens after a new one was begun', async () => {
    const { keyId } = await home.keys.createKey({ owner: 'customer' });
    const backup = await readFile(keystore);
    await rm(keystore);
    await keysOf(home.root).createKey({ owner: 'customer' });
    await writeFile(keystore, backup);
    expect((await keysOf(home.root).describeKey(keyId)).keyId).toBe(keyId);
  });

  it('holds no secret in clear', async () => {
    await home.keys.createKey({ owner: 'customer', alias: 'alias/mill', description: 'paper machine' });
    const bytes = await readFile(keystore);
    for (const text of ['mill', 'paper', 'secret', 'Enabled']) expect(bytes.includes(text)).toBe(false);
  });

  it('loses nothing when several services, each as in a process of its own, change it at once', { timeout: 60_000 }, async () => {
    await Promise.all(['a', 'b', 'c'].map(async (name) => {
      const keys = keysOf(home.root);
      for (let n = 0; n < 5; n++) await keys.createKey({ owner: 'customer', alias: `alias/${name}${n}` });
    }));
    const aliases = (await home.keys.listKeys()).flatMap((key) => key.aliases).sort();
    expect(aliases).toEqual(['a', 'b', 'c'].flatMap((name) => [0, 1, 2, 3, 4].map((n) => `alias/${name}${n}`)));
  });
});

describe('a passphrase', () => {
  const withPassphrase = (passphrase: string): KeyService => new KeyService(join(home.root, 'keys'), { kind: 'passphrase', passphrase }, () => NOW_MS);

  it('opens what it closed, in any form of its characters, and a wrong one is said to be wrong', { timeout: 60_000 }, async () => {
    const { keyId } = await withPassphrase('Grüße').createKey({ owner: 'customer' });
    expect((await withPassphrase('Gru\u0308ße').describeKey(keyId)).keyId).toBe(keyId);
    await expect(withPassphrase('grüße').describeKey(keyId)).rejects.toMatchObject({ code: 'KEY_PASSPHRASE' });
    const error: unknown = await withPassphrase('hunter2').listKeys().catch((cause: unknown) => cause);
    expect(String(error)).not.toContain('hunter2');
    await expect(home.keys.describeKey(keyId)).rejects.toMatchObject({ code: 'KEY_PASSPHRASE' });
    await expect(stat(join(home.root, 'keys', 'root.key'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is refused where a root key file protects the keys', async () => {
    await home.keys.createKey({ owner: 'customer' });
    await expect(withPassphrase('x').listKeys()).rejects.toMatchObject({ code: 'KEY_PASSPHRASE' });
  });
});
