/** What all commands have in common, as their `--help` shows it. */
import { Command, type Option } from 'commander';
import { beforeAll, expect, it } from 'vitest';
import { COMMANDS } from './commands.ts';
import { addKmsOptions } from './kms-options.ts';

/** These open a home, but no project: what they use is under keys of the home alone. */
const OPEN_NO_PROJECT = /^(certs|audit|keys|access (principal|policy|access-key|mfa)) /;

interface Shown {
  readonly words: string;
  readonly options: readonly Option[];
}

let all: Shown[];
beforeAll(async () => {
  const program = new Command('thrum');
  for (const load of COMMANDS.values()) (await load())(program);
  all = shownBy(program, []);
});

/** Commands that do something, and what their help shows. */
function shownBy(command: Command, words: readonly string[]): Shown[] {
  const options = [...command.createHelp().visibleOptions(command)];
  const own = command.commands.length === 0 || options.length > 1 ? [{ words: words.join(' '), options }] : [];
  return [...own, ...command.commands.flatMap((one) => shownBy(one, [...words, one.name()]))];
}

const told = ({ flags, description }: Option): string => `${flags}  ${description}`;
const has = ({ options }: Shown, name: string): boolean => options.some(({ long }) => long === name);

it('a command that can open a project’s key takes the options that say in which KMS it is, in the same words; others do not', () => {
  const kms = addKmsOptions(new Command()).options.map(told);
  expect(kms).toHaveLength(3);
  const ofHome = all.filter((one) => has(one, '--home'));
  expect(ofHome.length).toBeGreaterThan(60);
  for (const { words, options } of ofHome) {
    const found = options.filter(({ long }) => long?.startsWith('--kms-')).map(told);
    expect({ words, found }).toEqual({ words, found: OPEN_NO_PROJECT.test(words) ? [] : kms });
  }
  expect(all.filter((one) => !has(one, '--home') && has(one, '--kms-endpoint'))).toEqual([]);
});
