/** `thrum certs revoke` and `thrum certs crl`: who is no longer trusted, and the lists that say so. */
import { Option, type Command } from 'commander';
import { publishRevocationLists, readRevocationLists, REVOCATION_REASONS, revocationPaths, revokeCertificates, type RevocationLists, type RevocationReason } from '../certs/mod.ts';
import { audited } from './audit-trail.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addOutputOptions, minute, printResult, table, type OutputOptions } from './output.ts';

type Options = HomeOptions & OutputOptions;

interface RevokeOptions extends Options {
  readonly reason: RevocationReason;
  readonly project?: string;
}

/** Adds both to `thrum certs`. */
export function addRevocationCommands(certs: Command): void {
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));
  finish(
    certs
      .command('revoke')
      .description('trust a certificate no longer; a running broker closes its connections within two seconds')
      .argument('<serial or gateway id>', 'serial number of one certificate, or a gateway’s id for all of its')
      .addOption(new Option('--reason <reason>', 'why').choices(Object.keys(REVOCATION_REASONS)).makeOptionMandatory())
      .option('--project <id>', 'project id or name, where gateways of several have the id'),
  )
    .addHelpText('after', '\nExamples:\n  thrum certs revoke 70b3d5e75e000001 --reason keyCompromise\n  thrum certs revoke 5f0c… --reason superseded --home ./plant')
    .action(revoke);
  finish(
    certs
      .command('crl')
      .description('show the revocation lists')
      .option('--publish', 'sign and publish them anew first, as the running broker does by itself'),
  )
    .addHelpText('after', '\nExample:\n  thrum certs crl --publish --json')
    .action(crl);
}

async function revoke(target: string, options: RevokeOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  const projectId = options.project === undefined ? undefined : (await home.projects.find(options.project)).projectId;
  const revoked = await audited(
    home.trail,
    { eventName: 'RevokeCertificates', requestParameters: { target, reason: options.reason, projectId }, projectId },
    () => revokeCertificates(home.certs, { target, reason: options.reason, ...(projectId === undefined ? {} : { projectId }) }, now()),
    (all) => ({ responseElements: { serials: all.map(({ serial }) => serial) } }),
  );
  const rows = revoked.map(({ serial, subject, revokedMs, reason, before }) => ({ serial, subject, revoked: new Date(revokedMs).toISOString(), reason, before }));
  printResult(options, rows, () =>
    rows.map((row) => `${row.before ? 'was revoked before' : 'revoked'}  ${row.subject}  ${row.serial}  ${row.revoked}  ${row.reason}`),
  );
}

async function crl(options: Options & { readonly publish?: boolean }): Promise<void> {
  const home = await openHome(options, 'refuse');
  const publish = (): Promise<RevocationLists> => audited(home.trail, { eventName: 'PublishRevocationLists', requestParameters: {} }, () => publishRevocationLists(home.certs, now()));
  const lists = options.publish === true ? await publish() : await published(home);
  const rows = lists.lists.map(({ crl: list, authority }) => ({
    issuer: authority.certificate.subject.replaceAll('\n', ', '),
    number: list.number,
    thisUpdate: new Date(list.thisUpdateMs).toISOString(),
    nextUpdate: new Date(list.nextUpdateMs).toISOString(),
    revoked: [...list.entries].map(([serial, { revokedMs, reason }]) => ({ serial, revoked: new Date(revokedMs).toISOString(), reason })),
  }));
  printResult(options, { path: revocationPaths(home.certs).crl, lists: rows }, () => [
    revocationPaths(home.certs).crl,
    ...table([['issuer', 'number', 'until', 'revoked'], ...rows.map((row) => [row.issuer, String(row.number), minute(Date.parse(row.nextUpdate)), String(row.revoked.length)])]),
    ...table([['serial', 'revoked', 'reason'], ...rows.flatMap((row) => row.revoked.map((one) => [one.serial, minute(Date.parse(one.revoked)), one.reason]))]),
  ]);
}

async function published(home: Home): Promise<RevocationLists> {
  const lists = await readRevocationLists(home.certs);
  if (lists === undefined) throw new CliError('CLI_USAGE', `${revocationPaths(home.certs).crl} is not there: 'thrum certs crl --publish' makes it`);
  return lists;
}
