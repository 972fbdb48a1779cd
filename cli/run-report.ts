/** What `thrum run` says at the end: figures, and one line on whether all is stored exactly once. */
import type { Project } from '../broker/mod.ts';
import type { FleetProgress, Reconciliation } from '../gateway/mod.ts';
import type { Sensor } from '../sensors/mod.ts';
import { EXIT } from './errors.ts';
import type { RecoveredProject } from './local-broker.ts';
import { bytes, count, latencyMs, latencyText, minute, printResult, type OutputOptions } from './output.ts';

export interface RunOutcome {
  readonly home: string;
  readonly project: Project;
  readonly recovered: readonly RecoveredProject[];
  readonly progress: FleetProgress;
  readonly result: Reconciliation;
  readonly storedBytes: number;
  readonly replay: Replayed | undefined;
}

/** The sensor that replayed a recording, and how many of its windows it came to; simulated or real time may end before. */
export interface Replayed {
  readonly sensor: Sensor;
  readonly playedWindows: number;
}

/** Prints the report; gives exit code 0 only if everything produced is stored exactly once. */
export function reportRun(options: OutputOptions, outcome: RunOutcome): number {
  const { progress, result } = outcome;
  const complete = progress.queuedBatches === 0 && result.produced > 0 && result.storedOnce === result.produced && result.duplicated === 0 && result.altered === 0;
  printResult(options, toJson(outcome, complete), () => [...figures(outcome), verdict(outcome, complete)]);
  return complete ? EXIT.done : EXIT.failure;
}

function toJson({ home, project, recovered, progress, result, replay }: RunOutcome, complete: boolean): object {
  const { latencyUs, simulatedMs, ...counts } = progress;
  return {
    home,
    projectId: project.projectId,
    project: project.name,
    recovered,
    simulatedUntil: new Date(simulatedMs).toISOString(),
    ...counts,
    latencyMs: latencyMs(latencyUs),
    ...result,
    ...(replay ? { replay: { sensorId: replay.sensor.sensorId, name: replay.sensor.name, windows: replay.sensor.measurementCount, playedWindows: replay.playedWindows } } : {}),
    allStoredExactlyOnce: complete,
  };
}

function figures({ home, project, progress, result, storedBytes, replay }: RunOutcome): string[] {
  const { measurements, waveforms, zoneChanges, alarms } = progress;
  const before = result.earlier > 0 ? `; ${count(result.earlier)} more from before` : '';
  return [
    `project       ${project.name} (${project.projectId}) in ${home}`,
    `simulated     until ${minute(progress.simulatedMs)}`,
    ...(replay ? [replayed(replay)] : []),
    `produced      ${count(result.produced)} messages: ${count(measurements)} measurements, ${count(waveforms)} waveforms, ${count(zoneChanges)} zone changes (${count(alarms)} alarms)`,
    `acknowledged  ${count(progress.acknowledged)} messages, ${bytes(progress.acknowledgedBytes)}; latency ${latencyText(progress.latencyUs)}`,
    ...(progress.renewals > 0 ? [`renewed       ${count(progress.renewals)} identities while measuring`] : []),
    `stored        ${count(result.storedOnce)} of them, decrypted, decoded and equal${before}; ${bytes(storedBytes)} in all`,
  ];
}

function replayed({ sensor: { sensorId, name, measurementCount }, playedWindows }: Replayed): string {
  const windows = playedWindows < measurementCount ? `only ${count(playedWindows)} of ${count(measurementCount)} windows were played` : `all ${count(measurementCount)} windows`;
  return `replayed      by sensor ${sensorId}, ${name}: ${windows}`;
}

function verdict({ progress, result }: RunOutcome, complete: boolean): string {
  if (complete) return `All ${count(result.produced)} messages are stored exactly once.`;
  if (result.produced === 0) return 'Nothing was measured.';
  const faults = [
    [result.missing, 'missing'],
    [result.duplicated, 'stored twice'],
    [result.altered, 'altered'],
    [progress.queuedBatches, 'batches still queued at the gateways'],
  ] as const;
  const found = faults.filter(([times]) => times > 0).map(([times, what]) => `${count(times)} ${what}`);
  return `NOT all messages are stored exactly once: ${found.join(', ')}.`;
}
