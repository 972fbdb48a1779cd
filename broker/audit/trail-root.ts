/** The root that a trail is sealed under: the home's, as the key store's (keys/root-key.ts). */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isThere, makePrivateDirectory, withFileLock } from '../../certs/mod.ts';
import type { RootKeys, RootNote } from '../keys/root-key.ts';

/** For the first file of a trail. Makes the root key of a home that has none yet; one that was lost is not replaced. */
export async function newRoot(keys: RootKeys): Promise<RootNote> {
  const { directory, kind } = keys;
  await makePrivateDirectory(directory);
  await withFileLock(join(directory, 'lock'), async () => {
    if (!(await isThere(join(directory, 'keystore')))) await keys.create();
  });
  return { kind, salt: randomBytes(16) };
}
