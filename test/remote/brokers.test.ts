/** The commands as a user runs them: brokers that share a bucket, killed at every step of an upload; what is wrong is told in one line. */
import { randomBytes } from 'node:crypto';
import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GATEWAY, makeHome, makeProject, NOW_MS, publish } from '../../broker/broker.fixture.ts';
import { isConnection, KeyService, listLogs, openRemote, Projects, readLogs, startUploader } from '../../broker/mod.ts';
import { batchOf, frameOf, readBatchHeader, type SensorMessage } from '../../frame/mod.ts';
import { createSensor } from '../../sensors/mod.ts';
import { Spool } from '../../gateway/spool.ts';
import { freePort, start, thrum, withFolder, type Running } from '../cli.ts';
import { fleetOf, stop } from '../fleet-home.fixture.ts';
import { messagesOf, sorted } from '../store-contents.ts';
import type { Seen, Verdict } from './fault-proxy.fixture.ts';
import { startServers, type Servers } from './servers.fixture.ts';

let servers: Servers;

beforeEach(async () => {
  servers = await startServers();
});
afterEach(() => servers.close());

/** All that a home and the bucket hold of its projects, read as one. */
async function storedMessages(home: string): Promise<SensorMessage[]> {
  const keys = new KeyService(join(home, 'keys'), { kind: 'file' }, () => 0);
  const remote = await openRemote(servers.address);
  const messages: SensorMessage[] = [];
  for (const { projectId } of await new Projects(join(home, 'projects'), keys).references()) {
    const logs = await listLogs(join(home, 'store'), projectId, remote, () => 0.5);
    for await (const item of readLogs(logs.map(({ source }) => source), projectId, keys)) if (!isConnection(item)) messages.push(...item.batch.messages);
  }
  remote.close();
  return messages;
}

const FLEET = fleetOf({ seed: 5, gateways: 1, sensors: 8, machines: 4 });
const ENOUGH_MESSAGES = 100;

it('two brokers give what a gateway told now one, now the other, exactly once, although both are killed', { timeout: 180_000 }, async () => {
  await withFolder(async (folder) => {
    const homes = ['a', 'b', 'reader'].map((name) => join(folder, name));
    const ports = [String(await freePort()), String(await freePort())];
    expect(await thrum(['project', 'create', 'demo', '--home', homes[0]!])).toMatchObject({ exitCode: 0 });
    const maker = start(['broker', '--home', homes[0]!, '--port', '0']); // makes the authority that all trust
    await maker.firstLine;
    await stop(maker);
    for (const home of homes.slice(1)) await cp(homes[0]!, home, { recursive: true });
    const broker = (which: number): Running => start(['broker', '--home', homes[which]!, '--port', ports[which]!, ...servers.options]);
    const gateway = (which: number): Running => start(['gateway', '--number', '1', '--home', homes[0]!, '--url', `mqtts://localhost:${ports[which]!}`, '--verbose', ...FLEET.options]);
    const brokers = [broker(0), broker(1)];
    for (const { firstLine } of brokers) await firstLine;
    let carrier = gateway(0);
    for (const which of [1, 0, 1, 0]) {
      await delay(1_500); // the moment at which it is killed
      brokers[1 - which]!.child.kill('SIGKILL'); // with what it has stored and not acknowledged
      await brokers[1 - which]!.exited;
      carrier.child.kill('SIGKILL');
      await carrier.exited;
      brokers[1 - which] = broker(1 - which);
      carrier = gateway(which);
    }
    for (const { firstLine } of brokers) await firstLine;
    // The one that the gateway is at now has its open segment at home.
    while ((await storedMessages(homes[0]!)).length <= ENOUGH_MESSAGES) await delay(200);
    await stop(carrier);
    for (const one of brokers) await stop(one);

    const [folderOfQueue] = await readdir(join(homes[0]!, 'gateways'));
    const spool = await Spool.open(join(homes[0]!, 'gateways', folderOfQueue!), 0);
    expect(spool.pending).toHaveLength(0);
    const expected = FLEET.plan.gateways[0]!.sensors.flatMap((spec) => messagesOf(createSensor(spec), spool.states[spec.sensorId]?.sequence ?? 0));
    await spool.close();
    expect(expected.length).toBeGreaterThan(ENOUGH_MESSAGES);
    expect(sorted(await storedMessages(homes[2]!))).toEqual(sorted(expected));
    for (const home of homes) {
      const verification = await thrum(['store', 'verify', '--home', home, ...servers.options]);
      expect(verification, verification.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('all as they were written') as string });
    }
  });
});

/** Two closed segments, the first too long for one part: samples that do not compress. */
async function fill(root: string): Promise<string> {
  const home = await makeHome(root);
  const { projectId } = await makeProject(home, 'demo');
  for (const [bootEpoch, batches] of [[1, 22], [2, 1]] as const) {
    const sink = await home.openSink();
    for (let sequence = 0; sequence < batches; sequence++) {
      const axes = [0, 1, 2].map(() => new Int16Array(randomBytes(2 * 65_536).buffer.slice(0, 2 * 65_536)));
      const message: SensorMessage = { kind: 'waveform', sensorId: '00124b00000000aa', bootEpoch, sequence, timeMs: NOW_MS, captureId: sequence, firstSample: 0, totalSamples: 65_536, sampleRateHz: 25_600, fullScaleG: 16, axes };
      const payload = Buffer.from(batchOf({ gatewayId: GATEWAY, bootEpoch, sequence }, [frameOf(message)]));
      expect(await publish(sink, projectId, { channel: 'data', receivedMs: NOW_MS, payload, batch: readBatchHeader(payload) })).toBeUndefined();
    }
    await sink.close();
  }
  return projectId;
}

