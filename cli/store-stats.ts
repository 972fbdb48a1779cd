/** `thrum store stats`: what is stored, in numbers, and which key protects how much of it. */
import type { Command } from 'commander';
import { storeStats, type StoreStats } from '../broker/mod.ts';
import { EXIT } from './errors.ts';
import { logsOf, openHome, type Home } from './home.ts';
import { bytes, count, minute, printResult } from './output.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';
import { leaveOut, projectIds } from './store-selection.ts';

/** A project's figures, and the keys of what it has beside its segments. */
interface ProjectStats extends StoreStats {
  readonly projectKeyId: string;
  readonly placesKeyId: string | undefined;
  /** Whose log, where several brokers keep theirs in one place. */
  readonly writerId: string | undefined;
}

export function addStoreStatsCommand(store: Command): void {
  const command = store
    .command('stats')
    .description('say what is stored, in numbers, and which key protects it; exit code 3 when a project’s key is disabled')
    .option('--project <id or name>', 'only this project (default all)');
  addStoreOptions(command).addHelpText('after', '\nFrom the indexes of sealed segments: nothing that was measured is decrypted.\n\nExample:\n  thrum store stats').action(stats);
}

async function stats(options: StoreOptions): Promise<void> {
  const home = await openHome(options, 'refuse');
  const all: ProjectStats[] = [];
  for (const projectId of await projectIds(home, options)) {
    try {
      all.push(...(await statsOf(home, projectId)));
    } catch (error) {
      leaveOut(projectId, 'left out', error);
      process.exitCode = EXIT.environment;
    }
  }
  printResult(options, all.map(toJson), () => all.flatMap(lines));
}

/** Of each broker's log. */
async function statsOf(home: Home, projectId: string): Promise<ProjectStats[]> {
  const { keyId } = await home.projects.reference(projectId);
  const placesKeyId = await home.places.keyOf(projectId);
  const all: ProjectStats[] = [];
  for (const { source, writerId } of await logsOf(home, projectId)) all.push({ ...(await storeStats(source, projectId, home.projectKeys)), projectKeyId: keyId, placesKeyId, writerId });
  return all;
}

function toJson({ keys, received, measured, ...rest }: ProjectStats): object {
  return { ...rest, received: times(received), measured: times(measured), keys: [...keys].map(([keyId, segments]) => ({ keyId, segments })) };
}

function times({ fromMs, toMs }: StoreStats['received']): object | null {
  return fromMs === undefined || toMs === undefined ? null : { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

function lines(one: ProjectStats): string[] {
  const { measurement, waveform, event } = one.messagesByKind;
  const isPartial = one.messagesNotLookedAt > 0;
  const rest = isPartial ? `, ${count(one.messagesNotLookedAt)} not looked at` : '';
  const range = ({ fromMs, toMs }: StoreStats['received']): string => (fromMs === undefined || toMs === undefined ? '–' : `${minute(fromMs)} to ${minute(toMs)}`);
  return [
    `project ${one.projectId}${one.writerId === undefined ? '' : `, stored by broker ${one.writerId}`}`,
    `  segments   ${count(one.segments)}, ${bytes(one.bytes)}${one.openSegments > 0 ? `; ${count(one.openSegments)} without a seal (${bytes(one.openBytes)}), not counted below` : ''}`,
    `  batches    ${count(one.batches)}`,
    `  messages   ${count(one.messages)}: ${count(measurement)} measurements, ${count(waveform)} waveforms, ${count(event)} events${rest}`,
    `  gateways   ${count(one.gateways)}, which came or went ${count(one.connections)} times`,
    `  sensors    ${isPartial ? 'at least ' : ''}${count(one.sensors)}`,
    `  received   ${range(one.received)}`,
    `  measured   ${range(one.measured)}${isPartial ? ', as far as it was looked at' : ''}`,
    ...(one.rewritten > 0 || one.removed > 0 ? [`  changed    ${count(one.rewritten)} segments were written anew, ${count(one.removed)} removed`] : []),
    ...[...one.keys].map(([keyId, segments]) => `  key        ${keyId} protects ${count(segments)} segments`),
    `  key        ${one.projectKeyId} protects the project's name${one.placesKeyId === one.projectKeyId ? ' and its places' : ''}${one.amendmentsKeyId === one.projectKeyId ? ' and what was changed' : ''}`,
    ...[['its places', one.placesKeyId], ['what was changed', one.amendmentsKeyId]].filter(([, keyId]) => keyId !== undefined && keyId !== one.projectKeyId).map(([what, keyId]) => `  key        ${keyId!} protects ${what!}`),
    '',
  ];
}
