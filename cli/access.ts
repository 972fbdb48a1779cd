/** `thrum access`: who may do what: principals, their policies, access keys and second factors. */
import { readFile, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { AccessError, READY_POLICIES, type PrincipalDescription, type Principals } from '../broker/mod.ts';
import { addSimulateCommand } from './access-simulate.ts';
import { audited } from './audit-trail.ts';
import { addHomeOptions, openHome, openPrincipals, type HomeOptions } from './home.ts';
import { addOutputOptions, minute, printResult, say, table, type OutputOptions } from './output.ts';

type Options = HomeOptions & OutputOptions;

/** Longer than any policy is. */
const MAX_FILE_BYTES = 65_536;

export function addAccessCommand(program: Command): void {
  const access = program.command('access').description('who may do what with keys and data: principals, policies, access keys, second factors');
  addPrincipalCommands(access.command('principal').description('make, list and remove the principals of a home'));
  addPolicyCommands(access.command('policy').description('attach, detach and show what principals are allowed'));
  addAccessKeyCommands(access.command('access-key').description('keys with which SDKs call `thrum keys serve`'));
  addSecondFactorCommands(access.command('mfa').description('one-time codes of an authenticator app, which policies can ask for'));
  addSimulateCommand(access);
}

const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));
const open = async (options: Options): Promise<Principals> => openPrincipals(await openHome(options, 'refuse'));

/** Changes principals, on record: who changed what of whom, without secrets. */
async function change<T>(options: Options, eventName: string, requestParameters: Readonly<Record<string, unknown>>, work: (principals: Principals) => Promise<T>): Promise<T> {
  const home = await openHome(options, 'refuse');
  const principals = await openPrincipals(home);
  return audited(home.trail, { eventName, requestParameters }, () => work(principals));
}

function addPrincipalCommands(principal: Command): void {
  finish(principal.command('create').description('make a principal; it may do nothing until a policy is attached').argument('<name>', 'letters, digits and + = , . @ _ -'))
    .addHelpText('after', '\nExample:\n  thrum access principal create ana\n  thrum access policy attach ana data-reader\n  thrum store read --as ana')
    .action(async (name: string, options: Options) => {
      const made = await change(options, 'CreateUser', { userName: name }, (all) => all.create(name));
      printResult(options, toJson(made), () => [`made ${made.arn}: it may do nothing until a policy is attached`]);
    });
  finish(principal.command('list').description('list the principals'))
    .addHelpText('after', '\nExample:\n  thrum access principal list --json')
    .action(async (options: Options) => {
      const all = await (await open(options)).list();
      printResult(options, all.map(toJson), () =>
        table([['principal', 'policies', 'access keys', 'second factor', 'made'], ...all.map((one) => [one.name, one.policies.join(' ') || '–', String(one.accessKeys.length), one.secondFactor ? 'yes' : 'no', minute(one.createdMs)])]),
      );
    });
  finish(principal.command('remove').description('remove a principal with its policies, access keys and second factor').argument('<name>'))
    .addHelpText('after', '\nExample:\n  thrum access principal remove ana')
    .action(async (name: string, options: Options) => {
      await change(options, 'DeleteUser', { userName: name }, (all) => all.remove(name));
      printResult(options, { removed: name }, () => [`removed ${name}`, `grants to it and key policies that name it stay: a later principal of that name would have them`]);
    });
}

function addPolicyCommands(policy: Command): void {
  finish(
    policy
      .command('attach')
      .description('allow or deny a principal what a policy says')
      .argument('<principal>')
      .argument('<policy>', `ready-made: ${[...READY_POLICIES.keys()].join(', ')}; or a name for the document of --file`)
      .option('--file <file>', 'document of your own, in IAM’s JSON'),
  )
    .addHelpText('after', '\nExamples:\n  thrum access policy attach ana key-user\n  thrum access policy attach ana plant-7-only --file plant-7.json')
    .action(async (name: string, policyName: string, options: Options & { file?: string }) => {
      const text = options.file === undefined ? undefined : await readPolicyFile(options.file);
      const policy = { name: policyName, ...(text === undefined ? {} : { text }) };
      const after = await change(options, 'AttachUserPolicy', { userName: name, policyName, policyDocument: text }, (all) => all.attach(name, policy)).catch((error: unknown) => {
        if (!(error instanceof AccessError) || error.code !== 'ACCESS_POLICY' || options.file === undefined) throw error;
        throw new AccessError('ACCESS_POLICY', `${options.file}: ${error.message}`, { cause: error });
      });
      printPolicies(options, after);
    });
  finish(policy.command('detach').description('take a policy from a principal').argument('<principal>').argument('<policy>'))
    .addHelpText('after', '\nExample:\n  thrum access policy detach ana key-user')
    .action(async (name: string, policyName: string, options: Options) => printPolicies(options, await change(options, 'DetachUserPolicy', { userName: name, policyName }, (all) => all.detach(name, policyName))));
  finish(policy.command('show').description('print a policy: a ready-made one, or one of a principal’s').argument('<policy>').option('--of <principal>', 'whose policy it is'))
    .addHelpText('after', '\nExamples:\n  thrum access policy show console\n  thrum access policy show plant-7-only --of ana')
    .action(async (policyName: string, options: Options & { of?: string }) => {
      const ready = READY_POLICIES.get(policyName);
      if (options.of === undefined && !ready) throw new AccessError('ACCESS_NOT_FOUND', `there is no ready-made policy '${policyName}': there are ${[...READY_POLICIES.keys()].join(', ')}; --of names whose policy it is`);
      const document = options.of === undefined ? ready : (await (await open(options)).policy(options.of, policyName)).document;
      printResult({ ...options, json: true }, document, () => []);
    });
}