async function uploadHere(home: string): Promise<void> {
  const remote = await openRemote(servers.address);
  const uploader = await startUploader({ remote, store: join(home, 'store'), keep: false, random: () => 0.5, hurry: 20, onTrouble: () => undefined });
  expect(await uploader.finish(60_000)).toBe(0);
  remote.close();
}

async function forgetAll(projectId: string): Promise<void> {
  const remote = await openRemote(servers.address);
  for await (const row of remote.table.list(projectId)) await remote.table.remove(row);
  for await (const key of remote.bucket.list('')) await remote.bucket.remove(key);
  remote.close();
}

/** Ordinals of the rows, and of the segments in the bucket, if they are the same. */
async function segmentsIn(projectId: string): Promise<unknown> {
  const remote = await openRemote(servers.address);
  const [rows, objects]: [number[], number[]] = [[], []];
  for await (const row of remote.table.list(projectId)) rows.push(row.ordinal);
  for await (const key of remote.bucket.list('')) if (key.endsWith('.seg')) objects.push(Number(key.split('/').at(-1)!.slice(0, 12)));
  const uploads = await remote.bucket.listUploads('');
  remote.close();
  return rows.join() === objects.join() && uploads.length === 0 ? rows : { rows, objects, uploads };
}

/** What an upload asks of both servers, but for the looks before it. */
const isStep = ({ operation }: Seen): boolean => !['ListObjectsV2', 'DescribeTable'].includes(operation);
const CHANGES = ['PutObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'PutItem'];

it('a broker killed before and after every request of an upload has each segment stored once, and nothing left behind', { timeout: 400_000 }, async () => {
  await withFolder(async (folder) => {
    const prepared = join(folder, 'prepared');
    const projectId = await fill(prepared);
    await writeFile(join(prepared, 'home.json'), '{ "format": "thrum home", "version": 1 }\n');
    const steps: string[] = [];
    const record = (seen: Seen): Verdict => {
      if (isStep(seen)) steps.push(seen.operation);
      return 'pass';
    };
    servers.s3.decide = servers.dynamodb.decide = record;
    await cp(prepared, join(folder, 'whole'), { recursive: true });
    await uploadHere(join(folder, 'whole'));
    servers.s3.decide = servers.dynamodb.decide = () => 'pass';
    expect(steps).toEqual(expect.arrayContaining(CHANGES));
    const expected = (await storedMessages(join(folder, 'whole'))).length;
    expect(expected).toBe(23);

    const kills = steps.flatMap((operation, step) => [[step, 'before'] as const, ...(CHANGES.includes(operation) ? [[step, 'after'] as const] : [])]);
    for (const [step, when] of kills) {
      const what = `killed ${when} request ${step}, ${steps[step]!}`;
      await forgetAll(projectId);
      const home = join(folder, `${when}-${step}`);
      await cp(prepared, home, { recursive: true });
      let left = step;
      const broker = start(['broker', '--home', home, '--port', '0', ...servers.options]);
      servers.s3.decide = servers.dynamodb.decide = (seen): Verdict => {
        if (!isStep(seen) || left-- !== 0) return 'pass';
        const kill = (): void => void broker.child.kill('SIGKILL');
        if (when === 'after') return { afterwards: kill };
        kill();
        return 'cut request';
      };
      const { exitCode } = await broker.exited;
      expect(exitCode, what).toBeNull();
      servers.s3.decide = servers.dynamodb.decide = () => 'pass';

      await uploadHere(home);
      expect((await storedMessages(home)).length, what).toBe(expected);
      expect(await segmentsIn(projectId), what).toEqual([1, 2]);
      await rm(home, { recursive: true });
    }
  });
});

describe('what is wrong is told in one line', () => {
  const cases: [string, (options: readonly string[]) => readonly string[], number, string][] = [
    ['a bucket that is not there', (options) => options.map((one) => one.replace('s3://thrum-test', 's3://thrum-none')), 3, 'it does not exist'],
    ['a table that is not there', (options) => options.map((one) => one.replace('thrum-segments', 'thrum-none')), 3, 'it does not exist'],
    ['a URL that names no bucket', (options) => options.map((one) => one.replace('s3://thrum-test/plant', 'https://x')), 2, 'write s3://bucket/prefix'],
    ['credentials in an endpoint', (options) => options.map((one) => one.replace('http://127', 'http://key:secret@127')), 2, 'without credentials'],
    ['a bucket without its table', (options) => options.slice(0, 2), 2, '--remote-table'],
    ['a table without its bucket', (options) => options.slice(2), 2, '--remote s3://bucket/prefix'],
    ['a server that is not there', (options) => options.map((one) => one.replace(/:\d+$/, ':1')), 3, 'ECONNREFUSED'],
  ];

  it.each(cases)('%s', async (_what, change, exitCode, words) => {
    await withFolder(async (folder) => {
      const { exitCode: code, stderr } = await thrum(['broker', '--home', join(folder, 'home'), '--port', '0', ...change(servers.options)]);
      expect(stderr.trim().split('\n'), stderr).toHaveLength(1);
      expect(stderr).toContain(words);
      expect(stderr).not.toContain('secret');
      expect(code).toBe(exitCode);
    });
  });

  it.each([
    ['access is denied', { status: 403, code: 'AccessDenied' }, 'access is denied'],
    ['the access key is not known', { status: 403, code: 'InvalidAccessKeyId' }, 'no usable credentials'],
  ] as const)('%s', async (_what, verdict, words) => {
    await withFolder(async (folder) => {
      servers.s3.decide = () => verdict;
      const { exitCode, stderr } = await thrum(['broker', '--home', join(folder, 'home'), '--port', '0', ...servers.options]);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).toContain(words);
      expect(exitCode).toBe(3);
    });
  });
});
