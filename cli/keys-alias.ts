/** `thrum keys alias add | move | remove`: names for keys. A project stays under its key, wherever the alias goes. */
import type { Command } from 'commander';
import { checkAlias } from '../broker/mod.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { callKms, keyToChange } from './keys-call.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';
import { addScreeningOption, screenTexts, type ScreeningOptions } from './screening.ts';

type Options = HomeOptions & OutputOptions;

export function addAliasCommands(keys: Command): void {
  const alias = keys.command('alias').description('name keys');
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));
  const point = (name: string, operation: string, what: string): void => {
    finish(addScreeningOption(alias.command(name).description(what).argument('<alias>', 'alias/NAME').argument('<key>', 'id, ARN or another alias of the key')))
      .addHelpText('after', `\nExample:\n  thrum keys alias ${name} alias/plant-7 1234abcd-12ab-34cd-56ef-1234567890ab`)
      .action(async (aliasName: string, key: string, options: Options & ScreeningOptions) => {
        checkAlias(aliasName);
        screenTexts(options, { 'the alias': aliasName });
        const home = await openHome(options, 'refuse');
        const { keyId } = await keyToChange(home, key);
        await callKms(home, operation, { AliasName: aliasName, TargetKeyId: keyId });
        printResult(options, { alias: aliasName, keyId }, () => [`${aliasName} names key ${keyId}; projects stay under the keys they have`]);
      });
  };
  point('add', 'CreateAlias', 'give a key one more name');
  point('move', 'UpdateAlias', 'let a name mean another key');
  finish(alias.command('remove').description('take a name away; the key stays').argument('<alias>', 'alias/NAME'))
    .addHelpText('after', '\nExample:\n  thrum keys alias remove alias/plant-7')
    .action(async (aliasName: string, options: Options) => {
      checkAlias(aliasName);
      const home = await openHome(options, 'refuse');
      const { keyId } = await home.keys.describeKey(aliasName);
      await callKms(home, 'DeleteAlias', { AliasName: aliasName });
      printResult(options, { alias: aliasName, keyId }, () => [`${aliasName} is gone; key ${keyId} stays`]);
    });
}
