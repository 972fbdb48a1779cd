/** `thrum keys grant create | list | retire | revoke`: permission for one principal, limited to operations and to an encryption context. */
import type { Command } from 'commander';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { callKms, keyToChange, listKms } from './keys-call.ts';
import { pairMap, principalArn } from './keys-values.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';

type Options = HomeOptions & OutputOptions;

interface GrantOptions extends Options {
  readonly grantee: string;
  readonly operations: string;
  readonly retiring?: string;
  readonly name?: string;
  readonly context?: string[];
  readonly contextEquals?: string[];
}

interface GrantEntry {
  readonly GrantId: string;
  readonly Name: string;
  readonly GranteePrincipal: string;
  readonly RetiringPrincipal?: string;
  readonly Operations: string[];
  readonly Constraints?: { readonly EncryptionContextSubset?: Record<string, string>; readonly EncryptionContextEquals?: Record<string, string> };
  readonly CreationDate: number;
}

export function addGrantCommands(keys: Command): void {
  const grant = keys.command('grant').description('let principals use a key');
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));
  const ofKey = (command: Command): Command => command.argument('<key>', 'id, ARN or alias/NAME');

  finish(
    ofKey(grant.command('create').description('let a principal do some operations with a key'))
      .requiredOption('--grantee <principal>', 'who: an ARN, user/NAME, role/NAME or broker')
      .requiredOption('--operations <list>', 'what, with commas: Decrypt,GenerateDataKey …')
      .option('--retiring <principal>', 'who else may give the grant up')
      .option('--name <name>', 'asking again under this name makes no second grant')
      .option('--context <name=value...>', 'only with an encryption context that has these pairs')
      .option('--context-equals <name=value...>', 'only with an encryption context of exactly these pairs'),
  )
    .addHelpText('after', '\nExample:\n  thrum keys grant create alias/plant-7 --grantee user/ann --operations Decrypt --context thrum:project=p-0123456789abcdef')
    .action(create);
  finish(ofKey(grant.command('list').description('list the grants of a key')))
    .addHelpText('after', '\nExample:\n  thrum keys grant list alias/plant-7')
    .action(list);
  for (const [name, operation, what] of [['retire', 'RetireGrant', 'give up a grant that is needed no more'], ['revoke', 'RevokeGrant', 'take a grant away: its grantee can use the key no more']] as const) {
    finish(ofKey(grant.command(name).description(what)).argument('<grant>', 'id of the grant'))
      .addHelpText('after', `\nExample:\n  thrum keys grant ${name} alias/plant-7 0c237476b39f8bc44e45212e08498fbe3151305030726c0590dd8d3e9f3d6a60`)
      .action(async (key: string, grantId: string, options: Options) => {
        const home = await openHome(options, 'refuse');
        const { keyId } = await keyToChange(home, key);
        await callKms(home, operation, { KeyId: keyId, GrantId: grantId });
        printResult(options, { keyId, grantId }, () => [`grant ${grantId} of key ${keyId} is ended`]);
      });
  }
}

async function create(key: string, options: GrantOptions): Promise<void> {
  const constraints = {
    ...(options.context ? { EncryptionContextSubset: pairMap(options.context) } : {}),
    ...(options.contextEquals ? { EncryptionContextEquals: pairMap(options.contextEquals) } : {}),
  };
  const home = await openHome(options, 'refuse');
  const { keyId, arn } = await keyToChange(home, key);
  const accountId = arn.split(':')[4]!;
  const { GrantId: grantId } = (await callKms(home, 'CreateGrant', {
    KeyId: keyId,
    GranteePrincipal: principalArn(options.grantee, accountId),
    Operations: options.operations.split(',').map((one) => one.trim()),
    ...(options.retiring === undefined ? {} : { RetiringPrincipal: principalArn(options.retiring, accountId) }),
    ...(options.name === undefined ? {} : { Name: options.name }),
    ...(Object.keys(constraints).length === 0 ? {} : { Constraints: constraints }),
  })) as { GrantId: string };
  printResult(options, { keyId, grantId }, () => [`made grant ${grantId} of key ${keyId}`]);
}

async function list(key: string, options: Options): Promise<void> {
  const home = await openHome(options, 'refuse');
  const { keyId } = await keyToChange(home, key);
  const grants = await listKms<GrantEntry>(home, 'ListGrants', { KeyId: keyId });
  printResult(options, grants.map(toJson), () => (grants.length === 0 ? ['no grants'] : grants.flatMap(lines)));
}

function toJson(grant: GrantEntry): object {
  const { EncryptionContextSubset: context, EncryptionContextEquals: contextEquals } = grant.Constraints ?? {};
  return {
    grantId: grant.GrantId,
    name: grant.Name,
    grantee: grant.GranteePrincipal,
    ...(grant.RetiringPrincipal === undefined ? {} : { retiring: grant.RetiringPrincipal }),
    operations: grant.Operations,
    ...(context ? { context } : {}),
    ...(contextEquals ? { contextEquals } : {}),
    created: new Date(grant.CreationDate * 1000).toISOString(),
  };
}

function lines(grant: GrantEntry): string[] {
  const { EncryptionContextSubset: subset, EncryptionContextEquals: equals } = grant.Constraints ?? {};
  const told = (context: Record<string, string>): string => Object.entries(context).map(([name, value]) => `${name}=${value}`).join(' ');
  return [
    `grant ${grant.GrantId}${grant.Name === '' ? '' : ` (${grant.Name})`}`,
    `  grantee     ${grant.GranteePrincipal}`,
    `  operations  ${grant.Operations.join(', ')}`,
    ...(subset ? [`  context     ${told(subset)}`] : []),
    ...(equals ? [`  context     exactly ${told(equals)}`] : []),
  ];
}
