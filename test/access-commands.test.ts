/** `thrum access`, commands that act for a principal, and `thrum keys serve`, as users type them. */
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { now } from '../cli/clock.ts';
import { makeFolder, start, thrum, type Result } from './cli.ts';

// Each test types several commands, and a busy machine takes seconds for each.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let home: string;
let keyId: string;

beforeAll(async () => {
  folder = await makeFolder();
  home = join(folder, 'home');
  keyId = (JSON.parse((await thrum(['keys', 'create', '--home', home, '--alias', 'alias/plant-7', '--json'])).stdout) as { keyId: string }).keyId;
  for (const name of ['Mill', 'Saw']) await thrum(['project', 'create', name, '--home', home]);
  for (const name of ['ana', 'bob', 'eve', 'kim']) await run('access', 'principal', 'create', name);
  await run('access', 'policy', 'attach', 'ana', 'data-reader');
  await run('access', 'policy', 'attach', 'kim', 'key-administrator');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (...args: string[]): Promise<Result> => thrum([...args, '--home', home]);
const as = (principal: string, args: readonly string[], env: Record<string, string> = {}): Promise<Result> => thrum([...args, '--home', home], { env: { THRUM_PRINCIPAL: principal, ...env } });
const json = (result: Result): unknown => JSON.parse(result.stdout);

describe('a command that acts for a principal', () => {
  it('does what its policies allow, and nothing else, and says what is missing', async () => {
    expect((await as('ana', ['store', 'read'])).exitCode).toBe(0);
    expect((await run('store', 'read', '--as', 'ana')).exitCode).toBe(0);
    const denied = await as('ana', ['store', 'verify']);
    expect(denied).toMatchObject({ exitCode: 3, stdout: '' });
    expect(denied.stderr).toBe('thrum: principal ana may not do thrum:VerifyData on arn:thrum:store:::project/*: no policy allows it\n');
    for (const args of [['store', 'read'], ['project', 'list'], ['keys', 'list'], ['keys', 'disable', 'alias/plant-7'], ['access', 'principal', 'list'], ['certs', 'init'], ['broker']]) {
      expect((await as('bob', args)).exitCode, args.join(' ')).toBe(3);
    }
    expect((await run('keys', 'describe', keyId)).stdout).toMatch(/state +Enabled/);
  });

  it('may remove data, or issue an identity, by an option of another command only where it may do that', async () => {
    await run('access', 'principal', 'create', 'dan');
    const may = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['thrum:WriteData', 'thrum:CreateProject', 'thrum:ServeKeys'], Resource: '*' }] };
    await writeFile(join(folder, 'dan.json'), JSON.stringify(may));
    await run('access', 'policy', 'attach', 'dan', 'serve', '--file', join(folder, 'dan.json'));
    expect(await as('dan', ['keys', 'serve', '--tls', '--port', '0'])).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('thrum:ManageIdentities') as unknown });
    await run('access', 'policy', 'detach', 'dan', 'serve');
    may.Statement[0]!.Action.push('thrum:ManageIdentities');
    await writeFile(join(folder, 'dan.json'), JSON.stringify(may));
    await run('access', 'policy', 'attach', 'dan', 'serve', '--file', join(folder, 'dan.json'));
    for (const option of [['--retain-for', '1s'], ['--retain-bytes', '1MiB']]) {
      expect(await as('dan', ['broker', '--port', '0', ...option])).toMatchObject({ exitCode: 3, stdout: '', stderr: expect.stringContaining('thrum:ShredData') as unknown });
    }
  });

  it('over all projects needs each of them', async () => {
    const [mill] = json(await run('project', 'list', '--json')) as { projectId: string; name: string }[];
    const not = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'thrum:*', Resource: '*' }, { Sid: 'NotThis', Effect: 'Deny', Action: '*', Resource: `arn:thrum:store:::project/${mill!.projectId}` }] };
    await writeFile(join(folder, 'not.json'), JSON.stringify(not));
    expect((await run('access', 'policy', 'attach', 'eve', 'not-mill', '--file', join(folder, 'not.json'))).exitCode).toBe(0);
    const all = await as('eve', ['store', 'read']);
    expect([all.exitCode, all.stderr]).toEqual([3, expect.stringContaining("statement 'NotThis' of policy not-mill denies it")]);
    const other = mill!.name === 'Mill' ? 'Saw' : 'Mill';
    expect((await as('eve', ['store', 'read', '--project', other])).exitCode).toBe(0);
    expect((await as('eve', ['store', 'read', '--project', mill!.name])).exitCode).toBe(3);
  });

  it('that is not there, or has a policy that is not understood, does nothing', async () => {
    expect(await as('zoe', ['store', 'read'])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("no principal 'zoe'") as unknown });
    await writeFile(join(folder, 'bad.json'), '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*"}]}');
    const bad = await run('access', 'policy', 'attach', 'bob', 'bad', '--file', join(folder, 'bad.json'));
    expect([bad.exitCode, bad.stderr]).toEqual([2, `thrum: ${join(folder, 'bad.json')}: not a policy: Statement[0].Resource: a statement has either Resource or NotResource\n`]);
  });

  it('needs the second factor where its policy asks for it, and a code does it once', async () => {
    const disable = ['keys', 'disable', 'alias/plant-7'];
    expect((await as('kim', disable)).stderr).toContain('kms:DisableKey on resource: arn:aws:kms:us-east-1:');
    const { uri } = json(await run('access', 'mfa', 'enable', 'kim', '--json')) as { uri: string };
    const none = await as('kim', disable);
    expect([none.exitCode, none.stderr]).toEqual([3, expect.stringContaining('THRUM_MFA_CODE')]);
    expect((await as('kim', disable, { THRUM_MFA_CODE: '000000' })).stderr).toContain('the code is wrong');
    const code = codeOf(uri);
    expect(await as('kim', disable, { THRUM_MFA_CODE: code })).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('is disabled') as unknown });
    expect((await as('kim', disable, { THRUM_MFA_CODE: code })).exitCode).toBe(3);
    expect((await as('kim', ['keys', 'enable', 'alias/plant-7'])).exitCode).toBe(0);
  });

  it('needs no permission for what touches no home', async () => {
    expect((await as('bob', ['load', '--list'])).stderr).not.toContain('may not');
    expect((await as('nobody', ['frame', 'inspect', join(folder, 'none')])).stderr).not.toContain('principal');
  });
});

