import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
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

it('says what a measurement measures, in units', () => {
  const [first] = read('measurement.json').filter(({ name }) => name === 'ordinary');
  const values = new Map(inspectFrame(bytesOf(first!.hex)).fields.map(({ name, value }) => [name.trim(), value]));
  expect(values.get('acceleration RMS 0–6000 Hz x')).toBe('0.12512 g (code 0x687)');
  expect(values.get('temperature')).toBe('36.5 °C');
  expect(values.get('time')).toBe('1735689600000 ms, 2025-01-01T00:00:00.000Z');
});
