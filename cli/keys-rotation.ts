/** `thrum keys rotate`, `thrum keys rotation …`: new key material, now or by the calendar. What is stored stays as it is and readable. */
import type { Command } from 'commander';
import type { KeyDescription } from '../broker/mod.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { callKms, keyToChange } from './keys-call.ts';
import { addOutputOptions, minute, printResult, table, type OutputOptions } from './output.ts';
import { wholeNumber } from './values.ts';

type Options = HomeOptions & OutputOptions;

export function rotationText(rotation: KeyDescription['rotation']): string {
  return rotation ? `every ${rotation.periodDays} days, next ${minute(rotation.nextMs)}` : 'off';
}

interface Entry {
  readonly KeyMaterialId: string;
  readonly KeyMaterialState: string;
  readonly RotationDate?: number;
  readonly RotationType?: string;
}

export function addRotationCommands(keys: Command): void {
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command.argument('<key>', 'id, ARN or alias/NAME')));

  finish(keys.command('rotate').description('give a key new material now, 25 times at most; the old one still decrypts'))
    .addHelpText('after', '\nExample:\n  thrum keys rotate alias/plant-7')
    .action(async (name: string, options: Options) => {
      const home = await openHome(options, 'refuse');
      const { keyId } = await keyToChange(home, name);
      await callKms(home, 'RotateKeyOnDemand', { KeyId: keyId });
      const { currentMaterialId } = await home.keys.describeKey(keyId);
      printResult(options, { keyId, currentMaterialId }, () => [`key ${keyId} has new material ${currentMaterialId.slice(0, 12)}…; what was encrypted before is still read with the old one`]);
    });

  const rotation = keys.command('rotation').description('rotate a key by the calendar');
  finish(rotation.command('enable').description('give a key new material regularly').option('--days <n>', 'period, 90 to 2560 days', wholeNumber(90, 2560), 365))
    .addHelpText('after', '\nExample:\n  thrum keys rotation enable alias/plant-7 --days 90')
    .action(async (name: string, options: Options & { days: number }) => change(name, options, 'EnableKeyRotation', { RotationPeriodInDays: options.days }));
  finish(rotation.command('disable').description('leave a key with the material it has'))
    .addHelpText('after', '\nExample:\n  thrum keys rotation disable alias/plant-7')
    .action(async (name: string, options: Options) => change(name, options, 'DisableKeyRotation', {}));
  finish(rotation.command('status').description('show when a key rotates, and its materials'))
    .addHelpText('after', '\nExample:\n  thrum keys rotation status alias/plant-7')
    .action(status);
}

async function change(name: string, options: Options, operation: string, input: object): Promise<void> {
  const home = await openHome(options, 'refuse');
  const { keyId } = await keyToChange(home, name);
  await callKms(home, operation, { KeyId: keyId, ...input });
  const { rotation } = await home.keys.describeKey(keyId);
  printResult(options, { keyId, rotation: rotationJson(rotation) }, () => [`key ${keyId} rotates: ${rotationText(rotation)}`]);
}

async function status(name: string, options: Options): Promise<void> {
  const home = await openHome(options, 'refuse');
  const { keyId, rotation } = await keyToChange(home, name);
  await callKms(home, 'GetKeyRotationStatus', { KeyId: keyId });
  const { Rotations } = (await callKms(home, 'ListKeyRotations', { KeyId: keyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL', Limit: 1000 })) as { Rotations: Entry[] };
  const materials = Rotations.map((one) => ({
    materialId: one.KeyMaterialId,
    current: one.KeyMaterialState === 'CURRENT',
    ...(one.RotationDate === undefined ? {} : { rotated: new Date(one.RotationDate * 1000).toISOString(), type: one.RotationType }),
  }));
  printResult(options, { keyId, rotation: rotationJson(rotation), materials }, () => [
    `rotation  ${rotationText(rotation)}`,
    ...table([['material', 'rotated', ''], ...materials.map((one) => [`${one.materialId.slice(0, 12)}…`, one.rotated === undefined ? 'came with the key' : `${one.rotated.slice(0, 10)} ${one.type === 'ON_DEMAND' ? 'on demand' : 'by itself'}`, one.current ? 'encrypts' : 'decrypts only'])]),
  ]);
}

function rotationJson(rotation: KeyDescription['rotation']): object | null {
  return rotation ? { periodDays: rotation.periodDays, next: new Date(rotation.nextMs).toISOString() } : null;
}
