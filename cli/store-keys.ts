/** `thrum store rewrap` and `reencrypt`: other keys for what is stored. */
import type { Command } from 'commander';
import { reencryptLog, rewrapLog } from '../broker/mod.ts';
import { openHome } from './home.ts';
import { count, printResult } from './output.ts';
import { changeProjects, projectsToChange, withStore } from './store-change.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';

export function addStoreKeyCommands(store: Command): void {
  const finish = (command: Command): Command => addStoreOptions(command.option('--project <id or name>', 'only this project (default all)'));
  finish(store.command('rewrap').description('put all data keys under another key; what is stored is not touched'))
    .requiredOption('--key <key>', 'id or alias/NAME of the key that is to protect the project from now on')
    .addHelpText('after', '\nThe broker must not be running. When it is cut short, the same command does the rest.\n\nExample:\n  thrum store rewrap --project demo --key alias/plant-7')
    .action(rewrap);
  finish(store.command('reencrypt').description('write everything anew under fresh data keys, as when one may have leaked'))
    .addHelpText('after', '\nThe broker must not be running. When it is cut short, the same command goes on where it was.\n\nExample:\n  thrum store reencrypt --project demo')
    .action(reencrypt);
}

async function rewrap(options: StoreOptions & { readonly key: string }): Promise<void> {
  const home = await openHome(options, 'refuse');
  const { keyId } = await home.projectKeys.describeKey(options.key);
  const results = await withStore(home, async () =>
    changeProjects(home, options, await projectsToChange(home, options), { eventName: 'RewrapData', requestParameters: { keyId } }, async (project, log, progress) => {
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
  const results = await withStore(home, async () =>
    changeProjects(home, options, await projectsToChange(home, options), { eventName: 'ReencryptData', requestParameters: {} }, async (project, log, progress) => {
      await home.projects.moveTo(project.projectId, project.keyId);
      await home.places.reseal(project);
      return reencryptLog(log, progress);
    }),
  );
  printResult(options, results, () => results.map(({ projectId, segments }) => `${projectId}: ${count(segments)} segments are written anew under fresh data keys`));
}