function addAccessKeyCommands(accessKey: Command): void {
  finish(accessKey.command('create').description('make an access key; its secret is shown now and never again').argument('<principal>'))
    .addHelpText('after', '\nExample:\n  thrum access access-key create ana')
    .action(async (name: string, options: Options) => {
      const { id, secret } = await change(options, 'CreateAccessKey', { userName: name }, (all) => all.createAccessKey(name));
      printResult(options, { principal: name, accessKeyId: id, secretAccessKey: secret }, () => [`AWS_ACCESS_KEY_ID=${id}`, `AWS_SECRET_ACCESS_KEY=${secret}`]);
      say(options, 'this secret is not shown again: keep it where others cannot read it');
    });
  finish(accessKey.command('list').description('list access keys, without their secrets').argument('<principal>'))
    .addHelpText('after', '\nExample:\n  thrum access access-key list ana')
    .action(async (name: string, options: Options) => {
      const { accessKeys } = await (await open(options)).describe(name);
      const rows = accessKeys.map(({ id, createdMs }) => ({ accessKeyId: id, created: new Date(createdMs).toISOString() }));
      printResult(options, rows, () => table([['access key', 'made'], ...accessKeys.map(({ id, createdMs }) => [id, minute(createdMs)])]));
    });
  finish(accessKey.command('remove').description('remove an access key: what is signed with it is refused from now on').argument('<principal>').argument('<access key>'))
    .addHelpText('after', '\nExample:\n  thrum access access-key remove ana AKIA…')
    .action(async (name: string, id: string, options: Options) => {
      await change(options, 'DeleteAccessKey', { userName: name, accessKeyId: id }, (all) => all.removeAccessKey(name, id));
      printResult(options, { removed: id }, () => [`removed ${id}`]);
    });
}

function addSecondFactorCommands(mfa: Command): void {
  finish(mfa.command('enable').description('make a second factor for a principal, and show it once for an authenticator app').argument('<principal>'))
    .addHelpText('after', '\nAn earlier one is no longer taken. Codes are given in THRUM_MFA_CODE, or when a command asks.\n\nExample:\n  thrum access mfa enable ana')
    .action(async (name: string, options: Options) => {
      const uri = await change(options, 'EnableMFADevice', { userName: name }, (all) => all.enableSecondFactor(name));
      printResult(options, { principal: name, uri }, () => [uri]);
      say(options, 'this is not shown again: give it to the authenticator app now, and to nothing else');
    });
  finish(mfa.command('disable').description('remove a principal’s second factor: what needs one is denied from now on').argument('<principal>'))
    .addHelpText('after', '\nExample:\n  thrum access mfa disable ana')
    .action(async (name: string, options: Options) => {
      const after = await change(options, 'DeactivateMFADevice', { userName: name }, (all) => all.disableSecondFactor(name));
      printResult(options, toJson(after), () => [`${name} has no second factor`]);
    });
}

function printPolicies(options: Options, { name, policies, ...rest }: PrincipalDescription): void {
  printResult(options, toJson({ name, policies, ...rest }), () => [`${name}: ${policies.join(' ') || 'no policies: it may do nothing'}`]);
}

function toJson({ createdMs, accessKeys, ...one }: PrincipalDescription): object {
  return { ...one, accessKeys: accessKeys.map(({ id }) => id), created: new Date(createdMs).toISOString() };
}

async function readPolicyFile(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new AccessError('ACCESS_POLICY', `${path}: a policy is shorter than ${size} bytes`);
  return readFile(path, 'utf8');
}
