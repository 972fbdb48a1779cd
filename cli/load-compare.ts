/** `thrum load compare`: what changed between two load tests, beyond noise. */
import type { Command } from 'commander';
import { compareReports, comparisonLines, type LoadComparison } from '../gateway/load/report/mod.ts';
import { EXIT } from './errors.ts';
import { readLoadReport } from './load-files.ts';
import { addOutputOptions, printResult, type OutputOptions } from './output.ts';

interface CompareOptions extends OutputOptions {
  readonly failOnWorse?: boolean;
}

export function addLoadCompare(load: Command): void {
  const compare = load
    .command('compare')
    .description('say what changed between two load tests, beyond noise')
    .argument('<first>', "report to compare with, made with 'thrum load … --out'")
    .argument('<second>', 'report to judge');
  addOutputOptions(compare)
    .option('--fail-on-worse', 'exit with 1 when a figure is worse, or when nothing could be judged')
    .addHelpText('after', `
A figure changed when the 95 % interval of the difference, from how the intervals of both runs vary, leaves out zero, and
the change is 1 % at least. The first two intervals of a stage count as warming up. Nothing is judged when the generator was
the limit of either run.

Example:
  thrum load compare yesterday.json today.json --fail-on-worse`)
    .action(async (first: string, second: string, options: CompareOptions) => {
      const comparison = compareReports(await readLoadReport(first), await readLoadReport(second));
      printResult(options, comparison, () => comparisonLines(comparison));
      if (options.failOnWorse && !isGood(comparison)) process.exitCode = EXIT.failure;
    });
}

/** Nothing is worse, and there was something to say so of. */
function isGood({ figures }: LoadComparison): boolean {
  return figures.some(({ change }) => change !== 'not comparable') && figures.every(({ change }) => change !== 'worse');
}
