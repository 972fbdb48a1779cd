/**
 * The vectors keep their meaning for ever, with every kernel. A failure here means that stored data can no longer be read,
 * or that other implementations no longer agree: change the format's version, not these files.
 */

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { batchOf } from '../batch.ts';
import { decodeFrame, frameOf } from '../frame.ts';
import { frameToJson } from '../json.ts';
import { allKernels, kernel, useKernel } from '../kernel/choose.ts';
import { crc32c } from '../crc32c.ts';

interface Vector {
  readonly name: string;
  readonly canonical: boolean;
  readonly hex: string;
  readonly message: unknown;
}

function read<T>(file: string): T[] {
  return JSON.parse(readFileSync(new URL(`${file}.json`, import.meta.url), 'utf8')) as T[];
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const first = kernel();
afterAll(() => useKernel(first));

describe.each(allKernels())('with the $name kernel', (one) => {
  describe.each(['measurement', 'event', 'waveform', 'batch'])('%s vectors', (file) => {
    it.each(read<Vector>(file))('$name', ({ hex, message, canonical }) => {
      useKernel(one);
      const decoded = decodeFrame(bytesOf(hex));
      expect(frameToJson(decoded)).toEqual(message);
      if (!canonical) return;
      const again = decoded.kind === 'batch' ? batchOf(decoded, decoded.messages.map(frameOf)) : frameOf(decoded);
      expect(Buffer.from(again).toString('hex')).toBe(hex);
    });
  });

  it.each(read<{ name: string; hex: string; code: string }>('errors'))('error vector: $name', ({ hex, code }) => {
    useKernel(one);
    expect(() => decodeFrame(bytesOf(hex))).toThrow(expect.objectContaining({ name: 'FrameError', code }) as Error);
  });
});

/** What the encoder writes for these messages: data that is made anew from a seed must be the same in the next release. */
it('waveform vectors that the encoder made are encoded to the same bytes', () => {
  const made = read<Vector>('waveform').filter(({ name }) => !name.startsWith('by hand') && !name.endsWith('fast'));
  const hash = crc32c(new TextEncoder().encode(made.map(({ hex }) => Buffer.from(frameOf(decodeFrame(bytesOf(hex)) as never)).toString('hex')).join('\n')));
  expect(hash).toBe(crc32c(new TextEncoder().encode(made.map(({ hex }) => hex).join('\n'))));
});
