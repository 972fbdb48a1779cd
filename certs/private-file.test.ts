import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  makePrivateDirectory,
  publishPrivateDirectory,
  readPrivateFile,
  replacePrivateFile,
  writePrivateFile,
} from './private-file.ts';

const posix = process.platform !== 'win32';
let root: string;
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'thrum-private-'))));
afterEach(() => rm(root, { recursive: true, force: true }));

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe('a private file', () => {
  it('is written with mode 0600 and reads back', async () => {
    const path = join(root, 'key');
    await writePrivateFile(path, 'secret');
    expect((await readPrivateFile(path)).toString()).toBe('secret');
    if (posix) expect(await modeOf(path)).toBe(0o600);
  });

  it('replaces an older one as a whole, and closes it if it was open to others', async () => {
    const path = join(root, 'key');
    await writeFile(path, 'older and longer', { mode: 0o644 });
    await writePrivateFile(path, Buffer.from('new'));
    expect(await readFile(path, 'utf8')).toBe('new');
    if (posix) expect(await modeOf(path)).toBe(0o600);
    expect(await readdir(root)).toEqual(['key']);
  });

  it.runIf(posix)('replaces a symbolic link instead of writing through it', async () => {
    await writeFile(join(root, 'target'), 'untouched');
    await symlink(join(root, 'target'), join(root, 'key'));
    await writePrivateFile(join(root, 'key'), 'secret');
    expect(await readFile(join(root, 'target'), 'utf8')).toBe('untouched');
  });

  it('is one of the versions, whole, when many write at once', async () => {
    const versions = Array.from({ length: 20 }, (_, index) => String(index).repeat(10_000));
    await Promise.all(versions.map((version) => writePrivateFile(join(root, 'key'), version)));
    expect(versions).toContain(await readFile(join(root, 'key'), 'utf8'));
    expect(await readdir(root)).toEqual(['key']);
  });

  it('leaves nothing behind when it cannot be put in place', async () => {
    await mkdir(join(root, 'key', 'inside'), { recursive: true });
    await expect(writePrivateFile(join(root, 'key'), 'secret')).rejects.toMatchObject({ code: 'CERTS_WRITE_FAILED' });
    expect(await readdir(root)).toEqual(['key']);
    await expect(writePrivateFile(join(root, 'no', 'key'), 'x')).rejects.toThrow(/no.key cannot be written \(ENOENT\)/);
  });

  it('that is replaced in turns leaves nothing of what a killed writer was about to put there, and what is of others', async () => {
    const others = ['.key.0123456789abcdef.txt', '.key.0123456789abcde.tmp', '.key2.0123456789abcdef.tmp', '.other.0123456789abcdef.tmp', 'key.0123456789abcdef.tmp'];
    for (const name of ['.key.0123456789abcdef.tmp', '.key.fedcba9876543210.tmp', ...others]) await writeFile(join(root, name), 'half');
    await replacePrivateFile(join(root, 'key'), 'new');
    expect(await readFile(join(root, 'key'), 'utf8')).toBe('new');
    expect((await readdir(root)).sort()).toEqual([...others, 'key'].sort());
  });

  it.runIf(posix).each([0o640, 0o604, 0o620])('is refused when its mode is %o', async (mode) => {
    const path = join(root, 'key');
    await writePrivateFile(path, 'secret');
    await chmod(path, mode);
    await expect(readPrivateFile(path)).rejects.toMatchObject({ code: 'CERTS_KEY_EXPOSED' });
    await expect(readPrivateFile(path)).rejects.toThrow(/chmod 600/);
  });

  it('that is missing is named', async () => {
    await expect(readPrivateFile(join(root, 'none'))).rejects.toMatchObject({
      code: 'CERTS_UNREADABLE',
      message: expect.stringContaining(join(root, 'none')) as string,
      cause: { code: 'ENOENT' },
    });
    await expect(readPrivateFile(root)).rejects.toMatchObject({ code: expect.stringMatching(/CERTS_/) as string });
  });
});

describe('a private directory', () => {
  it('is made with its parents, mode 0700, and may be there already', async () => {
    const path = join(root, 'a', 'b');
    await makePrivateDirectory(path);
    await makePrivateDirectory(path);
    if (posix) expect([await modeOf(path), await modeOf(join(root, 'a'))]).toEqual([0o700, 0o700]);
  });

  it('cannot be made over a file', async () => {
    await writeFile(join(root, 'a'), '');
    await expect(makePrivateDirectory(join(root, 'a'))).rejects.toMatchObject({ code: 'CERTS_WRITE_FAILED' });
  });

  it('is published with all its files once, and never overwritten', async () => {
    const path = join(root, 'pair');
    const tries = ['one', 'two', 'three'].map((data) => publishPrivateDirectory(path, { a: data, b: data }));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CERTS_EXISTS' });
    }
    expect(await readFile(join(path, 'a'), 'utf8')).toBe(await readFile(join(path, 'b'), 'utf8'));
    expect(await readdir(root)).toEqual(['pair']);
  });
});
