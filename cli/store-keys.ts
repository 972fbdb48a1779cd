/** `thrum store rewrap` and `reencrypt`: other keys for what is stored. */
import type { Command } from 'commander';
import { keysOfLog, reencryptLog, rewrapLog, type Project } from '../broker/mod.ts';
import { audited } from './audit-trail.ts';
import { logsOf, openHome, type Home } from './home.ts';
import { count, printResult } from './output.ts';
import { changeProjects, projectsToChange, withStore } from './store-change.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';

export function addStoreKeyCommands(store: Command): void {
  const finish = (command: Command): Command => addStoreOptions(command.option('--project <id or name>', 'only this project (default all)'));
  finish(store.command('rewrap').description('put all data keys under another key; what is stored is not touched'))
    .requiredOption('--key <key>', 'id, ARN or alias/NAME of the key that is to protect the project from now on')
    .addHelpText('after', '\nThe broker must not be running. When it is cut short, the same command does the rest.\n\nExample:\n  thrum store rewrap --project demo --key alias/plant-7')
    .action(rewrap);
  finish(store.command('reencrypt').description('write everything anew under fresh data keys, as when one may have leaked'))
    .addHelpText('after', '\nThe broker must not be running. When it is cut short, the same command goes on where it was.\n\nExample:\n  thrum store reencrypt --project demo')
    .action(reencrypt);
}

async function rewrap(options: StoreOptions & { readonly key: string }): Promise<void> {
  const home = await openHome(options, 'refuse');
  const { keyId } = await home.projectKeys.describeNamed(options.key);
  if (keyId.startsWith('arn:')) await home.keepKms(); // without it the projects could not be found again
  const results = await inStore(home, options, (projects) =>
    changeProjects(home, options, projects, { eventName: 'RewrapData', requestParameters: { keyId } }, async (project, log, progress) => {
      // The project first: a broker that is started in between already writes under the new key.
      const moved = project.keyId === keyId ? project : await home.projects.moveTo(project.projectId, keyId);
      if ((await home.places.keyOf(project.projectId)) !== keyId) await home.places.reseal(moved);
      return rewrapLog({ ...log, keyId: moved.keyId }, progress);
    }),
  );
  printResult(options, results, () => results.map(({ projectId, segments, already }) => `${projectId}: ${count(segments)} segments are under key ${keyId} now${already > 0 ? `, ${count(already)} were before` : ''}`));
}

async function reencrypt(options: StoreOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  const results = await inStore(home, options, (projects) =>
    changeProjects(home, options, projects, { eventName: 'ReencryptData', requestParameters: {} }, async (project, log, progress) => {
      await home.projects.moveTo(project.projectId, project.keyId);
      await home.places.reseal(project);
      return reencryptLog(log, progress);
    }),
  );
  printResult(options, results, () => results.map(({ projectId, segments }) => `${projectId}: ${count(segments)} segments are written anew under fresh data keys`));
}

/** Does the work on the projects that are named, and gives up what grants on their earlier keys nothing needs any more. */
function inStore<T>(home: Home, options: StoreOptions, work: (projects: readonly Project[]) => Promise<T>): Promise<T> {
  return withStore(home, async () => {
    const projects = await projectsToChange(home, options);
    const results = await work(projects);
    for (const { projectId } of projects) await retireFormerGrants(home, projectId);
    return results;
  });
}

async function retireFormerGrants(home: Home, projectId: string): Promise<void> {
  const grants = await home.projects.formerGrants(projectId);
  if (grants.length === 0) return;
  const needed = new Set([await home.places.keyOf(projectId)].filter((keyId) => keyId !== undefined));
  for (const { source } of await logsOf(home, projectId)) for (const keyId of await keysOfLog(source)) needed.add(keyId);
  const act = { eventName: 'RetireFormerGrants', requestParameters: { grants }, projectId };
  await audited(home.trail, act, () => home.projects.retireFormerGrants(projectId, needed), (retired) => ({ responseElements: { retired } }));
}
