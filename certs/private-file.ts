/**
 * Files only their owner may read. Promises: a private file is never visible half-written or with wider permissions,
 * not even for a moment; what was written survives a power cut once the promise resolves; a file that others may read
 * is refused rather than trusted. Whoever is killed while it writes leaves a temporary file with all that it was to write:
 * `replacePrivateFile` removes those of its file.
 */

import { randomBytes } from 'node:crypto';
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { CertsError, systemCode, whenMissing } from './errors.ts';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const OTHERS = 0o077;
/** Of the names that `temporaryBeside` gives. */
const TEMPORARY_END = /^[0-9a-f]{16}\.tmp$/;

/** The largest private file read: keys and certificates are a few kB, the limit only stops a mistake. */
export const PRIVATE_FILE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Writes a file of mode 0600 atomically: a temporary file in the same directory, fsync, rename, fsync of the directory.
 * An older file at `path` is replaced as a whole; a symbolic link is replaced, not followed.
 * Throws CERTS_WRITE_FAILED, with the system's error as cause and without leaving the temporary file behind.
 */
export async function writePrivateFile(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await writeNewFile(temporary, data);
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw writeFailed(path, cause);
  }
}

/**
 * As {@link writePrivateFile}, for a file whose writers take turns through a lock that the caller has. What a killed writer left
 * beside the file is removed first, so that with the new version nothing is there any more that only an older one held.
 */
export async function replacePrivateFile(path: string, data: string | Uint8Array): Promise<void> {
  try {
    await removeTemporaries(path);
  } catch (cause) {
    throw writeFailed(path, cause);
  }
  await writePrivateFile(path, data);
}

/** Removes what a writer that was killed left beside a file. Nobody may be writing it meanwhile. */
export async function removeTemporaries(path: string): Promise<void> {
  const start = `.${basename(path)}.`;
  for (const name of await readdir(dirname(path)).catch(whenMissing([]))) {
    if (name.startsWith(start) && TEMPORARY_END.test(name.slice(start.length))) await rm(join(dirname(path), name), { force: true });
  }
}

/**
 * Creates a directory and its missing parents with mode 0700; one that exists is left as it is.
 * Throws CERTS_WRITE_FAILED.
 */
export async function makePrivateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

/** Contents by file name; a name `sub/file` puts a file into a directory inside. */
export type PrivateFiles = Readonly<Record<string, string | Uint8Array>>;

/**
 * Publishes a new directory (0700) of private files (0600) in one step: it is there with all its files or not at all.
 * The parent must exist. Throws CERTS_EXISTS when `path` is there already (nothing is overwritten; an empty directory
 * counts as not there), CERTS_WRITE_FAILED otherwise.
 */
export async function publishPrivateDirectory(path: string, files: PrivateFiles): Promise<void> {
  await publishPrivateDirectories(dirname(path), new Map([[basename(path), files]]));
}

/**
 * As {@link publishPrivateDirectory} for several directories in `parent`, by their names, which share what it takes to make
 * them durable: each is there as a whole or not at all, and all are once this resolves. Where it throws, some may be there.
 */
export async function publishPrivateDirectories(parent: string, directories: ReadonlyMap<string, PrivateFiles>): Promise<void> {
  const made = [...directories].map(([name, files]) => ({ path: join(parent, name), temporary: temporaryBeside(join(parent, name)), files }));
  try {
    await whole(made.map(({ path, temporary, files }) => fillDirectory(path, temporary, files)));
    await whole(made.map(({ path, temporary }) => rename(temporary, path).catch((cause: unknown) => Promise.reject(publishFailed(path, cause)))));
    await syncDirectory(parent).catch((cause: unknown) => Promise.reject(writeFailed(parent, cause)));
  } catch (error) {
    for (const { temporary } of made) await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function fillDirectory(path: string, temporary: string, files: PrivateFiles): Promise<void> {
  try {
    await mkdir(temporary, { mode: DIRECTORY_MODE });
    const within = [...new Set(Object.keys(files).map(dirname))].filter((name) => name !== '.').map((name) => join(temporary, name));
    for (const inner of within) await mkdir(inner, { recursive: true, mode: DIRECTORY_MODE });
    await whole(Object.entries(files).map(([name, data]) => writeNewFile(join(temporary, name), data)));
    for (const inner of within) await syncDirectory(inner);
    await syncDirectory(temporary);
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

/** Waits for all, also where one fails, so that nothing is still being written afterwards; then throws the first fault. */
async function whole(works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/**
 * Reads a file that must be private. Throws CERTS_KEY_EXPOSED when group or others have any permission on it (not
 * checked on Windows, which has no such modes), CERTS_UNREADABLE when it is missing, too large, or cannot be read; the
 * system's error is the cause.
 */
export async function readPrivateFile(path: string): Promise<Buffer> {
  let handle;
  try {
    handle = await open(path, 'r');
  } catch (cause) {
    const what = systemCode(cause) === 'ENOENT' ? 'does not exist' : `cannot be opened (${systemCode(cause)})`;
    throw new CertsError('CERTS_UNREADABLE', `${path} ${what}; check the path and its permissions`, { cause });
  }
  try {
    const { mode, size } = await handle.stat();
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw new CertsError(
        'CERTS_KEY_EXPOSED',
        `${path} is open to other users (mode ${octal}); run chmod 600 on it, and replace what is secret in it if others could read it`,
      );
    }
    if (size > PRIVATE_FILE_BYTES_MAX) {
      throw new CertsError('CERTS_UNREADABLE', `${path} is ${size} bytes, more than any private file of ours`);
    }
    return await handle.readFile();
  } catch (cause) {
    if (cause instanceof CertsError) throw cause;
    throw new CertsError('CERTS_UNREADABLE', `${path} cannot be read (${systemCode(cause)})`, { cause });
  } finally {
    await handle.close();
  }
}

/** Whether something stands at `path`. */
export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A hidden name in the same directory, so that the rename stays within one file system and listings skip it. */
function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
}

async function writeNewFile(path: string, data: string | Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', FILE_MODE);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a rename within a directory durable. Windows cannot open directories, and needs no such step. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function publishFailed(path: string, cause: unknown): CertsError {
  const taken = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR', ...(process.platform === 'win32' ? ['EPERM'] : [])];
  if (!taken.includes(systemCode(cause))) return writeFailed(path, cause);
  return new CertsError('CERTS_EXISTS', `${path} is there already; move it away or choose another directory`, { cause });
}

function writeFailed(path: string, cause: unknown): CertsError {
  const reason = systemCode(cause) || String(cause);
  return new CertsError('CERTS_WRITE_FAILED', `${path} cannot be written (${reason}); check space and permissions`, {
    cause,
  });
}
