/** `thrum load merge`: reports of shards, or one report, as one report in any form. */
import { Option, type Command } from 'commander';
import { mergeReports, parseAssertion, type LoadReport } from '../gateway/load/report/mod.ts';
import { CliError } from './errors.ts';
import { addLoadFileOptions, deliverLoadReport, prepareLoadFiles, readLoadReport, type LoadFileOptions } from './load-files.ts';
import { addOutputOptions } from './output.ts';

/** Shards of one run. Reports are held in memory, all at a time. */
const MAX_FILES = 256;

interface MergeOptions extends LoadFileOptions {
  readonly assert: readonly string[];
}

export function addLoadMerge(load: Command): void {
  const merge = load
    .command('merge')
    .description('add the reports of all shards of a load test up to one, exactly; or show a report again in another form')
    .argument('<file...>', "reports made with 'thrum load … --out', one of each shard");
  addLoadFileOptions(addOutputOptions(merge))
    .addOption(new Option('--assert <condition>', "a further condition on the whole, as 'p99<50ms' or 'steady: p99<50ms'; may be given again").argParser((text: string, earlier: readonly string[]) => [...earlier, text]).default([], 'none'))
    .addHelpText('after', `
Shards' own assertions are judged again on the whole. Exits with 1 when one is not met, cannot be judged, or the run ended early.

Examples:
  thrum load merge shard-*.json --out run.json --html run.html
  thrum load merge run.json --assert 'p99.9<200ms' --junit run.xml`)
    .action(async (paths: string[], options: MergeOptions) => {
      process.exitCode = await merged(paths, options);
    });
}

async function merged(paths: readonly string[], options: MergeOptions): Promise<0 | 1> {
  if (paths.length > MAX_FILES) throw new CliError('CLI_USAGE', `${paths.length} files are more than the ${MAX_FILES} that can be merged at a time: give fewer`);
  const assertions = options.assert.map((text) => parseAssertion(text));
  const files = await prepareLoadFiles(options);
  const reports: LoadReport[] = [];
  for (const path of paths) reports.push(await readLoadReport(path));
  return deliverLoadReport(mergeReports(reports, assertions), options, files);
}
