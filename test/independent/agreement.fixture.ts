/** Asks the decoder of docs/frame.md and ours, with each kernel, about the same bytes. */
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { allKernels, useKernel } from '../../frame/kernel/choose.ts';
import { decodeFrame, encodeMessage, FrameError, maxFrameLength, type SensorMessage } from '../../frame/mod.ts';
import { decode, RefusedFrame } from './frame-decoder.ts';

export const KERNELS = allKernels();
const MODES = ['tight', 'fast'] as const;

/** What a decoder says of bytes: the message, or the code of its refusal. */
export type Verdict = { readonly message: unknown } | { readonly code: string };

function verdict(decoder: (bytes: Uint8Array) => unknown, bytes: Uint8Array): Verdict {
  try {
    return { message: decoder(bytes) };
  } catch (error) {
    if (error instanceof RefusedFrame || error instanceof FrameError) return { code: error.code };
    throw error;
  }
}

/** A body can be wrong in both ways at once; the page does not say which of them is told. */
function roughly(said: Verdict): Verdict {
  return 'code' in said ? { code: said.code.replace('FRAME_MALFORMED', 'FRAME_VALUE') } : said;
}

/** Throws unless all decoders say the same of these bytes; gives what they say. */
export function agreed(bytes: Uint8Array, codes: 'the same codes' | 'roughly the same codes' = 'roughly the same codes'): Verdict {
  const known = codes === 'the same codes' ? (said: Verdict): Verdict => said : roughly;
  const stranger = known(verdict(decode, bytes));
  for (const kernel of KERNELS) {
    useKernel(kernel);
    const ours = known(verdict(decodeFrame, bytes));
    // isDeepStrictEqual takes NaN for NaN and tells 0 from −0.
    if (!isDeepStrictEqual(stranger, ours)) expect({ bytes: Buffer.from(bytes).toString('hex'), ...stranger }).toEqual(ours);
  }
  return stranger;
}

/** The frames of a message by every kernel and in both modes, each once. */
export function framesOf(message: SensorMessage): Uint8Array[] {
  const frames = new Map<string, Uint8Array>();
  for (const kernel of KERNELS) {
    useKernel(kernel);
    for (const mode of MODES) {
      const buffer = new Uint8Array(maxFrameLength(message));
      const frame = buffer.subarray(0, encodeMessage(message, buffer, 0, mode));
      frames.set(Buffer.from(frame).toString('latin1'), frame);
    }
  }
  return [...frames.values()];
}
