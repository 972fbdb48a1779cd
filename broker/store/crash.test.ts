/**
 * Promises 1 and 2 under power cuts, kills and failing disks. Every call that a life makes of its disk is a moment at which
 * it may end; of what is then not synced every subset may survive (all are tried where they are few, and many by seed where
 * they are not). THRUM_CRASH_RUNS asks for more seeded runs, THRUM_CRASH_SEED for others.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { randomStream, type RandomStream as Random } from '../../sensors/mod.ts';
import { makeHome, makeProject, type TestHome } from '../broker.fixture.ts';
import { batch, expectWhole, folders, live, LIVES_FOLDER, NOTHING_KNOWN, type Action, type Known, type Life, type Place } from './crash-life.fixture.ts';
import type { Fault, Step } from './recording-disk.fixture.ts';
import type { SimulatedDisk } from './simulated-disk.fixture.ts';

const RUNS = Number(process.env['THRUM_CRASH_RUNS'] ?? 600);
const SEED = Number(process.env['THRUM_CRASH_SEED'] ?? 20_251_124);
const MS_A_RUN = 60;
/** Of so many runs one keeps all the room that a segment has ready: 8 MiB of zeros take long to read. */
const ALL_ROOM_EVERY = 50;
const LIVES_A_SEED = 3;
const CUTS_A_LIFE = 12;
/** So many doubts have all their subsets tried: 2^6. */
const FEW_DOUBTS = 6;

let home: TestHome;
let place: Place;
const root = mkdtempSync(join(LIVES_FOLDER, 'thrum-crash-'));
const lives = folders(root);

beforeAll(async () => {
  home = await makeHome();
  place = { ...(await makeProject(home)), keys: home.keys };
});
afterEach(() => lives.clear());
afterAll(async () => {
  rmSync(root, { recursive: true });
  await home.remove();
});

/** Records of one sector and of several, one gateway and two, a roll, an end for age and one at a stop, each with the start after it. */
const ORDINARY_LIFE: readonly Action[] = [
  [batch(1, 0)],
  [batch(1, 1), batch(2, 0), batch(1, 2)],
  [batch(2, 1, 40)],
  [batch(1, 3, 12)],
  [batch(2, 2)],
  'pause',
  [batch(2, 3)],
  'restart',
  [batch(2, 4)],
  [batch(1, 4, 30), batch(2, 5)],
];

type Survival = (doubt: number) => boolean;

/** Ways in which `doubts` things may survive or not: all of them, or all, none, each alone, and all but each. */
function survivals(doubts: number, few = FEW_DOUBTS): Survival[] {
  if (doubts <= few) return Array.from({ length: 2 ** doubts }, (_, set) => (doubt: number) => ((set >> doubt) & 1) === 1);
  const each = Array.from({ length: doubts }, (_, one) => one);
  return [() => true, () => false, ...each.flatMap((one) => [(doubt: number) => doubt === one, (doubt: number) => doubt !== one])];
}

/** Calls `look` at every moment of a life: after each number of steps, with the disk as it is then. */
async function atEachMoment(life: Life, look: (disk: SimulatedDisk, known: Known, steps: number) => Promise<void>): Promise<void> {
  const disk = life.before();
  for (let steps = 0; steps <= life.steps.length; steps++) {
    if (steps > 0) disk.apply(life.steps[steps - 1]!);
    await look(disk, life.knownAfter(steps), steps);
  }
}

async function expectSurvives(disk: SimulatedDisk, known: Known, survival: Survival, what: string, allRoom = false): Promise<void> {
  const directory = lives.next();
  disk.writeOut(directory, survival, allRoom);
  await expectWhole(directory, place, known).catch((error: unknown) => {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  });
  rmSync(directory, { recursive: true });
}

/** Looks run side by side, as most of their time goes into waiting for files. */
const SIDE_BY_SIDE = 16;

/** Collects looks and waits for them, some at a time; gives their number. */
function looks(): { add(look: Promise<void>): Promise<void>; done(): Promise<number> } {
  const running = new Set<Promise<void>>();
  let count = 0;
  return {
    add: async (look) => {
      count += 1;
      const ended = look.finally(() => running.delete(ended));
      running.add(ended);
      if (running.size >= SIDE_BY_SIDE) await Promise.race(running);
    },
    done: async () => {
      await Promise.all(running);
      return count;
    },
  };
}

it('at any moment of a life, whatever of it survives a power cut, loses nothing acknowledged and damages nothing', { timeout: 120_000 }, async () => {
  const life = await live(lives.next(), place, NOTHING_KNOWN, ORDINARY_LIFE);
  const begun = life.steps.filter(({ call, path }) => call === 'rename' && path.endsWith('.seg.tmp')).length;
  expect(begun, 'segments: the first, one after a roll, one after a pause, one after the restart').toBeGreaterThanOrEqual(4);
  const all = looks();
  await atEachMoment(life, async (disk, known, steps) => {
    for (const [number, survival] of survivals(disk.doubts).entries()) {
      await all.add(expectSurvives(disk, known, survival, `after ${steps} steps, the last ${named(life.steps[steps - 1])}: subset ${number} of ${disk.doubts} doubts`));
    }
  });
  expect(await all.done()).toBeGreaterThan(life.steps.length * 2);
});

