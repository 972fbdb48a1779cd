/** `thrum store shred`: takes a gateway, a sensor, an asset, or a whole project out of the store for good. */
import type { Command } from 'commander';
import { isProjectId, shredFrom, type Project, type Shredding } from '../broker/mod.ts';
import { audited } from './audit-trail.ts';
import { CliError } from './errors.ts';
import { logsOf, openHome, type Home } from './home.ts';
import { count, printResult } from './output.ts';
import { changeProjects, withStore } from './store-change.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';
import { sensorId } from './values.ts';

interface Options extends StoreOptions {
  readonly project: string;
  readonly gateway?: string;
  readonly sensor?: string;
  readonly asset?: string;
  readonly yes?: string;
}

export function addStoreShredCommand(store: Command): void {
  const command = store
    .command('shred')
    .description('take a gateway, a sensor, an asset, or a whole project out of the store for good')
    .requiredOption('--project <id or name>', 'the project; alone: all of it')
    .option('--gateway <id>', 'all that came through this gateway', sensorId)
    .option('--sensor <id>', 'all that this sensor measured', sensorId)
    .option('--asset <name>', 'all that the sensors of this asset measured')
    .option('--yes <name>', 'confirms it: what is to be shredded, as it is named in the option before');
  addStoreOptions(command)
    .addHelpText('after', '\nThe broker must not be running. Copies of the store made before (backups) are not reached.\n\nExamples:\n  thrum store shred --project demo --gateway 70b3d5e75e000001 --yes 70b3d5e75e000001\n  thrum store shred --project demo --yes demo')
    .action(shred);
}

async function shred(options: Options): Promise<void> {
  const { gateway, sensor, asset, project } = options;
  const named = [gateway, sensor, asset].filter((one) => one !== undefined);
  if (named.length > 1) throw new CliError('CLI_USAGE', 'give one of --gateway, --sensor and --asset at a time');
  const what = named[0] ?? project;
  if (options.yes?.toLowerCase() !== what.toLowerCase()) throw new CliError('CLI_USAGE', `this cannot be undone: give --yes '${what}' to shred ${named.length === 0 ? 'the whole project' : 'it'}`);
  const home = await openHome(options, 'refuse');
  await withStore(home, () => (named.length === 0 ? shredProject(home, options) : shredSome(home, options)));
}

async function shredSome(home: Home, options: Options): Promise<void> {
  const project = await home.projects.find(options.project);
  const what = await whom(home, project, options);
  const act = { eventName: 'ShredData', requestParameters: { gateways: [...what.gateways], sensors: [...what.sensors] } };
  const [result] = await changeProjects(home, options, [project], act, (_project, log, progress) => shredFrom(log, what, progress));
  await home.places.remove(project, [...what.gateways, ...what.sensors]); // last: an asset's sensors are known by it until all is done
  const { segments, removedBatches, changedBatches, removedMessages, removedConnections, undecodable } = result!;
  printResult(options, result, () => [
    `${count(removedMessages)} messages and ${count(removedConnections)} connections are gone: ${count(removedBatches)} batches removed, ${count(changedBatches)} changed; ${count(segments)} segments written anew, their old keys destroyed`,
    ...(undecodable > 0 ? [`${count(undecodable)} of the batches did not decode, so whether they held it cannot be told: they are gone too`] : []),
  ]);
}

async function whom(home: Home, { projectId }: Project, { gateway, sensor, asset }: Options): Promise<Shredding> {
  if (asset === undefined) return { gateways: new Set(gateway === undefined ? [] : [gateway]), sensors: new Set(sensor === undefined ? [] : [sensor]) };
  const { sensors } = await home.places.read(projectId);
  const there = sensors.filter(({ assetName }) => assetName === asset).map((one) => one.sensorId);
  if (there.length === 0) throw new CliError('CLI_USAGE', `no sensor is known to be on asset '${asset}': 'thrum project places' lists them`);
  return { gateways: new Set(), sensors: new Set(there) };
}

/** Needs no key: a project whose key is disabled, or gone, is shredded by its id. */
async function shredProject(home: Home, options: Options): Promise<void> {
  const projectId = isProjectId(options.project) ? options.project : (await home.projects.find(options.project)).projectId;
  await home.projects.reference(projectId).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'PROJECT_NOT_FOUND') throw error; // one that is damaged can be shredded
  });
  const logs = await logsOf(home, projectId);
  const segments = (await Promise.all(logs.map(({ source }) => source.list()))).flat().length;
  await audited(home.trail, { eventName: 'ShredProject', requestParameters: { segments }, projectId }, async () => {
    for (const { source } of logs) await source.destroy();
    await home.places.destroy(projectId);
    await home.projects.destroy(projectId); // last: until then the same command finds it again
  });
  printResult(options, { projectId, segments }, () => [`project ${projectId} is gone: ${count(segments)} segments, their keys, its places and its name`]);
}
