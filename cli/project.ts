/** `thrum project`: who owns which data, and under which key it is. */
import type { Command } from 'commander';
import { checkProjectName, isKeyUnavailable, type Project, type ProjectReference } from '../broker/mod.ts';
import { addHomeOptions, createProject, openHome, type Home, type HomeOptions } from './home.ts';
import { addKmsOptions } from './kms-options.ts';
import { addOutputOptions, minute, printResult, table, type OutputOptions } from './output.ts';
import { addPlacesCommand } from './project-places.ts';
import { addScreeningOption, screenTexts, type ScreeningOptions } from './screening.ts';

type Options = HomeOptions & OutputOptions;

export function addProjectCommand(program: Command): void {
  const project = program.command('project').description('make, list and show projects and their encryption settings');
  const finish = (command: Command): Command => addOutputOptions(addKmsOptions(addHomeOptions(command)));

  addPlacesCommand(project);
  finish(
    addScreeningOption(project
      .command('create')
      .description('make a project; without --key it is under the service-owned key')
      .argument('<name>', '1 to 60 characters; kept encrypted')
      .option('--key <key>', 'custom encryption settings: id or alias of the key that protects it')),
  )
    .addHelpText('after', '\nExample:\n  thrum keys create --alias alias/plant-7\n  thrum project create "Plant 7" --key alias/plant-7')
    .action(async (name: string, options: Options & ScreeningOptions & { key?: string }) => {
      checkProjectName(name);
      screenTexts(options, { 'the project name': name });
      const keyIsHere = options.key !== undefined && options.kmsEndpoint === undefined && options.kmsRegion === undefined;
      const home = await openHome(options, keyIsHere ? 'refuse' : 'create');
      const made = await createProject(home, name, options, options.key);
      printResult(options, toJson(made), () => lines(made));
    });
  finish(project.command('list').description('list the projects of a home'))
    .addHelpText('after', '\nExample:\n  thrum project list')
    .action(async (options: Options) => {
      const home = await openHome(options, 'refuse');
      const all = await Promise.all((await home.projects.references()).map((reference) => readOrReference(home, reference)));
      printResult(options, all.map(toJson), () =>
        table([['project', 'name', 'encryption', 'key'], ...all.map((one) => [one.projectId, 'name' in one ? one.name : '(key disabled)', 'encryption' in one ? one.encryption : '', one.keyId])]),
      );
    });
  finish(project.command('show').description('show a project').argument('<project>', 'id or name'))
    .addHelpText('after', '\nExample:\n  thrum project show demo --json')
    .action(async (name: string, options: Options) => {
      const found = await (await openHome(options, 'refuse')).projects.find(name);
      printResult(options, toJson(found), () => lines(found));
    });
}

/** A project whose key is disabled is listed without what that key protects. */
async function readOrReference(home: Home, reference: ProjectReference): Promise<Project | ProjectReference> {
  try {
    return await home.projects.read(reference.projectId);
  } catch (error) {
    if (isKeyUnavailable(error)) return reference;
    throw error;
  }
}

function toJson(project: Project | ProjectReference): object {
  if (!('createdMs' in project)) return { ...project, keyState: 'Disabled' };
  const { createdMs, ...rest } = project;
  return { ...rest, created: new Date(createdMs).toISOString() };
}

function lines(project: Project): string[] {
  return [
    `project     ${project.projectId}`,
    `name        ${project.name}`,
    `encryption  ${project.encryption === 'custom' ? 'custom: a key of the owner’s' : 'service-owned key'}`,
    `key         ${project.keyId}`,
    `created     ${minute(project.createdMs)}`,
  ];
}
