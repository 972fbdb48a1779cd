/** `thrum load`: load tests of MQTT brokers, with an identity for each client; their reports merged and compared. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { InvalidArgumentError, type Command } from 'commander';
import { loadAuthority } from '../certs/mod.ts';
import { LoadError, LoadRun, openFilesLimit, workersNeeded, type RunSettings, type Scenario } from '../gateway/load/mod.ts';
import { startMetricsServer, type LiveFigures, type MetricsServer } from '../gateway/load/report/mod.ts';
import { now } from './clock.ts';
import { CliError } from './errors.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { catchInterrupt } from './interrupt.ts';
import { addKmsOptions } from './kms-options.ts';
import { showLive } from './live-panel.ts';
import { addLoadCompare } from './load-compare.ts';
import { addLoadFileOptions, deliverLoadReport, prepareLoadFiles, type LoadFileOptions } from './load-files.ts';
import { addLoadMerge } from './load-merge.ts';
import { addLoadOptions, type LoadOptions } from './load-options.ts';
import { loadPicture } from './load-picture.ts';
import { scenarioOf } from './load-scenario.ts';
import { addOutputOptions, say, type OutputOptions } from './output.ts';
import { wholeNumber } from './values.ts';

interface LoadCommandOptions extends LoadOptions, LoadFileOptions, HomeOptions, OutputOptions {
  readonly project: string;
  readonly workers?: number;
  readonly shard?: Shard;
  readonly startAt?: number;
  readonly prometheus?: number;
}

type Shard = RunSettings['shard'];

const MAX_WORKERS = 256;
const MAX_SHARDS = 256;
/** How far ahead a test may be told to begin. */
const LONGEST_WAIT_MS = 30 * 86_400_000;

export function addLoadCommand(program: Command): void {
  const load = program.command('load').description('load-test MQTT brokers: open loop, an identity for each client, and whose limit it was');
  load.enablePositionalOptions(); // --out after merge is merge's
  addLoadOptions(load);
  addLoadFileOptions(addOutputOptions(addKmsOptions(addHomeOptions(load))))
    .option('--project <name>', 'project that the clients belong to: a name in the home, or any word of a-z, 0-9 and -', 'demo')
    .option('--workers <n>', 'processes that share the clients (default one a core, more where open files are few)', wholeNumber(1, MAX_WORKERS))
    .option('--shard <i/n>', 'this machine’s part of a test that n machines run together', shardOf)
    .option('--start-at <time>', 'when the first stage begins, ISO 8601 with its zone, for shards that begin together', instantOf)
    .option('--prometheus <port>', 'serve the figures for Prometheus on this port of 127.0.0.1 while the test runs, 0 for a free one', wholeNumber(0, 65_535))
    .action(async (options: LoadCommandOptions) => {
      process.exitCode = await run(options);
    });
  addLoadMerge(load);
  addLoadCompare(load);
}

function shardOf(text: string): Shard {
  const [, index, of] = (/^(\d{1,3})\/(\d{1,3})$/.exec(text) ?? []).map(Number);
  if (!index || !of || index > of || of > MAX_SHARDS) throw new InvalidArgumentError(`Write which of how many, such as 1/4, at most ${MAX_SHARDS}.`);
  return { index, of };
}

function instantOf(text: string): number {
  const ms = Date.parse(text);
  if (!/(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(ms)) throw new InvalidArgumentError('Write a time such as 2026-05-01T10:00:00Z.');
  return ms;
}

async function run(options: LoadCommandOptions): Promise<number> {
  const scenario = await scenarioOf(options);
  const files = await prepareLoadFiles(options);
  const settings = await settingsOf(options, scenario);
  checkStart(options.startAt);
  checkShard(settings.shard, scenario);
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  let test: LoadRun | undefined;
  // Before there are workers: they would keep a command alive whose port is taken.
  const metrics = options.prometheus === undefined ? undefined : await openMetrics(options.prometheus, () => test!.figures);
  const interrupt = catchInterrupt();
  try {
    test = new LoadRun({ scenario, settings, version, nowMs: now(), startAtMs: options.startAt, signal: interrupt.signal });
    if (metrics) say(options, `figures for Prometheus: ${metrics.url}`);
    const panel = showLive(options, loadPicture(scenario.name, () => test!.progress));
    const report = await test.run().finally(() => panel.stop());
    return await deliverLoadReport(report, options, files);
  } finally {
    await metrics?.close();
    interrupt.release();
  }
}

/** Throws LOAD_LIMIT when the port cannot be had. Whoever asks before there are figures is told so. */
async function openMetrics(port: number, snapshot: () => LiveFigures): Promise<MetricsServer> {
  try {
    return await startMetricsServer({ port, snapshot });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new LoadError('LOAD_LIMIT', `--prometheus: port ${port} ${code === 'EADDRINUSE' ? 'is taken' : `cannot be opened (${code ?? 'unknown'})`}: choose another, or 0 for a free one`, { cause });
  }
}

function checkStart(startAtMs: number | undefined): void {
  if (startAtMs === undefined) return;
  if (startAtMs < now()) throw new CliError('CLI_USAGE', '--start-at: that time has passed');
  if (startAtMs > now() + LONGEST_WAIT_MS) throw new CliError('CLI_USAGE', '--start-at: that is more than 30 days ahead');
}

/** A shard has its part of the clients and their rate, and there is nobody to tell all of them what to try next. */
function checkShard({ of }: Shard, { stages }: Scenario): void {
  const searching = stages.find(({ search }) => search);
  if (of > 1 && searching) throw new CliError('CLI_USAGE', `--shard: stage '${searching.name}' searches for a rate, and each shard would go its own way: search with one machine, or run shards at rates of your choice`);
}

/** What the test needs beyond its scenario: whom to trust, who signs, how many processes. */
async function settingsOf(options: LoadCommandOptions, scenario: Scenario): Promise<RunSettings> {
  const { project, workers, shard = { index: 1, of: 1 } } = options;
  const usesTls = [...scenario.brokers.values()].some(({ transport }) => transport === 'tls' || transport === 'wss');
  const mints = usesTls && [...scenario.groups.values()].some(({ identity }) => identity.kind === 'mint');
  const home = await homeOf(options, mints);
  const clients = [...scenario.groups.values()].reduce((sum, { count }) => sum + count, 0) / shard.of;
  return {
    authorityPem: home && usesTls ? (await loadAuthority(home.certs)).certificatePem : undefined,
    authorityDirectory: home?.certs,
    projectId: await projectIdOf(home, project),
    workers: workers ?? Math.min(MAX_WORKERS, Math.max(Math.min(availableParallelism(), Math.ceil(clients)), workersNeeded(clients, openFilesLimit()))),
    shard,
  };
}

/** The home, if there is one; HOME_MISSING when identities are to be minted and there is none. */
async function homeOf(options: HomeOptions, isNeeded: boolean): Promise<Home | undefined> {
  try {
    return await openHome(options, 'refuse');
  } catch (error) {
    if (isNeeded || (error as { code?: string }).code !== 'HOME_MISSING') throw error;
    return undefined;
  }
}

async function projectIdOf(home: Home | undefined, project: string): Promise<string> {
  const known = home && (await home.projects.find(project).catch((error: unknown) => (/^PROJECT_/.test((error as { code?: string }).code ?? '') ? undefined : Promise.reject(error as Error))));
  if (known) return known.projectId;
  if (!/^[a-z0-9-]{1,60}$/.test(project)) throw new CliError('CLI_USAGE', `--project ${project}: no project of the home has this name; elsewhere write 1 to 60 of a-z, 0-9 and -`);
  return project;
}
