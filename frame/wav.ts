/**
 * Recordings as WAV files: RIFF/WAVE, 16-bit or 24-bit PCM, 1 to 3 channels (x, y, z), any rate. Reading tolerates other chunks,
 * WAVE_FORMAT_EXTENSIBLE and a RIFF size that is wrong; writing gives the canonical 44-byte header. Sources: Microsoft
 * & IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991; Microsoft, WAVEFORMATEXTENSIBLE.
 */

import { WavError } from './errors.ts';
import type { SampleArray } from './messages.ts';

/** A recording: 1 to 3 axes of equal length and one type. */
export interface Recording {
  readonly axes: readonly SampleArray[];
  readonly sampleRateHz: number;
}

export const MAX_RECORDING_AXES = 3;
const HEADER_BYTES = 44;
const FORMAT_PCM = 1;
const FORMAT_FLOAT = 3;
const FORMAT_EXTENSIBLE = 0xfffe;
/** The rest of every KSDATAFORMAT_SUBTYPE_… after its two bytes of format. */
const SUBTYPE_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

interface Format {
  readonly bits: 16 | 24;
  readonly channels: number;
  readonly sampleRateHz: number;
}

/** A chunk's content, in bytes of the file. */
interface Chunk {
  readonly id: string;
  readonly start: number;
  readonly size: number;
}

function idAt(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}

/** The chunk that starts at `offset`; refuses one that runs past the end of the file. */
function chunkAt(bytes: Uint8Array, view: DataView, offset: number): Chunk {
  if (offset + 8 > bytes.length) {
    throw new WavError('WAV_TRUNCATED', `the file ends within the header of a chunk at byte ${offset}`, offset);
  }
  const id = idAt(bytes, offset);
  const size = view.getUint32(offset + 4, true);
  const start = offset + 8;
  if (size > bytes.length - start) {
    const name = /^[ -~]{4}$/.test(id) ? `"${id}"` : 'unnamed';
    const missing = size - (bytes.length - start);
    throw new WavError(
      'WAV_TRUNCATED',
      `the ${name} chunk at byte ${offset} says ${size} bytes, ${missing} are missing`,
      offset,
    );
  }
  return { id, start, size };
}

/** The two chunks that matter; reading stops at the data, what follows it is not looked at. */
function findChunks(bytes: Uint8Array, view: DataView): { format: Chunk; data: Chunk } {
  let format: Chunk | undefined;
  for (let offset = 12; offset < bytes.length;) {
    const chunk = chunkAt(bytes, view, offset);
    if (chunk.id === 'fmt ') format = chunk;
    if (chunk.id === 'data') {
      if (format === undefined)
        throw new WavError('WAV_FORMAT', `no "fmt " chunk before the data at byte ${offset}`, offset);
      return { format, data: chunk };
    }
    offset = chunk.start + chunk.size + (chunk.size % 2);
  }
  throw new WavError('WAV_EMPTY', 'the file has no "data" chunk', bytes.length);
}

/** The format's code; in the extensible form it stands in the sub-format. */
function formatCode(bytes: Uint8Array, view: DataView, { start, size }: Chunk): number {
  const code = view.getUint16(start, true);
  if (code !== FORMAT_EXTENSIBLE) return code;
  if (size < 40) throw new WavError('WAV_FORMAT', `extensible format of ${size} bytes, 40 needed`, start);
  const known = SUBTYPE_TAIL.every((byte, i) => bytes[start + 26 + i] === byte);
  if (!known) throw new WavError('WAV_FORMAT', 'unknown sub-format; only 16-bit and 24-bit PCM can be read', start + 24);
  return view.getUint16(start + 24, true);
}

function parseFormat(bytes: Uint8Array, view: DataView, chunk: Chunk): Format {
  const { start, size } = chunk;
  if (size < 16) throw new WavError('WAV_FORMAT', `"fmt " chunk of ${size} bytes, 16 needed`, start);
  const code = formatCode(bytes, view, chunk);
  const channels = view.getUint16(start + 2, true);
  const sampleRateHz = view.getUint32(start + 4, true);
  const blockBytes = view.getUint16(start + 12, true);
  const bits = view.getUint16(start + 14, true);
  if (code !== FORMAT_PCM) {
    const name = code === FORMAT_FLOAT ? 'floating point' : `format ${code}`;
    throw new WavError(
      'WAV_FORMAT',
      `the samples are ${name}; only 16-bit and 24-bit PCM can be read: convert the file first`,
      start,
    );
  }
  if (bits !== 16 && bits !== 24) {
    throw new WavError(
      'WAV_FORMAT',
      `the samples have ${bits} bits; only 16-bit and 24-bit PCM can be read: convert the file first`,
      start + 14,
    );
  }
  if (channels < 1 || channels > MAX_RECORDING_AXES) {
    throw new WavError('WAV_FORMAT', `${channels} channels; 1 to 3 (x, y, z) can be read`, start + 2);
  }
  if (sampleRateHz === 0) throw new WavError('WAV_FORMAT', 'the sample rate is 0', start + 4);
  if (blockBytes !== (bits / 8) * channels) {
    throw new WavError('WAV_FORMAT', `blocks of ${blockBytes} bytes for ${channels} channels of ${bits} bits`, start + 12);
  }
  return { bits, channels, sampleRateHz };
}

