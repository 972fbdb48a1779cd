/** How what lies in a bucket is told from what should: by SHA-256 where the server keeps it, by MD5 where its ETag is one, by length always. */
import { createHash } from 'node:crypto';

/** What goes with a body, base64: a server that knows neither ignores both. */
export interface BodyDigests {
  readonly Body: Uint8Array;
  readonly ContentMD5: string;
  readonly ChecksumSHA256: string;
}

export function withDigests(bytes: Uint8Array): BodyDigests {
  return { Body: bytes, ContentMD5: hash('md5', bytes).toString('base64'), ChecksumSHA256: hash('sha256', bytes).toString('base64') };
}

/** What a bucket says of an object. */
export interface ObjectState {
  readonly bytes: number;
  readonly etag: string;
  /** Base64, of an object in parts that of their digests with `-n` behind; undefined where the server keeps none. */
  readonly sha256: string | undefined;
  /** The server encrypts it under a key of its own: its ETag is no digest then. */
  readonly opaqueEtag: boolean;
}

/** What an object in one piece, or in parts, must be told as. */
export interface ObjectDigest {
  readonly bytes: number;
  /** Of an object in parts either that of the parts' digests, as S3 does it, or that of the whole, as some servers do. */
  readonly etags: readonly string[];
  readonly sha256: string;
}

export function digestOfWhole(bytes: Uint8Array): ObjectDigest {
  return { bytes: bytes.length, etags: [`"${hash('md5', bytes).toString('hex')}"`], sha256: hash('sha256', bytes).toString('base64') };
}

/** Digests an object that goes up in parts, a part at a time. */
export class PartsDigest {
  readonly #md5: Buffer[] = [];
  readonly #sha256: Buffer[] = [];
  readonly #wholeMd5 = createHash('md5');
  #bytes = 0;

  add(part: Uint8Array): void {
    this.#md5.push(hash('md5', part));
    this.#sha256.push(hash('sha256', part));
    this.#wholeMd5.update(part);
    this.#bytes += part.length;
  }

  get digest(): ObjectDigest {
    const parts = this.#md5.length;
    const ofParts = hash('md5', Buffer.concat(this.#md5)).toString('hex');
    const ofWhole = this.#wholeMd5.copy().digest('hex');
    return { bytes: this.#bytes, etags: [`"${ofParts}-${parts}"`, `"${ofWhole}"`], sha256: `${hash('sha256', Buffer.concat(this.#sha256)).toString('base64')}-${parts}` };
  }
}

/** Whether an object is the one meant, as far as the server tells. */
export function matches(state: ObjectState, digest: ObjectDigest): boolean {
  if (state.bytes !== digest.bytes) return false;
  if (state.sha256 !== undefined) return state.sha256 === digest.sha256;
  const tells = !state.opaqueEtag && /^"[0-9a-f]{32}(?:-\d+)?"$/.test(state.etag);
  return !tells || digest.etags.includes(state.etag);
}

function hash(algorithm: 'md5' | 'sha256', bytes: Uint8Array): Buffer {
  return createHash(algorithm).update(bytes).digest();
}
