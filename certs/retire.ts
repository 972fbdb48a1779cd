/**
 * Giving up the key of an identity that has a successor. Promises: the key is gone from the disk, the certificate stays on
 * record, so that it can still be listed and revoked; killed in between, it can be done again.
 */

import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { CertsError } from './errors.ts';
import type { IssuedIdentity } from './issue.ts';
import { CERTIFICATE_FILE, signedDirectory, signedPaths } from './layout.ts';
import { makePrivateDirectory, publishPrivateDirectory, syncDirectory } from './private-file.ts';

/** Moves the certificate to those whose keys are elsewhere (`signed/<serial>`) and deletes the key. CERTS_WRITE_FAILED. */
export async function retireIdentity(directory: string, identity: IssuedIdentity): Promise<void> {
  await makePrivateDirectory(signedDirectory(directory));
  try {
    await publishPrivateDirectory(signedPaths(directory, identity.serial).directory, { [CERTIFICATE_FILE]: identity.certificatePem });
  } catch (error) {
    if (!(error instanceof CertsError) || error.code !== 'CERTS_EXISTS') throw error;
  }
  const aside = join(dirname(identity.directory), `.retired-${identity.serial}`); // whole or not at all, for who lists meanwhile
  try {
    await rename(identity.directory, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await rm(aside, { recursive: true, force: true });
  await syncDirectory(dirname(identity.directory));
}
