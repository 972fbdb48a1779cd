/**
 * Where things lie under the certificate directory. Names of directories are roles and serial numbers: no gateway,
 * project or operator can be read from a path.
 */

import { join } from 'node:path';

import type { Role } from './profiles.ts';

export const CERTIFICATE_FILE = 'cert.pem';
export const KEY_FILE = 'key.pem';
/** Beside the root's files: the intermediate that signs identities. */
export const ISSUING_DIRECTORY = 'issuing';

/** A directory with a certificate and its key. */
export interface PairPaths {
  readonly directory: string;
  readonly certificatePath: string;
  readonly keyPath: string;
}

/** `<directory>/ca`, with cert.pem and key.pem. */
export function authorityPaths(directory: string): PairPaths {
  return pairIn(join(directory, 'ca'));
}

/** `<directory>/ca/issuing`, with cert.pem and key.pem of the intermediate in use. */
export function issuingPaths(directory: string): PairPaths {
  return pairIn(join(directory, 'ca', ISSUING_DIRECTORY));
}

/** Where the next intermediate lies until it is put in the place of the one in use. */
export function nextIssuingPaths(directory: string): PairPaths {
  return pairIn(join(directory, 'ca', 'issuing-next'));
}

/** `<directory>/ca/retired`, which holds one directory for each intermediate that was replaced. */
export function retiredDirectory(directory: string): string {
  return join(directory, 'ca', 'retired');
}

/** `<directory>/ca/retired/<serial>`, with cert.pem and key.pem. */
export function retiredPaths(directory: string, serial: string): PairPaths {
  return pairIn(join(retiredDirectory(directory), serial));
}

/** Held by who replaces the intermediate. */
export function rotationLockPath(directory: string): string {
  return join(directory, 'ca', '.rotation.lock');
}

/** `<directory>/signed`, which holds one directory for each certificate signed for a request: its key is elsewhere. */
export function signedDirectory(directory: string): string {
  return join(directory, 'signed');
}

/** `<directory>/signed/<serial>`, with cert.pem alone. */
export function signedPaths(directory: string, serial: string): Omit<PairPaths, 'keyPath'> {
  const { directory: own, certificatePath } = pairIn(join(signedDirectory(directory), serial));
  return { directory: own, certificatePath };
}

/** `<directory>/<role>s`, which holds one directory for each identity. */
export function roleDirectory(directory: string, role: Role): string {
  return join(directory, `${role}s`);
}

/** `<directory>/<role>s/<serial>`, with cert.pem and key.pem. `serial` is lower-case hexadecimal. */
export function identityPaths(directory: string, role: Role, serial: string): PairPaths {
  return pairIn(join(roleDirectory(directory, role), serial));
}

function pairIn(directory: string): PairPaths {
  return { directory, certificatePath: join(directory, CERTIFICATE_FILE), keyPath: join(directory, KEY_FILE) };
}
