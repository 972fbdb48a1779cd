/**
 * The keys of one home as they are now: the file, and what the clock did to it since it was written (key-due.ts). The
 * one thing that the in-process service and the KMS engine share.
 */
import type { Change } from '../sealed-file.ts';
import { settle } from './key-due.ts';
import { KeyFile } from './key-file.ts';
import { indexOf } from './key-index.ts';
import { emptyKeyState, type KeyState } from './key-state.ts';
import type { RootSource } from './root-key.ts';

/** A file or folder that cannot be written now. */
const UNWRITABLE = new Set<unknown>(['CERTS_WRITE_FAILED', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC']);
/** What a home without keys looks like; nothing is made by looking. */
const NOTHING = emptyKeyState(new Uint8Array());

export type KeyChange<T> = Change<KeyState, T>;

export class KeyStore {
  readonly now: () => number;
  readonly #file: KeyFile;

  constructor(directory: string, source: RootSource, now: () => number) {
    this.#file = new KeyFile(directory, source);
    this.now = now;
  }

  /** The current state, which nobody changes; read again only when the file was replaced. */
  async read(): Promise<KeyState> {
    return this.#current((await this.#file.read()) ?? NOTHING);
  }

  /** As `read`, and makes the store where there is none: an account has to have a number before it can be called. */
  async readOrCreate(): Promise<KeyState> {
    return this.#current((await this.#file.read()) ?? (await this.#file.update((state) => ({ state, result: state }))));
  }

  /** One change, alone among all processes; when `change` throws nothing is written. */
  async update<T>(change: (state: KeyState, nowMs: number) => KeyChange<T>): Promise<T> {
    return this.#file.update((state) => {
      const nowMs = this.now();
      return change(settle(state, nowMs), nowMs);
    });
  }

  /** Whoever first sees that something is due writes it down; where nothing can be written it is true all the same. */
  async #current(state: KeyState): Promise<KeyState> {
    if (indexOf(state).nextDueMs > this.now()) return state;
    try {
      return await this.update((settled) => ({ state: settled, result: settled }));
    } catch (error) {
      if (!UNWRITABLE.has((error as { code?: unknown }).code)) throw error;
      return withoutRotation(state, this.now());
    }
  }
}

/** Deletions that are due, but no new material: what is not written down must not encrypt. */
function withoutRotation(state: KeyState, nowMs: number): KeyState {
  const resting = state.keys.map((key) => (key.state === 'Enabled' && key.rotation ? { ...key, rotation: { ...key.rotation, nextMs: Number.MAX_SAFE_INTEGER } } : key));
  return settle({ ...state, keys: resting }, nowMs);
}
