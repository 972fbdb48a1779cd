/** Tables for CRC-32C by slices: the CRC of byte b followed by s zero bytes at s * 256 + b (Kounavis & Berry 2005). */

const POLYNOMIAL = 0x82f63b78;

/** Fills 256 entries for each slice that `tables` has room for. */
export function fillCrcTables(tables: Int32Array): void {
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let index = 256; index < tables.length; index++) {
    const shorter = tables[index - 256]!;
    tables[index] = (shorter >>> 8) ^ tables[shorter & 0xff]!;
  }
}
