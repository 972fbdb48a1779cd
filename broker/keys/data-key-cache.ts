/**
 * Data keys that were unwrapped a moment ago, so that reading does not ask a KMS far away for each of them again and again. A
 * key is given again as long and as often as DATA_KEY_CACHE says, counted from when it was asked for, and then asked for anew: so what
 * takes a key away is noticed within that time by whoever asks. What is too old is wiped, also when nobody asks any more.
 */
import { createHash } from 'node:crypto';
import { canonicalBytes } from '../../certs/mod.ts';
import type { EncryptionContext } from './ciphertext.ts';

export const DATA_KEY_CACHE = {
  /** From when the key was asked for, not from when the answer came. */
  ageMs: 1_000,
  /** Times that one key is given; each is for one segment, or one file, that is opened with it. */
  uses: 10_000,
  /** Bytes of keys that are kept at most; the oldest go first. */
  bytes: 2 ** 16,
} as const;

interface Kept {
  readonly dataKey: Buffer;
  readonly askedMs: number;
  uses: number;
}

export class DataKeyCache {
  readonly #kept = new Map<string, Kept>();
  readonly #monotonicMs: () => number;
  #bytes = 0;
  #wiping: NodeJS.Timeout | undefined;

  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
  }

  /** The data key, a copy that its taker wipes; asks `unwrap` when there is none, or it was given long or often enough. */
  async get(wrapped: Uint8Array, context: EncryptionContext, keyId: string, unwrap: () => Promise<Buffer>): Promise<Buffer> {
    const name = nameOf(wrapped, context, keyId);
    const askedMs = this.#monotonicMs();
    this.#dropOld(askedMs);
    const kept = this.#kept.get(name);
    if (kept && kept.uses < DATA_KEY_CACHE.uses) {
      kept.uses += 1;
      return Buffer.from(kept.dataKey);
    }
    this.#drop(name);
    const dataKey = await unwrap();
    this.#drop(name); // another asked at the same time
    this.#kept.set(name, { dataKey: Buffer.from(dataKey), askedMs, uses: 1 });
    this.#bytes += dataKey.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= DATA_KEY_CACHE.bytes) break;
      this.#drop(oldest);
    }
    this.#wipeLater();
    return dataKey;
  }

  /** Keys that are kept, and their bytes. */
  get size(): { readonly keys: number; readonly bytes: number } {
    return { keys: this.#kept.size, bytes: this.#bytes };
  }

  /** Forgets all of them. */
  clear(): void {
    for (const name of [...this.#kept.keys()]) this.#drop(name);
  }

  /** One look for all of them, once the youngest may be too old. */
  #wipeLater(): void {
    clearTimeout(this.#wiping);
    this.#wiping = setTimeout(() => this.#dropOld(this.#monotonicMs()), DATA_KEY_CACHE.ageMs).unref();
  }

  #dropOld(nowMs: number): void {
    for (const [name, { askedMs }] of this.#kept) if (nowMs - askedMs >= DATA_KEY_CACHE.ageMs) this.#drop(name);
  }

  #drop(name: string): void {
    const kept = this.#kept.get(name);
    if (!kept) return;
    this.#kept.delete(name);
    this.#bytes -= kept.dataKey.length;
    kept.dataKey.fill(0);
  }
}

function nameOf(wrapped: Uint8Array, context: EncryptionContext, keyId: string): string {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(canonicalBytes([keyId, Buffer.from(wrapped), ...pairs.flat()])).digest('base64');
}
