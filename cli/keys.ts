/** `thrum keys`: the keys that protect projects, and what their owner can do with them. */
import type { Command } from 'commander';
import { checkNewKey, KeyError, type KeyDescription, type NewKey } from '../broker/mod.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addAliasCommands } from './keys-alias.ts';
import { callKms } from './keys-call.ts';
import { addGrantCommands } from './keys-grant.ts';
import { addLifecycleCommands } from './keys-lifecycle.ts';
import { addPolicyCommands } from './keys-policy.ts';
import { addRotationCommands } from './keys-rotation.ts';
import { addServeCommand } from './keys-serve.ts';
import { addShowCommands, keyJson, shownWhole } from './keys-show.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';
import { addScreeningOption, screenTexts, type ScreeningOptions } from './screening.ts';

type Options = HomeOptions & OutputOptions;

export function addKeysCommand(program: Command): void {
  const keys = program.command('keys').description('make, list and control the keys that protect projects');
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));

  finish(addScreeningOption(keys.command('create').description('make a key that you control').option('--alias <alias>', 'name for it, as alias/NAME').option('--description <text>', 'what it is for')))
    .addHelpText('after', '\nExample:\n  thrum keys create --alias alias/plant-7')
    .action(async (options: Options & ScreeningOptions & { alias?: string; description?: string }) => {
      const { alias, description } = options;
      const wish: NewKey = { owner: 'customer', ...(alias === undefined ? {} : { alias }), ...(description === undefined ? {} : { description }) };
      checkNewKey(wish);
      screenTexts(options, { 'the alias': alias, 'the description': description });
      const home = await openHome(options, 'create');
      const key = await create(home, wish);
      printResult(options, keyJson(shownWhole(key)), () => [`made key ${key.keyId}${alias === undefined ? '' : ` (${alias})`}`]);
    });
  addShowCommands(keys);
  addLifecycleCommands(keys);
  addRotationCommands(keys);
  addAliasCommands(keys);
  addPolicyCommands(keys);
  addGrantCommands(keys);
  addServeCommand(keys);
}

/** Two operations of the key service; whether both may be done was asked before (access-needs.ts). */
async function create(home: Home, { alias, description }: NewKey): Promise<KeyDescription> {
  if (alias !== undefined) await mustBeFree(home, alias);
  const { KeyMetadata } = (await callKms(home, 'CreateKey', description === undefined ? {} : { Description: description })) as { KeyMetadata: { KeyId: string } };
  const keyId = KeyMetadata.KeyId;
  if (alias !== undefined) {
    await callKms(home, 'CreateAlias', { AliasName: alias, TargetKeyId: keyId }).catch((cause: unknown) => {
      throw new KeyError('KEY_BAD_REQUEST', `key ${keyId} is made, but without its alias: ${(cause as Error).message}`, { cause });
    });
  }
  return home.keys.describeKey(keyId);
}

async function mustBeFree(home: Home, alias: string): Promise<void> {
  const { aliases } = await home.keys.store.read();
  if (Object.hasOwn(aliases, alias)) throw new KeyError('KEY_ALIAS_EXISTS', `${alias} already names a key: choose another alias`);
}
