/**
 * What docs/store.md calls conventions: fields of little-endian numbers, HKDF, sealing, lists of parts. The parts of the
 * independent reader stand on this file and share no line with `broker/` or `gateway/`. Whatever is not as the page
 * says throws a Damage that names the file.
 */
import { createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** What was sealed as JSON. */
export type Json = Readonly<Record<string, unknown>>;

export class Damage extends Error {
  readonly file: string;

  constructor(file: string, why: string) {
    super(`${file}: ${why}`);
    this.name = 'Damage';
    this.file = file;
  }
}

export const MIB = 2 ** 20;
export const NO_NONCE = Buffer.alloc(12);

/** A file or a part of one, cut into fields from left to right. */
export class Bytes {
  readonly file: string;
  readonly all: Buffer;
  at = 0;

  constructor(file: string, all: Buffer) {
    this.file = file;
    this.all = all;
  }

  get left(): number {
    return this.all.length - this.at;
  }

  /** All that was taken so far. */
  get before(): Buffer {
    return this.all.subarray(0, this.at);
  }

  damaged(why: string): never {
    throw new Damage(this.file, `${why}, at byte ${this.at}`);
  }

  take(count: number): Buffer {
    if (count > this.left) this.damaged(`${count} bytes wanted, ${this.left} left`);
    this.at += count;
    return this.all.subarray(this.at - count, this.at);
  }

  rest(): Buffer {
    return this.take(this.left);
  }

  unsigned(byteCount: 1 | 2 | 4 | 6 | 8): number {
    return byteCount === 8 ? Number(this.take(8).readBigUInt64LE()) : this.take(byteCount).readUIntLE(0, byteCount);
  }

  /** LEB128 of up to 53 bits. */
  varint(): number {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.unsigned(1);
      value += (byte & 127) * unit;
      if (value > Number.MAX_SAFE_INTEGER) this.damaged('a number of more than 53 bits');
      if (byte < 128) return value;
    }
  }

  hex(byteCount: number): string {
    return this.take(byteCount).toString('hex');
  }

  /** Bytes after their length. */
  counted(lengthBytes: 2 | 4): Buffer {
    return this.take(this.unsigned(lengthBytes));
  }

  zeros(byteCount: number): void {
    if (!isZero(this.take(byteCount))) this.damaged('zero bytes that are not zero');
  }

  start(magic: string, versionBytes: 1 | 2, version: number): void {
    if (this.take(8).toString('latin1') !== magic) this.damaged(`not ${magic}`);
    if (this.unsigned(versionBytes) !== version) this.damaged(`not version ${version}`);
  }

  end(): void {
    if (this.left > 0) this.damaged('bytes after the end');
  }
}

export const read = (file: string): Bytes => new Bytes(file, readFileSync(file));
export const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
export const sha256 = (...all: readonly Uint8Array[]): Buffer => all.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
export const hkdf = (secret: Uint8Array, salt: Uint8Array | string, info: string): Buffer => Buffer.from(hkdfSync('sha256', secret, salt, info, 32));

/** Decrypts ciphertext and tag, or gives undefined. */
export function opened(key: Buffer, nonce: Buffer, sealed: Buffer, associated: Uint8Array): Buffer | undefined {
  if (sealed.length < 16) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(associated).setAuthTag(sealed.subarray(-16));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Decrypts what is left of the bytes, nonce zero, with all before it as associated data. */
export function unsealRest(bytes: Bytes, key: Buffer): Buffer {
  const associated = bytes.before;
  return opened(key, NO_NONCE, bytes.rest(), associated) ?? bytes.damaged('does not decrypt');
}

export function parse(file: string, json: Buffer): Json {
  try {
    return JSON.parse(json.toString('utf8')) as Record<string, unknown>;
  } catch {
    throw new Damage(file, 'what was sealed is no JSON');
  }
}

/** 32 bytes in lower-case hex and the end of the line. */
export function readHexKey(file: string): Buffer {
  const text = readFileSync(file, 'latin1');
  if (!/^[0-9a-f]{64}\n$/.test(text)) throw new Damage(file, 'not 32 bytes in hex');
  return Buffer.from(text.trim(), 'hex');
}

export function parts(all: readonly (Uint8Array | string)[]): Buffer {
  const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer); // little-endian where tests run
  return Buffer.concat([u32(all.length), ...all.flatMap((part) => [u32(Buffer.from(part).length), Buffer.from(part)])]);
}
