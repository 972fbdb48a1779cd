/** The store of a real broker under faults: killed at each call of its disk, started twice, its folder made read-only, a file that cannot be read. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { start, thrum, withFolder, type Running } from './cli.ts';
import { expectAllStoredOnce, fleetHomeIn, fleetOf, stop, WAIT, waitUntilStored, type FleetHome } from './fleet-home.fixture.ts';
import { storedMessages } from './store-contents.ts';

const FLEET = fleetOf({ seed: 7, gateways: 1, sensors: 4, machines: 2 });
/** Mending takes 5 calls and one for each leftover, beginning a segment 17, the first records 3 and 2 each. */
const CALLS_FROM_THE_START = 22;
const CALLS_OF_THE_FIRST_RECORDS = 28;
const CALLS_OF_A_SEAL = 6;
const KILLER = { NODE_OPTIONS: `--import ${new URL('./kill-at-call.js', import.meta.url).href}` };

interface Place extends FleetHome {
  readonly gateway: readonly string[];
}

async function placeIn(folder: string): Promise<Place> {
  const place = await fleetHomeIn(folder, FLEET);
  return { ...place, gateway: place.gateways[0]! };
}

/** A broker that is up, and a gateway that had something stored at it. */
async function startBoth(place: Place): Promise<{ readonly broker: Running; readonly gateway: Running }> {
  const broker = start(place.broker);
  await broker.firstLine;
  const gateway = start(place.gateway);
  await waitUntilStored(place.home, 10);
  return { broker, gateway };
}

async function kill({ child, exited }: Running): Promise<void> {
  child.kill('SIGKILL');
  await exited;
}

async function folderOfProject({ home }: Place): Promise<string> {
  const [projectId] = (await readdir(join(home, 'store'))).filter((name) => name.startsWith('p-'));
  return join(home, 'store', projectId!);
}

async function newestSegment(place: Place): Promise<string> {
  const folder = await folderOfProject(place);
  return join(folder, (await readdir(folder)).filter((name) => name.endsWith('.seg')).sort().at(-1)!);
}

it('stores everything exactly once although the broker is killed at each call that it makes of the disk', { timeout: 400_000 }, async () => {
  await withFolder(async (folder) => {
    const place = await placeIn(folder);
    const first = await startBoth(place);
    await kill(first.gateway);
    await kill(first.broker);
    const killedAt = async (at: string, meanwhile: (broker: Running) => Promise<void>): Promise<void> => {
      const broker = start(place.broker, { ...KILLER, THRUM_KILL_AT: at });
      await meanwhile(broker);
      const { stderr } = await broker.exited;
      expect(broker.child.signalCode, `${at}: ${stderr}`).toBe('SIGKILL');
    };
    for (let call = 0; call < CALLS_FROM_THE_START; call++) await killedAt(`start:${call}`, () => Promise.resolve());
    // From here on publishes are needed. The gateway begins anew each time, as one that found nobody waits longer and longer.
    const withGateway = async (work: () => Promise<unknown>): Promise<void> => {
      const gateway = start(place.gateway);
      await work();
      await kill(gateway);
    };
    for (let call = CALLS_FROM_THE_START; call < CALLS_OF_THE_FIRST_RECORDS; call++) await killedAt(`start:${call}`, ({ exited }) => withGateway(() => exited));
    for (let call = 0; call < CALLS_OF_A_SEAL; call++) {
      const before = await newestSegment(place);
      await killedAt(`seal:${call}`, ({ child }) => withGateway(async () => {
        await vi.waitFor(async () => {
          const newest = await newestSegment(place);
          expect(newest).not.toBe(before);
          expect((await stat(newest)).size).toBeGreaterThan(2 ** 20); // its first record is being written: it has got its room
        }, WAIT);
        child.kill('SIGTERM');
      }));
    }
    const last = start(place.broker);
    const gateway = start(place.gateway);
    await gateway.firstLine;
    await waitUntilStored(place.home, (await storedMessages(place.home)).length);
    await stop(gateway);
    await stop(last);
    await expectAllStoredOnce(place);
  });
});

