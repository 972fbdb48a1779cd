/** `thrum audit retain`: removes the oldest files of the trail, for their age or for the size of all. */
import type { Command } from 'commander';
import { OWNER_PRINCIPAL } from '../broker/mod.ts';
import { actingPrincipal } from './acting.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { addHomeOptions, openHome, type HomeOptions } from './home.ts';
import { addOutputOptions, bytes, count, printResult, type OutputOptions } from './output.ts';
import { byteCount, duration, parseDurationMs } from './values.ts';

interface Options extends HomeOptions, OutputOptions {
  readonly olderThan?: string;
  readonly largerThan?: number;
}

export function addAuditRetainCommand(audit: Command): void {
  const command = audit
    .command('retain')
    .description('remove the oldest files of the trail, which says so; the owner only')
    .option('--older-than <duration>', 'files all of whose records are older than this, such as 365d', duration)
    .option('--larger-than <size>', 'the oldest files beyond this size of all, such as 10GiB', byteCount);
  addOutputOptions(addHomeOptions(command))
    .addHelpText('after', '\nWhole closed files only, oldest first; none while the trail has a fault. Keep a new head elsewhere afterwards.\n\nExample:\n  thrum audit retain --older-than 365d && thrum audit head > /mnt/elsewhere/head.json')
    .action(retain);
}

async function retain(options: Options): Promise<void> {
  const { olderThan, largerThan } = options;
  if (olderThan === undefined && largerThan === undefined) throw new CliError('CLI_USAGE', 'say what is to go: --older-than 365d, --larger-than 10GiB, or both');
  const { trail } = await openHome(options, 'refuse');
  const limits = {
    ...(olderThan !== undefined && { beforeMs: now() - parseDurationMs(olderThan)! }),
    ...(largerThan !== undefined && { bytesMax: largerThan }),
  };
  const removed = await trail.retain(limits, actingPrincipal() ?? OWNER_PRINCIPAL);
  const result = { files: removed?.files.length ?? 0, bytes: removed?.bytes ?? 0, recordsBefore: removed?.recordsBefore ?? 0 };
  printResult(options, result, () => [
    result.files === 0 ? 'nothing to remove' : `removed ${count(result.files)} files of ${bytes(result.bytes)}; the trail begins after record ${count(result.recordsBefore)}`,
  ]);
}
