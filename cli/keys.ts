/** `thrum keys`: the keys that protect projects, and what their owner can do with them. */
import type { Command } from 'commander';
import { checkNewKey, type KeyDescription, type NewKey } from '../broker/mod.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addAliasCommands } from './keys-alias.ts';
import { callKms, projectsText, projectsUnder, type ProjectUnderKey } from './keys-call.ts';
import { addGrantCommands } from './keys-grant.ts';
import { addLifecycleCommands, dateOf } from './keys-lifecycle.ts';
import { addPolicyCommands } from './keys-policy.ts';
import { addRotationCommands, rotationText } from './keys-rotation.ts';
import { addServeCommand } from './keys-serve.ts';
import { addOutputOptions, minute, printResult, table, type OutputOptions } from './output.ts';
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
      const key = await home.keys.createKey(wish);
      printResult(options, keyJson(key), () => [`made key ${key.keyId}${alias === undefined ? '' : ` (${alias})`}`]);
    });
  finish(keys.command('list').description('list the keys that you control'))
    .addHelpText('after', '\nExample:\n  thrum keys list --json')
    .action(async (options: Options) => {
      const all = (await (await openHome(options, 'refuse')).keys.listKeys()).filter((key) => key.owner === 'customer');
      printResult(options, all.map(keyJson), () =>
        table([['key', 'state', 'rotation', 'aliases', 'description'], ...all.map((key) => [key.keyId, stateText(key), key.rotation ? `${key.rotation.periodDays} days` : 'off', key.aliases.join(' '), key.description])]),
      );
    });
  finish(keys.command('describe').description('show what is known of a key').argument('<key>', 'id, ARN or alias/NAME'))
    .addHelpText('after', '\nExample:\n  thrum keys describe alias/plant-7')
    .action(async (name: string, options: Options) => {
      const home = await openHome(options, 'refuse');
      const key = await home.keys.describeKey(name);
      const [tags, projects] = [await tagsOf(home, key), await projectsUnder(home, key.keyId)];
      printResult(options, { ...keyJson(key), tags, projects }, () => lines(key, tags, projects));
    });
  addLifecycleCommands(keys);
  addRotationCommands(keys);
  addAliasCommands(keys);
  addPolicyCommands(keys);
  addGrantCommands(keys);
  addServeCommand(keys);
}

/** A key as JSON for scripts: times in ISO form. */
function keyJson({ createdMs, deletionMs, rotation, ...key }: KeyDescription): object {
  return {
    ...key,
    ...(deletionMs === undefined ? {} : { deletionDate: new Date(deletionMs).toISOString() }),
    rotation: rotation ? { periodDays: rotation.periodDays, next: new Date(rotation.nextMs).toISOString() } : null,
    created: new Date(createdMs).toISOString(),
  };
}

/** The service's own keys have no tags that could be asked for. */
async function tagsOf(home: Home, key: KeyDescription): Promise<[string, string][]> {
  if (key.owner === 'service') return [];
  const { Tags } = (await callKms(home, 'ListResourceTags', { KeyId: key.keyId })) as { Tags: { TagKey: string; TagValue: string }[] };
  return Tags.map(({ TagKey, TagValue }) => [TagKey, TagValue]);
}

function stateText(key: KeyDescription): string {
  return key.deletionMs === undefined ? key.state : `${key.state} until ${dateOf(key.deletionMs)}`;
}

function lines(key: KeyDescription, tags: readonly [string, string][], projects: readonly ProjectUnderKey[]): string[] {
  return [
    `key          ${key.keyId}`,
    `arn          ${key.arn}`,
    `state        ${stateText(key)}`,
    `owner        ${key.owner}`,
    `aliases      ${key.aliases.join(' ') || '–'}`,
    `description  ${key.description || '–'}`,
    `tags         ${tags.map(([name, value]) => `${name}=${value}`).join(' ') || '–'}`,
    `rotation     ${rotationText(key.rotation)}`,
    `projects     ${projects.length === 0 ? '–' : projectsText(projects).slice('under it: '.length)}`,
    `created      ${minute(key.createdMs)}`,
  ];
}
