import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Scenario } from '../gateway/load/scenario.ts';
import { addLoadOptions, type LoadOptions } from './load-options.ts';
import { scenarioOf, shippedScenarios } from './load-scenario.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thrum-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the command line says, as commander reads it. */
async function fromLine(...args: string[]): Promise<Scenario> {
  const command = addLoadOptions(new Command('load')).exitOverride().configureOutput({ writeErr: () => undefined });
  command.parse(args, { from: 'user' });
  return scenarioOf(command.opts<LoadOptions>());
}

async function fromFile(text: string, ...args: string[]): Promise<Scenario> {
  const path = join(folder, 'test.yaml');
  await writeFile(path, text);
  return fromLine('--scenario', path, ...args);
}

function stage(scenario: Scenario, name: string): Scenario['stages'][number] {
  return scenario.stages.find((one) => one.name === name)!;
}

function publishing(scenario: Scenario): unknown {
  return stage(scenario, 'steady').lives[0]!.steps[0];
}

describe('the standard test', () => {
  it('is 100 clients that connect at 200/s, publish once a second for 30 s, and disconnect', async () => {
    const scenario = await fromLine();
    expect(scenario.stages.map(({ name }) => name)).toEqual(['connect', 'steady', 'disconnect']);
    expect(scenario.groups.get('clients')).toMatchObject({ count: 100, clientId: '{gateway}', identity: { kind: 'mint' }, mqttVersion: 4, cleanSession: true });
    expect(stage(scenario, 'connect').lives).toMatchObject([{ start: { kind: 'rate', perS: 200 }, steps: [{ kind: 'connect', brokers: ['broker'] }] }]);
    expect(publishing(scenario)).toMatchObject({ topic: 'thrum/{project}/{gateway}/data', qos: 1, payload: { kind: 'frames', bytes: 256 }, pace: { kind: 'rate', perS: 100 }, end: { kind: 'duration', forMs: 30_000 } });
  });

  it('takes all that options say of clients', async () => {
    const { groups, brokers, stages, assertions } = await fromLine(
      ...['--url', 'wss://a:1/x', '--url', 'mqtt://b', '--clients', '3', '--client-id', 'c-{n}', '--mqtt-version', '5', '--persistent', '--keep-alive', '10s', '--local-address', '127.0.0.2-127.0.0.3,127.0.0.9'],
      ...['--tls-min', '1.3', '--ciphers', 'X', '--groups', 'Y', '--resume', '--insecure', '--ca', 'ca.pem', '--cert', 'c/{n}.pem', '--key', 'c/{n}.key', '--connect-rate', 'auto', '--assert', 'p99<1s', '--assert', 'lost==0'],
    );
    expect(groups.get('clients')).toEqual({
      name: 'clients', count: 3, clientId: 'c-{n}', identity: { kind: 'files', certificateFile: 'c/{n}.pem', keyFile: 'c/{n}.key' },
      tls: { verify: false, authorityFile: 'ca.pem', minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: 'X', groups: 'Y', resume: true },
      mqttVersion: 5, cleanSession: false, sessionExpiryS: 3_600, keepAliveS: 10, localAddresses: ['127.0.0.2', '127.0.0.3', '127.0.0.9'],
    });
    expect([...brokers.values()]).toEqual([{ transport: 'wss', host: 'a', port: 1, path: '/x' }, { transport: 'tcp', host: 'b', port: 1883, path: '' }]);
    expect(stages[0]!.lives[0]).toMatchObject({ start: { kind: 'self-tuning' }, steps: [{ brokers: ['broker', 'broker-2'] }] });
    expect(assertions).toEqual(['p99<1s', 'lost==0']);
  });

  it.each([
    [['--rate', '500/s'], { kind: 'rate', perS: 500 }],
    [['--rate', 'auto'], { kind: 'self-tuning', atMostPerS: 10_000_000 }],
    [['--ramp-to', '900/s'], { kind: 'ramp', fromPerS: 100, toPerS: 900, overMs: 30_000 }],
    [['--rate', '1/s', '--ramp-to', '9/s', '--steps', '3', '--duration', '1m'], { kind: 'steps', fromPerS: 1, toPerS: 9, steps: 3, overMs: 60_000 }],
    [['--closed-loop'], { kind: 'closed' }],
    [['--find-rate', 'p99<50ms, lost==0'], { kind: 'searched' }],
  ])('publishes at the pace of %j', async (args, pace) => {
    expect(publishing(await fromLine(...args))).toMatchObject({ pace });
  });

  it('searches for what --find-rate says', async () => {
    const scenario = await fromLine('--find-rate', 'p99<50ms,lost==0', '--find-from', '10/s', '--find-to', '1000/s', '--trial', '5m');
    expect(stage(scenario, 'steady')).toMatchObject({ search: { objective: ['p99<50ms', 'lost==0'], fromPerS: 10, toPerS: 1_000, trialMs: 300_000 }, limitMs: 18_000_000 });
  });

  it('has subscribers who are there first and stay to the end', async () => {
    const scenario = await fromLine('--subscribers', '2', '--client-id', 'c{n}', '--topic', 'a/{n}/x-{client}/b', '--shared', '--qos', '2');
    expect(scenario.stages.map(({ name }) => name)).toEqual(['subscribe', 'connect', 'steady', 'disconnect']);
    expect(scenario.groups.get('subscribers')).toMatchObject({ count: 2, clientId: 'operator-c{n}', identity: { kind: 'mint', role: 'operator' } });
    expect(scenario.stages[0]!.lives[0]!.steps[1]).toEqual({ kind: 'subscribe', filters: ['$share/thrum/a/+/+/b'], qos: 2, check: true });
    expect(stage(scenario, 'disconnect').lives.map(({ clients }) => clients)).toEqual(['clients']);
  });

  it('has subscribers with the identity of those who publish where none is minted', async () => {
    const scenario = await fromLine('--subscribers', '2', '--client-id', 'c{n}', '--anonymous');
    expect(scenario.groups.get('subscribers')).toMatchObject({ clientId: 'subscriber-c{n}', identity: { kind: 'none' } });
  });

  it.each([
    [['--payload', 'template:{"id":"{client}"}'], { kind: 'template', text: '{"id":"{client}"}' }],
    [['--payload', 'random', '--size', '1KiB'], { kind: 'random', bytes: 1_024 }],
  ])('publishes payloads of %j', async (args, payload) => {
    expect(publishing(await fromLine(...args))).toMatchObject({ payload });
  });

  it.each([
    [['--anonymous'], { kind: 'none' }],
    [['--manifest', 'm.csv'], { kind: 'manifest', file: 'm.csv' }],
    [['--cert', 'a', '--key', 'b'], { kind: 'shared', certificateFile: 'a', keyFile: 'b' }],
    [['--key-type', 'ed25519', '--key-type', 'rsa-2048'], { kind: 'mint', role: 'gateway', keyTypes: ['ed25519', 'rsa-2048'], lifetimeMs: 86_400_000 }],
  ])('shows certificates as %j says', async (args, identity) => {
    expect((await fromLine(...args)).groups.get('clients')!.identity).toEqual(identity);
  });

  it('lets a connect storm take as long as its rate makes it', async () => {
    expect(stage(await fromLine('--clients', '3600', '--connect-rate', '1/s'), 'connect').limitMs).toBe(7_200_000);
  });

  it.each([
    [['--url', 'http://x'], /^--url: 'http:\/\/x' is not an address of a broker/],
    [['--cert', 'a'], /--cert and --key go together/],
    [['--anonymous', '--manifest', 'm'], /--anonymous and --manifest do not go together/],
    [['--closed-loop', '--rate', '1/s'], /--closed-loop and --rate do not go together/],
    [['--find-rate', 'p99<1s', '--rate', '1/s'], /--find-rate and --rate do not go together/],
    [['--steps', '3'], /--steps goes with --ramp-to/],
    [['--trial', '3s'], /--trial goes with --find-rate/],
    [['--shared'], /--shared goes with --subscribers/],
    [['--subscribers', '0', '--subscribe', 'x'], /--subscribe goes with --subscribers/],
    [['--set', 'a=1'], /--set goes with --scenario/],
    [['--client-id', 'same'], /^--client-id: all 100 clients would have the same id/],
    [['--client-id', '{host}'], /^--client-id: \{host\} is no placeholder here/],
    [['--topic', 'a/#'], /^--topic: messages are published to a topic without/],
    [['--key-type', 'dsa'], /^--key-type: /],
    [['--tls-min', '1.3', '--tls-max', '1.2'], /^--tls-max: must not be below min/],
    [['--find-rate', 'fast'], /^--find-rate: write a condition/],
    [['--find-rate', 'p99<1s', '--find-to', '1/s'], /^--find-to: must be above from/],
    [['--assert', 'fast'], /^--assert: write a condition/],
    [['--local-address', 'eth0'], /^--local-address: 'eth0' is no address/],
    [['--size', '2MiB'], /^--size: frames are at most/],
    [['--payload', 'template:x', '--size', '1B'], /^--size: a template is as long/],
    [['--clients', '1000000', '--subscribers', '1'], /^--subscribers: all groups together have 1000001/],
    [['--keep-alive', '30d'], /^--keep-alive: write a duration from/],
    [['--duration', '30'], /Write a duration such as/],
    [['--rate', '500'], /Write a rate such as 500\/s/],
    [['--payload', 'zeros'], /Write frames, fixed, random or template:TEXT/],
  ])('%j is refused', async (args, message) => {
    await expect(fromLine(...args)).rejects.toThrow(message);
  });

  it('never repeats a password that was written into a URL', async () => {
    await expect(fromLine('--url', 'mqtts://me:hunter2@host')).rejects.toThrow(/^--url: a URL with user and password/);
    await expect(fromLine('--url', 'mqtts://me:hunter2@host')).rejects.not.toThrow(/hunter2/);
  });
});

