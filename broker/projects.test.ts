import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deriveKey, sealOnce } from '../certs/mod.ts';
import { KeyError, ProjectError } from './errors.ts';
import { keysOf, makeHome, makeProject, NOW_MS, type TestHome } from './broker.fixture.ts';
import { MAX_FORMER_GRANTS } from './project-file.ts';
import { Projects } from './projects.ts';

let home: TestHome;

beforeEach(async () => {
  home = await makeHome();
});
afterEach(() => home.remove());

const pathOf = (projectId: string): string => join(home.root, 'projects', `${projectId}.project`);

it('reads a project as it was made, by id and by name, also in another process', async () => {
  const made = await makeProject(home, 'Paper mill Nº 4 – Süd');
  const elsewhere = new Projects(join(home.root, 'projects'), keysOf(home.root));
  expect(made).toMatchObject({ encryption: 'service', createdMs: NOW_MS, name: 'Paper mill Nº 4 – Süd' });
  expect(await elsewhere.read(made.projectId)).toEqual(made);
  expect(await elsewhere.find(made.projectId)).toEqual(made);
  expect(await elsewhere.find(made.name)).toEqual(made);
  expect(await elsewhere.references()).toEqual([{ projectId: made.projectId, keyId: made.keyId, customerId: made.customerId }]);
});

it('puts projects under the key that the service holds for their owner, or under the one that the owner names', async () => {
  const [one, two] = [await makeProject(home, 'One'), await makeProject(home, 'Two')];
  expect(one.keyId).toBe(two.keyId);
  const key = await home.keys.createKey({ owner: 'customer', alias: 'alias/mine' });
  expect(await makeProject(home, 'Three', 'alias/mine')).toMatchObject({ keyId: key.keyId, encryption: 'custom' });
  await expect(makeProject(home, 'Four', 'alias/none')).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
});

it('is destroyed with what a killed writer left beside its file', async () => {
  const { projectId } = await makeProject(home);
  await copyFile(pathOf(projectId), join(home.root, 'projects', `.${projectId}.project.0123456789abcdef.tmp`));
  await home.projects.destroy(projectId);
  expect((await readdir(join(home.root, 'projects'))).filter((name) => name.includes(projectId))).toEqual([]);
});

it('refuses names that are empty, too long, taken, or made of what a terminal would act on', async () => {
  await makeProject(home, 'Mill');
  await expect(makeProject(home, 'Mill')).rejects.toMatchObject({ code: 'PROJECT_EXISTS' });
  for (const name of ['', 'x'.repeat(61), 'a\u001b[31m', 'a\nb', '\u202Eabc', '\ud800']) {
    await expect(makeProject(home, name)).rejects.toMatchObject({ code: 'PROJECT_BAD_NAME' });
  }
  expect(await home.projects.references()).toHaveLength(1);
});

it('says that a project is unknown, whatever is asked for', async () => {
  for (const name of ['p-0000000000000000', 'Nobody', '../keys/keystore', '']) {
    await expect(home.projects.find(name)).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
  }
  await expect(home.projects.reference('../../etc/passwd')).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
  await expect(home.projects.read('p-0000000000000000')).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' });
});

it('keeps the name sealed, in a file of its owner only', async () => {
  const { projectId } = await makeProject(home, 'Secret mill');
  expect((await readFile(pathOf(projectId))).includes('Secret')).toBe(false);
  expect((await stat(pathOf(projectId))).mode & 0o777).toBe(0o600);
});

it('cannot be read while its key is disabled, but others can', async () => {
  const { keyId } = await home.keys.createKey({ owner: 'customer' });
  const [one, two] = [await makeProject(home, 'One', keyId), await makeProject(home, 'Two')];
  await home.keys.disableKey(keyId);
  await expect(home.projects.read(one.projectId)).rejects.toMatchObject({ code: 'KEY_DISABLED' });
  await expect(home.projects.find('One')).rejects.toMatchObject({ code: 'KEY_DISABLED' });
  expect(await home.projects.find('Two')).toEqual(two);
  expect(await home.projects.reference(one.projectId)).toEqual({ projectId: one.projectId, keyId: one.keyId, customerId: one.customerId });
});

it('is found by its name although the file of another was altered, and a name that may be the other’s is not taken', async () => {
  const [one, two] = [await makeProject(home, 'One'), await makeProject(home, 'Two')];
  await writeFile(pathOf(one.projectId), 'garbage');
  expect(await home.projects.find('Two')).toEqual(two);
  await expect(home.projects.find('One')).rejects.toMatchObject({ code: 'PROJECT_DAMAGED' });
  await expect(makeProject(home, 'One')).rejects.toMatchObject({ code: 'PROJECT_DAMAGED' });
});

it('is never read altered: each flipped byte and each length is an error', async () => {
  const { projectId } = await makeProject(home, 'Mill');
  const bytes = await readFile(pathOf(projectId));
  for (let at = 0; at < bytes.length; at++) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 1 << at % 8;
    await writeFile(pathOf(projectId), altered);
    const error: unknown = await home.projects.read(projectId).catch((cause: unknown) => cause);
    expect(error instanceof ProjectError || error instanceof KeyError, `byte ${at}: ${String(error)}`).toBe(true);
  }
  for (let length = 0; length < bytes.length; length++) {
    await writeFile(pathOf(projectId), bytes.subarray(0, length));
    await expect(home.projects.read(projectId), `length ${length}`).rejects.toMatchObject({ code: 'PROJECT_DAMAGED' });
  }
});

