/** Raw samples through the general compressors of Node: each axis's bytes as they are, a waveform at a time. */
import { brotliCompressSync, brotliDecompressSync, constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Capture } from './captures.ts';
import type { WaveformCodec } from './waveform-codec.ts';

export function compressorCodecs(capture: Capture): WaveformCodec[] {
  const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  return [
    compressor('deflate, level 1', capture, (raw) => deflateRawSync(raw, { level: 1 }), inflateRawSync),
    compressor('deflate, level 6', capture, (raw) => deflateRawSync(raw, { level: 6 }), inflateRawSync),
    compressor('brotli, quality 1', capture, (raw) => brotliCompressSync(raw, brotli), brotliDecompressSync),
  ];
}

function compressor(name: string, { waveforms, bits, raw }: Capture, compress: (raw: Buffer) => Buffer, expand: (bytes: Buffer) => Buffer): WaveformCodec {
  let at = 0;
  const parts = waveforms.map(({ axes }) => raw.subarray(at, (at += (axes.length * axes[0]!.length * bits) / 8)));
  let encoded: Buffer[] = [];
  let decoded: Buffer[] = [];
  return {
    name,
    kernel: null,
    speed: 'measured',
    encode: () => {
      encoded = parts.map(compress);
      return encoded.reduce((sum, { length }) => sum + length, 0);
    },
    decode: () => {
      decoded = encoded.map(expand);
    },
    decoded: () => Buffer.concat(decoded),
  };
}
