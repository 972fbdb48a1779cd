/** The face of `frame/`: what other rooms may use. docs/frame.md specifies the bytes. */

export * from './errors.ts';
export * from './messages.ts';
export { batchOf, encodeBatch, headerOfVerified, maxBatchLength, readBatchHeader } from './batch.ts';
export { scanBatch } from './batch-scan.ts';
export { crc32c } from './crc32c.ts';
export { asSent, decodeBatch, decodeFrame, decodeMessage, encodeMessage, frameOf, maxFrameLength } from './frame.ts';
export { frameToJson } from './json.ts';
export { encodeWav, interleave, readWav, wavHeader, type Recording } from './wav.ts';
export { bitsPerSampleOf } from './waveform.ts';
export { measureCodec, type CodecFigures } from './codec-speed.ts';
export { inspectFrame, type Field, type Inspection } from './inspect.ts';
