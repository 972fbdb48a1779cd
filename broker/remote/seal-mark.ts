/** Whether a segment's file ends with its seal: told from the seal's header, which needs no key. Whoever reads it has it authenticated. */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { RECORD, SEAL_RECORD_BYTES } from '../store/segment-format.ts';

/** Its header: sealed length u32, number u32, type u8, zeros (3), CRC-32 of these 12 bytes. */
const HEADER_BYTES = 16;

/** Only of files that nobody writes: a write that is under way may look like this. */
export async function endsWithSeal(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const header = Buffer.alloc(HEADER_BYTES);
    if (size < SEAL_RECORD_BYTES) return false;
    await handle.read(header, 0, HEADER_BYTES, size - SEAL_RECORD_BYTES);
    return header.readUInt32LE(0) === SEAL_RECORD_BYTES - HEADER_BYTES && header[8] === RECORD.seal && header.readUInt32LE(12) === crc32(header.subarray(0, 12));
  } finally {
    await handle.close();
  }
}
