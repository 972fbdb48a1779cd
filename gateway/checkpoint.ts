/**
 * What a gateway keeps of what its broker says of the store: how far it had come. With it can be told that a store was put back to an
 * older copy (`thrum store verify --witness`). Promise: what is kept never goes back to less.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivateFile } from '../certs/mod.ts';

/** In the gateway's queue. */
const CHECKPOINT_FILE = 'checkpoint';
/** What is longer is no checkpoint. */
const MAX_CHECKPOINT_BYTES = 4096;

/** What a gateway has to understand of it: whether it is further than the one before. */
interface Place {
  readonly ordinal: number;
  readonly records: number;
  readonly amendments: number;
}

export class CheckpointKeeper {
  readonly #path: string;
  #writing: Promise<void> = Promise.resolve();

  /** `directory`: the gateway's queue. */
  constructor(directory: string) {
    this.#path = join(directory, CHECKPOINT_FILE);
  }

  /** Keeps what came, unless it is none, or behind what is kept. What cannot be written is passed over: the queue matters more. */
  take(payload: Uint8Array): void {
    const text = Buffer.from(payload).toString('utf8');
    const place = payload.length <= MAX_CHECKPOINT_BYTES ? placeIn(text) : undefined;
    if (place) this.#writing = this.#writing.then(() => this.#keep(text, place)).catch(() => undefined);
  }

  /** Resolves once what came before is written. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #keep(text: string, place: Place): Promise<void> {
    const before = placeIn(await readFile(this.#path, 'utf8').catch(() => ''));
    if (before && !isFurther(place, before)) return;
    await writePrivateFile(this.#path, `${text}\n`);
  }
}

function isFurther(now: Place, before: Place): boolean {
  return now.amendments >= before.amendments && (now.ordinal > before.ordinal || (now.ordinal === before.ordinal && now.records >= before.records));
}

function placeIn(text: string): Place | undefined {
  try {
    const { ordinal, records, amendments = 0 } = JSON.parse(text) as Partial<Place>;
    return Number.isSafeInteger(ordinal) && Number.isSafeInteger(records) && Number.isSafeInteger(amendments) ? { ordinal: ordinal!, records: records!, amendments } : undefined;
  } catch {
    return undefined;
  }
}
