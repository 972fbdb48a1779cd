/** What the pages say of this repository is so: the files that they name are there, and promises have one number each. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../', import.meta.url);
const FOLDERS = ['bench', 'broker', 'certs', 'cli', 'deploy', 'docs', 'frame', 'gateway', 'sensors', 'test'];
/** A home has a folder of certificates too. */
const OF_A_HOME = /^certs\/(ca|claims|signed)\//;
const PAGES = ['ARCHITECTURE.md', ...readdirSync(new URL('docs/', ROOT)).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
/** Every file and folder, folders with a slash at the end. */
const ALL = FOLDERS.flatMap((folder) => [
  `${folder}/`,
  ...readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, withFileTypes: true }).map(
    (entry) => `${entry.parentPath.slice(ROOT.pathname.length).replace(/\/$/, '')}/${entry.name}${entry.isDirectory() ? '/' : ''}`,
  ),
]);

function textOf(page: string): string {
  return readFileSync(new URL(page, ROOT), 'utf8');
}

/** Whether a file or folder is there by this name, from the top or, without a folder of the top, anywhere; a star stands for what is no slash. */
function isThere(name: string): boolean {
  const start = FOLDERS.some((folder) => name.startsWith(`${folder}/`)) ? '^' : '(^|/)';
  const pattern = name.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
  const found = new RegExp(`${start}${pattern}${name.endsWith('/') ? '' : '/?'}$`);
  return ALL.some((one) => found.test(one));
}

describe('the pages', () => {
  it.each(PAGES)('%s names files that are there', (page) => {
    const quoted = [...textOf(page).matchAll(/`([^`\s]+)`/g)].map((match) => match[1]!);
    const paths = quoted.filter((text) => FOLDERS.some((folder) => text.startsWith(`${folder}/`)) && !OF_A_HOME.test(text));
    const sources = quoted.filter((text) => /^[\w./*-]+\.ts$/.test(text));
    expect([...new Set([...paths, ...sources])].filter((name) => !isThere(name))).toEqual([]);
  });

  it('knows what is not there', () => {
    expect(['broker/', 'broker/mod.ts', 'mod.ts', 'store/verify.ts', 'broker/keys/*.test.ts', 'broker/store'].filter((name) => !isThere(name))).toEqual([]);
    expect(['broker/nowhere.ts', 'ode.ts', 'broker/m*d', 'store/', 'mod.tsx'].filter(isThere)).toEqual(['store/']);
  });

  it('number the promises from 1 on, each once', () => {
    const table = textOf('ARCHITECTURE.md').split('\n## ').find((part) => part.startsWith('Promises\n'))!;
    const numbers = [...table.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});
