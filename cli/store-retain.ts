/** `thrum store retain`: removes what is old, or more than wanted. */
import type { Command } from 'commander';
import { retainLog, type RetentionLimits } from '../broker/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { openHome } from './home.ts';
import { bytes, count, printResult, table } from './output.ts';
import { changeProjects, projectsToChange, withStore } from './store-change.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';
import { byteCount, duration, parseDurationMs } from './values.ts';

interface Options extends StoreOptions {
  readonly olderThan?: string;
  readonly largerThan?: number;
  readonly dryRun?: boolean;
}

export function addStoreRetainCommand(store: Command): void {
  const command = store
    .command('retain')
    .description('remove the oldest segments: those received too long ago, or beyond a size')
    .option('--project <id or name>', 'only this project (default all, each by itself)')
    .option('--older-than <duration>', 'segments all of which was received longer ago than this, such as 90d', duration)
    .option('--larger-than <size>', 'the oldest segments beyond this size, such as 10GiB', byteCount)
    .option('--dry-run', 'only say what would be removed');
  addStoreOptions(command)
    .addHelpText('after', '\nWhole sealed segments only, oldest first; the newest always stays. The broker must not be running: it does the same with --retain-for and --retain-bytes.\n\nExample:\n  thrum store retain --older-than 90d --dry-run')
    .action(retain);
}

/** What a duration and a size mean now. */
export function retentionLimits(olderThan: string | undefined, largerThan: number | undefined): RetentionLimits {
  return {
    ...(olderThan !== undefined && { receivedBeforeMs: now() - parseDurationMs(olderThan)! }),
    ...(largerThan !== undefined && { bytes: largerThan }),
  };
}

async function retain(options: Options): Promise<void> {
  const { olderThan, largerThan, dryRun = false } = options;
  if (olderThan === undefined && largerThan === undefined) throw new CliError('CLI_USAGE', 'say what is to go: --older-than 90d, --larger-than 10GiB, or both');
  const home = await openHome(options, 'refuse');
  const limits = retentionLimits(olderThan, largerThan);
  const act = { eventName: 'RetainData', requestParameters: { ...limits, dryRun } };
  const results = await withStore(home, async () => changeProjects(home, options, await projectsToChange(home, options), act, (_project, log) => retainLog(log, limits, dryRun)));
  printResult(options, { dryRun, projects: results }, () =>
    table([['project', dryRun ? 'would go' : 'removed', 'size', 'left', 'size'], ...results.map((one) => [one.projectId, count(one.segments), bytes(one.bytes), count(one.leftSegments), bytes(one.leftBytes)])]),
  );
}
