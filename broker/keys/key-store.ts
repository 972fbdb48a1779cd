/**
 * The keys of one home as they are now: the file, and what the clock did to it since it was written (key-due.ts). The
 * one thing that the in-process service and the KMS engine share.
 */
import type { Change } from '../sealed-file.ts';
import { settle, withoutOver } from './key-due.ts';
import { KeyFile } from './key-file.ts';
import { indexOf } from './key-index.ts';
import { bytesOf, KEY_ROOM_BYTES, mustHaveRoom, type KeyRoom } from './key-room.ts';
import { emptyKeyState, type KeyState } from './key-state.ts';
import type { RootSource } from './root-key.ts';

/** A file or folder that cannot be written now, or whose turn another process does not give up. */
const UNWRITABLE = new Set<unknown>(['CERTS_WRITE_FAILED', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'LOCK_HELD']);
/** How long a look waits for other processes to write down what is due: twice that is within what a broker knows of a key (key-watch.ts, `knownMs`). */
const SETTLE_PATIENCE_MS = 400;
/** What could not be written down is tried again after this. */
const SETTLE_AGAIN_MS = 5_000;
/** What a home without keys looks like; nothing is made by looking. */
const NOTHING = emptyKeyState(new Uint8Array());

export interface KeyChange<T> extends Change<KeyState, T> {
  /** How far it may fill the file; as an addition unless said otherwise. */
  readonly room?: KeyRoom;
}

/** A state in which something is due, and what is made of it. */
interface Due {
  readonly of: KeyState;
  readonly settled: Promise<KeyState>;
  againMs: number;
}

export class KeyStore {
  readonly now: () => number;
  readonly #file: KeyFile;
  #due: Due | undefined;

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

  /** One change, alone among all processes; when `change` throws, or needs room that it may not use (KEY_BAD_REQUEST), nothing is written. */
  async update<T>(change: (state: KeyState, nowMs: number) => KeyChange<T>, patienceMs?: number): Promise<T> {
    return this.#file.update((state) => {
      const nowMs = this.now();
      const settled = settleInRoom(state, nowMs);
      const changed = change(settled, nowMs);
      if (changed.state !== settled) mustHaveRoom(settled, changed.state, changed.room ?? 'addition');
      return changed;
    }, patienceMs);
  }

  /** Whoever first sees that something is due writes it down; where nothing can be written it is true all the same. */
  async #current(state: KeyState): Promise<KeyState> {
    if (indexOf(state).nextDueMs > this.now()) return state;
    if (this.#due?.of !== state || performance.now() >= this.#due.againMs) {
      const due: Due = { of: state, settled: this.#settle(state), againMs: Infinity };
      this.#due = due;
      due.settled.then(() => (due.againMs = performance.now() + SETTLE_AGAIN_MS), () => (due.againMs = 0));
    }
    return withoutOver(await this.#due.settled, this.now());
  }

  /** Deletions that are due are true unwritten, but no new material: what is not written down must not encrypt. */
  async #settle(state: KeyState): Promise<KeyState> {
    try {
      return await this.update((settled) => ({ state: settled, result: settled }), SETTLE_PATIENCE_MS);
    } catch (error) {
      if (!UNWRITABLE.has((error as { code?: unknown }).code)) throw error;
      return withoutOver(state, this.now());
    }
  }
}

/** What is due, but no new material that has no room: it waits until there is some. */
function settleInRoom(state: KeyState, nowMs: number): KeyState {
  const settled = settle(state, nowMs);
  return settled === state || bytesOf(settled) <= KEY_ROOM_BYTES.rotation ? settled : withoutOver(state, nowMs);
}
