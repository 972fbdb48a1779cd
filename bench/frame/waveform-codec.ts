/** What a way to code waveforms offers the benchmark. */
import type { SampleArray } from '../../frame/mod.ts';
import type { Capture } from './captures.ts';

export interface WaveformCodec {
  readonly name: string;
  /** The kernel that a frame was coded with. */
  readonly kernel: 'wasm' | 'typescript' | null;
  /** What is here for its size alone is not timed. */
  readonly speed: 'measured' | 'not measured';
  /** Encodes the whole capture and returns the bytes that took. */
  encode(): number;
  /** Decodes what `encode` made last. */
  decode(): void;
  /** What `decode` made last: axes in the order of the capture's, or their raw bytes. */
  decoded(): readonly SampleArray[] | Buffer;
}

/** Encodes and decodes once; throws unless the samples come back exactly. Returns the bytes. */
export function verifiedBytes(codec: WaveformCodec, { axes, raw }: Capture): number {
  const bytes = codec.encode();
  codec.decode();
  if (!isExact(codec.decoded(), axes, raw)) throw new Error(`${codec.name}: the samples did not come back as they were`);
  return bytes;
}

function isExact(decoded: readonly SampleArray[] | Buffer, axes: readonly SampleArray[], raw: Buffer): boolean {
  if (Buffer.isBuffer(decoded)) return decoded.equals(raw);
  return decoded.length === axes.length && axes.every((axis, index) => sameSamples(axis, decoded[index]!));
}

function sameSamples(axis: SampleArray, other: SampleArray): boolean {
  if (axis.length !== other.length) return false;
  for (let index = 0; index < axis.length; index++) if (axis[index] !== other[index]) return false;
  return true;
}

/** Arrays of the axes' types and lengths, to decode into again and again. */
export function arraysLike(axes: readonly SampleArray[]): SampleArray[] {
  return axes.map((axis) => (axis instanceof Int16Array ? new Int16Array(axis.length) : new Int32Array(axis.length)));
}
