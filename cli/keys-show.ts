/** `thrum keys list` and `describe`: what is known of keys, as far as the one for whom the command acts may see it. */
import type { Command } from 'commander';
import type { KeyDescription } from '../broker/mod.ts';
import { actingPrincipal } from './acting.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { callKms, ifAllowed, listKms, maySee, projectsText, projectsUnder, type ProjectUnderKey } from './keys-call.ts';
import { dateOf } from './keys-lifecycle.ts';
import { rotationText } from './keys-rotation.ts';
import { addOutputOptions, minute, printResult, table, type OutputOptions } from './output.ts';

type Options = HomeOptions & OutputOptions;
type Tags = readonly (readonly [string, string])[];

/** A key as it may be shown: what may not be seen is absent. */
export interface ShownKey {
  readonly keyId: string;
  readonly arn: string;
  readonly aliases?: readonly string[];
  readonly about?: KeyDescription;
  /** null: it does not rotate by the calendar. */
  readonly rotation?: NonNullable<KeyDescription['rotation']> | null;
}

/** All of it, for whoever made the key. */
export function shownWhole(key: KeyDescription): ShownKey {
  return { keyId: key.keyId, arn: key.arn, aliases: key.aliases, about: key, rotation: key.rotation ?? null };
}

export function addShowCommands(keys: Command): void {
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));
  finish(keys.command('list').description('list the keys that you control'))
    .addHelpText('after', '\nExample:\n  thrum keys list --json')
    .action(async (options: Options) => {
      const all = await listedKeys(await openHome(options, 'refuse'));
      printResult(options, all.map(keyJson), () =>
        table([['key', 'state', 'rotation', 'aliases', 'description'], ...all.map((key) => [key.keyId, stateText(key), key.rotation ? `${key.rotation.periodDays} days` : key.rotation === null ? 'off' : '', (key.aliases ?? []).join(' '), key.about?.description ?? ''])]),
      );
    });
  finish(keys.command('describe').description('show what is known of a key').argument('<key>', 'id, ARN or alias/NAME'))
    .addHelpText('after', '\nExample:\n  thrum keys describe alias/plant-7')
    .action(async (name: string, options: Options) => {
      const home = await openHome(options, 'refuse');
      const { key, tags } = await described(home, name);
      const projects = await projectsUnder(home, key.keyId);
      printResult(options, { ...keyJson(key), ...(tags && { tags }), projects }, () => lines({ key, tags }, projects));
    });
}

async function listedKeys(home: Home): Promise<ShownKey[]> {
  const keys = await listKms<{ KeyId: string; KeyArn: string }>(home, 'ListKeys');
  const aliasesOf = new Map<string, string[]>();
  for (const { AliasName, TargetKeyId } of await listKms<{ AliasName: string; TargetKeyId: string }>(home, 'ListAliases')) {
    aliasesOf.set(TargetKeyId, [...(aliasesOf.get(TargetKeyId) ?? []), AliasName]);
  }
  const known = new Map((await home.keys.listKeys()).map((key) => [key.keyId, key]));
  const shown: ShownKey[] = [];
  for (const { KeyId: keyId, KeyArn: arn } of keys) {
    const about = known.get(keyId);
    if (!about) continue; // it went meanwhile
    shown.push({
      keyId, arn, aliases: aliasesOf.get(keyId) ?? [],
      ...((await maySee(home, 'DescribeKey', keyId)) && { about }),
      ...((await maySee(home, 'GetKeyRotationStatus', keyId)) && { rotation: about.rotation ?? null }),
    });
  }
  return shown.sort((a, b) => known.get(a.keyId)!.createdMs - known.get(b.keyId)!.createdMs);
}

/** A key that may be described. */
interface Described {
  readonly key: ShownKey & { readonly about: KeyDescription };
  readonly tags: Tags | undefined;
}

/** The service's own keys are the service's, who tells principals nothing of them; the owner may look at them. */
async function described(home: Home, name: string): Promise<Described> {
  const about = await home.keys.describeKey(name);
  const { keyId, arn } = about;
  if (about.owner === 'service' && actingPrincipal() === undefined) return { key: { ...shownWhole(about), about }, tags: [] };
  await callKms(home, 'DescribeKey', { KeyId: name });
  const aliases = await ifAllowed(listKms<{ AliasName: string }>(home, 'ListAliases', { KeyId: keyId }));
  const rotation = await ifAllowed(callKms(home, 'GetKeyRotationStatus', { KeyId: keyId }));
  const tagged = (await ifAllowed(callKms(home, 'ListResourceTags', { KeyId: keyId }))) as { Tags: { TagKey: string; TagValue: string }[] } | undefined;
  return {
    key: { keyId, arn, about, ...(aliases && { aliases: aliases.map(({ AliasName }) => AliasName) }), ...(rotation && { rotation: about.rotation ?? null }) },
    tags: tagged?.Tags.map(({ TagKey, TagValue }) => [TagKey, TagValue] as const),
  };
}

/** A key as JSON for scripts: times in ISO form. */
export function keyJson({ keyId, arn, aliases, about, rotation }: ShownKey): object {
  return {
    keyId,
    arn,
    ...(aliases && { aliases }),
    ...(about && {
      owner: about.owner,
      state: about.state,
      description: about.description,
      currentMaterialId: about.currentMaterialId,
      ...(about.deletionMs === undefined ? {} : { deletionDate: new Date(about.deletionMs).toISOString() }),
      created: new Date(about.createdMs).toISOString(),
    }),
    ...(rotation === undefined ? {} : { rotation: rotation && { periodDays: rotation.periodDays, next: new Date(rotation.nextMs).toISOString() } }),
  };
}

const UNSEEN = 'not to be seen by you';

function stateText({ about }: ShownKey): string {
  if (!about) return '';
  return about.deletionMs === undefined ? about.state : `${about.state} until ${dateOf(about.deletionMs)}`;
}

function lines({ key, tags }: Described, projects: readonly ProjectUnderKey[]): string[] {
  const { about, aliases, rotation } = key;
  return [
    `key          ${key.keyId}`,
    `arn          ${key.arn}`,
    `state        ${stateText(key)}`,
    `owner        ${about.owner}`,
    `aliases      ${aliases ? aliases.join(' ') || '–' : UNSEEN}`,
    `description  ${about.description || '–'}`,
    `tags         ${tags ? tags.map(([name, value]) => `${name}=${value}`).join(' ') || '–' : UNSEEN}`,
    `rotation     ${rotation === undefined ? UNSEEN : rotationText(rotation ?? undefined)}`,
    `projects     ${projects.length === 0 ? '–' : projectsText(projects).slice('under it: '.length)}`,
    `created      ${minute(about.createdMs)}`,
  ];
}
