/** Whether a worker's memory stays flat: steady load with a subscriber that checks every message, resident memory over time. */
import { isQuick } from '../quick.ts';
import { median } from '../statistics.ts';
import type { BenchContext } from './connections.ts';
import { load, startMosquitto } from './processes.ts';

export interface SoakFigures {
  readonly seconds: number;
  readonly messages: number;
  readonly lost: number;
  /** Medians over tenths of the steady stage, in bytes; all workers together. */
  readonly rssBytes: readonly number[];
}

const RATE_PER_S = 5_000;
const TENTHS = 10;

/** 200 clients publish to one subscriber through Mosquitto; undefined where that is not installed. */
export async function measureSoak({ home, folder, say }: BenchContext): Promise<SoakFigures | undefined> {
  const seconds = isQuick ? 5 : 300;
  const mosquitto = await startMosquitto(home, folder);
  if (!mosquitto) return undefined;
  say(`soak: ${RATE_PER_S} messages a second for ${seconds} s …`);
  const args = ['--clients', '200', '--subscribers', '1', '--rate', `${RATE_PER_S}/s`, '--duration', `${seconds}s`];
  const report = await load(folder, ['--home', home.path, '--url', `mqtts://localhost:${mosquitto.port}`, ...args]).finally(() => mosquitto.stop());
  const steady = report.series.filter(({ stage }) => stage === 'steady');
  const rssBytes = Array.from({ length: TENTHS }, (_, tenth) => {
    const from = Math.floor((tenth * steady.length) / TENTHS);
    const to = Math.max(from + 1, Math.floor(((tenth + 1) * steady.length) / TENTHS));
    return median(steady.slice(from, to).map((point) => point.rssBytes));
  });
  const { acknowledged = 0, lost = 0 } = report.total.counters;
  return { seconds, messages: acknowledged, lost, rssBytes };
}
