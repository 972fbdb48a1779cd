/** `thrum keys`: the keys that protect projects, and the owner's switch. */
import type { Command } from 'commander';
import { checkNewKey, type KeyDescription, type NewKey } from '../broker/mod.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addServeCommand } from './keys-serve.ts';
import { addOutputOptions, minute, printResult, table, type OutputOptions } from './output.ts';

type Options = HomeOptions & OutputOptions;

export function addKeysCommand(program: Command): void {
  const keys = program.command('keys').description('make, list and switch the keys that protect projects');
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));
  addServeCommand(keys);

  finish(keys.command('create').description('make a key that you control').option('--alias <alias>', 'name for it, as alias/NAME').option('--description <text>', 'what it is for'))
    .addHelpText('after', '\nExample:\n  thrum keys create --alias alias/plant-7')
    .action(async (options: Options & { alias?: string; description?: string }) => {
      const { alias, description } = options;
      const wish: NewKey = { owner: 'customer', ...(alias === undefined ? {} : { alias }), ...(description === undefined ? {} : { description }) };
      checkNewKey(wish);
      const home = await openHome(options, 'create');
      const key = await home.keys.createKey(wish);
      printResult(options, toJson(key), () => [`made key ${key.keyId}${alias === undefined ? '' : ` (${alias})`}`]);
    });
  finish(keys.command('list').description('list the keys of a home'))
    .addHelpText('after', '\nExample:\n  thrum keys list --json')
    .action(async (options: Options) => {
      const all = await (await openHome(options, 'refuse')).keys.listKeys();
      printResult(options, all.map(toJson), () =>
        table([['key', 'state', 'owner', 'aliases', 'description'], ...all.map((key) => [key.keyId, key.state, key.owner, key.aliases.join(' '), key.description])]),
      );
    });
  const change = (name: string, what: string, act: (home: Home, key: string) => Promise<KeyDescription>): void => {
    finish(keys.command(name).description(what).argument('<key>', 'key id or alias/NAME'))
      .addHelpText('after', `\nExample:\n  thrum keys ${name} alias/plant-7`)
      .action(async (key: string, options: Options) => {
        const description = await act(await openHome(options, 'refuse'), key);
        printResult(options, toJson(description), () => lines(description));
      });
  };
  change('describe', 'show what is known of a key', (home, key) => home.keys.describeKey(key));
  change('disable', 'take a key away: its projects can be neither written nor read', (home, key) => home.keys.disableKey(key));
  change('enable', 'give a disabled key back', (home, key) => home.keys.enableKey(key));
}

function toJson({ createdMs, ...key }: KeyDescription): object {
  return { ...key, created: new Date(createdMs).toISOString() };
}

function lines(key: KeyDescription): string[] {
  return [
    `key          ${key.keyId}`,
    `state        ${key.state}`,
    `owner        ${key.owner}`,
    `aliases      ${key.aliases.join(' ') || '–'}`,
    `description  ${key.description || '–'}`,
    `created      ${minute(key.createdMs)}`,
  ];
}
