import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { describe, expect, it } from 'vitest';
import { Measures, type LoadReport } from '../gateway/load/mod.ts';
import { freePort, start, thrum, withFolder, type Running } from './cli.ts';

interface Broker {
  readonly url: string;
  readonly sockets: ReadonlySet<Socket>;
  stop(): Promise<void>;
}

async function listen(onSocket: (socket: Socket) => void): Promise<Broker> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    stop: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
/** A broker that does what it should. */
async function withBroker<T>(work: (broker: Broker, aedes: Aedes) => Promise<T>): Promise<T> {
  const aedes = await Aedes.createBroker();
  const broker = await listen((socket) => aedes.handle(socket));
  try {
    return await work(broker, aedes);
  } finally {
    await broker.stop();
    aedes.close();
  }
}

const options = (url: string, duration: string, workers = '1'): string[] => [
  'load', '--url', url, '--clients', '4', '--connect-rate', 'all', '--rate', '100/s', '--duration', duration, '--topic', 't/{n}', '--client-id', 'c-{n}', '--workers', workers, '--json',
];

/** Process ids of a command's workers. */
function workersOf({ child }: Running): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' });
  return stdout.trim().split(/\s+/).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Resolves once a client publishes. */
async function publishing(aedes: Aedes): Promise<void> {
  await new Promise<void>((resolve) => {
    aedes.on('publish', ({ topic }) => {
      if (topic.startsWith('t/')) resolve();
    });
  });
}

function balanced({ total: { counters } }: LoadReport): void {
  const { due = 0, sent = 0, unsent = 0, acknowledged = 0, failed = 0 } = counters;
  expect(due).toBe(sent + unsent);
  expect(acknowledged + failed).toBeLessThanOrEqual(sent);
}

