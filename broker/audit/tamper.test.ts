/** Whatever is done to the trail's files shows, naming the file and, where it is one, the record. */
import { copyFile, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { contentsOf, eventOf, rollOver, trailIn, withHome } from './audit.fixture.ts';
import { RECORD_HEADER_BYTES } from './trail-format.ts';
import type { TrailPosition } from './trail-format.ts';

async function write(root: string, ...numbers: number[]): Promise<TrailPosition> {
  const trail = trailIn(root);
  for (const number of numbers) trail.record(eventOf(number));
  await trail.close();
  return (await trail.head()) as TrailPosition;
}

async function files(root: string): Promise<string[]> {
  return (await readdir(join(root, 'audit'))).filter((name) => name !== 'lock').sort().map((name) => join(root, 'audit', name));
}

const faultsOf = async (root: string): Promise<string[]> => (await contentsOf(trailIn(root))).faults.map(({ what }) => what);

it('finds every flipped byte of a small trail', { timeout: 60_000 }, async () => {
  await withHome(async (root) => {
    await write(root, 1, 2, 3);
    let flips = 0;
    for (const path of await files(root)) {
      const original = await readFile(path);
      for (let at = 0; at < original.length; at++) {
        const altered = Buffer.from(original);
        altered[at]! ^= 1 << (at % 8);
        await writeFile(path, altered);
        expect(await faultsOf(root), `${path} byte ${at}`).not.toEqual([]);
        flips += 1;
      }
      await writeFile(path, original);
    }
    expect(flips).toBeGreaterThan(1500);
    expect(await faultsOf(root)).toEqual([]);
  });
});

it('finds a record that was removed, moved or doubled, and names it', async () => {
  await withHome(async (root) => {
    await write(root, 1, 2, 3, 4);
    const [path] = await files(root);
    const bytes = await readFile(path!);
    const cuts = [152];
    while (cuts.at(-1)! < bytes.length) cuts.push(cuts.at(-1)! + RECORD_HEADER_BYTES + bytes.readUInt32LE(cuts.at(-1)));
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => bytes.subarray(cuts[i], cuts[i + 1])) as [Buffer, Buffer, Buffer, Buffer];
    const head = bytes.subarray(0, 152);
    for (const [wrong, record] of [[[a, c, d], 1], [[a, c, b, d], 1], [[a, b, b, c, d], 2], [[b, c, d], 0], [[a, b, c], 3], [[a, b, c, d, d], 4]] as const) {
      await writeFile(path!, Buffer.concat([head, ...wrong]));
      const faults = await faultsOf(root);
      if (record === 4) continue; // past the head nothing was answered for: it is cut off by the next writer
      expect(faults.some((what) => what.startsWith(`${path!}, record ${record}:`)), faults.join('; ')).toBe(true);
    }
  });
});

it('finds that its end was cut off, also after more was written', async () => {
  await withHome(async (root) => {
    await write(root, 1, 2, 3);
    const [path] = await files(root);
    await truncate(path!, 152 + 20);
    expect(await faultsOf(root)).toEqual([expect.stringContaining('the trail does not lead to record 3')]);
    await write(root, 4);
    const { names, faults } = await contentsOf(trailIn(root));
    expect(names).toEqual(['AuditTrailDamaged', 'Event4']);
    expect(faults.map(({ what }) => what)).toEqual([expect.stringContaining('it does not continue the file before it, which had 3 records when this one began and has 0 now')]);
  });
});

it('finds files that are missing, older, or renamed, and a head that is missing or older', { timeout: 60_000 }, async () => {
  await withHome(async (root) => {
    await write(root, 1);
    const [first, head] = (await files(root)) as [string, string];
    const early = await readFile(first);
    await copyFile(head, join(root, 'old-head'));
    await rollOver(root);
    await write(root, 2);
    const [, second] = (await files(root)) as [string, string];
    expect(await faultsOf(root)).toEqual([]);

    await rename(second, join(root, 'kept'));
    expect(await faultsOf(root)).toEqual([expect.stringMatching(/the trail does not lead to record \d+/)]);
    await rename(join(root, 'kept'), second.replace('000002', '000003'));
    expect((await faultsOf(root)).join()).toContain('file 2 of the trail is missing before it');
    await rename(second.replace('000002', '000003'), second);

    await rename(first, join(root, 'kept'));
    expect((await faultsOf(root)).join()).toContain('file 1 of the trail is missing before it');
    await writeFile(first, early);
    expect((await faultsOf(root)).join()).toContain('it does not continue the file before it');
    await rename(join(root, 'kept'), first);

    const newest = await readFile(head);
    await rm(head);
    expect(await faultsOf(root)).toEqual([expect.stringContaining('the head is missing')]);
    await writeFile(head, newest);
    expect(await faultsOf(root)).toEqual([]);
  });
});

it('finds, by a position that was kept elsewhere, that the whole trail is an older copy, or another', async () => {
  await withHome(async (root) => {
    await write(root, 1);
    const old = new Map(await Promise.all((await files(root)).map(async (path) => [path, await readFile(path)] as const)));
    const kept = await write(root, 2);
    const witness = { position: kept, path: 'kept.json' };
    expect((await contentsOf(trailIn(root), [witness])).faults).toEqual([]);
    for (const [path, bytes] of old) await writeFile(path, bytes);
    expect(await faultsOf(root)).toEqual([]); // nothing in one home can tell
    expect((await contentsOf(trailIn(root), [witness])).faults).toEqual([expect.objectContaining({ what: expect.stringContaining('which kept.json knows') as string })]);
    await write(root, 3);
    expect((await contentsOf(trailIn(root), [witness])).faults).toHaveLength(1);
  });
});

it('refuses the files of another home', async () => {
  await withHome(async (root) => {
    await write(root, 1);
    await withHome(async (other) => {
      await write(other, 1);
      const [path] = await files(other);
      await copyFile(path!, (await files(root))[0]!);
      expect(await faultsOf(root)).not.toEqual([]);
    });
  });
});