/**
 * Reads a WAV file. Samples come out bit for bit, one array per channel. Throws WavError with the place: not a WAV file,
 * truncated, no samples, or a format other than 16-bit or 24-bit PCM of 1 to 3 channels.
 */
export function readWav(bytes: Uint8Array): Recording {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 0) throw new WavError('WAV_EMPTY', 'the file is empty');
  if (bytes.length < 12 || idAt(bytes, 0) !== 'RIFF' || idAt(bytes, 8) !== 'WAVE') {
    throw new WavError('WAV_NOT_WAVE', 'not a WAV file: it does not begin with RIFF … WAVE');
  }
  const { format, data } = findChunks(bytes, view);
  const { bits, channels, sampleRateHz } = parseFormat(bytes, view, format);
  if (data.size === 0) throw new WavError('WAV_EMPTY', 'the recording holds no samples', data.start);
  const blockBytes = (bits / 8) * channels;
  if (data.size % blockBytes !== 0) {
    throw new WavError(
      'WAV_TRUNCATED',
      `${data.size} bytes of samples do not divide by ${channels} channels`,
      data.start,
    );
  }
  const samples = data.size / blockBytes;
  const axes = Array.from({ length: channels }, (_, channel) => {
    const axis = bits === 16 ? new Int16Array(samples) : new Int32Array(samples);
    let offset = data.start + (bits / 8) * channel;
    for (let i = 0; i < samples; i++, offset += blockBytes) axis[i] = sampleAt(view, offset, bits);
    return axis;
  });
  return { axes, sampleRateHz };
}

function sampleAt(view: DataView, offset: number, bits: 16 | 24): number {
  if (bits === 16) return view.getInt16(offset, true);
  return view.getUint16(offset, true) | (view.getInt8(offset + 2) << 16);
}

/** Bits of a sample as an axis of its type holds it. */
function bitsOf(axes: readonly SampleArray[]): 16 | 24 {
  return axes[0] instanceof Int32Array ? 24 : 16;
}

/** Samples as WAV holds them: one of each axis in turn, little-endian. Throws WavError WAV_VALUE. */
export function interleave(axes: readonly SampleArray[]): Uint8Array {
  const channels = axes.length;
  const sampleBytes = bitsOf(axes) / 8;
  const samples = axes[0]?.length ?? 0;
  if (axes.some((axis) => axis.length !== samples)) throw new WavError('WAV_VALUE', 'the axes differ in length');
  const bytes = new Uint8Array(samples * channels * sampleBytes);
  for (let channel = 0; channel < channels; channel++) {
    let offset = sampleBytes * channel;
    for (const code of axes[channel]!) {
      for (let byte = 0; byte < sampleBytes; byte++) bytes[offset + byte] = code >> (8 * byte);
      offset += sampleBytes * channels;
    }
  }
  return bytes;
}

/** The canonical 44-byte header of a file with `samples` samples per axis. Throws WavError WAV_VALUE, WAV_TOO_LARGE. */
export function wavHeader(channels: number, sampleRateHz: number, samples: number, bits: 16 | 24): Uint8Array {
  if (channels < 1 || channels > MAX_RECORDING_AXES) {
    throw new WavError('WAV_VALUE', `${channels} axes; 1 to 3 can be written`);
  }
  if (!Number.isInteger(sampleRateHz) || sampleRateHz < 1 || sampleRateHz > 0xffff_ffff) {
    throw new WavError('WAV_VALUE', `sample rate ${sampleRateHz}; a whole number from 1 to 4294967295 is needed`);
  }
  const blockBytes = (channels * bits) / 8;
  const dataBytes = samples * blockBytes;
  if (dataBytes > 0xffff_ffff - HEADER_BYTES) throw new WavError('WAV_TOO_LARGE', 'a WAV file ends at 4 GiB');
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('RIFF....WAVEfmt ....................data'));
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, FORMAT_PCM, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, (sampleRateHz * blockBytes) >>> 0, true);
  view.setUint16(32, blockBytes, true);
  view.setUint16(34, bits, true);
  view.setUint32(40, dataBytes, true);
  return bytes;
}

/**
 * Writes a recording as a WAV file with the canonical 44-byte header. 1 to 3 axes of equal length; a sample rate of
 * 1 to 2^32 - 1. Throws WavError WAV_VALUE for other values, WAV_TOO_LARGE past 4 GiB.
 */
export function encodeWav(axes: readonly SampleArray[], sampleRateHz: number): Uint8Array {
  const header = wavHeader(axes.length, sampleRateHz, axes[0]?.length ?? 0, bitsOf(axes));
  const samples = interleave(axes);
  const bytes = new Uint8Array(header.length + samples.length);
  bytes.set(header);
  bytes.set(samples, header.length);
  return bytes;
}
