/**
 * What docs/frame.md calls conventions: refusals with their codes, fields of whole bytes, and bit streams, read one bit
 * at a time. The parts of the independent decoder stand on this file and on nothing else.
 */

export type RefusalCode =
  | 'FRAME_VERSION'
  | 'FRAME_TRUNCATED'
  | 'FRAME_TOO_LARGE'
  | 'FRAME_CHECKSUM'
  | 'FRAME_KIND'
  | 'FRAME_MALFORMED'
  | 'FRAME_VALUE';

export class RefusedFrame extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, why: string) {
    super(`${code}: ${why}`);
    this.name = 'RefusedFrame';
    this.code = code;
  }
}

export function refuse(code: RefusalCode, why: string): never {
  throw new RefusedFrame(code, why);
}

/** The number of so many bits in two's complement that is congruent to `value` modulo 2^bitCount. */
export function twosComplement(value: number, bitCount: number): number {
  const modulus = 2 ** bitCount;
  const remainder = value - Math.floor(value / modulus) * modulus;
  return remainder < modulus / 2 ? remainder : remainder - modulus;
}

/** The number whose zigzag form is `z`: 0, 1, 2, 3 are 0, −1, 1, −2. */
export function fromZigzag(z: number): number {
  return z % 2 === 0 ? z / 2 : -(z + 1) / 2;
}

/** Reads fields one after the other; what to say of bytes that are not there depends on what is read. */
export class Fields {
  readonly #bytes: Uint8Array;
  readonly #atEnd: RefusalCode;
  #at = 0;

  constructor(bytes: Uint8Array, atEnd: RefusalCode) {
    this.#bytes = bytes;
    this.#atEnd = atEnd;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Uint8Array {
    if (count > this.left) refuse(this.#atEnd, `${count} bytes wanted, ${this.left} left`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  /** An unsigned number of up to six bytes, least significant first. */
  unsigned(byteCount: number): number {
    return this.take(byteCount).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  signed(byteCount: number): number {
    return twosComplement(this.unsigned(byteCount), 8 * byteCount);
  }

  float32(): number {
    const bytes = this.take(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
  }

  eui64(): string {
    return Buffer.from(this.take(8)).toString('hex');
  }

  #leb128(longest: number): number {
    let value = 0;
    for (let group = 0; group < longest; group += 1) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** (7 * group);
      if (byte >= 128) continue;
      if (byte === 0 && group > 0) refuse('FRAME_MALFORMED', 'a varint is not in its shortest form');
      return value;
    }
    return refuse('FRAME_MALFORMED', `a varint has more than ${longest} bytes`);
  }

  varint(): number {
    const value = this.#leb128(5);
    if (value >= 2 ** 32) refuse('FRAME_MALFORMED', 'a varint is 2^32 or more');
    return value;
  }

  svarint(): number {
    return fromZigzag(this.varint());
  }

  svarint64(): number {
    return fromZigzag(this.#leb128(7));
  }

  /** An svarint that must be a number of so many bits in two's complement. */
  svarintWithin(bitCount: number): number {
    const value = this.svarint();
    if (value !== twosComplement(value, bitCount)) refuse('FRAME_MALFORMED', `${value} has more than ${bitCount} bits`);
    return value;
  }

  zeros(byteCount: number): void {
    if (this.take(byteCount).some((byte) => byte !== 0)) refuse('FRAME_MALFORMED', 'a zero byte is not zero');
  }

  end(): void {
    if (this.left > 0) refuse('FRAME_MALFORMED', `${this.left} bytes too many`);
  }
}

/** A bit stream that takes a byte of the fields when it needs one. */
export class Bits {
  readonly #fields: Fields;
  readonly #first: 'most significant' | 'least significant';
  #byte = 0;
  #used = 8;

  constructor(fields: Fields, first: 'most significant' | 'least significant') {
    this.#fields = fields;
    this.#first = first;
  }

  bit(): number {
    if (this.#used === 8) {
      this.#byte = this.#fields.byte();
      this.#used = 0;
    }
    const place = this.#first === 'least significant' ? this.#used : 7 - this.#used;
    this.#used += 1;
    return (this.#byte >> place) & 1;
  }

  unsigned(bitCount: number): number {
    let value = 0;
    for (let i = 0; i < bitCount; i += 1) {
      if (this.#first === 'least significant') value += this.bit() * 2 ** i;
      else value = value * 2 + this.bit();
    }
    return value;
  }

  signed(bitCount: number): number {
    return bitCount === 0 ? 0 : twosComplement(this.unsigned(bitCount), bitCount);
  }

  /** Zero bits to the end of the byte. */
  endByte(): void {
    while (this.#used < 8) if (this.bit() !== 0) refuse('FRAME_MALFORMED', 'a zero bit is not zero');
  }
}
