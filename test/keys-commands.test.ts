/** `thrum keys` as its owner uses it: taking keys away for a while or for good, and what is told before it is too late. */
import { expect, it } from 'vitest';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { thrum, withFolder, type Result } from './cli.ts';

async function inHome(work: (keys: (...args: string[]) => Promise<Result>, json: (...args: string[]) => Promise<Record<string, never>>, home: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const home = join(folder, 'home');
    const keys = (...args: string[]): Promise<Result> => thrum(['keys', ...args, '--home', home]);
    const json = async (...args: string[]): Promise<Record<string, never>> => {
      const { exitCode, stdout, stderr } = await keys(...args, '--json');
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      return JSON.parse(stdout) as Record<string, never>;
    };
    expect(await keys('create', '--alias', 'alias/plant')).toMatchObject({ exitCode: 0 });
    await work(keys, json, home);
  });
}

it('names the projects under a key before it goes, keeps it on demand, and gives access again', { timeout: 120_000 }, async () => {
  await inHome(async (keys, json, home) => {
    const made = await thrum(['project', 'create', 'Plant 7', '--key', 'alias/plant', '--home', home, '--json']);
    const { projectId, keyId } = JSON.parse(made.stdout) as Record<string, string>;
    const { exitCode, stdout } = await keys('schedule-deletion', 'alias/plant', '--days', '7');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`on \\d{4}-\\d\\d-\\d\\d it is destroyed: .* never be read again\nunder it: Plant 7 \\(${projectId!}\\)\nuntil then 'thrum keys cancel-deletion ${keyId!}' keeps it\n$`));
    expect(await keys('list')).toMatchObject({ stdout: expect.stringMatching(/PendingDeletion until \d{4}-/) as string });
    expect(await thrum(['project', 'show', projectId!, '--home', home])).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('is pending deletion') as string });
    expect(await keys('enable', 'alias/plant')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is pending deletion.') as string });
    expect(await json('cancel-deletion', 'alias/plant')).toMatchObject({ keyId, state: 'Disabled', projects: [{ projectId }] });
    expect(await json('enable', 'alias/plant')).toMatchObject({ state: 'Enabled', projects: [{ projectId, name: 'Plant 7' }] });
    await json('rotate', 'alias/plant');
    expect(await thrum(['project', 'show', projectId!, '--home', home])).toMatchObject({ exitCode: 0 }); // what the old material wrapped
  });
});

it('leaves the service’s own key to the service', { timeout: 60_000 }, async () => {
  await inHome(async (keys, json, home) => {
    const { keyId } = JSON.parse((await thrum(['project', 'create', 'Plant 8', '--home', home, '--json'])).stdout) as Record<string, string>;
    for (const command of [['disable', keyId!], ['schedule-deletion', keyId!], ['alias', 'add', 'alias/x', keyId!], ['tag', keyId!, 'a=b']]) {
      expect(await keys(...command)).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringMatching(/^thrum: key .* is the service's own.*\n$/) as string });
    }
    expect(await json('list')).toMatchObject([{ aliases: ['alias/plant'] }]);
    expect(await json('describe', keyId!)).toMatchObject({ owner: 'service', state: 'Enabled' });
  });
});

it('shows what was written on a key: aliases, tags, rotation, policy, grants', { timeout: 120_000 }, async () => {
  await inHome(async (keys, json, home) => {
    const steps = [['alias', 'add', 'alias/second', 'alias/plant'], ['tag', 'alias/plant', 'site=north', '__proto__=x=y'], ['rotation', 'enable', 'alias/plant', '--days', '90'], ['untag', 'alias/plant', 'site']];
    for (const step of steps) expect(await keys(...step), step.join(' ')).toMatchObject({ exitCode: 0 });
    expect(await json('describe', 'alias/second')).toMatchObject({ aliases: ['alias/plant', 'alias/second'], tags: [['__proto__', 'x=y']], rotation: { periodDays: 90 }, projects: [] });
    const { grantId } = await json('grant', 'create', 'alias/plant', '--grantee', 'user/ann', '--operations', 'Decrypt,Encrypt', '--context', 'thrum:project=p-1');
    expect(await json('grant', 'list', 'alias/plant')).toMatchObject([{ grantId, grantee: expect.stringMatching(/^arn:aws:iam::\d{12}:user\/ann$/) as string, operations: ['Decrypt', 'Encrypt'], context: { 'thrum:project': 'p-1' } }]);
    await json('grant', 'revoke', 'alias/plant', grantId!);
    expect(await json('grant', 'list', 'alias/plant')).toEqual([]);
    const policy = (await keys('policy', 'get', 'alias/plant')).stdout;
    const file = join(home, '..', 'policy.json');
    await writeFile(file, policy.replace('kms:*', 'kms:List*'));
    expect(await keys('policy', 'put', 'alias/plant', file)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('will not allow you to update the key policy') as string });
    await writeFile(file, policy.replace('"Sid": "Enable IAM User Permissions"', '"Sid": "mine"'));
    expect(await keys('policy', 'put', 'alias/plant', file)).toMatchObject({ exitCode: 0 });
    expect((await keys('policy', 'get', 'alias/plant')).stdout).toContain('"mine"');
  });
});

it('loses nothing when several commands change the keys at once', { timeout: 120_000 }, async () => {
  await inHome(async (keys, json) => {
    const names = ['a', 'b', 'c', 'd'];
    const results = await Promise.all([...names.map((name) => keys('tag', 'alias/plant', `${name}=1`)), ...names.map((name) => keys('create', '--alias', `alias/${name}`))]);
    expect(results.map(({ exitCode }) => exitCode)).toEqual(results.map(() => 0));
    expect(await json('describe', 'alias/plant')).toMatchObject({ tags: names.map((name) => [name, '1']) });
    expect(await json('list')).toHaveLength(5);
  });
});
