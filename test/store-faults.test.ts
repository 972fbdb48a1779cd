/** The store of a real broker under faults: killed at each call of its disk, started twice, its folder made read-only, a file that cannot be read. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { createSensor, planFleet } from '../sensors/mod.ts';
import { freePort, start, thrum, withFolder, type Running } from './cli.ts';
import { measured, messagesOf, sorted, storedMessages } from './store-contents.ts';

const FLEET = ['--seed', '7', '--sites', '1', '--gateways', '1', '--sensors', '4', '--machines', '2', '--capture-samples', '1024', '--waveform-every', '6', '--speed', '36000'];
const PLAN = planFleet({
  seed: 7, sites: 1, gateways: 1, sensors: 4, machines: 2, faultShare: 0.3, intervalMs: 3_600_000, waveformEvery: 6, captureSamples: 1024, startMs: Date.UTC(2026, 0, 1),
});
/** Mending takes 5 calls and one for each leftover, beginning a segment 17, the first records 3 and 2 each. */
const CALLS_FROM_THE_START = 22;
const CALLS_OF_THE_FIRST_RECORDS = 28;
const CALLS_OF_A_SEAL = 6;
const KILLER = { NODE_OPTIONS: `--import ${new URL('./kill-at-call.js', import.meta.url).href}` };
const WAIT = { timeout: 30_000, interval: 20 };

interface Place {
  readonly home: string;
  readonly url: string;
  readonly broker: readonly string[];
  readonly gateway: readonly string[];
}

async function placeIn(folder: string): Promise<Place> {
  const home = join(folder, 'home');
  const port = String(await freePort());
  const url = `mqtts://localhost:${port}`;
  return { home, url, broker: ['broker', '--home', home, '--port', port], gateway: ['gateway', '--number', '1', '--home', home, '--url', url, ...FLEET] };
}

async function folderOfProject({ home }: Place): Promise<string> {
  const [projectId] = (await readdir(join(home, 'store'))).filter((name) => name.startsWith('p-'));
  return join(home, 'store', projectId!);
}

async function newestSegment(place: Place): Promise<string> {
  const folder = await folderOfProject(place);
  return join(folder, (await readdir(folder)).filter((name) => name.endsWith('.seg')).sort().at(-1)!);
}

async function stop({ child, exited }: Running): Promise<void> {
  child.kill('SIGTERM');
  expect(await exited).toMatchObject({ exitCode: 0 });
}

async function expectAllStoredOnce({ home }: Place): Promise<void> {
  const counts = await measured(home);
  const expected = PLAN.gateways.flatMap(({ sensors }) => sensors.flatMap((spec) => messagesOf(createSensor(spec), counts.get(spec.sensorId) ?? 0)));
  expect(expected.length).toBeGreaterThan(0);
  expect(sorted(await storedMessages(home))).toEqual(sorted(expected));
  expect(await thrum(['store', 'verify', '--home', home])).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('all as they were written') as string });
}

it('stores everything exactly once although the broker is killed at each call that it makes of the disk', { timeout: 400_000 }, async () => {
  await withFolder(async (folder) => {
    const place = await placeIn(folder);
    const first = start(place.broker);
    await first.firstLine;
    const begun = start(place.gateway);
    await vi.waitFor(async () => expect((await storedMessages(place.home)).length).toBeGreaterThan(10), WAIT);
    for (const { child, exited } of [begun, first]) {
      child.kill('SIGKILL');
      await exited;
    }
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
      gateway.child.kill('SIGKILL');
      await gateway.exited;
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
    const before = (await storedMessages(place.home)).length;
    await vi.waitFor(async () => expect((await storedMessages(place.home)).length).toBeGreaterThan(before), WAIT);
    await stop(gateway);
    await stop(last);
    await expectAllStoredOnce(place);
  });
});

it('says what it recovered, once, also as JSON', async () => {
  await withFolder(async (folder) => {
    const place = await placeIn(folder);
    const killed = start(place.broker);
    await killed.firstLine;
    const gateway = start(place.gateway);
    await vi.waitFor(async () => expect((await storedMessages(place.home)).length).toBeGreaterThan(10), WAIT);
    await stop(gateway);
    killed.child.kill('SIGKILL');
    await killed.exited;
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
    await vi.waitFor(async () => expect((await storedMessages(place.home)).length).toBeGreaterThan(10), WAIT);
    await stop(gateway);
    await stop(first);
    await expectAllStoredOnce(place);
  });
});

it('refuses with one line what is stored where the system cannot read it, and serves the other projects', { skip: process.platform !== 'linux' }, async () => {
  await withFolder(async (folder) => {
    const place = await placeIn(folder);
    const first = start(place.broker);
    await first.firstLine;
    const gateway = start(place.gateway);
    await vi.waitFor(async () => expect((await storedMessages(place.home)).length).toBeGreaterThan(10), WAIT);
    await stop(gateway);
    await stop(first);
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
    const killed = start(place.broker);
    await killed.firstLine;
    const gateway = start(place.gateway);
    await vi.waitFor(async () => expect((await storedMessages(place.home)).length).toBeGreaterThan(10), WAIT);
    killed.child.kill('SIGKILL');
    await killed.exited;
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
    await stop(gateway);
    await stop(broker);
    await expectAllStoredOnce(place);
  });
});
