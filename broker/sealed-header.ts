/**
 * The open beginning of a small sealed file: which key its data key is wrapped under, and for whom. It is associated data of what
 * follows, so no byte of it can be altered unseen.
 *
 *   0 magic (8)   8 version (1)   9 parts, each after its length (u16 LE)
 */
const FIXED_BYTES = 9;

export function headerBytes(magic: Buffer, version: number, parts: readonly Uint8Array[]): Buffer {
  const lengths = parts.map((part) => {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(part.length);
    return length;
  });
  return Buffer.concat([magic, Buffer.from([version]), ...parts.flatMap((part, i) => [lengths[i]!, part])]);
}

/** The version of a file that begins with `magic`; undefined when it does not. */
export function versionOf(bytes: Buffer, magic: Buffer): number | undefined {
  return bytes.length > magic.length && bytes.subarray(0, magic.length).equals(magic) ? bytes[magic.length] : undefined;
}

interface ReadHeader {
  readonly header: Buffer;
  readonly parts: readonly Buffer[];
  /** What follows the header, at least one byte. */
  readonly sealed: Buffer;
}

/** A file's header of `count` parts; undefined when it is cut off. */
export function readHeader(bytes: Buffer, count: number): ReadHeader | undefined {
  const parts: Buffer[] = [];
  let at = FIXED_BYTES;
  while (parts.length < count) {
    if (at + 2 > bytes.length) return undefined;
    const end = at + 2 + bytes.readUInt16LE(at);
    if (end > bytes.length) return undefined;
    parts.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return at < bytes.length ? { header: bytes.subarray(0, at), parts, sealed: bytes.subarray(at) } : undefined;
}
