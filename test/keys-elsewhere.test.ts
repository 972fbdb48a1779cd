/** A home whose projects are under keys of another home's `thrum keys serve`, as users and principals type it. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeFolder, start, thrum, type Result, type Running } from './cli.ts';

// Each test types several commands, and a busy machine takes seconds for each.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const FLEET = ['--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--quiet'];

let folder: string;
/** Where the keys are. */
let far: string;
let served: Running;
let url: string;
let grantee: string;
let env: Record<string, string>;

const inFar = (...args: string[]): Promise<Result> => thrum([...args, '--home', far]);
async function json<T>(command: Promise<Result>): Promise<T> {
  const result = await command;
  expect(result).toMatchObject({ exitCode: 0 });
  return JSON.parse(result.stdout) as T;
}

beforeAll(async () => {
  folder = await makeFolder();
  far = join(folder, 'far');
  for (const alias of ['alias/first', 'alias/second']) expect(await inFar('keys', 'create', '--alias', alias)).toMatchObject({ exitCode: 0 });
  await inFar('access', 'principal', 'create', 'broker');
  await inFar('access', 'policy', 'attach', 'broker', 'console');
  const { accessKeyId, secretAccessKey } = await json<Record<string, string>>(inFar('access', 'access-key', 'create', 'broker', '--json'));
  served = start(['keys', 'serve', '--home', far, '--port', '0', '--json']);
  url = (JSON.parse(await served.firstLine) as { url: string }).url;
  grantee = (await json<{ arn: string }[]>(inFar('access', 'principal', 'list', '--json')))[0]!.arn;
  env = { AWS_ACCESS_KEY_ID: accessKeyId!, AWS_SECRET_ACCESS_KEY: secretAccessKey!, NODE_NO_WARNINGS: '1' };
});
afterAll(async () => {
  served.child.kill('SIGTERM');
  await served.exited;
  await rm(folder, { recursive: true, force: true });
});

interface Home {
  /** A command in it, with the broker's credentials. */
  readonly run: (...args: string[]) => Promise<Result>;
  /** How many grants the broker has on a key of the KMS for its first project. */
  readonly grantsOn: (alias: string) => Promise<number>;
}

/** A home with one run of a project under `alias/first` of the KMS, of which it was told once. */
async function inHome(work: (home: Home) => Promise<void>): Promise<void> {
  const home = join(await makeFolder(), 'home');
  const run: Home['run'] = (...args) => thrum([...args, '--home', home], { env });
  try {
    const { projectId } = await json<{ projectId: string }>(run('project', 'create', 'demo', '--key', 'alias/first', '--kms-endpoint', url, '--kms-grantee', grantee, '--json'));
    expect(await run('run', '--project', 'demo', '--duration', '1s', ...FLEET)).toMatchObject({ exitCode: 0 });
    const grantsOn: Home['grantsOn'] = async (alias) => (await json<{ name: string }[]>(inFar('keys', 'grant', 'list', alias, '--json'))).filter(({ name }) => name === `thrum:${projectId}`).length;
    await work({ run, grantsOn });
  } finally {
    await rm(join(home, '..'), { recursive: true, force: true });
  }
}

const keysOf = async (run: Home['run']): Promise<object> => {
  const [{ keys, projectKeyId, placesKeyId }] = await json<[{ keys: { keyId: string }[]; projectKeyId: string; placesKeyId: string }]>(run('store', 'stats', '--json'));
  return { segments: keys.map(({ keyId }) => keyId), project: projectKeyId, places: placesKeyId };
};
const arnOf = async (alias: string): Promise<string> => (await json<{ arn: string }>(inFar('keys', 'describe', alias, '--json'))).arn;

