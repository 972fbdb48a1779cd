/**
 * Keeps a running broker's revocation lists fresh. Promises: a list that appears on disk is in use within a second; one
 * that is damaged, not signed by the authority, or older than the last is not, and is complained of once, while the last
 * good one stays in use.
 */
import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { RevocationLists } from '../certs/mod.ts';
import { RevocationError } from './errors.ts';

/** How often the file is looked at where the system does not say that it changed: half of what is promised. */
const POLL_MS = 500;

export interface RevocationSource {
  /** The file whose change means that there is something to read. */
  readonly path: string;
  /** Reads and checks it; undefined when there is none. */
  read(): Promise<RevocationLists | undefined>;
}

interface RevocationWatchOptions {
  readonly source: RevocationSource;
  /** Called with every list that is taken after the first. */
  readonly onTaken: (lists: RevocationLists) => void;
  /** Called once with each reason for which what is on disk is not taken. */
  readonly onTrouble: (error: Error) => void;
}

export class RevocationWatch {
  readonly #options: RevocationWatchOptions;
  #lists: RevocationLists | undefined;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #seen = '';
  #trouble = '';
  #reading: Promise<void> | undefined;
  #again = false;
  #closed = false;

  private constructor(options: RevocationWatchOptions) {
    this.#options = options;
  }

  /** Reads what is there. Rejects when that cannot be believed: a broker does not start without knowing who is revoked. */
  static async start(options: RevocationWatchOptions): Promise<RevocationWatch> {
    const made = new RevocationWatch(options);
    made.#seen = await made.#mark();
    made.#lists = await options.source.read();
    made.#follow();
    return made;
  }

  /** The last good lists; undefined where there never were any. */
  get lists(): RevocationLists | undefined {
    return this.#lists;
  }

  /** Watches no more; resolves when nothing is being read. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watcher?.close();
    clearInterval(this.#poll);
    await this.#reading;
  }

  #follow(): void {
    const { path } = this.#options.source;
    try {
      // The folder, not the file: each new list is another file that takes its name.
      this.#watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(path)) this.#look();
      });
      this.#watcher.on('error', () => this.#watcher?.close()); // the poll goes on
    } catch {
      // No watches left, or a file system without: the poll finds it.
    }
    this.#poll = setInterval(() => this.#look(), POLL_MS);
    this.#poll.unref();
  }

  #look(): void {
    this.#again = true;
    this.#reading ??= this.#readAll().finally(() => (this.#reading = undefined));
  }

  async #readAll(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        const mark = await this.#mark();
        if (mark === this.#seen) continue;
        const lists = await this.#options.source.read();
        this.#seen = mark;
        this.#take(lists);
      } catch (error) {
        this.#complain(error as Error);
      }
    }
  }

  #take(lists: RevocationLists | undefined): void {
    if (lists === undefined) throw new RevocationError(`${this.#options.source.path} is gone: the last revocation lists stay in use`);
    for (const { crl: last } of this.#lists?.lists ?? []) {
      const next = lists.lists.find(({ crl }) => crl.issuerKeyIdentifier === last.issuerKeyIdentifier)?.crl;
      if (next === undefined || next.number < last.number || (next.number === last.number && next.pem !== last.pem)) {
        throw new RevocationError(`${this.#options.source.path} is older than the last one (list number ${next?.number ?? 'none'}, had ${last.number}): it is not taken`);
      }
    }
    this.#trouble = '';
    this.#lists = lists;
    if (!this.#closed) this.#options.onTaken(lists);
  }

  #complain(error: Error): void {
    if (this.#trouble === error.message || this.#closed) return;
    this.#trouble = error.message;
    this.#options.onTrouble(error);
  }

  /** What differs when the file was written anew. */
  async #mark(): Promise<string> {
    try {
      const { mtimeMs, ino, size } = await stat(this.#options.source.path);
      return `${mtimeMs} ${ino} ${size}`;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
      throw error;
    }
  }
}
