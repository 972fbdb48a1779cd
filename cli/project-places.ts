/** `thrum project places`: where a project's sensors and gateways are; and how a fleet's plan is written down as that. */
import type { Command } from 'commander';
import { newestVersion, type DirectoryEntries, type Project } from '../broker/mod.ts';
import type { FleetPlan, GatewayPlan } from '../sensors/mod.ts';
import { EXIT } from './errors.ts';
import { addHomeOptions, openHome, type Home, type HomeOptions } from './home.ts';
import { addKmsOptions } from './kms-options.ts';
import { addOutputOptions, count, printResult, table, type OutputOptions } from './output.ts';
import type { ScreeningOptions } from './screening.ts';

export function addPlacesCommand(project: Command): void {
  const command = project
    .command('places')
    .description('list where sensors and gateways are; exit code 1 when the list is an older copy')
    .argument('<project>', 'id or name');
  addOutputOptions(addKmsOptions(addHomeOptions(command)))
    .addHelpText('after', '\nExample:\n  thrum project places demo')
    .action(async (name: string, options: HomeOptions & OutputOptions) => {
      process.exitCode = await listPlaces(name, options);
    });
}

async function listPlaces(name: string, options: HomeOptions & OutputOptions): Promise<number> {
  const home = await openHome(options, 'refuse');
  const { projectId } = await home.projects.find(name);
  const { version, sensors, gateways } = await home.places.read(projectId);
  const newest = await newestVersion(home.trail.records(), projectId);
  const isCurrent = version >= newest;
  printResult(options, { projectId, version, isCurrent, sensors, gateways }, () => [
    ...table([['site', 'asset', 'position', 'sensor'], ...sensors.map((one) => [one.siteName, one.assetName, one.positionName, one.sensorId])]),
    ...table([['site', 'gateway'], ...gateways.map((one) => [one.siteName, one.gatewayId])]),
    `${count(sensors.length)} sensors, ${count(gateways.length)} gateways, version ${version}${isCurrent ? '' : `: an OLDER copy, the audit trail knows version ${newest}`}`,
  ]);
  return isCurrent ? EXIT.done : EXIT.failure;
}

/** Writes down where these gateways of a plan and their sensors are. */
export async function putPlaces(home: Home, project: Project, plan: Pick<FleetPlan, 'sites'>, gateways: readonly GatewayPlan[], screening: ScreeningOptions): Promise<void> {
  await home.places.put(project, entriesOf(plan, gateways), screening);
}

/** Simulated machines are of medium size, on rigid foundations: class II of ISO 20816 as the service modelled counts. */
const ISO_CLASS = 'CLASS2';

function entriesOf({ sites }: Pick<FleetPlan, 'sites'>, gateways: readonly GatewayPlan[]): DirectoryEntries {
  const siteName = (index: number): string => sites[index]!.name;
  return {
    gateways: gateways.map(({ gatewayId, siteIndex }) => ({ gatewayId, siteName: siteName(siteIndex) })),
    sensors: gateways.flatMap(({ sensors }) =>
      sensors.map(({ sensorId, machine, position }) => ({
        sensorId,
        siteName: siteName(machine.siteIndex),
        assetName: machine.name,
        positionName: position.name,
        isoClass: ISO_CLASS,
      })),
    ),
  };
}
