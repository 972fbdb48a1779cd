/** Principals of a home: real files, several processes' worth of writers, and what the ready-made policies allow. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeHome, NOW_MS, type TestHome } from '../broker.fixture.ts';
import { evaluate } from './evaluate.ts';
import { readPolicy } from './policy.ts';
import { Principals } from './principals.ts';
import { READY_POLICIES, ROOT_POLICY } from './ready-policies.ts';
import { totpAt } from './totp.ts';

const ACCOUNT = '111122223333';

let home: TestHome;
let path: string;
let nowMs = NOW_MS;

beforeEach(async () => {
  home = await makeHome();
  await home.keys.createKey({ owner: 'customer' }); // makes the root key
  path = join(home.root, 'access', 'principals');
  nowMs = NOW_MS;
});
afterEach(() => home.remove());

const open = (): Principals => new Principals({ path, source: { kind: 'file' }, rootDirectory: join(home.root, 'keys') }, ACCOUNT, () => nowMs);
const OWN = JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' } });

describe('a principal', () => {
  it('has an ARN, and what is attached to it, also for another process', async () => {
    await open().create('ana');
    await open().attach('ana', { name: 'key-user' });
    await open().attach('ana', { name: 'mine', text: OWN });
    const { arn, policies } = await open().identity('ana');
    expect(arn).toBe(`arn:aws:iam::${ACCOUNT}:user/ana`);
    expect(policies).toEqual([{ name: 'key-user', document: READY_POLICIES.get('key-user') }, { name: 'mine', document: JSON.parse(OWN) as unknown }]);
    expect(await open().detach('ana', 'key-user')).toMatchObject({ policies: ['mine'] });
  });

  it.each(['', 'root', 'a b', 'ü', 'a/b', 'x'.repeat(65), '__proto__ '])('is not called %j', async (name) => {
    await expect(open().create(name)).rejects.toMatchObject({ code: 'ACCESS_BAD_REQUEST' });
  });

  it('is not made twice, and names that differ in case only are the same', async () => {
    await open().create('Ana');
    await expect(open().create('ana')).rejects.toMatchObject({ code: 'ACCESS_EXISTS' });
  });

  it.each(['bob', 'constructor', '__proto__'])('that is not there (%s) is said to be missing, whatever is asked of it', async (name) => {
    for (const ask of [(all: Principals) => all.identity(name), (all: Principals) => all.remove(name), (all: Principals) => all.useCode(name, '123456'), (all: Principals) => all.createAccessKey(name)]) {
      await expect(ask(open())).rejects.toMatchObject({ code: 'ACCESS_NOT_FOUND' });
    }
  });

  it('made again after it was removed has nothing of the one before', async () => {
    const { id } = await open().create('ana').then(() => open().createAccessKey('ana'));
    await open().attach('ana', { name: 'key-user' });
    await open().remove('ana');
    await open().create('ana');
    expect(await open().describe('ana')).toMatchObject({ policies: [], accessKeys: [], secondFactor: false });
    expect(await open().findAccessKey(id)).toBeUndefined();
  });

  it('takes no policy that could not be read again, none that is not ready-made, and none in a ready-made one’s name', async () => {
    await open().create('ana');
    await expect(open().attach('ana', { name: 'mine', text: '{}' })).rejects.toMatchObject({ code: 'ACCESS_POLICY' });
    await expect(open().attach('ana', { name: 'superuser' })).rejects.toMatchObject({ code: 'ACCESS_NOT_FOUND' });
    await expect(open().attach('ana', { name: 'auditor', text: OWN })).rejects.toMatchObject({ code: 'ACCESS_EXISTS' });
    await expect(open().detach('ana', 'auditor')).rejects.toMatchObject({ code: 'ACCESS_NOT_FOUND' });
    expect((await open().describe('ana')).policies).toEqual([]);
  });

  it('has at most ten policies and two access keys', async () => {
    await open().create('ana');
    for (let n = 0; n < 10; n += 1) await open().attach('ana', { name: `p${n}`, text: OWN });
    await expect(open().attach('ana', { name: 'p10', text: OWN })).rejects.toMatchObject({ code: 'ACCESS_BAD_REQUEST' });
    await open().attach('ana', { name: 'p9', text: OWN });
    for (let n = 0; n < 2; n += 1) await open().createAccessKey('ana');
    await expect(open().createAccessKey('ana')).rejects.toMatchObject({ code: 'ACCESS_BAD_REQUEST' });
  });
});

it('an access key finds its principal until it is removed, and its secret is told once', async () => {
  await open().create('ana');
  const { id, secret } = await open().createAccessKey('ana');
  expect(id).toMatch(/^AKIA[A-Z2-7]{16}$/);
  expect(secret).toHaveLength(40);
  expect(await open().findAccessKey(id)).toMatchObject({ arn: `arn:aws:iam::${ACCOUNT}:user/ana`, secret });
  expect(JSON.stringify(await open().list())).not.toContain(secret);
  await open().removeAccessKey('ana', id);
  expect(await open().findAccessKey(id)).toBeUndefined();
});

describe('a second factor', () => {
  const secretOf = (uri: string): Buffer => {
    const bits = Array.from(new URL(uri).searchParams.get('secret')!).map((one) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(one).toString(2).padStart(5, '0')).join('');
    return Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)));
  };

  it('takes a code once, even where two processes are given it at once', async () => {
    await open().create('ana');
    const code = totpAt(secretOf(await open().enableSecondFactor('ana')), Math.floor(nowMs / 30_000));
    const results = await Promise.allSettled([open().useCode('ana', code), open().useCode('ana', code), open().useCode('ana', code)]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'ACCESS_SECOND_FACTOR' } });
  });

  it('counts wrong codes over processes, and says when it takes none', async () => {
    await open().create('ana');
    const secret = secretOf(await open().enableSecondFactor('ana'));
    for (let n = 0; n < 5; n += 1) await expect(open().useCode('ana', 'x')).rejects.toThrow(/wrong/);
    await expect(open().useCode('ana', totpAt(secret, Math.floor(nowMs / 30_000)))).rejects.toThrow(/15 minutes/);
    nowMs += 15 * 60_000;
    await open().useCode('ana', totpAt(secret, Math.floor(nowMs / 30_000)));
  });

  it('that is not there takes nothing', async () => {
    await open().create('ana');
    await open().enableSecondFactor('ana');
    await open().disableSecondFactor('ana');
    await expect(open().useCode('ana', '123456')).rejects.toMatchObject({ code: 'ACCESS_SECOND_FACTOR' });
  });
});

describe('the file', () => {
  it('is its owner’s only, and holds nothing readable', async () => {
    await open().create('annabella');
    await open().attach('annabella', { name: 'key-user' });
    const { id } = await open().createAccessKey('annabella');
    const bytes = await readFile(path);
    for (const text of ['annabella', 'key-user', id, 'principals']) expect(bytes.includes(text)).toBe(false);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('with any byte altered or cut off is refused', async () => {
    await open().create('ana');
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length; at += 1) {
      const altered = Buffer.from(bytes);
      altered[at]! ^= 1 << at % 8;
      await writeFile(path, altered);
      await expect(open().list(), `byte ${at}`).rejects.toMatchObject({ code: 'ACCESS_DAMAGED' });
    }
    await writeFile(path, bytes.subarray(0, 40));
    await expect(open().create('bob')).rejects.toMatchObject({ code: 'ACCESS_DAMAGED' });
  });

  it('of another home is refused', async () => {
    await open().create('ana');
    const other = await makeHome();
    try {
      await other.keys.createKey({ owner: 'customer' });
      const elsewhere = new Principals({ path, source: { kind: 'file' }, rootDirectory: join(other.root, 'keys') }, ACCOUNT, () => nowMs);
      await expect(elsewhere.list()).rejects.toMatchObject({ code: 'ACCESS_DAMAGED' });
    } finally {
      await rm(other.root, { recursive: true });
    }
  });

  it('loses nothing when several processes change it at once', async () => {
    await Promise.all(['a', 'b', 'c'].map(async (letter) => {
      const principals = open();
      for (let n = 0; n < 5; n += 1) await principals.create(`${letter}${n}`);
    }));
    expect((await open().list()).map(({ name }) => name).sort()).toEqual(['a', 'b', 'c'].flatMap((letter) => [0, 1, 2, 3, 4].map((n) => `${letter}${n}`)));
  });
});

describe('a ready-made policy', () => {
  const says = (policy: string, action: string, mfa?: boolean): string =>
    evaluate([{ name: policy, document: READY_POLICIES.get(policy)! }], {
      principalArn: `arn:aws:iam::${ACCOUNT}:user/ana`, action, resource: '*', context: mfa === undefined ? {} : { 'aws:MultiFactorAuthPresent': String(mfa) },
    }).reason;

  it('is a document that could have been written by hand', () => {
    for (const [, document] of READY_POLICIES) expect(readPolicy(JSON.stringify(document), 'identity')).toEqual(document);
    expect(readPolicy(JSON.stringify(ROOT_POLICY.document), 'identity')).toEqual(ROOT_POLICY.document);
  });

  it('for the console allows four things on keys and nothing more', () => {
    const operations = ['ListKeys', 'DescribeKey', 'ListAliases', 'CreateGrant', 'Decrypt', 'Encrypt', 'GenerateDataKey', 'ListGrants', 'RevokeGrant', 'DisableKey', 'GetKeyPolicy', 'CreateKey', 'ScheduleKeyDeletion'];
    expect(operations.filter((one) => says('console', `kms:${one}`) === 'allowed')).toEqual(operations.slice(0, 4));
  });

  it('for administration denies what is destructive without a second factor, whatever else allows it', () => {
    for (const [policy, action] of [['key-administrator', 'kms:ScheduleKeyDeletion'], ['key-administrator', 'kms:DisableKey'], ['data-administrator', 'thrum:ShredData']] as const) {
      expect(says(policy, action), action).toBe('explicitDeny');
      expect(says(policy, action, false), action).toBe('explicitDeny');
      expect(says(policy, action, true), action).toBe('allowed');
    }
    expect(says('key-administrator', 'kms:EnableKey')).toBe('allowed');
  });

  it('for those who administer keys does not let them use keys, and the other way round', () => {
    for (const action of ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:CreateGrant', 'thrum:ReadData']) expect(says('key-administrator', action, true), action).toBe('implicitDeny');
    for (const action of ['kms:DisableKey', 'kms:PutKeyPolicy', 'kms:ScheduleKeyDeletion']) expect(says('key-user', action, true), action).toBe('implicitDeny');
    for (const action of ['thrum:ReadData', 'thrum:ExportData', 'kms:Decrypt']) expect(says('auditor', action, true), action).toBe('implicitDeny');
  });

  it('lets nobody manage access: that is the owner’s', () => {
    for (const policy of READY_POLICIES.keys()) expect(says(policy, 'thrum:ManageAccess', true)).toBe('implicitDeny');
  });
});
