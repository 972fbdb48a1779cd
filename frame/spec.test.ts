/** docs/frame.md keeps its word: its examples are frames, and they stand for what it says. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { batchOf } from './batch.ts';
import { decodeFrame, frameOf } from './frame.ts';
import { frameToJson } from './json.ts';
import { MAX_BATCH_MESSAGES, MAX_FRAME_BYTES, MAX_WAVEFORM_SAMPLES } from './messages.ts';

const page = readFileSync(new URL('../docs/frame.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/### (.+)\n[^]*?```hex\n([^]*?)```\s+```json\n([^]*?)```/g)]
  .map(([, title = '', hex = '', json = '']) => ({
    title,
    bytes: Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')),
    meaning: JSON.parse(json) as { kind: string },
  }));

describe('docs/frame.md', () => {
  it('has an example of every kind', () => {
    expect(examples.map(({ meaning }) => meaning.kind)).toEqual(['measurement', 'event', 'waveform', 'batch']);
  });

  it.each(examples)('shows $title that decodes to the stated values', ({ bytes, meaning }) => {
    expect(frameToJson(decodeFrame(bytes))).toEqual(meaning);
  });

  it.each(examples.filter(({ meaning }) => meaning.kind !== 'waveform'))('shows $title as it is encoded', ({ bytes }) => {
    const message = decodeFrame(bytes);
    const again = message.kind === 'batch' ? batchOf(message, message.messages.map(frameOf)) : frameOf(message);
    expect(again).toEqual(bytes);
  });

  it('states the limits', () => {
    for (const limit of [MAX_FRAME_BYTES, MAX_WAVEFORM_SAMPLES]) expect(page).toContain(limit.toLocaleString('en'));
    expect(page).toContain(`0 to ${MAX_BATCH_MESSAGES}`);
  });
});