/** The code that an authenticator app would show now. */
function codeOf(uri: string): string {
  const secret = Array.from(new URL(uri).searchParams.get('secret')!, (one) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(one).toString(2).padStart(5, '0')).join('');
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now() / 30_000)));
  const digest = createHmac('sha1', Buffer.from(secret.match(/.{8}/g)!.map((bits) => parseInt(bits, 2)))).update(counter).digest();
  return String((digest.readUInt32BE(digest[19]! & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

describe('keys that a principal makes and looks at', () => {
  interface Told { readonly eventName: string; readonly errorCode?: string; readonly userIdentity: { readonly arn: string } }
  /** Who did what, and with which outcome, in the order of the trail. */
  const trail = async (event: string): Promise<string[]> =>
    (await run('audit', 'show', '--event', event, '--json')).stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Told)
      .map(({ userIdentity, errorCode = 'done' }) => `${userIdentity.arn.split(':').at(-1)!} ${errorCode}`);
  const keyIds = async (): Promise<string[]> => (json(await run('keys', 'list', '--json')) as { keyId: string }[]).map((key) => key.keyId);

  it('are theirs in the audit trail, and their policies decide before anything is made', async () => {
    await run('access', 'principal', 'create', 'mel');
    const maker = [
      { Effect: 'Allow', Action: ['kms:CreateKey', 'kms:CreateAlias', 'kms:ListKeys', 'kms:ListAliases'], Resource: '*' },
      { Sid: 'NotProduction', Effect: 'Deny', Action: 'kms:CreateAlias', Resource: 'arn:aws:kms:*:alias/production/*' },
    ];
    await writeFile(join(folder, 'maker.json'), JSON.stringify({ Version: '2012-10-17', Statement: maker }));
    await run('access', 'policy', 'attach', 'mel', 'maker', '--file', join(folder, 'maker.json'));
    const before = await keyIds();
    const denied = await as('mel', ['keys', 'create', '--alias', 'alias/production/1']);
    expect([denied.exitCode, denied.stderr]).toEqual([3, expect.stringContaining("statement 'NotProduction' of policy maker denies it")]);
    expect((await as('mel', ['keys', 'create', '--alias', 'alias/plant-7'])).exitCode).toBe(2);
    expect((await as('bob', ['keys', 'create'])).exitCode).toBe(3);
    expect(await keyIds()).toEqual(before);
    const made = json(await as('mel', ['keys', 'create', '--alias', 'alias/mel', '--json'])) as { keyId: string };
    expect((await trail('CreateKey')).slice(-2)).toEqual(['user/bob AccessDeniedException', 'user/mel done']);
    expect((await trail('CreateAlias')).slice(-2)).toEqual(['user/mel AccessDenied', 'user/mel done']);
    expect(await trail('CreateKey')).toContain('root done');
    expect(json(await as('mel', ['keys', 'list', '--json']))).toContainEqual({ keyId: made.keyId, arn: expect.stringContaining(made.keyId) as string, aliases: ['alias/mel'] });
    expect((await trail('ListKeys')).at(-1)).toBe('user/mel done');
    expect((await as('mel', ['keys', 'describe', 'alias/mel'])).exitCode).toBe(3);
    expect((await trail('DescribeKey')).at(-1)).toBe('user/mel AccessDeniedException');
  });

  it('are shown as far as their policies go, and let projects be made', async () => {
    for (const name of ['con', 'mak']) await run('access', 'principal', 'create', name);
    await run('access', 'policy', 'attach', 'con', 'console');
    const shown = json(await as('con', ['keys', 'describe', 'alias/plant-7', '--json']));
    expect(shown).toMatchObject({ keyId, state: 'Enabled', aliases: ['alias/plant-7'] });
    expect(Object.keys(shown as object)).not.toContain('rotation');
    expect(Object.keys(shown as object)).not.toContain('tags');
    expect((await as('con', ['keys', 'describe', 'alias/plant-7'])).stdout).toMatch(/tags +not to be seen by you\nrotation +not to be seen by you/);
    expect(json(await run('keys', 'describe', 'alias/plant-7', '--json'))).toMatchObject({ tags: [], rotation: null });
    expect((await as('con', ['project', 'create', 'Sieve', '--key', 'alias/plant-7'])).exitCode).toBe(0);
    for (const event of ['CreateGrant', 'CreateProject']) expect((await trail(event)).at(-1), event).toBe('user/con done');
    const only = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'thrum:CreateProject', Resource: '*' } };
    await writeFile(join(folder, 'only.json'), JSON.stringify(only));
    await run('access', 'policy', 'attach', 'mak', 'only', '--file', join(folder, 'only.json'));
    const refused = await as('mak', ['project', 'create', 'Drum', '--key', 'alias/plant-7']);
    expect([refused.exitCode, refused.stderr]).toEqual([3, expect.stringContaining('kms:ListKeys')]);
    expect((await as('mak', ['project', 'create', 'Drum'])).exitCode).toBe(0); // under the service's key, which is the service's to use
    expect((await trail('CreateProject')).slice(-2)).toEqual(['user/mak ACCESS_DENIED', 'user/mak done']);
  });

  it('are not those of the service, of which a principal is told nothing', async () => {
    const [{ keyId: service }] = (json(await run('project', 'list', '--json')) as [{ keyId: string }]).filter((one) => one.keyId !== keyId) as [{ keyId: string }];
    expect((await as('con', ['keys', 'describe', service])).exitCode).toBe(3);
    expect((await run('keys', 'describe', service)).stdout).toMatch(/owner +service/);
  });
});