describe('a disk that fails', () => {
  /** The calls of an ordinary life: the same in each, until something fails. */
  let steps: readonly Step[];
  beforeAll(async () => {
    ({ steps } = await live(lives.next(), place, NOTHING_KNOWN, ORDINARY_LIFE));
  });

  /** A life with faults, and the next one on the same disk; then the power is cut at some moments of that. */
  async function failThenCut(faults: ReadonlyMap<number, Fault>, what: string): Promise<void> {
    const directory = lives.next();
    const first = await live(directory, place, NOTHING_KNOWN, ORDINARY_LIFE, faults);
    const disk = first.before();
    for (const step of first.steps) disk.apply(step);
    for (const survival of survivals(disk.doubts, 3)) await expectSurvives(disk, first.knownAfter(first.steps.length), survival, `${what}, then a power cut`);
    const second = await live(directory, place, first.knownAfter(first.steps.length), [[batch(1, 5)]]);
    for (const step of second.steps) disk.apply(step);
    const known = second.knownAfter(second.steps.length);
    for (const survival of [() => true, () => false]) await expectSurvives(disk, known, survival, `${what}, then a start and a power cut`);
    expect(second.steps.length, what).toBeGreaterThan(0);
    await expectWhole(directory, place, known);
    rmSync(directory, { recursive: true });
  }

  it.each(['EIO', 'ENOSPC', 'lost'] as const)('with %s at any call costs nothing acknowledged, not then and not by a power cut after the next start', { timeout: 120_000 }, async (fault) => {
    const all = looks();
    for (const [number, step] of steps.entries()) {
      if (fault === 'lost' && step.call !== 'datasync') continue;
      if (fault === 'ENOSPC' && step.call !== 'write') continue; // elsewhere it does what EIO does
      await all.add(failThenCut(new Map([[number, fault]]), `${fault} at call ${number}, ${named(step)}`));
    }
    expect(await all.done()).toBeGreaterThan(10);
  });

  it('whose sync failed is not believed by the next start, though the process was killed before it could cut off what is in doubt', { timeout: 120_000 }, async () => {
    const all = looks();
    for (const [number, step] of steps.entries()) {
      if (step.call === 'datasync') await all.add(failThenCut(new Map<number, Fault>([[number, 'lost'], [number + 1, 'killed']]), `lost and killed at call ${number}, ${named(step)}`));
    }
    expect(await all.done()).toBeGreaterThan(10);
  });
});

it(`${RUNS} power cuts by seed, in lives that follow upon others that were cut off, lose, double and damage nothing`, { timeout: 20_000 + RUNS * MS_A_RUN }, async () => {
  const all = looks();
  let runs = 0;
  for (let seed = SEED; runs < RUNS; seed++) {
    const random = randomStream(seed, 'crash');
    let directory = lives.next();
    let known = NOTHING_KNOWN;
    for (let number = 1; number <= LIVES_A_SEED; number++) {
      const life = await live(directory, place, known, randomLife(random, known));
      const next = lives.next();
      const moments = new Set(Array.from({ length: CUTS_A_LIFE }, () => Math.floor(random.uniform() * (life.steps.length + 1))));
      await atEachMoment(life, async (disk, knownThen, steps) => {
        if (!moments.has(steps)) return;
        const survival = randomSurvival(random, disk.doubts);
        await all.add(expectSurvives(disk, knownThen, survival, `THRUM_CRASH_SEED=${seed}, life ${number}, after ${steps} steps, the last ${named(life.steps[steps - 1])}`, runs % ALL_ROOM_EVERY === 0));
        runs += 1;
        if (steps !== Math.max(...moments)) return;
        disk.writeOut(next, survival);
        known = knownThen;
      });
      rmSync(directory, { recursive: true });
      directory = next;
    }
    rmSync(directory, { recursive: true });
  }
  await all.done();
});

const LENGTHS = [1, 2, 5, 12, 13, 40, 120];

/** What a life does at random, going on where the gateways are. */
function randomLife(random: Random, { sent }: Known): Action[] {
  const next = new Map([1, 2].map((gateway) => [gateway, sent.filter((one) => one.batch.gatewayId.endsWith(String(gateway))).length]));
  const below = (end: number): number => Math.floor(random.uniform() * end);
  const publish = () => {
    const gateway = 1 + below(2);
    const sequence = next.get(gateway)!;
    next.set(gateway, sequence + 1);
    return batch(gateway, sequence, LENGTHS[below(LENGTHS.length)]);
  };
  return Array.from({ length: 1 + below(6) }, () => {
    const kind = random.uniform();
    if (kind < 0.25) return kind < 0.15 ? 'restart' : 'pause';
    return Array.from({ length: 1 + below(4) }, publish);
  });
}

function randomSurvival(random: Random, doubts: number): Survival {
  const likely = [0.1, 0.5, 0.9][Math.floor(random.uniform() * 3)]!;
  const outcomes = Array.from({ length: doubts }, () => random.uniform() < likely);
  return (doubt) => outcomes[doubt]!;
}

function named(step: Step | undefined): string {
  return step ? `${step.call} ${basename(step.path)}` : 'none';
}
