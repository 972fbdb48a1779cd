/** `thrum certs`: the home's authority and the identities it has issued. */
import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { createAuthority, describeCertificate, issueIdentity, KEY_TYPES, listIdentities, loadAuthority, ROLES, type IdentityRequest, type KeyType, type Role } from '../certs/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, printResult, table, type OutputOptions } from './output.ts';
import { positiveNumber } from './values.ts';

type Options = HomeOptions & OutputOptions;

interface IssueOptions extends Options {
  readonly project?: string;
  readonly gateway?: string;
  readonly name?: string;
  readonly dns?: string[];
  readonly ip?: string[];
  readonly days?: number;
  readonly keyType: KeyType;
}

export function addCertsCommand(program: Command): void {
  const certs = program.command('certs').description('make and show the authority and the identities it issues');
  const keyType = (): Option => new Option('--key-type <type>', 'kind of key').choices(KEY_TYPES).default('ec-p256');
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));

  finish(certs.command('init').description('make the certificate authority of a home').addOption(keyType()))
    .addHelpText('after', '\nExample:\n  thrum certs init --home ./plant')
    .action(init);
  finish(
    certs
      .command('issue')
      .description('issue an identity: a certificate and its key')
      .addArgument(certs.createArgument('<role>', 'who it is for').choices(ROLES))
      .option('--project <id>', 'gateway: project id or name')
      .option('--gateway <id>', 'gateway: its EUI-64, 16 hexadecimal digits')
      .option('--name <name>', 'operator: name')
      .option('--dns <name...>', 'server: DNS names')
      .option('--ip <address...>', 'server: IP addresses')
      .option('--days <n>', 'validity in days, from 0.0007 (a minute) to 3650', positiveNumber)
      .addOption(keyType()),
  )
    .addHelpText('after', '\nExamples:\n  thrum certs issue server --dns broker.example\n  thrum certs issue gateway --project demo --gateway 70b3d5e75e000001')
    .action(issue);
  finish(certs.command('list').description('list the identities of a home'))
    .addHelpText('after', '\nExample:\n  thrum certs list --json')
    .action(list);
  finish(certs.command('show').description('show what a certificate says').argument('<file>', 'certificate in PEM form'))
    .addHelpText('after', '\nExample:\n  thrum certs show .thrum/certs/ca/cert.pem')
    .action(show);
}

async function init(options: Options & { keyType: KeyType }): Promise<void> {
  const home = await openHome(options, 'create');
  await createAuthority(home.certs, { nowMs: now(), keyType: options.keyType });
  const path = `${home.certs}/ca/cert.pem`;
  printResult(options, { certificatePath: path }, () => [`made an authority: ${path}`]);
}

async function issue(role: Role, options: IssueOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  const request = await requestOf(role, options, async (project) => (await home.projects.find(project)).projectId);
  const { serial, certificatePath, keyPath } = await issueIdentity(await loadAuthority(home.certs), request, now());
  printResult(options, { role, serial, certificatePath, keyPath }, () => [`certificate  ${certificatePath}`, `key          ${keyPath}`]);
}

async function requestOf(role: Role, options: IssueOptions, projectIdOf: (project: string) => Promise<string>): Promise<IdentityRequest> {
  const { keyType, days, project, gateway, name, dns, ip } = options;
  const common = { keyType, ...(days === undefined ? {} : { lifetimeDays: days }) };
  if (role === 'gateway') {
    if (project === undefined || gateway === undefined) throw new CliError('CLI_USAGE', 'a gateway needs --project and --gateway');
    return { role, projectId: await projectIdOf(project), gatewayId: gateway, ...common };
  }
  if (role === 'operator') {
    if (name === undefined) throw new CliError('CLI_USAGE', 'an operator needs --name');
    return { role, name, ...common };
  }
  return { role, ...(dns ? { dnsNames: dns } : {}), ...(ip ? { ipAddresses: ip } : {}), ...common };
}

async function list(options: Options): Promise<void> {
  const home = await openHome(options, 'refuse');
  const identities = await listIdentities(home.certs);
  const rows = identities.map(({ role, subject, serial, notBeforeMs, notAfterMs, keyType, certificatePath }) => ({
    role,
    subject,
    serial,
    notBefore: new Date(notBeforeMs).toISOString(),
    notAfter: new Date(notAfterMs).toISOString(),
    keyType,
    certificatePath,
  }));
  printResult(options, rows, () =>
    table([['role', 'subject', 'valid until', 'key', 'serial'], ...rows.map((row) => [row.role, row.subject, row.notAfter.slice(0, 10), row.keyType, row.serial])]),
  );
}

async function show(file: string, options: Options): Promise<void> {
  const description = describeCertificate(await readFile(file, 'utf8'));
  printResult(options, description, () =>
    Object.entries(description).map(([name, value]) => `${name.padEnd(20)}${typeof value === 'string' ? value : JSON.stringify(value)}`),
  );
}
