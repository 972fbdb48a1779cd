/**
 * Files that a command writes for others to read. Promises: a path is tried before the work whose result goes there, so
 * that the work is not done in vain; a file appears as a whole or not at all; what stands there and is no regular file,
 * such as /dev/stdout, is written to and not replaced.
 */
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CliError } from './errors.ts';

const MODE = 0o644;

/** A place that can be written to. */
export interface OutputFile {
  /** As the user wrote it. */
  readonly path: string;
  /** Where it really is, symbolic links followed: two outputs must not share one. */
  readonly place: string;
  readonly kind: 'file' | 'stream';
}

/** Tries a path, and leaves nothing there. Throws CLI_USAGE, or the system's error, naming the option and the path. */
export async function prepareOutputFile(option: string, path: string): Promise<OutputFile> {
  const found = await stat(path).catch(missing);
  if (found?.isDirectory()) throw new CliError('CLI_USAGE', `${option} ${path}: a folder stands there: give the name of a file`);
  // Standard output may be redirected to a file; to replace that would lose what else is printed.
  if (found && (!found.isFile() || path.startsWith('/dev/'))) return { path, place: await realpath(path).catch(() => path), kind: 'stream' };
  const place = found ? await realpath(path) : join(await realpath(dirname(path)).catch((error: unknown) => noFolder(option, path, error)), basename(path));
  const output: OutputFile = { path, place, kind: 'file' };
  const { handle, temporary } = await openTemporary(output);
  await handle.close();
  await rm(temporary);
  return output;
}

/**
 * Tries all outputs that the options name, by format. Throws CLI_USAGE, also when two name the same file, or the system's
 * error.
 */
export async function prepareOutputFiles<Format extends string>(options: Readonly<Partial<Record<Format, string>>>, formats: readonly Format[]): Promise<(readonly [Format, OutputFile])[]> {
  const files: (readonly [Format, OutputFile])[] = [];
  for (const format of formats) {
    const path = options[format];
    if (path === undefined) continue;
    const file = await prepareOutputFile(`--${format}`, path);
    const other = files.find(([, { place, kind }]) => kind === 'file' && place === file.place);
    if (other) throw new CliError('CLI_USAGE', `--${other[0]} and --${format} name the same file ${path}: give each its own`);
    files.push([format, file]);
  }
  return files;
}

/** Writes the whole file. Throws the system's error with the path as the user wrote it. */
export async function writeOutputFile(output: OutputFile, text: string): Promise<void> {
  if (output.kind === 'stream') {
    await writeFile(output.path, text).catch((error: unknown) => {
      throw named(error, output.path);
    });
    return;
  }
  const { handle, temporary } = await openTemporary(output);
  try {
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, output.place);
  } catch (error) {
    await rm(temporary, { force: true });
    throw named(error, output.path);
  }
}

async function openTemporary(output: OutputFile): Promise<{ readonly handle: FileHandle; readonly temporary: string }> {
  const temporary = join(dirname(output.place), `.thrum-${randomBytes(8).toString('hex')}.tmp`);
  try {
    return { handle: await open(temporary, 'wx', MODE), temporary };
  } catch (error) {
    throw named(error, output.path);
  }
}

function missing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

function noFolder(option: string, path: string, cause: unknown): never {
  throw new CliError('CLI_USAGE', `${option} ${path}: there is no folder ${dirname(path)}: make it first`, { cause });
}

/** The error with the path that the user knows, instead of that of a temporary file. */
function named(error: unknown, path: string): unknown {
  return error instanceof Error ? Object.assign(error, { path }) : error;
}
