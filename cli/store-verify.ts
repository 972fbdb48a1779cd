/** `thrum store verify`: every byte checked, and held against what others saw of the store. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { listStoredProjects, threadedChecker, verifyProject, verifyProjectFile, type Finding, type StoreWitness, type Verification } from '../broker/mod.ts';
import { isLocked } from '../certs/mod.ts';
import { EXIT } from './errors.ts';
import { logsOf, openHome, type Home } from './home.ts';
import { showLive } from './live-panel.ts';
import { bytes, count, printResult, say } from './output.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';
import { leaveOut, projectIds } from './store-selection.ts';
import { readWitness, trailWitnesses } from './store-witness.ts';

interface Options extends StoreOptions {
  readonly witness?: readonly string[];
}

export function addStoreVerifyCommand(store: Command): void {
  const command = store
    .command('verify')
    .description('check every byte, and that the store is no older copy; exit code 1 names each fault')
    .option('--project <id or name>', 'only this project (default all)')
    .option('--witness <path...>', 'what a gateway saw of the store: its queue’s folder, or a file of checkpoints; the audit trail is always asked');
  addStoreOptions(command)
    .addHelpText('after', '\nExit codes: 1 something was altered or is missing, 4 all is sound but older than what witnesses saw, 3 a project’s key is disabled.\n\nExample:\n  thrum store verify --json')
    .action(async (options: Options) => {
      process.exitCode = await verify(options);
    });
}

interface Outcome {
  readonly results: Verification[];
  readonly unchecked: string[];
}

async function verify(options: Options): Promise<number> {
  const given = (await Promise.all((options.witness ?? []).map(readWitness))).flat();
  const home = await openHome(options, 'refuse');
  const lost = options.project === undefined ? await lostProjects(home) : [];
  const { results, unchecked } = await verifyAll(home, options, given);
  const findings = [...lost, ...results.flatMap((one) => one.findings)];
  const rollback = results.flatMap((one) => one.rollback);
  const isSound = findings.length === 0 && rollback.length === 0;
  const sum = (of: (one: Verification) => number): string => count(results.reduce((total, one) => total + of(one), 0));
  printResult(options, { ok: isSound && unchecked.length === 0, lost, unchecked, projects: results }, () => [
    ...findings.map(({ what }) => `FAULT  ${what}`),
    ...rollback.map(({ what }) => `OLDER  ${what}`),
    `${sum((one) => one.segments)} segments, ${sum((one) => one.records)} records, ${sum((one) => one.batches)} batches, ${sum((one) => one.messages)} messages: ${findings.length > 0 ? `${count(findings.length)} faults` : rollback.length > 0 ? 'older than it was' : 'all as they were written'}`,
    ...(results.some((one) => one.undecodable > 0) ? [`${sum((one) => one.undecodable)} batches do not decode: their gateways sent them so`] : []),
  ]);
  if (findings.length > 0) return EXIT.failure;
  if (rollback.length > 0) return EXIT.rollback;
  return unchecked.length > 0 ? EXIT.environment : EXIT.done;
}

async function verifyAll(home: Home, options: Options, given: readonly StoreWitness[]): Promise<Outcome> {
  const inUse = await isLocked(join(home.store, 'lock'));
  const outcome: Outcome = { results: [], unchecked: [] };
  const checker = threadedChecker(availableParallelism());
  let [current, done, total, size, before] = ['', 0, 0, 0, 0];
  const startedMs = performance.now();
  const speed = (): string => `${bytes(((before + size) * 1000) / Math.max(1, performance.now() - startedMs))}/s`;
  const line = (): string => `${current}: ${count(done)} of ${count(total)} segments, ${speed()}`;
  const panel = process.stderr.isTTY ? showLive(options, () => ({ heading: 'thrum store verify', rows: [['project', current], ['segments', `${bar(done, total)} ${count(done)} of ${count(total)}`], ['speed', speed()]], line: line() })) : undefined;
  try {
    for (const projectId of await projectsToVerify(home, options)) {
      current = projectId;
      const onSegment = (now: number, all: number, soFar: number): void => {
        [done, total, size] = [now, all, soFar];
        if (options.verbose && !panel) say(options, line());
      };
      try {
        const ofFile = await verifyProjectFile(home.projects, projectId);
        const witnesses = [...given, ...(await trailWitnesses(home, projectId))];
        for (const { source, isOwn } of await logsOf(home, projectId)) {
          // Of others' logs what is newest may still be on its way, and nobody here was told how far they are.
          const result = await verifyProject(source, projectId, home.projectKeys, isOwn ? { inUse, witnesses, checker, onSegment } : { inUse: true, checker, onSegment });
          outcome.results.push({ ...result, findings: [...(isOwn ? ofFile : []), ...result.findings] });
        }
      } catch (error) {
        leaveOut(projectId, 'not checked', error);
        outcome.unchecked.push(projectId);
      }
      [before, size] = [before + size, 0];
    }
  } finally {
    panel?.stop();
    await checker.close();
  }
  return outcome;
}

const BAR_CELLS = 24;

function bar(done: number, total: number): string {
  const full = total === 0 ? 0 : Math.round((BAR_CELLS * done) / total);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}`;
}

/** A project named by its id is checked also when its file cannot be read. */
async function projectsToVerify(home: Home, options: Options): Promise<string[]> {
  const { project } = options;
  return project !== undefined && (await home.projects.ids()).includes(project) ? [project] : projectIds(home, options);
}

/** Stored data whose project is no more: without it nothing says which key it is under. */
async function lostProjects(home: Home): Promise<Finding[]> {
  const known = new Set(await home.projects.ids());
  const lost = (await listStoredProjects(home.store)).filter((projectId) => !known.has(projectId));
  return lost.map((projectId) => ({ file: join(home.store, projectId), record: -1, what: `${join(home.store, projectId)}: its project file is missing: restore it from your backup` }));
}