describe('simulate', () => {
  const simulate = (...args: string[]): Promise<Result> => run('access', 'simulate', ...args);

  it('names the statement that allows or denies, and tells by its exit code', async () => {
    const question = ['--principal', 'kim', '--action', 'kms:DisableKey', '--resource', 'alias/plant-7'];
    const denied = await simulate(...question, '--json');
    expect([denied.exitCode, json(denied)]).toMatchObject([1, { allowed: false, reason: 'explicitDeny', decidedBy: { policy: 'key-administrator', sid: 'DenyWithoutSecondFactor', index: 1 } }]);
    const allowed = await simulate(...question, '--context', 'aws:MultiFactorAuthPresent=true');
    expect([allowed.exitCode, allowed.stdout]).toEqual([0, expect.stringContaining("because  statement 'Administer' of policy key-administrator allows it")]);
    expect(json(await simulate('--principal', 'bob', '--action', 'thrum:ReadData', '--resource', 'Mill', '--json'))).toMatchObject({ allowed: false, reason: 'implicitDeny', decidedBy: null });
  });

  it('asks the key’s policy too, and lets the root be asked about', async () => {
    expect((await simulate('--principal', 'root', '--action', 'kms:Decrypt', '--resource', keyId)).stdout).toContain("statement 'Enable IAM User Permissions' of policy key policy of");
    expect((await simulate('--principal', 'ana', '--action', 'kms:Decrypt', '--resource', keyId)).exitCode).toBe(1);
  });

  it.each([
    [['--principal', 'ana', '--action', 'Decrypt'], 'kms:Decrypt'],
    [['--principal', 'ana', '--action', 'kms:Decrypt', '--context', 'x'], 'KEY=VALUE'],
    [['--principal', 'ana', '--action', 'kms:Decrypt', '--resource', 'alias/none'], 'no key alias/none'],
    [['--action', 'kms:Decrypt'], '--principal'],
  ])('refuses %j in one line', async (args, what) => {
    const { exitCode, stderr } = await simulate(...args);
    expect([exitCode, stderr.trim().split('\n').length]).toEqual([2, 1]);
    expect(stderr).toContain(what);
  });
});

