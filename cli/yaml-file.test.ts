import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readYamlFile, type YamlFile, type YamlKind } from './yaml-file.ts';

const KIND: YamlKind = { name: 'test file', maxBytes: 1_000, fault: (message) => new Error(message) };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thrum-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(text: string): Promise<YamlFile> {
  const path = join(folder, 'test.yaml');
  await writeFile(path, text);
  return readYamlFile(path, KIND);
}

describe('a YAML file', () => {
  it('tells where the value at a path begins, or what is nearest to it', async () => {
    const { place } = await read('a:\n  - b: 1\n    c:\n  - &x { d: 2 }\ne: *x\n3: z\n');
    const at = (...path: PropertyKey[]): string => place(path).split(':').slice(-2).join(':');
    expect(at('a', 0, 'b')).toBe('2:8');
    expect(at('a', 1, 'd')).toBe('4:13');
    expect(at('a', 0, 'c')).toBe('3:5'); // empty: its key
    expect(at('a', 0, 'nope')).toBe('2:5');
    expect(at('a', 7)).toBe('2:3');
    expect(at('e', 'd')).toBe('5:4'); // an alias, not what it stands for
    expect(at('nope', 'at', 'all')).toBe('1:1');
    expect(at()).toBe('1:1');
  });

  it('that is empty says nothing, and has a place', async () => {
    const { value, place } = await read('');
    expect(value).toEqual({});
    expect(place(['a'])).toMatch(/test\.yaml:1:1$/);
  });

  it('may be as long as its kind allows', async () => {
    expect((await read(`a: ${'b'.repeat(997)}`)).value).toEqual({ a: 'b'.repeat(997) });
    await expect(read(`a: ${'b'.repeat(998)}`)).rejects.toThrow(/test\.yaml: a test file has at most 1000 bytes$/);
  });

  it('is read as UTF-8', async () => {
    expect((await read('a: „größer“ 🙂\n')).value).toEqual({ a: '„größer“ 🙂' });
  });
});
