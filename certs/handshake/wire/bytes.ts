/** Writing and reading the presentation language of TLS (RFC 8446 3): big-endian numbers and vectors with a length in front. */
import { PeerStop } from '../errors.ts';

export const u8 = (value: number): Buffer => Buffer.of(value & 0xff);
export const u16 = (value: number): Buffer => Buffer.of((value >> 8) & 0xff, value & 0xff);
export const u24 = (value: number): Buffer => Buffer.of((value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);

/** A vector: its length in `lengthBytes` octets, then the parts. */
export function vector(lengthBytes: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = lengthBytes === 1 ? u8(body.length) : lengthBytes === 2 ? u16(body.length) : u24(body.length);
  return Buffer.concat([length, body]);
}

export const u16List = (values: readonly number[]): Buffer => Buffer.concat(values.map(u16));

/** Reads what a peer sent; PEER_MALFORMED where it ends too early. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Buffer {
    if (count > this.left) throw new PeerStop('PEER_MALFORMED', `a message ends ${count - this.left} bytes too early`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u24(): number {
    return this.take(3).readUIntBE(0, 3);
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  vector(lengthBytes: 1 | 2 | 3): Buffer {
    return this.take(lengthBytes === 1 ? this.u8() : lengthBytes === 2 ? this.u16() : this.u24());
  }

  u16List(): number[] {
    const inner = new Reader(this.vector(2));
    const values: number[] = [];
    while (inner.left >= 2) values.push(inner.u16());
    return values;
  }
}