it('what is refused, and who changed what of whom, is in the audit trail', async () => {
  const { stdout } = await run('audit', 'show', '--json');
  const records = stdout.trim().split('\n').map((line) => JSON.parse(line) as { eventName: string; errorCode?: string; userIdentity: { arn: string } });
  expect(records).toContainEqual(expect.objectContaining({ eventName: 'VerifyData', errorCode: 'AccessDenied', userIdentity: expect.objectContaining({ arn: expect.stringMatching(/user\/ana$/) as unknown }) as unknown }));
  expect(records).toContainEqual(expect.objectContaining({ eventName: 'DisableKey', userIdentity: expect.objectContaining({ arn: expect.stringMatching(/user\/kim$/) as unknown }) as unknown }));
  expect(records).toContainEqual(expect.objectContaining({ eventName: 'AttachUserPolicy', userIdentity: expect.objectContaining({ arn: expect.stringMatching(/:root$/) as unknown }) as unknown }));
});

it('a secret is shown when it is made, and by no other command', async () => {
  const { accessKeyId, secretAccessKey } = json(await run('access', 'access-key', 'create', 'bob', '--json')) as Record<string, string>;
  const shown = await Promise.all([run('access', 'access-key', 'list', 'bob', '--json'), run('access', 'principal', 'list', '--json')]);
  expect(shown[0].stdout).toContain(accessKeyId);
  for (const { stdout, stderr } of shown) expect(stdout + stderr).not.toContain(secretAccessKey);
  expect((await run('access', 'access-key', 'remove', 'bob', accessKeyId!)).exitCode).toBe(0);
  expect((await readFile(join(home, 'access', 'principals'))).includes(accessKeyId!)).toBe(false);
});

it('keys are served until it is told to stop, over HTTPS too, with the policies as they are at each call', async () => {
  const { accessKeyId, secretAccessKey } = json(await run('access', 'access-key', 'create', 'kim', '--json')) as Record<string, string>;
  const served = start(['keys', 'serve', '--home', home, '--port', '0', '--tls', '--json']);
  const { url, region } = JSON.parse(await served.firstLine) as { url: string; region: string };
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  const ca = await readFile(join(home, 'certs', 'ca', 'cert.pem'), 'utf8');
  const kms = new KMSClient({ endpoint: url, region, credentials: { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! }, maxAttempts: 1, requestHandler: { httpsAgent: { ca } } });
  expect((await kms.send(new ListKeysCommand({}))).Keys).toContainEqual(expect.objectContaining({ KeyId: keyId }));
  await run('access', 'policy', 'detach', 'kim', 'key-administrator');
  await expect(kms.send(new ListKeysCommand({}))).rejects.toThrow(/not authorized/);
  kms.destroy();
  served.child.kill('SIGTERM');
  await once(served.child, 'close');
  expect(await served.exited).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('"stopped"') as unknown });
});
