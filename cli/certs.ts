/** `thrum certs`: the home's authority and the identities it has issued. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describeCertificate, listIdentities, revokedCertificates } from '../certs/mod.ts';
import { addAuthorityCommands } from './certs-authority.ts';
import { addBundleCommand } from './certs-bundle.ts';
import { addCheckCommand } from './certs-check.ts';
import { addIssueCommand } from './certs-issue.ts';
import { addClaimCommands } from './certs-claim.ts';
import { addRequestCommands } from './certs-request.ts';
import { addRevocationCommands } from './certs-revoke.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, printResult, table, type OutputOptions } from './output.ts';

type Options = HomeOptions & OutputOptions;

export function addCertsCommand(program: Command): void {
  const certs = program.command('certs').description('make and show the authority and the identities it issues');
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));

  addAuthorityCommands(certs);
  addRequestCommands(certs);
  addIssueCommand(certs);
  addBundleCommand(certs);
  addCheckCommand(certs);
  addRevocationCommands(certs);
  addClaimCommands(certs);
  finish(certs.command('list').description('list the identities of a home'))
    .addHelpText('after', '\nExample:\n  thrum certs list --json')
    .action(list);
  finish(certs.command('show').description('show what a certificate says').argument('<file>', 'certificate in PEM form'))
    .addHelpText('after', '\nExample:\n  thrum certs show .thrum/certs/ca/cert.pem')
    .action(show);
}

async function list(options: Options): Promise<void> {
  const home = await openHome(options, 'refuse');
  const identities = await listIdentities(home.certs);
  const revoked = await revokedCertificates(home.certs);
  const rows = identities.map(({ role, subject, serial, notBeforeMs, notAfterMs, keyType, certificatePath, hasKey }) => ({
    role,
    subject,
    serial,
    notBefore: new Date(notBeforeMs).toISOString(),
    notAfter: new Date(notAfterMs).toISOString(),
    keyType,
    hasKey,
    certificatePath,
    revoked: revoked.get(serial)?.reason ?? null,
  }));
  printResult(options, rows, () =>
    table([['role', 'subject', 'valid until', 'key', 'serial', 'revoked'], ...rows.map((row) => [row.role, row.subject, row.notAfter.slice(0, 10), row.keyType, row.serial, row.revoked ?? ''])]),
  );
}

async function show(file: string, options: Options): Promise<void> {
  const description = describeCertificate(await readFile(file, 'utf8'));
  printResult(options, description, () =>
    Object.entries(description).map(([name, value]) => `${name.padEnd(20)}${typeof value === 'string' ? value : JSON.stringify(value)}`),
  );
}
