/**
 * Whether a text is a histogram of ours, before the library unpacks it. Promises: what passes unpacks to a bounded size,
 * holds no count outside its range and takes no longer to read than one of ours; the library itself trusts its input, and
 * would loop for a run of zeros as long as somebody writes there.
 */
import { inflateSync } from 'node:zlib';
import { JsHistogram } from 'hdr-histogram-js';
import { newHistogram } from '../measures.ts';

/** As base64, and unpacked: a histogram of ours has at most 23,552 counts of five octets. */
const MAX_HISTOGRAM_TEXT = 200_000;
const MAX_HISTOGRAM_BYTES = 256 * 1024;
/** HdrHistogram's V2 encoding, compressed and not; in between: length of the payload, digits, lowest and highest value. */
const COMPRESSED_COOKIE = 0x1c849314;
const COOKIE = 0x1c849313;
const HEADER_BYTES = 40;
/** A count has 32 bits where it is kept. */
const MAX_COUNT = 2 ** 32 - 1;
/** Zigzag doubles it, and an octet holds seven bits. */
const MAX_WORD_BYTES = 5;

const model = newHistogram();
const places = model instanceof JsHistogram ? model.countsArrayLength : 0;

export function isHistogram(encoded: string): boolean {
  if (encoded.length > MAX_HISTOGRAM_TEXT) return false;
  try {
    const packed = Buffer.from(encoded, 'base64');
    if (packed.readUInt32BE(0) !== COMPRESSED_COOKIE) return false;
    const data = inflateSync(packed.subarray(8, 8 + packed.readUInt32BE(4)), { maxOutputLength: MAX_HISTOGRAM_BYTES });
    return hasOurHeader(data) && hasCountsInRange(data.subarray(HEADER_BYTES));
  } catch {
    return false;
  }
}

function hasOurHeader(data: Buffer): boolean {
  return data.readUInt32BE(0) === COOKIE && data.readUInt32BE(4) === data.length - HEADER_BYTES && data.readUInt32BE(12) === model.numberOfSignificantValueDigits
    && data.readBigUInt64BE(16) === 1n && data.readBigUInt64BE(24) === BigInt(model.highestTrackableValue);
}

/** Words in LEB128, zigzag: a count, or below zero a number of places without one. */
function hasCountsInRange(payload: Buffer): boolean {
  let place = 0;
  for (let at = 0; at < payload.length;) {
    let [word, bytes, more] = [0, 0, true];
    while (more) {
      const octet = payload[at + bytes];
      if (octet === undefined || bytes === MAX_WORD_BYTES) return false;
      word += (octet & 0x7f) * 2 ** (7 * bytes);
      more = octet >= 0x80;
      bytes += 1;
    }
    at += bytes;
    const value = word % 2 === 0 ? word / 2 : -(word + 1) / 2;
    if (value > MAX_COUNT) return false;
    place += value < 0 ? -value : 1;
    if (place > places) return false;
  }
  return true;
}
