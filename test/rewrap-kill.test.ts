/** A project that moves to another key, by a command that is killed at each change of a file: the old key stays usable as long as it is needed, and no longer. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { thrum, withFolder, type Result } from './cli.ts';

const FLEET = ['--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--quiet'];
const KILLER = `--import ${new URL('./kill-at-rename.js', import.meta.url).href}`;

interface Stats {
  readonly keys: readonly { readonly keyId: string }[];
  readonly projectKeyId: string;
  readonly placesKeyId: string;
}

it('is read as before and moved by the same command again, whenever it was killed; then the grant on the old key is gone, on record', { timeout: 400_000 }, async () => {
  await withFolder(async (folder) => {
    const pristine = join(folder, 'pristine');
    const at = (home: string, env = {}) => (...args: string[]): Promise<Result> => thrum([...args, '--home', home], { env });
    const first = at(pristine);
    for (const alias of ['alias/old', 'alias/new']) expect(await first('keys', 'create', '--alias', alias)).toMatchObject({ exitCode: 0 });
    const { keyId } = JSON.parse((await first('keys', 'describe', 'alias/new', '--json')).stdout) as { keyId: string };
    expect(await first('project', 'create', 'demo', '--key', 'alias/old')).toMatchObject({ exitCode: 0 });
    for (let n = 0; n < 2; n++) expect(await first('run', '--project', 'demo', '--duration', '1s', ...FLEET)).toMatchObject({ exitCode: 0 });
    const stored = (await first('store', 'read', '--json')).stdout;
    let kills = 0;
    for (let isKilled = true; isKilled; kills++) {
      const home = join(folder, `home ${kills}`);
      await cp(pristine, home, { recursive: true });
      const run = at(home);
      const rewrap = ['store', 'rewrap', '--project', 'demo', '--key', 'alias/new'];
      isKilled = (await at(home, { NODE_OPTIONS: KILLER, THRUM_KILL_AT: String(kills) })(...rewrap)).exitCode !== 0;
      expect((await run('store', 'read', '--json')).stdout, `killed at ${kills}`).toBe(stored);
      if (isKilled) expect(await run(...rewrap), `killed at ${kills}`).toMatchObject({ exitCode: 0 });
      const [stats] = JSON.parse((await run('store', 'stats', '--json')).stdout) as [Stats];
      expect([...stats.keys.map((one) => one.keyId), stats.projectKeyId, stats.placesKeyId], `killed at ${kills}`).toEqual([keyId, keyId, keyId]);
      const grants = await Promise.all(['alias/old', 'alias/new'].map(async (alias) => JSON.parse((await run('keys', 'grant', 'list', alias, '--json')).stdout) as object[]));
      expect(grants.map((some) => some.length), `killed at ${kills}`).toEqual([0, 1]);
      expect((await run('store', 'read', '--json')).stdout).toBe(stored);
      if (!isKilled) expect((await run('audit', 'show', '--event', 'Retire*Grant*')).stdout).toMatch(/ RetireGrant .*\n.* RetireFormerGrants /); // the trail of one that is killed may end before
    }
    // The grant made, the file of the project, its places, two segments, the grant given up, the file again.
    expect(kills).toBeGreaterThan(7);
  });
});
