/** The limit on a data key for writing: it is a segment's, and ends with it. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { arrivalOf, makeHome, makeProject, storeFiles, type TestHome } from '../broker.fixture.ts';
import { ProjectLog } from '../store/project-log.ts';
import { SEGMENT_ROLL_BYTES } from '../store/segment-format.ts';
import type { KeyProvider } from './provider.ts';

const ROLL_BYTES = 1_500;
/** Of one group here, and of index and seal. */
const MOST_BEYOND_BYTES = 1_000;

let home: TestHome;
beforeEach(async () => {
  home = await makeHome();
});
afterEach(() => home.remove());

it('is asked for once a segment, and not used again once that is long enough', async () => {
  const project = await makeProject(home);
  const wrapped: string[] = [];
  const keys: KeyProvider = {
    generateDataKey: async (keyId, context) => {
      const made = await home.keys.generateDataKey(keyId, context);
      wrapped.push(made.wrapped.toString('hex'));
      return made;
    },
    decrypt: home.keys.decrypt,
    reEncrypt: home.keys.reEncrypt,
    describeKey: (keyId) => home.keys.describeKey(keyId),
  };
  const log = new ProjectLog(join(home.store, project.projectId), project, keys, { stored: 0, duplicates: 0, storedBytes: 0, commits: 0 }, { rollBytes: ROLL_BYTES });
  for (let sequence = 0; sequence < 120; sequence++) {
    expect(await new Promise((resolve) => log.append(arrivalOf(sequence), resolve))).toBeUndefined();
  }
  await log.close();
  const segments = await storeFiles(home, project.projectId, '.seg');
  expect(segments.length).toBeGreaterThan(3);
  expect(new Set(wrapped).size).toBe(segments.length);
  for (const path of segments) expect((await stat(path)).size, path).toBeLessThan(ROLL_BYTES + MOST_BEYOND_BYTES);
});

it('is for 128 MiB at most, and a commit group', () => {
  expect(SEGMENT_ROLL_BYTES).toBe(128 * 2 ** 20);
});
