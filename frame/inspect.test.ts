import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { beginFrame, endFrame, frameLength } from './envelope.ts';
import { inspectFrame } from './inspect.ts';

const folder = new URL('vectors/', import.meta.url);
const read = (file: string): { name: string; hex: string; code?: string }[] => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as never;
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const files = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'errors.json');

describe.each(files)('%s', (file) => {
  it.each(read(file))('$name: every byte belongs to one field, in order', ({ hex }) => {
    const bytes = bytesOf(hex);
    const { fields, error } = inspectFrame(bytes);
    expect(error).toBeUndefined();
    let next = 0;
    for (const { offset, length } of fields) {
      expect(offset).toBe(next);
      next += length;
    }
    expect(next).toBe(bytes.length);
  });
});

it.each(read('errors.json'))('shows $name as far as it makes sense, and says what is wrong', ({ hex, code }) => {
  const bytes = bytesOf(hex);
  const { fields, error } = inspectFrame(bytes);
  for (const { offset, length } of fields) expect(offset + length).toBeLessThanOrEqual(bytes.length);
  expect(error?.code).toBe(code);
});

describe('a hostile frame', () => {
  const seal = (kind: number, body: readonly number[]): Uint8Array => {
    const frame = new Uint8Array(frameLength(body.length));
    const at = beginFrame(kind, body.length, frame, 0);
    frame.set(body, at);
    endFrame(frame, 0, at + body.length);
    return frame;
  };
  const gateway = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0];

  it('of more samples than a waveform can have ends the walk before its axes', () => {
    const { hex } = read('waveform.json').find(({ name }) => name === 'empty')!;
    const head = bytesOf(hex).slice(2, -5);
    const frame = seal(2, [...head, 0xa0, 0x96, 0x22, 0, 0x50, 0, ...Array<number>(9000).fill(0)]);
    expect(inspectFrame(frame).error?.code).toBe('FRAME_VALUE');
    expect(inspectFrame(frame).fields.at(-2)?.name).not.toMatch(/axis/);
  });

  it('of more entries than a batch can have, or of batches in batches, is shown and refused', () => {
    const many = inspectFrame(seal(4, [...gateway, 0xa0, 0x8d, 6, ...Array.from({ length: 200_000 }, (_, i) => (i % 2 === 0 ? 5 : 0))]));
    expect(many.error?.code).toBe('FRAME_TOO_LARGE');
    let nested: number[] = [];
    for (let depth = 0; depth < 200; depth++) nested = [...gateway, 1, 4, ...[nested.length & 0x7f | 0x80, nested.length >> 7], ...nested];
    expect(inspectFrame(seal(4, nested)).error?.code).toBe('FRAME_KIND');
  });
});

it('says what a measurement measures, in units', () => {
  const [first] = read('measurement.json').filter(({ name }) => name === 'ordinary');
  const values = new Map(inspectFrame(bytesOf(first!.hex)).fields.map(({ name, value }) => [name.trim(), value]));
  expect(values.get('acceleration RMS 0–6000 Hz x')).toBe('0.12512 g (code 0x687)');
  expect(values.get('temperature')).toBe('36.5 °C');
  expect(values.get('time')).toBe('1735689600000 ms, 2025-01-01T00:00:00.000Z');
});
