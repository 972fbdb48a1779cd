/** The highest rate that brokers bear: our own with its durable encrypted sink, and Mosquitto without any store beside it. */
import { isQuick } from '../quick.ts';
import type { BenchContext } from './connections.ts';
import { load, startMosquitto, startOwnBroker } from './processes.ts';

export interface BrokerFigures {
  readonly name: string;
  readonly ratePerS: number | null;
  readonly confidence: string;
  readonly acknowledged: number;
  /** Batches that our own broker has on disk; null for others. */
  readonly stored: number | null;
}

const SEARCH = ['--find-rate', 'p99<50ms,failed==0', '--find-from', '2000/s', '--find-to', isQuick ? '2100/s' : '200000/s', '--trial', isQuick ? '1s' : '5s', '--clients', '100', '--workers', '1'];

/** Throws Error when our broker has not stored all that it acknowledged. */
export async function measureBrokers({ home, folder, say }: BenchContext): Promise<BrokerFigures[]> {
  const figures: BrokerFigures[] = [];
  const search = async (name: string, port: number): Promise<Omit<BrokerFigures, 'stored'>> => {
    say(`looking for the highest rate: ${name} …`);
    const report = await load(folder, ['--home', home.path, '--url', `mqtts://localhost:${port}`, ...SEARCH]);
    const found = report.searches[0]!;
    for (const trial of found.trials) say(`  ${Math.round(trial.ratePerS)}/s: ${trial.outcome}, p99 ${trial.publishP99Ms?.toFixed(1) ?? '–'} ms ${trial.reason}`);
    return { name, ratePerS: found.ratePerS, confidence: found.confidence, acknowledged: report.total.counters.acknowledged ?? 0 };
  };
  const own = await startOwnBroker(home);
  const found = await search('thrum broker, each message encrypted on disk', own.port).finally(() => own.stop());
  const stored = await own.stored();
  if (stored < found.acknowledged) throw new Error(`${found.acknowledged} messages were acknowledged and ${stored} stored`);
  figures.push({ ...found, stored });
  const mosquitto = await startMosquitto(home, folder);
  if (mosquitto) {
    figures.push({ ...(await search('Mosquitto, nothing on disk', mosquitto.port).finally(() => mosquitto.stop())), stored: null });
  } else say('Mosquitto is not installed: left out');
  return figures;
}
