/** `thrum access simulate`: asks the policies without doing anything: allowed or not, and which statement decided. */
import { InvalidArgumentError, type Command } from 'commander';
import { authorize, contextOf, keyResource, projectArn, ROOT_POLICY, type Decision, type KeyResource } from '../broker/mod.ts';
import { statementText } from './access-guard.ts';
import { now } from './clock.ts';
import { EXIT } from './errors.ts';
import { addHomeOptions, openHome, openPrincipals, type Home, type HomeOptions } from './home.ts';
import { addKmsOptions } from './kms-options.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';

type Context = Record<string, string | string[]>;

interface SimulateOptions extends HomeOptions, OutputOptions {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly context: Context;
}

export function addSimulateCommand(access: Command): void {
  const command = access
    .command('simulate')
    .description('say whether a principal would be allowed something, and which statement decides; exit code 0 allowed, 1 denied')
    .requiredOption('--principal <name>', 'whom it is about: a principal of the home, or root')
    .requiredOption('--action <action>', 'such as kms:Decrypt or thrum:ShredData', actionName)
    .option('--resource <resource>', 'ARN; or a key by id or alias for kms: actions, a project by id or name for thrum: ones', '*')
    .option('--context <key=value>', 'condition key, such as kms:EncryptionContext:project=p1; can be repeated', contextPair, {})
    .addHelpText(
      'after',
      '\nGrants are not looked at: they come on top of policies.\n\nExamples:\n' +
        '  thrum access simulate --principal ana --action kms:DisableKey --resource alias/plant-7\n' +
        '  thrum access simulate --principal ana --action thrum:ShredData --resource demo --context aws:MultiFactorAuthPresent=true',
    );
  addOutputOptions(addKmsOptions(addHomeOptions(command))).action(async (options: SimulateOptions) => {
    process.exitCode = await simulate(options);
  });
}

async function simulate(options: SimulateOptions): Promise<number> {
  const home = await openHome(options, 'refuse');
  const principals = await openPrincipals(home);
  const { accountId } = await home.keys.store.readOrCreate();
  const root = { arn: `arn:aws:iam::${accountId}:root`, policies: [ROOT_POLICY] };
  const { arn, policies } = options.principal === 'root' ? root : await principals.identity(options.principal);
  const resource = await resourceOf(home, options);
  const context: Context = { ...contextOf({ nowMs: now(), mfa: false }), ...resource.context, ...options.context } as Context;
  const decision = authorize({ principalArn: arn, action: options.action, resource: resource.arn, context }, policies, resource.policies);
  printResult(options, { ...decision, decidedBy: decision.decidedBy ?? null, principal: arn, action: options.action, resource: resource.arn, context }, () => [
    `${decision.allowed ? 'allowed' : 'denied'}  ${options.action} on ${resource.arn} by ${arn}`,
    `because  ${reasonText(decision, resource)}`,
  ]);
  return decision.allowed ? EXIT.done : EXIT.failure;
}

function reasonText({ reason, decidedBy }: Decision, { policies }: KeyResource): string {
  if (decidedBy) return `${statementText(decidedBy)} ${reason === 'allowed' ? 'allows' : 'denies'} it`;
  return policies.length === 0 ? 'no statement allows it' : 'no statement of the principal’s policies that the key’s policy lets count, and none of the key’s policy, allows it';
}

async function resourceOf(home: Home, { action, resource }: SimulateOptions): Promise<KeyResource> {
  const plain = { arn: resource, policies: [], context: {} };
  const service = action.split(':')[0]!.toLowerCase();
  if (resource === '*') return plain;
  if (service === 'kms' && (!resource.startsWith('arn:') || /^arn:aws:kms:.*:(key|alias)\/[^*?]+$/.test(resource))) return keyResource(home.keys.store, resource);
  if (service === 'thrum' && !resource.startsWith('arn:')) return { ...plain, arn: projectArn((await home.projects.find(resource)).projectId) };
  return plain;
}

function actionName(text: string): string {
  if (!/^[A-Za-z0-9-]+:[A-Za-z0-9]+$/.test(text)) throw new InvalidArgumentError('Write one action, such as kms:Decrypt.');
  return text;
}

function contextPair(text: string, before: Context): Context {
  const at = text.indexOf('=');
  if (at <= 0 || !text.slice(0, at).includes(':')) throw new InvalidArgumentError('Write KEY=VALUE, such as aws:MultiFactorAuthPresent=true.');
  const [key, value] = [text.slice(0, at), text.slice(at + 1)];
  const earlier = Object.hasOwn(before, key) ? before[key]! : undefined;
  return { ...before, [key]: earlier === undefined ? value : [earlier, value].flat() };
}
