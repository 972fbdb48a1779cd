/** How many messages one worker generates, and how well a schedule is kept. */
import { Measures } from '../../gateway/load/mod.ts';
import { isQuick } from '../quick.ts';
import { median } from '../statistics.ts';
import type { BenchContext } from './connections.ts';
import { load } from './processes.ts';

export interface ThroughputFigures {
  readonly clients: number;
  readonly window: number;
  readonly perS: number;
  readonly cpuUs: number;
}

const ROUNDS = isQuick ? 1 : 3;
const CASES = [
  { clients: 8, window: 64 },
  { clients: 100, window: 16 },
  { clients: 1_000, window: 1 },
] as const;

/** Closed loop against the broker that only acknowledges, one worker. */
export async function measureThroughput({ home, folder, port, say }: BenchContext): Promise<ThroughputFigures[]> {
  const figures: ThroughputFigures[] = [];
  for (const { clients, window } of isQuick ? CASES.slice(0, 1) : CASES) {
    const rates: number[] = [];
    const costs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const args = ['--clients', String(clients), '--connect-rate', '250/s', '--closed-loop', '--window', String(window), '--duration', isQuick ? '1s' : '5s', '--workers', '1'];
      const report = await load(folder, ['--home', home.path, '--url', `mqtts://localhost:${port}`, ...args]);
      const stage = report.stages.find(({ name }) => name === 'steady')!;
      const { acknowledged } = Measures.of(stage.measures).counters;
      const cpuMs = report.series.filter((point) => point.stage === 'steady').reduce((sum, one) => sum + one.cpuMs, 0);
      rates.push(acknowledged / (stage.durationMs / 1000));
      costs.push((cpuMs * 1000) / acknowledged);
    }
    figures.push({ clients, window, perS: median(rates), cpuUs: median(costs) });
    say(`${clients} clients, window ${window}: ${Math.round(median(rates))}/s`);
  }
  return figures;
}

export interface ScheduleFigures {
  readonly seconds: number;
  readonly achievedPerS: number;
  readonly deviationPercent: number;
  readonly slipP50Ms: number;
  readonly slipP99Ms: number;
  readonly slipMaxMs: number;
}

const SCHEDULED_PER_S = 10_000;

/** Open loop at 10,000/s: the rate between the first and the last full interval, and how late messages were. */
export async function measureSchedule({ home, folder, port, say }: BenchContext): Promise<ScheduleFigures> {
  const seconds = isQuick ? 2 : 60;
  say(`${SCHEDULED_PER_S} messages a second for ${seconds} s …`);
  const args = ['--clients', '100', '--rate', `${SCHEDULED_PER_S}/s`, '--duration', `${seconds}s`];
  const report = await load(folder, ['--home', home.path, '--url', `mqtts://localhost:${port}`, ...args]);
  const measures = Measures.of(report.stages.find(({ name }) => name === 'steady')!.measures);
  const slip = measures.latency('slip');
  const full = report.series.filter(({ stage }) => stage === 'steady').slice(1, -1);
  const sent = full.reduce((sum, point) => sum + (point.measures.counters.sent ?? 0), 0);
  const achievedPerS = sent / (full.reduce((sum, point) => sum + point.lengthMs, 0) / 1000);
  return {
    seconds, achievedPerS,
    deviationPercent: Math.abs(achievedPerS / SCHEDULED_PER_S - 1) * 100,
    slipP50Ms: slip.getValueAtPercentile(50) / 1000,
    slipP99Ms: slip.getValueAtPercentile(99) / 1000,
    slipMaxMs: slip.maxValue / 1000,
  };
}
