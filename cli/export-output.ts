/**
 * Where an export goes. Promises: a file appears under its name when it is whole, and only its owner can read it; nothing
 * is written into a home, whose files are all sealed; when whoever reads standard output has gone, that is no error.
 */
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { CliError } from './errors.ts';
import type { Home } from './home.ts';
import { prepareOutputFile } from './output-file.ts';

const MODE = 0o600;

export interface ExportOutput {
  /** A file is made and replaced as a whole; a stream is only written to. */
  readonly kind: 'file' | 'stream';
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Gives the file its name. */
  commit(): Promise<void>;
  /** Leaves nothing of it. */
  discard(): Promise<void>;
}

/** Nobody reads standard output any more. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** Opens the place that `--out` names. Throws CLI_USAGE, or the system's error with the path as the user wrote it. */
export async function openExportFile(path: string, home: Home): Promise<ExportOutput> {
  await refuseInside(home, path);
  const { place, kind } = await prepareOutputFile('--out', path);
  const target = kind === 'stream' ? path : join(dirname(place), `.thrum-${randomBytes(8).toString('hex')}.tmp`);
  const handle = await open(target, kind === 'stream' ? 'w' : 'wx', MODE);
  const close = (): Promise<void> => handle.close().catch(() => undefined);
  return {
    kind,
    write: async (bytes) => {
      for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
    },
    commit: async () => {
      if (kind === 'file') await handle.sync();
      await handle.close();
      if (kind === 'file') await rename(target, place);
    },
    discard: async () => {
      await close();
      if (kind === 'file') await rm(target, { force: true });
    },
  };
}

/** Standard output. Throws ReaderGone. */
export const standardOutput: ExportOutput = {
  kind: 'stream',
  write: async (bytes) => {
    if (process.stdout.destroyed) throw new ReaderGone();
    await new Promise<void>((done) => process.stdout.write(bytes, () => done()));
  },
  commit: () => Promise.resolve(),
  discard: () => Promise.resolve(),
};

/** CLI_USAGE when `path` is in the home, symbolic links followed: what is exported is readable, what is there must not be. */
export async function refuseInside(home: Home, path: string): Promise<void> {
  const way = relative(await realpath(home.path), await realOf(resolve(path)));
  if (way === '' || !/^\.\.(\/|\\|$)|^([A-Za-z]:)?[/\\]/.test(way)) {
    throw new CliError('CLI_USAGE', `--out ${path}: that is inside the home, where all is sealed and an export is not: write it elsewhere`);
  }
}

/** Where a path really leads, as far as it is there. */
async function realOf(path: string): Promise<string> {
  const found = await realpath(path).catch(() => undefined);
  const parent = dirname(path);
  return found ?? (parent === path ? path : join(await realOf(parent), path.slice(parent.length)));
}
