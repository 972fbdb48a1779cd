/** What the commands share that change what is stored: the store is theirs alone meanwhile, progress is shown, the audit trail is told. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type LogToChange, type Project, type SegmentSource } from '../broker/mod.ts';
import { holdLock } from '../certs/mod.ts';
import { audited, type CommandAct } from './audit-trail.ts';
import { logsOf, type Home } from './home.ts';
import { showLive } from './live-panel.ts';
import { count, type OutputOptions } from './output.ts';

/** Tells how many of a project's segments are done. */
export type Progress = (done: number, total: number) => void;

/** Takes the store for `work`; LOCK_HELD while a broker, or another of these commands, has it. */
export async function withStore<T>(home: Home, work: () => Promise<T>): Promise<T> {
  await mkdir(home.store, { recursive: true, mode: 0o700 });
  const release = await holdLock(join(home.store, 'lock'), 'the store');
  try {
    return await work();
  } finally {
    await release();
  }
}

/** One log of a project as it is changed; the audit trail notes each version of what is rewritten and removed. */
function logToChange(home: Home, { projectId, keyId }: Pick<Project, 'projectId' | 'keyId'>, source: SegmentSource): LogToChange {
  return {
    source, projectId, keyId, keys: home.keys,
    onAmended: (version) => recordAmendment(home, projectId, version),
  };
}

/** So that a list put back to an older copy shows. */
export function recordAmendment(home: Home, projectId: string, version: number): void {
  home.trail.record({
    eventSource: 'thrum', eventName: 'AmendStore', principal: 'thrum', sourceIpAddress: undefined, requestParameters: { projectId, version },
    readOnly: false, resources: [`arn:thrum:store:::project/${projectId}`],
  });
}

/** Does the work on each project, one after the other, showing how far it is. */
export async function changeProjects<T>(
  home: Home,
  options: OutputOptions,
  projects: readonly Project[],
  act: Pick<CommandAct, 'eventName' | 'requestParameters'>,
  work: (project: Project, log: LogToChange, progress: Progress) => Promise<T>,
): Promise<(T & { readonly projectId: string })[]> {
  const results: (T & { readonly projectId: string })[] = [];
  let [done, total, current] = [0, 0, ''];
  const line = (): string => `${current}: ${count(done)} of ${count(total)} segments`;
  const panel = process.stderr.isTTY ? showLive(options, () => ({ heading: `thrum ${act.eventName}`, rows: [['project', current], ['segments', `${count(done)} of ${count(total)}`]], line: line() })) : undefined;
  try {
    for (const project of projects) {
      [done, total, current] = [0, 0, project.projectId];
      const progress: Progress = (now, all) => ([done, total] = [now, all]);
      for (const { source } of await logsOf(home, project.projectId)) {
        const result = await audited(home.trail, { ...act, projectId: project.projectId }, () => work(project, logToChange(home, project, source), progress));
        results.push({ projectId: project.projectId, ...result });
      }
    }
  } finally {
    panel?.stop();
  }
  return results;
}

/** The project that is named, or all; each must be readable. */
export async function projectsToChange(home: Home, { project }: { readonly project?: string }): Promise<Project[]> {
  if (project !== undefined) return [await home.projects.find(project)];
  return Promise.all((await home.projects.ids()).map((id) => home.projects.read(id)));
}
