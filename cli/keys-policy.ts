/** `thrum keys tag | untag | policy`: what is written on a key, and who may do what with it. */
import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { CliError } from './errors.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { callKms, keyToChange } from './keys-call.ts';
import { pairs } from './keys-values.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';
import { addScreeningOption, screenTexts, type ScreeningOptions } from './screening.ts';

type Options = HomeOptions & OutputOptions;

/** More than any policy may have; a larger file is another file. */
const MAX_FILE_BYTES = 131_072;

export function addPolicyCommands(keys: Command): void {
  const ofKey = (command: Command): Command => command.argument('<key>', 'id, ARN or alias/NAME');
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));

  finish(addScreeningOption(ofKey(keys.command('tag').description('put tags on a key, or change them')).argument('<name=value...>', 'tags, at most 50 on a key')))
    .addHelpText('after', '\nExample:\n  thrum keys tag alias/plant-7 site=north class=A')
    .action(async (name: string, tags: string[], options: Options & ScreeningOptions) => {
      screenTexts(options, Object.fromEntries(tags.map((tag, n) => [`tag ${n + 1}`, tag])));
      const wish = pairs(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
      const home = await openHome(options, 'refuse');
      const { keyId } = await keyToChange(home, name);
      await callKms(home, 'TagResource', { KeyId: keyId, Tags: wish });
      printResult(options, { keyId, tags }, () => [`key ${keyId} has the tags ${tags.join(' ')}`]);
    });
  finish(ofKey(keys.command('untag').description('take tags off a key')).argument('<name...>', 'names of tags'))
    .addHelpText('after', '\nExample:\n  thrum keys untag alias/plant-7 class')
    .action(async (name: string, names: string[], options: Options) => {
      const home = await openHome(options, 'refuse');
      const { keyId } = await keyToChange(home, name);
      await callKms(home, 'UntagResource', { KeyId: keyId, TagKeys: names });
      printResult(options, { keyId, removed: names }, () => [`key ${keyId} has no tags ${names.join(' ')} any more`]);
    });

  const policy = keys.command('policy').description('read and write the policy of a key');
  finish(ofKey(policy.command('get').description('print the policy of a key')))
    .addHelpText('after', '\nExample:\n  thrum keys policy get alias/plant-7 > policy.json')
    .action(async (name: string, options: Options) => {
      const home = await openHome(options, 'refuse');
      const { keyId } = await keyToChange(home, name);
      const { Policy } = (await callKms(home, 'GetKeyPolicy', { KeyId: keyId })) as { Policy: string };
      printResult(options, JSON.parse(Policy), () => [Policy]);
    });
  finish(ofKey(policy.command('put').description('replace the policy of a key; one under which you could not replace it again is refused')).argument('<file>', 'policy document (JSON)'))
    .addHelpText('after', '\nExample:\n  thrum keys policy put alias/plant-7 policy.json')
    .action(async (name: string, file: string, options: Options) => {
      if ((await stat(file)).size > MAX_FILE_BYTES) throw new CliError('CLI_USAGE', `${file} is longer than any policy (${MAX_FILE_BYTES} bytes)`);
      const document = await readFile(file, 'utf8');
      const home = await openHome(options, 'refuse');
      const { keyId } = await keyToChange(home, name);
      await callKms(home, 'PutKeyPolicy', { KeyId: keyId, Policy: document });
      printResult(options, { keyId, file }, () => [`key ${keyId} has the policy of ${file}`]);
    });
}
