/** Old files of the trail go for their age or its size, and that is told from tampering. */
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { contentsOf, eventOf, NOW_MS, rollOver, trailIn, withHome } from './audit.fixture.ts';
import type { TrailPosition } from './trail-format.ts';
import { FILE_ROLL_BYTES } from './trail-writer.ts';

const DAY_MS = 86_400_000;
const WHO = 'arn:aws:iam::123456789012:root';

const files = async (root: string): Promise<string[]> => (await readdir(join(root, 'audit'))).filter((name) => name.endsWith('.audit')).sort().map((name) => join(root, 'audit', name));
const faultsOf = async (root: string, heads: TrailPosition[] = []): Promise<string[]> =>
  (await contentsOf(trailIn(root), heads.map((position) => ({ position, path: 'kept.json' })))).faults.map(({ what }) => what);

/** A trail of three closed files, each begun a day after the one before, and an open one; gives the heads at the end of each. */
async function fourFiles(root: string): Promise<TrailPosition[]> {
  const heads: TrailPosition[] = [];
  for (let day = 0; day < 3; day++) {
    await rollOver(root, { now: () => NOW_MS + day * DAY_MS });
    heads.push((await trailIn(root).head()) as TrailPosition);
  }
  const trail = trailIn(root, { now: () => NOW_MS + 3 * DAY_MS });
  trail.record(eventOf(9));
  await trail.close();
  heads.push((await trail.head()) as TrailPosition);
  return heads;
}

it('removes closed files that are old, or more than wanted, and says so in the trail before it does', { timeout: 60_000 }, async () => {
  await withHome(async (root) => {
    const heads = await fourFiles(root);
    const all = await files(root);
    expect(all).toHaveLength(4);
    const trail = trailIn(root, { now: () => NOW_MS + 4 * DAY_MS });
    expect(await trail.retain({ beforeMs: NOW_MS, bytesMax: 5 * FILE_ROLL_BYTES }, WHO)).toBeUndefined();
    const first = (await trail.retain({ beforeMs: NOW_MS + 1 }, WHO))!;
    expect(first).toMatchObject({ keptFrom: 2, recordsBefore: expect.any(Number) as number });
    expect(await files(root)).toEqual(all.slice(1));
    expect((await contentsOf(trail)).records).toHaveLength(heads[3]!.total + 1 - first.recordsBefore);
    const second = (await trail.retain({ bytesMax: 1 }, WHO))!;
    expect(second.keptFrom).toBe(4);
    expect(await files(root)).toEqual(all.slice(3));
    const { records, faults } = await contentsOf(trail);
    expect(faults).toEqual([]);
    expect(records).toHaveLength(heads[3]!.total + 2 - second.recordsBefore);
    expect(records.slice(-2).map(({ eventName, requestParameters, userIdentity }) => [eventName, requestParameters, userIdentity.arn])).toEqual([
      ['RemoveAuditFiles', { keptFrom: 2, recordsBefore: first.recordsBefore }, WHO], ['RemoveAuditFiles', { keptFrom: 4, recordsBefore: second.recordsBefore }, WHO],
    ]);
    expect(await faultsOf(root, heads)).toEqual([]); // what was kept of removed files can be compared no more, of others it must be there
    expect(await faultsOf(root, [{ ...heads[3]!, chain: '0'.repeat(64) }])).toHaveLength(1);
    expect(await faultsOf(root, [{ ...heads[3]!, ordinal: 0 }])).toHaveLength(1);
    expect(await trail.retain({ beforeMs: Infinity, bytesMax: 0 }, WHO)).toBeUndefined(); // the open file stays
    trail.record(eventOf(10));
    await trail.close();
    expect(await faultsOf(root)).toEqual([]);
  });
});

it('tells files that were removed from files that somebody took away', { timeout: 60_000 }, async () => {
  await withHome(async (root) => {
    await fourFiles(root);
    const all = await files(root);
    const aside = join(root, 'aside');
    await mkdir(aside);
    for (const [n, path] of all.entries()) await copyFile(path, join(aside, String(n)));
    await rm(all[0]!);
    expect(await faultsOf(root)).toEqual([expect.stringContaining('file 1 of the trail is missing before it, and no record says')]);
    await expect(trailIn(root).retain({ bytesMax: 1 }, WHO)).rejects.toMatchObject({ code: 'KEYSTORE_DAMAGED' });
    expect(await files(root)).toEqual(all.slice(1));

    await copyFile(join(aside, '0'), all[0]!);
    await trailIn(root).retain({ beforeMs: NOW_MS + 1 + DAY_MS }, WHO);
    expect(await faultsOf(root)).toEqual([]);
    await rm(all[2]!);
    expect((await faultsOf(root)).join()).toContain('file 3 of the trail is missing before it');
    await copyFile(join(aside, '2'), all[2]!);
    await copyFile(join(aside, '1'), all[1]!); // as if it was killed before it removed the second
    expect(await faultsOf(root)).toEqual([]);
  });
});
