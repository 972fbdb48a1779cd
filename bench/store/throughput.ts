/** MB/s into the store and out of it, and what checking takes, held against AES-256-GCM and reading alone on this machine. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { isConnection, localSource, readProject, Sink, verifyProject, type Arrival } from '../../broker/mod.ts';
import { listSegments } from '../../broker/store/segment-files.ts';
import { isQuick } from '../quick.ts';
import { median } from '../statistics.ts';
import { batchMaker, withPlace, type Place } from './place.ts';

export interface ThroughputFigures {
  readonly payloadBytes: number;
  readonly inMBPerS: number;
  readonly outMBPerS: number;
  readonly verifyMBPerS: number;
}

export interface Limits {
  readonly sealMBPerS: number;
  readonly openMBPerS: number;
  /** As the system gives files that were just written: mostly from memory. */
  readonly readMBPerS: number;
}

/** Bytes of payload that are handed over at once: well below what the sink takes. */
const ROUND_BYTES = isQuick ? 2 ** 20 : 48 * 2 ** 20;
const ROUNDS = isQuick ? 1 : 3;
const MB = 1e6;

export async function measureThroughput(): Promise<{ readonly throughput: ThroughputFigures[]; readonly limits: Limits }> {
  const throughput: ThroughputFigures[] = [];
  let readMBPerS = 0;
  for (const payloadBytes of [256, 4096, 65_536]) throughput.push(await withPlace(async (place) => {
    const into = await fill(place, payloadBytes);
    readMBPerS = Math.max(readMBPerS, await readAlone(place));
    let outBytes = 0;
    const out = await seconds(async () => {
      for await (const item of readProject(localSource(place.directory), place.projectId, place.keys)) if (!isConnection(item)) outBytes += item.payloadBytes;
    });
    const verify = await seconds(async () => {
      const { findings } = await verifyProject(localSource(place.directory), place.projectId, place.keys, { inUse: false });
      if (findings.length > 0) throw new Error(`the store is damaged: ${findings[0]!.what}`);
    });
    return { payloadBytes, inMBPerS: into, outMBPerS: outBytes / MB / out, verifyMBPerS: (await storedBytes(place)) / MB / verify };
  }));
  return { throughput, limits: { ...measureCipher(), readMBPerS } };
}

/** Fills a store; MB of payload a second from the first publish of a round to its last acknowledgement, the median of the rounds. */
async function fill({ store, projects, keys, projectId }: Place, payloadBytes: number): Promise<number> {
  const sink = await Sink.open({ directory: store, projects, keys, onFatal: (error) => { throw error; } });
  const make = batchMaker(payloadBytes);
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const arrivals: Arrival[] = [];
    for (let bytes = 0; bytes < ROUND_BYTES; bytes += arrivals.at(-1)!.payload.length) arrivals.push(make());
    const bytes = arrivals.reduce((sum, { payload }) => sum + payload.length, 0);
    const took = await seconds(() => Promise.all(arrivals.map((arrival) => new Promise<void>((resolve, reject) => sink.publish(projectId, arrival, (error) => (error ? reject(error) : resolve()))))));
    rates.push(bytes / MB / took);
  }
  await sink.close();
  return median(rates);
}

async function storedBytes({ directory }: Place): Promise<number> {
  const sizes = await Promise.all((await listSegments(directory)).map(async ({ path }) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function readAlone(place: Place): Promise<number> {
  const buffer = Buffer.alloc(2 ** 20);
  const took = await seconds(async () => {
    for (const { path } of await listSegments(place.directory)) {
      const handle = await open(path, 'r');
      while ((await handle.read(buffer)).bytesRead > 0);
      await handle.close();
    }
  });
  return (await storedBytes(place)) / MB / took;
}

/** AES-256-GCM of records of 256 KiB in one thread. */
function measureCipher(): Pick<Limits, 'sealMBPerS' | 'openMBPerS'> {
  const [key, nonce, data] = [randomBytes(32), randomBytes(12), randomBytes(256 * 1024)];
  const times = isQuick ? 40 : 1000;
  const rate = (work: () => void): number => {
    const startMs = performance.now();
    for (let i = 0; i < times; i++) work();
    return (times * data.length) / MB / ((performance.now() - startMs) / 1000);
  };
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  const sealed = cipher.update(data);
  cipher.final();
  const tag = cipher.getAuthTag();
  const sealMBPerS = rate(() => {
    const one = createCipheriv('aes-256-gcm', key, nonce);
    one.update(data);
    one.final();
    one.getAuthTag();
  });
  const openMBPerS = rate(() => {
    const one = createDecipheriv('aes-256-gcm', key, nonce);
    one.setAuthTag(tag);
    one.update(sealed);
    one.final();
  });
  return { sealMBPerS, openMBPerS };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}
