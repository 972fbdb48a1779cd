/** `thrum broker`: the broker with its encrypting sink, until it is told to stop. */
import { once } from 'node:events';
import { InvalidArgumentError, type Command } from 'commander';
import { KeyError, ProjectError, type Project } from '../broker/mod.ts';
import { CliError } from './errors.ts';
import { addHomeOptions, ensureProject, openHomeFor, type Home, type HomeOptions } from './home.ts';
import { addKmsOptions } from './kms-options.ts';
import { catchInterrupt } from './interrupt.ts';
import { startLocalBroker } from './local-broker.ts';
import { addOutputOptions, bytes, count, say, type OutputOptions } from './output.ts';
import { addRemoteOptions } from './remote-options.ts';
import { addScreeningOption, type ScreeningOptions } from './screening.ts';
import { retentionLimits } from './store-retain.ts';
import { byteCount, duration, parseDurationMs, wholeNumber } from './values.ts';

interface BrokerCommandOptions extends HomeOptions, OutputOptions, ScreeningOptions {
  readonly host: string;
  readonly port: number;
  readonly project: string;
  readonly retainFor?: string;
  readonly retainBytes?: number;
  readonly remoteKeep?: boolean;
  readonly sealAfter?: string;
}

/** The shortest is for trying out; the longest is what a timer takes. */
const SEAL_AFTER_MS = { least: 10_000, most: 24 * 86_400_000 };

export function addBrokerCommand(program: Command): void {
  const command = program
    .command('broker')
    .description('run the broker with the encrypting sink until Ctrl-C')
    .option('--project <name>', 'project to make if the home has none of that name', 'demo')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <n>', 'port to listen on, 0 for a free one', wholeNumber(0, 65_535), 8883)
    .option('--retain-for <duration>', 'remove segments all of which was received longer ago than this, such as 90d', duration)
    .option('--retain-bytes <size>', 'remove the oldest segments of a project beyond this size, such as 10GiB', byteCount)
    .option('--seal-after <duration>', 'close a segment when it is so old, 10s to 24d, an hour unless said: only then others see it in a bucket', sealAfter)
    .addHelpText('after', '\nPrints the address once it listens (before that, on stderr, what it recovered from a broker that was killed) and what it stored when it stops (with --json a line of JSON each).\n\nExample:\n  thrum broker --home ./plant --port 8883');
  addRemoteOptions(command).option('--remote-keep', 'keep local copies of segments that have gone up');
  addOutputOptions(addKmsOptions(addHomeOptions(addScreeningOption(command)))).action(async (options: BrokerCommandOptions) => {
    process.exitCode = await serve(options);
  });
}

/** For commander: checks how old a segment becomes and keeps it as written. */
function sealAfter(text: string): string {
  const ms = parseDurationMs(duration(text))!;
  if (ms < SEAL_AFTER_MS.least || ms > SEAL_AFTER_MS.most) throw new InvalidArgumentError('Write a duration of 10s to 24d.');
  return text;
}

async function serve(options: BrokerCommandOptions): Promise<number> {
  const retains = options.retainFor !== undefined || options.retainBytes !== undefined;
  if (retains && options.remote !== undefined) throw new CliError('CLI_USAGE', '--retain-for and --retain-bytes know nothing of --remote: run thrum store retain with --remote instead');
  const home = await openHomeFor(options, options.project);
  const project = await namedProject(home, options);
  const interrupt = catchInterrupt(); // now that the store is opened, which must be closed
  const local = await startLocalBroker(home, { ...options, ...(options.sealAfter !== undefined && { sealAfterMs: parseDurationMs(options.sealAfter) }), ...(retains && { retention: () => retentionLimits(options.retainFor, options.retainBytes) }), onRefused: (line) => say(options, line), onRecovered: (line) => say(options, line) });
  const { host } = options;
  const { port } = local.broker;
  const url = `mqtts://${host.includes(':') ? `[${host}]` : host}:${port}`;
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ event: 'listening', url, host, port, projectId: project?.projectId ?? null, home: home.path, recovered: local.recovered })}\n`
      : `listening on ${url}${project ? ` for project ${project.name} (${project.projectId})` : ''}\n`,
  );
  try {
    if (!interrupt.signal.aborted) await Promise.race([once(interrupt.signal, 'abort'), local.failed]);
  } finally {
    interrupt.release();
    await local.close();
    home.remote?.close();
  }
  const { stored, duplicates, storedBytes, commits } = local.sink.counts;
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ event: 'stopped', stored, duplicates, storedBytes, commits })}\n`
      : `stopped; stored ${count(stored)} batches, ${bytes(storedBytes)}, in ${count(commits)} commits; ${count(duplicates)} were resent\n`,
  );
  return 0;
}

/** The project that was asked for, made if need be; undefined when it cannot be used now: the broker serves all the others. */
async function namedProject(home: Home, options: BrokerCommandOptions): Promise<Project | undefined> {
  try {
    return await ensureProject(home, options.project, options);
  } catch (error) {
    if (!concernsProjects(error)) throw error;
    say(options, `project ${options.project} is not usable now: ${error.message}`);
    return undefined;
  }
}

/** True for what is wrong with some projects, but not with the home. */
function concernsProjects(error: unknown): error is KeyError | ProjectError {
  return (error instanceof KeyError || error instanceof ProjectError) && ['KEY_DISABLED', 'KEY_DENIED', 'KEY_UNREACHABLE', 'KEY_NOT_FOUND', 'PROJECT_DAMAGED'].includes(error.code);
}