it('of version 1 is read, and written anew with a grant on its key, which stays revoked when it is revoked', async () => {
  const { keyId, arn } = await home.keys.createKey({ owner: 'customer' });
  const projectId = 'p-0123456789abcdef';
  const granted = await home.keys.grant(keyId, projectId);
  const { plaintext, wrapped } = await home.keys.generateDataKey(keyId, { 'thrum:purpose': 'project', 'thrum:project': projectId });
  await home.keys.retire(granted); // there was none then
  const header = Buffer.concat([Buffer.from('THRUMPRJ'), Buffer.from([1, wrapped.length & 0xff, wrapped.length >> 8]), wrapped]);
  const json = Buffer.from(JSON.stringify({ name: 'Old mill', createdMs: NOW_MS, encryption: 'custom' }));
  await makeProject(home, 'Another'); // makes the folder
  await writeFile(pathOf(projectId), Buffer.concat([header, sealOnce(deriveKey(plaintext, Buffer.from('THRUMPRJ'), 'thrum project v1'), header, json)]));
  const customerId = arn.split(':')[4];
  expect(await home.projects.reference(projectId)).toEqual({ projectId, keyId });
  expect(await home.projects.find('Old mill')).toEqual({ projectId, keyId, customerId, name: 'Old mill', createdMs: NOW_MS, encryption: 'custom' });
  expect((await readFile(pathOf(projectId)))[8]).toBe(2);
  await home.projects.retireGrant(projectId);
  await expect(home.projects.read(projectId)).rejects.toMatchObject({ code: 'KEY_DENIED' });
});

it('does not pass for another project of the same key', async () => {
  const key = await home.keys.createKey({ owner: 'customer' });
  const [one, two] = [await makeProject(home, 'One', key.keyId), await makeProject(home, 'Two', key.keyId)];
  await copyFile(pathOf(one.projectId), pathOf(two.projectId));
  await expect(home.projects.read(two.projectId)).rejects.toMatchObject({ code: 'PROJECT_DAMAGED' });
});

describe('a project that moves to other keys', () => {
  const grantsOn = async (keyId: string): Promise<string[]> => ((await home.keys.store.read()).keys.find((key) => key.keyId === keyId)!.grants ?? []).map(({ grantId }) => grantId);
  const newKey = async (): Promise<string> => (await home.keys.createKey({ owner: 'customer' })).keyId;

  it('keeps the grants on those before until nothing needs them, and says which; whoever reads it sees none of that', async () => {
    const [a, b, c] = [await newKey(), await newKey(), await newKey()];
    const { projectId } = await makeProject(home, 'Mill', a);
    const moved = await home.projects.moveTo(projectId, b);
    await home.projects.moveTo(projectId, c);
    expect((await home.projects.formerGrants(projectId)).map(({ keyArn }) => keyArn.split('/')[1])).toEqual([a, b]);
    expect(await home.projects.read(projectId)).toEqual({ ...moved, keyId: c });
    expect(await home.projects.retireFormerGrants(projectId, new Set([a, c]))).toMatchObject([{ keyArn: expect.stringContaining(b) as string }]);
    expect([await grantsOn(a), await grantsOn(b), await grantsOn(c)].map((some) => some.length)).toEqual([1, 0, 1]);
    expect(await home.projects.retireFormerGrants(projectId, new Set([c]))).toHaveLength(1);
    expect(await home.projects.retireFormerGrants(projectId, new Set())).toEqual([]);
    expect([await grantsOn(a), await grantsOn(c)].map((some) => some.length)).toEqual([0, 1]);
    expect(await home.projects.read(projectId)).toEqual({ ...moved, keyId: c });
  });

  it('and back keeps the grant that it has there', async () => {
    const [a, b] = [await newKey(), await newKey()];
    const { projectId } = await makeProject(home, 'Mill', a);
    const [first] = await grantsOn(a);
    await home.projects.moveTo(projectId, b);
    await home.projects.moveTo(projectId, a);
    await home.projects.moveTo(projectId, a);
    expect((await home.projects.formerGrants(projectId)).map(({ keyArn }) => keyArn.split('/')[1])).toEqual([b]);
    await home.projects.retireFormerGrants(projectId, new Set([a]));
    expect([await grantsOn(a), await grantsOn(b)]).toEqual([[first], []]);
    expect(await home.projects.find('Mill')).toMatchObject({ keyId: a });
  });

  it('gives up a grant that was given up before it could be written down, and one whose key is disabled or was revoked', async () => {
    const [a, b] = [await newKey(), await newKey()];
    const { projectId } = await makeProject(home, 'Mill', a);
    await home.projects.moveTo(projectId, b);
    const [former] = await home.projects.formerGrants(projectId);
    await home.keys.retire(former!);
    await home.keys.disableKey(a);
    expect(await home.projects.retireFormerGrants(projectId, new Set())).toEqual([former]);
    expect(await home.projects.formerGrants(projectId)).toEqual([]);
  });

  it('and is destroyed leaves no grant', async () => {
    const [a, b] = [await newKey(), await newKey()];
    const { projectId } = await makeProject(home, 'Mill', a);
    await home.projects.moveTo(projectId, b);
    await home.projects.destroy(projectId);
    expect([await grantsOn(a), await grantsOn(b)]).toEqual([[], []]);
  });

  it('is under so many keys at once and no more', async () => {
    const { projectId } = await makeProject(home, 'Mill', await newKey());
    for (let n = 0; n < MAX_FORMER_GRANTS; n++) await home.projects.moveTo(projectId, await newKey());
    const last = await newKey();
    await expect(home.projects.moveTo(projectId, last)).rejects.toMatchObject({ code: 'KEY_BAD_REQUEST', message: expect.stringContaining('store rewrap') as string });
    expect(await grantsOn(last)).toEqual([]);
    await home.projects.retireFormerGrants(projectId, new Set());
    expect(await home.projects.moveTo(projectId, last)).toMatchObject({ keyId: last });
  });
});
