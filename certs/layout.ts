/**
 * Where things lie under the certificate directory. Names of directories are roles and serial numbers: no gateway,
 * project or operator can be read from a path.
 */

import { join } from 'node:path';

import type { Role } from './profiles.ts';

export const CERTIFICATE_FILE = 'cert.pem';
export const KEY_FILE = 'key.pem';

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
