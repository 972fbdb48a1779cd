/**
 * `npm run bench:store`: what the store reaches on this machine, held against its limits (the cipher, the disk) and against
 * LMDB and SQLite. `-- --json` prints JSON only, `-- --quick` sees that it runs, `-- --full` recovers from 10 GB.
 * THRUM_BENCH_DIR names a folder on the disk to be measured.
 */
import { cpus } from 'node:os';
import { expectManyBuffers } from '../../cli/heap-limits.ts';
import { isQuick } from '../quick.ts';
import { measureAddedLatency, measureCommits } from './commits.ts';
import { measureOverhead } from './overhead.ts';
import { measurePeers } from './peers.ts';
import { measureRecovery } from './recovery.ts';
import { reportLines, type StoreFigures } from './report.ts';
import { measureThroughput } from './throughput.ts';

expectManyBuffers(); // as `thrum broker` does
const asJson = process.argv.includes('--json');
const say = (line: string): void => void process.stderr.write(`${line}\n`);

say('bytes beside the payload …');
const overhead = await measureOverhead();
say('commits …');
const commits = await measureCommits();
say('latency added at a steady rate, through mutual TLS …');
const addedLatency = await measureAddedLatency();
say('in, out, verify …');
const { throughput, limits } = await measureThroughput();
say('LMDB, SQLite …');
const peers = await measurePeers(say);
say('recovery …');
const recovery = (await measureRecovery(say)) ?? null;

const result: StoreFigures = { quick: isQuick, node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, overhead, commits, addedLatency, throughput, limits, peers, recovery };
process.stdout.write(asJson ? `${JSON.stringify(result, null, 2)}\n` : `${reportLines(result).join('\n')}\n`);