// Side by side: most of each is waiting.
describe.concurrent('thrum load', () => {
  it('tells what it has when a worker is killed, at once, and leaves no process behind', async () => {
    await withBroker(async (broker, aedes) => {
      const running = start(options(broker.url, '10m', '2'));
      await publishing(aedes);
      const workers = workersOf(running);
      expect(workers).toHaveLength(2);
      process.kill(workers[0]!, 'SIGKILL');
      const killedMs = performance.now();
      const { exitCode, stdout } = await running.exited;
      expect(performance.now() - killedMs).toBeLessThan(15_000);
      expect(exitCode).toBe(1);
      const report = JSON.parse(stdout) as LoadReport;
      expect(report.ended).toMatch(/^worker \d ended before its work \(SIGKILL\)$/);
      expect(report.stages.length).toBeGreaterThan(0);
      balanced(report);
      expect(workers.filter(isAlive)).toEqual([]);
    });
  });

  it('ends with a report when it is interrupted, in which nothing that was still on its way is lost', async () => {
    await withBroker(async (broker, aedes) => {
      const running = start([...options(broker.url, '10m'), '--subscribers', '1']);
      await publishing(aedes);
      const workers = workersOf(running);
      running.child.kill('SIGINT');
      const { stdout, stderr } = await running.exited;
      const report = JSON.parse(stdout) as LoadReport;
      expect(report.ended).toBe('interrupted');
      expect(report.total.counters.acknowledged).toBeGreaterThan(0);
      expect(report.total.counters.lost ?? 0).toBe(0);
      balanced(report);
      expect(stderr).not.toMatch(/Error|Warning/);
      expect(workers.filter(isAlive)).toEqual([]);
    });
  });

  it('ends with a report when it is interrupted before it has begun', async () => {
    const running = start(['load', '--url', 'mqtt://127.0.0.1:1', '--start-at', new Date(new Date().getTime() + 3_600_000).toISOString(), '--clients', '1', '--json', '--verbose']);
    await running.firstLine;
    running.child.kill('SIGINT');
    const { stdout, exitCode } = await running.exited;
    expect(JSON.parse(stdout)).toMatchObject({ ended: 'interrupted', stages: [], series: [] });
    expect(exitCode).toBe(1);
  });

  it('counts by kind what a broker does that dies in the middle, and ends in time', async () => {
    let hear: () => void;
    const published = new Promise<void>((resolve) => (hear = resolve));
    const dying = await listen((socket) => {
      socket.once('data', () => {
        socket.write(CONNACK);
        socket.once('data', () => hear());
      });
    });
    const running = start(options(dying.url, '500ms'));
    await published;
    await dying.stop();
    const report = JSON.parse((await running.exited).stdout) as LoadReport;
    expect(report.ended).toBe('done');
    expect(report.total.counters.closed).toBeGreaterThan(0);
    expect(Object.keys(report.total.errors).length).toBeGreaterThan(0);
    balanced(report);
  });

  it.each([
    ['refuses connections', undefined, /^tcp\.refused$/],
    ['answers garbage', `HTTP/1.1 400 Bad Request\r\n${'X-Header: 1\r\n'.repeat(9)}`, /^mqtt\.garbage$/],
    ['says no', Buffer.from([0x20, 2, 0, 5]), /^mqtt\.connack\.5$/],
  ])('counts a broker that %s by that kind', async (_, answer, kind) => {
    const odd = answer === undefined ? undefined : await listen((socket) => socket.once('data', () => socket.write(answer)));
    const url = odd?.url ?? `mqtt://127.0.0.1:${await freePort()}`;
    const { stdout, stderr, exitCode } = await thrum(options(url, '500ms'));
    await odd?.stop();
    const { total } = JSON.parse(stdout) as LoadReport;
    expect(Object.keys(total.errors)).toEqual([expect.stringMatching(kind)]);
    expect(total.counters).toMatchObject({ connects: 4, connectFailed: 4 });
    expect(stderr).not.toMatch(/Error|at .*\.js/);
    expect(exitCode).toBe(1); // nobody got in
  });

  it('finds a broker out that delivers each message to all members of a shared subscription', async () => {
    await withBroker(async (broker, aedes) => {
      aedes.authorizeSubscribe = (_client, subscription, done) => done(null, { ...subscription, topic: subscription.topic.replace(/^\$share\/[^/]+\//, '') });
      const { stdout, exitCode } = await thrum([...options(broker.url, '500ms'), '--subscribers', '2', '--shared', '--assert', 'lost==0', '--assert', 'duplicates==0']);
      const { total, assertions } = JSON.parse(stdout) as LoadReport;
      expect(total.counters).toMatchObject({ acknowledged: 50, received: 100, expectedDeliveries: 50, duplicates: 50 });
      expect(assertions.map(({ outcome }) => outcome)).toEqual(['met', 'failed']);
      expect(exitCode).toBe(1);
    });
  });

  it('ends with one line when the port for Prometheus is taken', async () => {
    const taken = await listen(() => undefined);
    const { port } = new URL(taken.url);
    const running = start(['load', '--url', 'mqtt://127.0.0.1:1', '--clients', '1', '--topic', 't', '--client-id', 'c-{n}', '--prometheus', port]);
    const hung = setTimeout(() => running.child.kill('SIGKILL'), 20_000);
    const { exitCode, stdout, stderr } = await running.exited;
    clearTimeout(hung);
    await taken.stop();
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 3, stdout: '', stderr: `thrum: --prometheus: port ${port} is taken: choose another, or 0 for a free one\n` });
  });

  it('has not passed, and says why, where a broker takes connections and never answers', async () => {
    await withFolder(async (folder) => {
      const deaf = await listen(() => undefined);
      const file = join(folder, 'deaf.yaml');
      await writeFile(file, `{ name: deaf, brokers: { b: "${deaf.url}" }, clients: { c: { count: 3, id: "c-{n}" } }, stages: [{ name: come in, limit: 1s, groups: [{ clients: c, do: [connect] }] }], assert: [connect_failed==0] }`);
      const { stdout, exitCode } = await thrum(['load', '--scenario', file, '--workers', '1', '--json']);
      await deaf.stop();
      const report = JSON.parse(stdout) as LoadReport;
      expect(report.ended).toBe("stage 'come in' took longer than its limit");
      expect(report.total.counters).toMatchObject({ connects: 3, connectsAbandoned: 3 });
      expect(report.assertions).toMatchObject([{ outcome: 'unknown', reason: 'No attempt to connect came to its end.' }]);
      expect(exitCode).toBe(1);
    });
  });

  it('refuses with one line a key, a certificate or a manifest that cannot be used', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'bad.pem');
      await writeFile(file, 'no key', { mode: 0o600 });
      const tls = ['load', '--url', 'mqtts://127.0.0.1:1', '--home', join(folder, 'home'), '--clients', '2', '--duration', '1s', '--topic', 't', '--client-id', 'c-{n}'];
      for (const identity of [['--cert', file, '--key', file], ['--manifest', join(folder, 'nothing.csv')]]) {
        const { exitCode, stderr, stdout } = await thrum([...tls, ...identity, '--quiet']);
        expect({ exitCode, stdout, lines: stderr.trim().split('\n').length, stderr }).toEqual({ exitCode: 2, stdout: '', lines: 1, stderr: expect.stringContaining(folder) as string });
      }
    });
  });

  it('tells of a search as JUnit XML', async () => {
    await withBroker(async (broker) => {
      await withFolder(async (folder) => {
        const file = join(folder, 'search.xml');
        const search = ['--find-rate', 'p99<30s', '--find-from', '20/s', '--find-to', '21/s', '--trial', '1s'];
        const { exitCode } = await thrum(['load', '--url', broker.url, '--clients', '2', '--topic', 'f/{n}', '--client-id', 'f-{n}', '--workers', '1', '--quiet', ...search, '--junit', file]);
        expect(exitCode).toBe(0);
        expect(await readFile(file, 'utf8')).toMatch(/<testsuite name="search steady".*tests="1" failures="0" errors="0".*\n[^]*<testcase name="search for p99&#60;30s"/);
      });
    });
  });

  it('gives each shard clients of its own, however many workers it has, and their reports add up to the whole', async () => {
    await withBroker(async (broker, aedes) => {
      await withFolder(async (folder) => {
        const files = [1, 2].map((index) => join(folder, `${index}.json`));
        const id = 'shard';
        const seen: string[] = [];
        aedes.on('client', (client) => {
          if (client.id.startsWith(id)) seen.push(client.id);
        });
        const shared = ['load', '--url', broker.url, '--clients', '7', '--connect-rate', 'all', '--rate', '70/s', '--duration', '1s', '--topic', 's/{n}', '--client-id', `${id}-{n}`, '--quiet'];
        await Promise.all(files.map((file, at) => thrum([...shared, '--workers', at === 0 ? '4' : '2', '--shard', `${at + 1}/2`, '--out', file])));
        expect([...seen].sort()).toEqual(Array.from({ length: 7 }, (_, n) => `${id}-${n}`));
        const { stdout, exitCode } = await thrum(['load', 'merge', ...files, '--json']);
        expect(exitCode).toBe(0);
        const whole = JSON.parse(stdout) as LoadReport;
        const parts = await Promise.all(files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as LoadReport));
        const sum = new Measures();
        for (const { total } of parts) sum.add(total);
        expect(whole.total.counters).toEqual(sum.toData().counters);
        expect([...parts, whole].map(({ generator }) => generator.clients)).toEqual([4, 3, 7]);
        expect(whole.total.counters).toMatchObject({ connected: 7, sent: 70, acknowledged: 70 });
      });
    });
  });
});
