/** `thrum certs claim`, `claims`, `claim-reset`: how devices get their first identity by themselves. */
import type { Command } from 'commander';
import { createClaim, listClaims, loadAuthority, resetClaimed, revokedCertificates } from '../certs/mod.ts';
import { audited } from './audit-trail.ts';
import { now } from './clock.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, minute, printResult, table, type OutputOptions } from './output.ts';
import { positiveNumber, sensorId, wholeNumber } from './values.ts';

type Options = HomeOptions & OutputOptions;

const HOUR_MS = 3_600_000;

/** Adds them to `thrum certs`. */
export function addClaimCommands(certs: Command): void {
  const finish = (command: Command): Command => addOutputOptions(addHomeOptions(command));
  finish(
    certs
      .command('claim')
      .description('make a certificate that devices share to get an identity each, and nothing else')
      .requiredOption('--project <id>', 'project id or name')
      .option('--quota <n>', 'identities that it may give, up to 10000', wholeNumber(1, 10_000), 1)
      .option('--hours <n>', 'how long it is good for, up to 168', positiveNumber, 24),
  )
    .addHelpText('after', '\nExample:\n  thrum certs claim --project demo --quota 20 --hours 8\n\nGive devices the folder that it prints: thrum gateway --claim FOLDER --url mqtts://…')
    .action(claim);
  finish(certs.command('claims').description('list the claims and what they have given'))
    .addHelpText('after', '\nExample:\n  thrum certs claims --json')
    .action(claims);
  finish(
    certs
      .command('claim-reset')
      .description('let a gateway ask by claim again: revokes the identities that it has')
      .argument('<gateway>', 'its EUI-64, 16 hexadecimal digits', sensorId)
      .requiredOption('--project <id>', 'project id or name'),
  )
    .addHelpText('after', '\nExample:\n  thrum certs claim-reset 70b3d5e75e000001 --project demo')
    .action(reset);
}

async function claim(options: Options & { project: string; quota: number; hours: number }): Promise<void> {
  const home = await openHome(options, 'refuse');
  const { projectId } = await home.projects.find(options.project);
  const wish = { projectId, quota: options.quota, lifetimeMs: options.hours * HOUR_MS };
  const made = await audited(
    home.trail,
    { eventName: 'CreateClaim', requestParameters: wish, projectId },
    async () => createClaim(await loadAuthority(home.certs), wish, now()),
    (claim) => ({ responseElements: { claimId: claim.claimId, serial: claim.serial } }),
  );
  const { claimId, quota, serial, notAfterMs, handout } = made;
  printResult(options, { claimId, projectId, quota, serial, notAfter: new Date(notAfterMs).toISOString(), handout }, () => [
    `claim     ${claimId}: ${quota} identities in project ${projectId}, until ${minute(notAfterMs)}`,
    `hand out  ${handout}`,
  ]);
}

async function claims(options: Options): Promise<void> {
  const home = await openHome(options, 'refuse');
  const revoked = await revokedCertificates(home.certs);
  const rows = (await listClaims(home.certs)).map(({ claimId, projectId, quota, used, serial, notAfterMs }) => ({
    claimId, projectId, quota, used, serial, notAfter: new Date(notAfterMs).toISOString(), revoked: revoked.get(serial)?.reason ?? null,
  }));
  printResult(options, rows, () =>
    table([['claim', 'project', 'given', 'until', 'serial', 'revoked'], ...rows.map((row) => [row.claimId, row.projectId, `${row.used} of ${row.quota}`, minute(Date.parse(row.notAfter)), row.serial, row.revoked ?? ''])]),
  );
}

async function reset(gatewayId: string, options: Options & { project: string }): Promise<void> {
  const home = await openHome(options, 'refuse');
  const { projectId } = await home.projects.find(options.project);
  const revoked = await audited(home.trail, { eventName: 'ResetClaim', requestParameters: { projectId, gatewayId }, projectId }, () => resetClaimed(home.certs, { projectId, gatewayId }, now()));
  const serials = revoked.map(({ serial }) => serial);
  printResult(options, { gatewayId, projectId, revoked: serials }, () => [`${gatewayId} may ask by claim again`, ...serials.map((serial) => `revoked  ${serial}`)]);
}