it('says what it recovered, once, also as JSON', async () => {
  await withFolder(async (folder) => {
    const place = await placeIn(folder);
    const { broker, gateway } = await startBoth(place);
    await stop(gateway);
    await kill(broker);
    const recovered: unknown[] = [];
    for (let round = 0; round < 2; round++) {
      const next = start([...place.broker, '--json', '--quiet']);
      recovered.push((JSON.parse(await next.firstLine) as { recovered: unknown }).recovered);
      await stop(next);
    }
    expect(recovered).toEqual([[{ projectId: expect.stringMatching(/^p-/) as string, segments: 1, records: expect.any(Number) as number, bytesCut: 0, keysPutAside: 0, filesRemoved: 0 }], []]);
  });
});

it('refuses a second broker on one home with one line, and the first goes on', async () => {
  await withFolder(async (folder) => {
    const place = await placeIn(folder);
    const first = start(place.broker);
    await first.firstLine;
    const second = await thrum(['broker', '--home', place.home, '--port', '0']);
    expect(second).toMatchObject({ exitCode: 3, stdout: '', stderr: expect.stringMatching(/^thrum: .*in use by process \d+.*\n$/) as string });
    const gateway = start(place.gateway);
    await waitUntilStored(place.home, 10);
    await stop(gateway);
    await stop(first);
    await expectAllStoredOnce(place);
  });
});

it('refuses with one line what is stored where the system cannot read it, and serves the other projects', { skip: process.platform !== 'linux' }, async () => {
  await withFolder(async (folder) => {
    const place = await placeIn(folder);
    const first = await startBoth(place);
    await stop(first.gateway);
    await stop(first.broker);
    const segment = await newestSegment(place);
    await rename(segment, join(folder, 'kept'));
    await symlink('/proc/self/mem', segment); // whose first byte cannot be read: EIO
    expect(await thrum(['store', 'verify', '--home', place.home])).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(`${segment}: the system cannot read it (EIO)`) as string });
    const broker = start(place.broker);
    await broker.firstLine;
    await stop(broker);
    expect((await broker.exited).stderr).toContain(`${segment}: the system cannot read it (EIO): check the disk\n`);
    await rm(segment);
    await rename(join(folder, 'kept'), segment);
    await expectAllStoredOnce(place);
  });
});

/** Nobody may write in a folder: by its mode, or, for root who may anyway, by a mount. Gives what undoes it. */
function makeReadOnly(folder: string): () => void {
  if (!isRoot) {
    chmodSync(folder, 0o500);
    return () => chmodSync(folder, 0o700);
  }
  execFileSync('mount', ['--bind', folder, folder]);
  execFileSync('mount', ['-o', 'remount,ro,bind', folder]);
  return () => void execFileSync('umount', [folder]);
}

const isRoot = process.getuid?.() === 0;
const mayMakeReadOnly = !isRoot || spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

it.skipIf(!mayMakeReadOnly)('stops with one line when its folder is read-only, and goes on when it is not', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const place = await placeIn(folder);
    const { broker: killed, gateway } = await startBoth(place);
    await kill(killed);
    const project = await folderOfProject(place);
    const undo = makeReadOnly(project);
    try {
      const refused = await thrum(place.broker);
      expect(refused).toMatchObject({ exitCode: 3, stdout: '', stderr: expect.stringMatching(/^thrum: cannot write [^\n]*(read-only|permission denied)[^\n]*\n$/) as string });
      expect(refused.stderr).toContain(project);
    } finally {
      undo();
    }
    const broker = start(place.broker);
    await broker.firstLine;
    await waitUntilStored(place.home, (await storedMessages(place.home)).length); // the gateway is back
    await stop(gateway);
    await stop(broker);
    await expectAllStoredOnce(place);
  });
});