const SMALL = `name: small
variables:
  n: 3
  id: "c{n}"
brokers:
  main: mqtts://localhost
  spare: mqtts://localhost:1
clients:
  c:
    count: \${n}
    id: \${id}
    identity:
      shared: { certificate: certs/a.pem, key: certs/a.key }
stages:
  - name: s
    groups:
      - clients: c
        do:
          - connect
          - connect: spare
assert:
  - connect_failed==0
`;

describe('a scenario file', () => {
  it('is read with what options say in place of it', async () => {
    const { groups, brokers, assertions } = await fromFile(SMALL, '--set', 'n=7', '--set', 'id=d{n}', '--url', 'mqtts://other:2', '--ca', '/ca.pem', '--insecure', '--assert', 'p99<1s');
    expect(groups.get('c')).toMatchObject({ count: 7, clientId: 'd{n}', tls: { verify: false, authorityFile: '/ca.pem' } });
    expect([...brokers].map(([name, { host, port }]) => [name, host, port])).toEqual([['main', 'other', 2], ['spare', 'localhost', 1]]);
    expect(assertions).toEqual(['connect_failed==0', 'p99<1s']);
  });

  it('names files from its own folder', async () => {
    expect((await fromFile(SMALL)).groups.get('c')!.identity).toEqual({ kind: 'shared', certificateFile: join(folder, 'certs/a.pem'), keyFile: join(folder, 'certs/a.key') });
  });

  it.each([
    [SMALL.replace('connect: spare', 'connect: backup'), /test\.yaml:20:22: stages\.0\.groups\.0\.do\.1\.connect: no broker is called 'backup'/],
    [SMALL.replace('clients: c\n', 'clients: d\n'), /test\.yaml:17:18: stages\.0\.groups\.0\.clients: no group is called 'd'/],
    [SMALL.replace('id: ${id}', 'id: ${name}'), /test\.yaml:11:9: clients\.c\.id: no variable is called 'name': there are n, id/],
    [SMALL.replace('n: 3', 'n: many'), /test\.yaml:10:12: clients\.c\.count: write a whole number/],
    [SMALL.replace('count:', 'cuont:'), /test\.yaml:10:12: clients\.c\.cuont: is not known here/],
    [SMALL.replace('- connect\n', '- publish: { count: 1 }\n'), /test\.yaml:19:13: stages\.0\.groups\.0\.do\.0: publish: c is not connected here/],
    [SMALL.replace('key: certs/a.key', ''), /test\.yaml:13:\d+: clients\.c\.identity\.shared\.key/],
    [SMALL.replace('name: s\n', 'name: s\n    limit: 5\n'), /test\.yaml:16:12: stages\.0\.limit: write a duration/],
    [SMALL.replace('stages:', 'stages: ['), /test\.yaml:\d+:\d+: /],
    ['', /test\.yaml:1:1: name: /],
    ['- a\n', /test\.yaml:1:1: /],
  ])('with a fault in it is refused with file, line and column', async (text, message) => {
    await expect(fromFile(text)).rejects.toMatchObject({ code: 'LOAD_SCENARIO', message: expect.stringMatching(message) as unknown });
  });

  it.each([
    [['--clients', '5', '--rate', '1/s'], /^--clients, --rate: the scenario says it; with --scenario go --url, --set, --assert, --ca, --insecure$/],
    [['--set', 'm=1'], /^--set: no variable is called 'm': there are n, id$/],
    [['--set', 'n'], /^--set: 'n' sets nothing: write NAME=VALUE/],
    [['--assert', 'fast'], /^--assert: write a condition/],
    [['--url', 'mqtts://a', '--url', 'mqtts://b', '--url', 'mqtts://c'], /^--url: the scenario has 2 brokers, and there are 3 URLs$/],
  ])('is not read with %j', async (args, message) => {
    await expect(fromFile(SMALL, ...args)).rejects.toMatchObject({ code: 'CLI_USAGE', message: expect.stringMatching(message) as unknown });
  });

  it('that is not there is named', async () => {
    await expect(fromLine('--scenario', 'nope.yaml')).rejects.toMatchObject({ code: 'ENOENT', path: 'nope.yaml' });
    await expect(fromLine('--scenario', 'nope')).rejects.toThrow(/no scenario that comes with thrum is called 'nope': there are certificates, connect-storm/);
  });
});