describe('a principal of the home', () => {
  it('may with such projects what its own policies say, whatever the KMS allows', async () => {
    await inHome(async ({ run }) => {
      for (const [name, policy] of [['con', 'console'], ['rea', 'data-reader'], ['aud', 'auditor'], ['adm', 'data-administrator']] as const) {
        await run('access', 'principal', 'create', name);
        await run('access', 'policy', 'attach', name, policy);
      }
      expect(await run('project', 'create', 'Mill', '--key', 'alias/second', '--as', 'con')).toMatchObject({ exitCode: 0 });
      expect(await run('project', 'create', 'Saw', '--key', await arnOf('alias/second'), '--as', 'adm')).toMatchObject({ exitCode: 0 });
      expect(await run('store', 'read', '--project', 'demo', '--as', 'rea')).toMatchObject({ exitCode: 0, stderr: '' });
      expect(await run('store', 'verify', '--as', 'aud')).toMatchObject({ exitCode: 0 });
      expect((await json<{ name: string }[]>(run('project', 'list', '--as', 'con', '--json'))).map(({ name }) => name).sort()).toEqual(['Mill', 'Saw', 'demo']);
      expect(await run('store', 'rewrap', '--project', 'demo', '--key', 'alias/second', '--as', 'adm')).toMatchObject({ exitCode: 0 });
      const denied = await run('project', 'create', 'Sieve', '--key', 'alias/second', '--as', 'rea');
      expect([denied.exitCode, denied.stderr]).toEqual([3, expect.stringMatching(/^thrum: principal rea may not do thrum:CreateProject on .*\n$/)]);
      const made = (await run('audit', 'show', '--event', 'CreateProject', '--json')).stdout;
      expect(made).toMatch(/user\/con"/);
      expect(made).toMatch(/user\/adm"/);
    });
  });
});

describe('rewrap', () => {
  it.each([['its alias', (alias: string) => Promise.resolve(alias)], ['its id', async (alias: string) => (await arnOf(alias)).split('/')[1]!], ['its ARN', arnOf]])(
    'takes a key of the KMS by %s, and leaves no grant on the key before',
    async (_how, nameOf) => {
      await inHome(async ({ run, grantsOn }) => {
        const [first, second] = [await arnOf('alias/first'), await arnOf('alias/second')];
        const before = (await run('store', 'read', '--json')).stdout;
        expect(await run('store', 'rewrap', '--key', await nameOf('alias/second'))).toMatchObject({ exitCode: 0 });
        expect(await keysOf(run)).toEqual({ segments: [second], project: second, places: second });
        expect([await grantsOn('alias/first'), await grantsOn('alias/second')]).toEqual([0, 1]);
        expect((await run('store', 'read', '--json')).stdout).toBe(before);
        expect(await run('store', 'rewrap', '--key', 'alias/first', '--kms-endpoint', url)).toMatchObject({ exitCode: 0 });
        expect(await keysOf(run)).toEqual({ segments: [first], project: first, places: first });
        const retired = (await run('audit', 'show', '--event', 'RetireFormerGrants', '--json')).stdout.trim().split('\n').map((line) => JSON.parse(line) as { responseElements: { retired: { keyArn: string }[] } });
        expect(retired.map(({ responseElements }) => responseElements.retired.map(({ keyArn }) => keyArn))).toEqual([[first], [second]]);
      });
    },
  );

  it('names a key that the KMS does not have, and changes nothing', async () => {
    await inHome(async ({ run }) => {
      expect(await run('store', 'rewrap', '--key', 'alias/none')).toMatchObject({ exitCode: 2, stderr: 'thrum: the KMS has no key alias/none\n' });
      expect(await keysOf(run)).toMatchObject({ project: await arnOf('alias/first') });
    });
  });

  it('from the KMS to a key of the home moves the project and says that reencrypt does the rest; until then no grant goes', async () => {
    await inHome(async ({ run, grantsOn }) => {
      const { arn, keyId } = await json<{ arn: string; keyId: string }>(run('keys', 'create', '--alias', 'alias/here', '--json'));
      const first = await arnOf('alias/first');
      const before = (await run('store', 'read', '--json')).stdout;
      const refused = await run('store', 'rewrap', '--key', arn);
      expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining("'thrum store reencrypt'")]);
      expect(await keysOf(run)).toEqual({ segments: [first], project: keyId, places: keyId });
      expect((await run('store', 'read', '--json')).stdout).toBe(before);
      expect(await grantsOn('alias/first')).toBe(1);
      expect(await run('store', 'reencrypt')).toMatchObject({ exitCode: 0 });
      expect(await keysOf(run)).toEqual({ segments: [keyId], project: keyId, places: keyId });
      expect((await run('store', 'read', '--json')).stdout).toBe(before);
      expect(await grantsOn('alias/first')).toBe(0);
    });
  });
});
