/** What a running fleet looks like, in a panel and in a line. */
import type { Fleet, FleetProgress } from '../gateway/mod.ts';
import type { LogCounts } from '../broker/mod.ts';
import { now } from './clock.ts';
import { sparkline, type Picture } from './live-panel.ts';
import { bytes, count, latencyText, minute } from './output.ts';
import { parseDurationMs } from './values.ts';

const CHART_POINTS = 32;
const CHART_STEP_MS = 500;

export interface PictureOptions {
  readonly title: string;
  readonly duration: string | undefined;
  /** What the sink has stored, when the broker is ours. */
  readonly sink?: LogCounts;
  /** Why a gateway is not connected, '' when all is well. */
  readonly trouble?: () => string;
}

/** A function that draws the fleet as it is now. */
export function fleetPicture(fleet: Fleet, { title, duration, sink, trouble = () => '' }: PictureOptions): () => Picture {
  const startedMs = now();
  const rates: number[] = [];
  let last = { ms: startedMs, acknowledged: 0 };
  return () => {
    const ms = now();
    const progress = fleet.progress();
    if (ms - last.ms >= CHART_STEP_MS) {
      rates.push((progress.acknowledged - last.acknowledged) / ((ms - last.ms) / 1000));
      if (rates.length > CHART_POINTS) rates.shift();
      last = { ms, acknowledged: progress.acknowledged };
    }
    const time = clockOf(ms - startedMs, duration);
    return {
      heading: `${title} · ${time} · simulated ${minute(progress.simulatedMs)}`,
      rows: [...rowsOf(progress, rates, sink), ...(trouble() === '' ? [] : ([['trouble', trouble()]] as [string, string][]))],
      line: `${lineOf(progress, time, sink)}${trouble() === '' ? '' : ` · ${trouble()}`}`,
    };
  };
}

function rowsOf(progress: FleetProgress, rates: readonly number[], sink: LogCounts | undefined): [string, string][] {
  const { latencyUs } = progress;
  return [
    ['gateways', `${count(progress.connected)} of ${count(progress.gateways)} connected`],
    ['produced', `${count(progress.measurements)} measurements · ${count(progress.waveforms)} waveforms · ${count(progress.alarms)} alarms`],
    ['acknowledged', `${count(progress.acknowledged)} messages · ${bytes(progress.acknowledgedBytes)} · ${count(progress.queuedBatches)} batches queued`],
    ...(sink ? [['stored', `${count(sink.stored)} batches · ${bytes(sink.storedBytes)} · ${count(sink.commits)} commits · ${count(sink.duplicates)} resent`] as [string, string]] : []),
    ['latency', latencyText(latencyUs)],
    ['messages/s', `${sparkline(rates)} ${count(rates.at(-1) ?? 0)}`],
  ];
}

function lineOf(progress: FleetProgress, time: string, sink: LogCounts | undefined): string {
  const { connected, gateways, produced, acknowledged, acknowledgedBytes, alarms, latencyUs } = progress;
  return [
    time,
    `${connected}/${gateways} gateways`,
    `${count(produced)} produced`,
    `${count(acknowledged)} acknowledged (${bytes(acknowledgedBytes)})`,
    ...(sink ? [`${count(sink.stored)} batches stored`] : []),
    latencyText(latencyUs),
    `${count(alarms)} alarms`,
  ].join(' · ');
}

function clockOf(elapsedMs: number, duration: string | undefined): string {
  const seconds = Math.floor(elapsedMs / 1000);
  const written = `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
  return duration === undefined ? written : `${written} of ${Math.round(parseDurationMs(duration)! / 1000)} s`;
}