describe('the scenarios that come with thrum', async () => {
  const names = await shippedScenarios();

  it('are twelve', () => {
    expect(names).toEqual(['certificates', 'connect-storm', 'fan-in', 'fan-out', 'find-rate', 'reconnect-storm', 'session-resumption', 'shared-subscriptions', 'slow-consumers', 'soak', 'spikes', 'telemetry-with-commands']);
  });

  it.each(names)('%s is one: named like its file, with conditions, against any broker', async (name) => {
    const scenario = await fromLine('--scenario', name, '--url', 'mqtts://broker.example');
    expect(scenario.name).toBe(name);
    expect([...scenario.brokers.values()][0]).toMatchObject({ host: 'broker.example' });
    expect(scenario.assertions.length + scenario.stages.reduce((sum, { assertions }) => sum + assertions.length, 0)).toBeGreaterThan(0);
  });
});

describe('docs/load-scenarios.md', async () => {
  const page = await readFile(new URL('../docs/load-scenarios.md', import.meta.url), 'utf8');

  it.each([...page.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, text]) => [/^name: (.*)$/m.exec(text!)![1]!, text!]))('has an example that is one: %s', async (name, text) => {
    expect((await fromFile(text)).name).toBe(name);
  });

  it('tells of every scenario that comes with thrum', async () => {
    for (const name of await shippedScenarios()) expect(page).toContain(`| \`${name}\``);
  });

  it('tells of every key', async () => {
    const schema = await readFile(new URL('../docs/load.schema.json', import.meta.url), 'utf8');
    const keys = new Set<string>();
    JSON.parse(schema, (key, value: unknown) => {
      if (key === 'properties') for (const name of Object.keys(value as object)) keys.add(name);
      return value;
    });
    expect([...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(page))).toEqual([]);
  });
});
