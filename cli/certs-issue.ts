/** `thrum certs issue`: one identity, or thousands at once. */
import type { Command } from 'commander';
import { issueIdentities, loadAuthority, ROLES, type IdentityRequest, type IssuedIdentity, type Role } from '../certs/mod.ts';
import { audited } from './audit-trail.ts';
import { addWhoOptions, keyTypeOption, readInput, requestOf, type WhoOptions } from './certs-values.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, count, printResult, say, type OutputOptions } from './output.ts';
import { addScreeningOption, screenTexts, type ScreeningOptions } from './screening.ts';
import { wholeNumber } from './values.ts';

type IssueOptions = HomeOptions & ScreeningOptions & OutputOptions & WhoOptions & { readonly count?: number; readonly from?: string };

/** Identities issued by one command. */
const AT_ONCE_MAX = 100_000;

const EXAMPLES = `
Examples:
  thrum certs issue server --dns broker.example
  thrum certs issue gateway --project demo --gateway 70b3d5e75e000001
  thrum certs issue gateway --project demo --gateway 70b3d5e75e000001 --count 1000
  thrum certs issue operator --from names.txt`;

export function addIssueCommand(certs: Command): void {
  const issueCommand = certs
    .command('issue')
    .description('issue identities: certificates and their keys')
    .addArgument(certs.createArgument('<role>', 'who it is for').choices(ROLES));
  const withOptions = addWhoOptions(issueCommand)
    .option('--count <n>', 'gateway: that many, with ids counted up from --gateway', wholeNumber(1, AT_ONCE_MAX))
    .option('--from <file>', 'gateway, operator: ids or names from a file, one a line')
    .addOption(keyTypeOption());
  addOutputOptions(addHomeOptions(addScreeningOption(withOptions))).addHelpText('after', EXAMPLES).action(issue);
}

async function issue(role: Role, options: IssueOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  const projectIdOf = async (project: string): Promise<string> => (await home.projects.find(project)).projectId;
  const isMany = options.count !== undefined || options.from !== undefined;
  const requests = isMany ? await manyRequests(role, options, projectIdOf) : [await requestOf(role, options, projectIdOf)];
  const authority = await loadAuthority(home.certs);
  for (const request of requests) screenTexts(options, { "an operator's name": request.role === 'operator' ? request.name : undefined });
  const projectId = requests[0]?.role === 'gateway' ? requests[0].projectId : undefined;
  const issued = await audited(
    home.trail,
    { eventName: 'IssueCertificates', requestParameters: { role, count: requests.length, subjects: requests.map(nameOf) }, projectId },
    () => issueIdentities(authority, requests, now(), isMany ? progressOf(requests.length, options) : undefined),
    (all) => ({ responseElements: { serials: all.map(({ serial }) => serial) } }),
  );
  if (isMany) {
    const results = issued.map((identity, index) => ({ ...resultOf(identity), subject: nameOf(requests[index]!) }));
    printResult(options, results, () => [`issued ${count(issued.length)} identities in ${home.certs}/${role}s`]);
    return;
  }
  const result = resultOf(issued[0]!);
  printResult(options, result, () => [`certificate  ${result.certificatePath}`, `key          ${result.keyPath}`]);
}

function resultOf({ role, serial, certificatePath, keyPath }: IssuedIdentity): Record<'role' | 'serial' | 'certificatePath' | 'keyPath', string> {
  return { role, serial, certificatePath, keyPath };
}

async function manyRequests(role: Role, options: IssueOptions, projectIdOf: (project: string) => Promise<string>): Promise<IdentityRequest[]> {
  if (role === 'server') throw new CliError('CLI_USAGE', '--count and --from are for gateways and operators');
  const names = options.from === undefined ? countedIds(role, options) : await namesIn(options.from, options);
  const first = await requestOf(role, role === 'gateway' ? { ...options, gateway: names[0]! } : { ...options, name: names[0]! }, projectIdOf);
  return names.map((name) => (first.role === 'gateway' ? { ...first, gatewayId: name } : ({ ...first, name } as IdentityRequest)));
}

function countedIds(role: Role, { count: wanted = 1, gateway }: IssueOptions): string[] {
  if (role !== 'gateway' || gateway === undefined || !/^[0-9a-f]{16}$/.test(gateway)) {
    throw new CliError('CLI_USAGE', '--count needs a gateway and --gateway with the first id, 16 lower-case hexadecimal digits');
  }
  const first = BigInt(`0x${gateway}`);
  if (first + BigInt(wanted) > 2n ** 64n) throw new CliError('CLI_USAGE', `--count: there are not ${wanted} ids from ${gateway} on`);
  return Array.from({ length: wanted }, (_, index) => (first + BigInt(index)).toString(16).padStart(16, '0'));
}

async function namesIn(file: string, { count: wanted, gateway, name }: IssueOptions): Promise<string[]> {
  if (wanted !== undefined || gateway !== undefined || name !== undefined) throw new CliError('CLI_USAGE', '--from takes the place of --count, --gateway and --name');
  const lines = (await readInput(file)).toString('utf8').split(/\r?\n/);
  const names = lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (names.length === 0 || names.length > AT_ONCE_MAX) throw new CliError('CLI_USAGE', `${file} names ${names.length}; give 1 to ${AT_ONCE_MAX}, one a line`);
  const seen = new Set<string>();
  const repeated = names.find((one) => seen.size === seen.add(one).size);
  if (repeated !== undefined) throw new CliError('CLI_USAGE', `${file} names ${JSON.stringify(repeated)} twice`);
  return names;
}

function nameOf(request: IdentityRequest): string {
  return request.role === 'gateway' ? request.gatewayId : request.role === 'operator' ? request.name : '';
}

/** A line that is rewritten on a terminal; with --verbose elsewhere, one line for each tenth. */
function progressOf(total: number, options: OutputOptions): (issued: number) => void {
  const isTerminal = process.stderr.isTTY && !process.env['CI'] && !options.quiet;
  let tenths = 0;
  return (issued) => {
    const text = `issued ${count(issued)} of ${count(total)}`;
    if (isTerminal) process.stderr.write(`\r${text}${issued === total ? '\n' : ''}`);
    else if (options.verbose && Math.floor((issued * 10) / total) > tenths) {
      tenths = Math.floor((issued * 10) / total);
      say(options, text);
    }
  };
}
