import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Scenario } from '../scenario.ts';
import { ScenarioFault } from './fault.ts';
import { parseScenario, type ParseOptions } from './parse.ts';

/** A scenario with one group `c` of 10 clients and the rest from `text`. */
function scenario(text: string, options?: ParseOptions): Scenario {
  return parseScenario({ name: 'test', clients: { c: { count: 10 } }, ...(parse(text) as object) }, options);
}

/** One stage in which `c` does these steps. */
function steps(text: string): Scenario['stages'][number]['lives'][number]['steps'] {
  return scenario(`stages: [{ name: s, groups: [{ clients: c, do: ${text} }] }]`).stages[0]!.lives[0]!.steps;
}

function fault(text: string, options?: ParseOptions): ScenarioFault {
  try {
    scenario(text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(ScenarioFault);
    return error as ScenarioFault;
  }
  throw new Error(`taken: ${text}`);
}

const STAGE = 'stages: [{ name: s, groups: [{ clients: c, do: [connect] }] }]';

describe('a scenario', () => {
  it('that says little is a connect storm against this machine with minted identities', () => {
    const { brokers, groups, stages, settleMs, assertions } = scenario(STAGE);
    expect([...brokers]).toEqual([['broker', { transport: 'tls', host: 'localhost', port: 8883, path: '' }]]);
    expect(groups.get('c')).toEqual({
      name: 'c', count: 10, clientId: '{gateway}', identity: { kind: 'mint', role: 'gateway', keyTypes: ['ec-p256'], lifetimeMs: 86_400_000 },
      tls: { verify: true, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', resume: false },
      mqttVersion: 4, cleanSession: true, sessionExpiryS: 0, keepAliveS: 60, localAddresses: [],
    });
    expect(stages).toEqual([{
      name: 's', limitMs: 3_600_000, assertions: [],
      lives: [{ clients: 'c', start: { kind: 'at-once' }, repeat: 1, steps: [{ kind: 'connect', brokers: ['broker'], timeoutMs: 60_000, tries: 1, expect: 'accepted' }] }],
    }]);
    expect({ settleMs, assertions }).toEqual({ settleMs: 10_000, assertions: [] });
  });

  it('shows no certificates when no broker asks for them', () => {
    expect(scenario(`brokers: { b: "mqtt://localhost" }\n${STAGE}`).groups.get('c')!.identity).toEqual({ kind: 'none' });
  });

  it('says of a group all that a group can be', () => {
    const { groups } = scenario(`
clients:
  c:
    count: 3
    id: "{group}-{n}"
    identity: { files: { certificate: "certs/{client}.pem", key: "certs/{n}.key" } }
    tls: { verify: false, ca: ca.pem, min: 1.3, max: "1.3", ciphers: ECDHE+AESGCM, groups: X25519, resume: true }
    mqttVersion: 5
    cleanSession: false
    keepAlive: 5m
    will: { topic: "gone/{client}", payload: bye, qos: 1, retain: true }
    localAddress: [127.0.0.254-127.0.1.1, "::1"]
    reading: { on: 1s, off: 500ms }
${STAGE}`, { resolvePath: (path) => `/there/${path}` });
    expect(groups.get('c')).toEqual({
      name: 'c', count: 3, clientId: '{group}-{n}', identity: { kind: 'files', certificateFile: '/there/certs/{client}.pem', keyFile: '/there/certs/{n}.key' },
      tls: { verify: false, authorityFile: '/there/ca.pem', minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: 'ECDHE+AESGCM', groups: 'X25519', resume: true },
      mqttVersion: 5, cleanSession: false, sessionExpiryS: 3_600, keepAliveS: 300, will: { topic: 'gone/{client}', payload: 'bye', qos: 1, retain: true },
      localAddresses: ['127.0.0.254', '127.0.0.255', '127.0.1.0', '127.0.1.1', '::1'], reading: { onMs: 1_000, offMs: 500 },
    });
  });

  it('takes numbers and texts from variables, and others for them', () => {
    const text = 'name: "${what}-${n}"\nvariables: { n: 3, what: storm, rate: 30/m }\nclients: { c: { count: "${n}" } }\nstages: [{ name: s, groups: [{ clients: c, start: { rate: "${rate}" }, do: [connect] }] }]';
    const { name, groups, stages } = scenario(text, { variables: { n: 7 } });
    expect({ name, count: groups.get('c')!.count, start: stages[0]!.lives[0]!.start }).toEqual({ name: 'storm-7', count: 7, start: { kind: 'rate', perS: 0.5 } });
  });
});

describe('steps', () => {
  it('may be words, texts or all of it', () => {
    expect(steps('[connect, subscribe: "a/#", subscribe: [b, c], subscribe: { filters: "$share/g/{client}/+", qos: 2, check: false }, unsubscribe: b, wait: 5s, wait: { spread: 2s }, rotate, cut, connect: broker, disconnect, claim: dir]')).toEqual([
      expect.objectContaining({ kind: 'connect', brokers: ['broker'] }),
      { kind: 'subscribe', filters: ['a/#'], qos: 1, check: true },
      { kind: 'subscribe', filters: ['b', 'c'], qos: 1, check: true },
      { kind: 'subscribe', filters: ['$share/g/{client}/+'], qos: 2, check: false },
      { kind: 'unsubscribe', filters: ['b'] },
      { kind: 'wait', forMs: 5_000, spreadMs: 0 },
      { kind: 'wait', forMs: 0, spreadMs: 2_000 },
      { kind: 'rotate' },
      { kind: 'cut' },
      expect.objectContaining({ kind: 'connect', brokers: ['broker'] }),
      { kind: 'disconnect' },
      { kind: 'claim', handoutDir: 'dir' },
    ]);
  });

  it('publish frames of 256 bytes at QoS 1, once a second and client, when nothing else is said', () => {
    expect(steps('[connect, publish: { count: 100 }]')[1]).toEqual({
      kind: 'publish', topic: 'thrum/{project}/{gateway}/data', qos: 1, retain: false, payload: { kind: 'frames', bytes: 256 },
      pace: { kind: 'rate', perS: 10 }, end: { kind: 'count', messages: 100 }, window: 65_535,
    });
  });

  it.each([
    ['rate: 500/s', { kind: 'rate', perS: 500 }],
    ['every: 250ms', { kind: 'rate', perS: 40 }],
    ['ramp: { from: 0/s, to: 100/s }', { kind: 'ramp', fromPerS: 0, toPerS: 100, overMs: 60_000 }],
    ['steps: { from: 100/s, to: 1000/s, steps: 10, over: 30s }', { kind: 'steps', fromPerS: 100, toPerS: 1_000, steps: 10, overMs: 30_000 }],
    ['spikes: { base: 10/s, spike: 1000/s, period: 10s, length: 1s }', { kind: 'spikes', basePerS: 10, spikePerS: 1_000, periodMs: 10_000, spikeMs: 1_000 }],
    ['self-tuning: 2000/s', { kind: 'self-tuning', atMostPerS: 2_000 }],
    ['closed-loop: true', { kind: 'closed' }],
  ])('publish at the pace %s', (pace, expected) => {
    expect(steps(`[connect, publish: { for: 1m, ${pace} }]`)[1]).toMatchObject({ pace: expected, end: { kind: 'duration', forMs: 60_000 }, window: expected.kind === 'closed' ? 16 : 65_535 });
  });

  it('publish at the rate that a search tries, for as long as it tries', () => {
    const [stage] = scenario('stages: [{ name: s, limit: 10m, groups: [{ clients: c, do: [connect, publish: { searched: true }] }], search: { objective: ["p99<50ms"], from: 100/s, to: 1000/s } }]').stages;
    expect(stage).toMatchObject({ search: { objective: ['p99<50ms'], fromPerS: 100, toPerS: 1_000, trialMs: 10_000, precision: 0.05, confirmations: 2 }, lives: [{ steps: [{}, { pace: { kind: 'searched' }, end: { forMs: 600_000 } }] }] });
  });

  it.each([['fixed', { kind: 'fixed', bytes: 4_096 }], ['random', { kind: 'random', bytes: 4_096 }]])('publish %s payloads of a size', (payload, expected) => {
    expect(steps(`[connect, publish: { count: 1, payload: ${payload}, size: 4KiB }]`)[1]).toMatchObject({ payload: expected });
  });

  it('publish a template, braces and all', () => {
    expect(steps(`[connect, publish: { count: 1, payload: { template: '{"id":"{client}","at":{timestampMs}}' } }]`)[1]).toMatchObject({ payload: { kind: 'template', text: '{"id":"{client}","at":{timestampMs}}' } });
  });
});

describe('what is wrong is told with its place:', () => {
  const life = (text: string): string => `stages: [{ name: s, groups: [{ clients: c, do: ${text} }] }]`;
  const publish = (text: string): string => life(`[connect, publish: { ${text} }]`);
  const group = (text: string): string => `clients: { c: { ${text} } }\n${STAGE}`;
  const cases: readonly (readonly [string, RegExp])[] = [
    ['stages: []', /^stages: write at least one stage$/],
    ['stage: []', /^stages: write a list of stages$/],
    [`${STAGE}\nextra: 1`, /^extra: is not known here$/],
    [`name: "/"\n${STAGE}`, /^name: a name has/],
    [`brokers: { b: "http://x" }\n${STAGE}`, /^brokers\.b: 'http:\/\/x' is not an address of a broker: write mqtts/],
    [`brokers: { b: "mqtts://x/y" }\n${STAGE}`, /^brokers\.b: .*says more than an address/],
    [`brokers: {}\n${STAGE}`, /^brokers: write at least one$/],
    [`settle: 5\n${STAGE}`, /^settle: write a duration such as/],
    [`settle: 5 parsecs\n${STAGE}`, /^settle: write a duration such as/],
    [`settle: 2h\n${STAGE}`, /^settle: write a duration from 0ms to 1h$/],
    [`assert: ["p99 is low"]\n${STAGE}`, /^assert\.0: write a condition such as/],
    [group('count: 0'), /^clients\.c\.count: write a whole number from 1 to 1000000$/],
    [group('count: 1.5'), /^clients\.c\.count: write a whole number/],
    [`clients: { c: { count: 600000 }, d: { count: 600000, id: "d{n}" } }\n${STAGE}`, /^clients\.d\.count: all groups together have 1200000/],
    [`clients: { c: { id: "x{n}" }, d: { id: "x{n}" } }\n${STAGE}`, /^clients\.d\.id: the ids are those of c/],
    [group('count: 2, id: same'), /^clients\.c\.id: all 2 clients would have the same id/],
    [group('id: "{host}"'), /^clients\.c\.id: \{host\} is no placeholder here: there are \{n\}, \{group\}, \{gateway\}$/],
    [group('id: "{n"'), /^clients\.c\.id: a brace stands alone/],
    [group('identity: minted'), /^clients\.c\.identity: write mint, none, or/],
    [group('identity: { mint: { lifetim: 1h } }'), /^clients\.c\.identity\.mint\.lifetim: is not known here$/],
    [group('identity: { mint: { keyTypes: [ec-p256, dsa] } }'), /^clients\.c\.identity\.mint\.keyTypes/],
    [group('identity: { manifest: 3 }'), /^clients\.c\.identity\.manifest: /],
    [group('identity: { manifest: m, shared: { certificate: a, key: b } }'), /^clients\.c\.identity\.manifest: identity has shared already/],
    [group('count: 2, identity: { files: { certificate: c.pem, key: "{n}.key" } }'), /^clients\.c\.identity\.files\.certificate: is the same for all/],
    [group('tls: { min: 1.1 }'), /^clients\.c\.tls\.min: write 1\.2 or 1\.3$/],
    [group('tls: { min: 1.3, max: 1.2 }'), /^clients\.c\.tls\.max: must not be below min$/],
    [group('sessionExpiry: 1h'), /^clients\.c\.sessionExpiry: is of MQTT 5/],
    [group('mqttVersion: 3.1'), /^clients\.c\.mqttVersion: write 3\.1\.1 or 5$/],
    [group('localAddress: 127.0.0.9-127.0.0.2'), /^clients\.c\.localAddress: .*ends before it begins/],
    [group('localAddress: 127.0.0.1-127.9.0.1'), /^clients\.c\.localAddress: there are at most 1024/],
    [group('localAddress: eth0'), /^clients\.c\.localAddress: 'eth0' is no address/],
    ['stages: [{ name: s, groups: [{ clients: d, do: [connect] }] }]', /^stages\.0\.groups\.0\.clients: no group is called 'd': there are c$/],
    ['stages: [{ name: s, groups: [{ clients: c, start: { rate: 0/s }, do: [connect] }] }]', /^stages\.0\.groups\.0\.start\.rate: write a rate above zero$/],
    ['stages: [{ name: s, groups: [{ clients: c, start: { rate: 1/s, spread: 1s }, do: [connect] }] }]', /^stages\.0\.groups\.0\.start\.rate: start has spread already/],
    ['stages: [{ name: s, groups: [{ clients: c, start: slowly, do: [connect] }] }]', /^stages\.0\.groups\.0\.start: write at-once, or/],
    ['stages: [{ name: s, groups: [{ clients: c, repeat: always, do: [connect] }] }]', /^stages\.0\.groups\.0\.repeat: write a whole number from 1 to .* or forever$/],
    ['stages: [{ name: s, groups: [{ clients: c, do: [connect] }, { clients: c, do: [wait: 1s] }] }]', /^stages\.0\.groups\.1\.clients: c lives in this stage already/],
    [`stages: [{ name: s, groups: [{ clients: c, do: [connect] }] }, { name: s, groups: [{ clients: c, do: [wait: 1s] }] }]`, /^stages\.1\.name: two stages are called 's'$/],
    [life('[]'), /do: write at least one step$/],
    [life('[conect]'), /do\.0: write a step: connect, cut/],
    [life('[publsh: { count: 1 }]'), /do\.0\.publsh: no step is called publsh: write a step/],
    [life('[{ connect: broker, wait: 1s }]'), /do\.0\.wait: a step has connect already/],
    [life('[connect: standby]'), /do\.0\.connect: no broker is called 'standby': there are broker$/],
    [life('[connect: { expect: rejected }]'), /do\.0\.connect\.expect: write accepted, refused, or/],
    [life('[connect: { tries: 0 }]'), /do\.0\.connect\.tries: write a whole number from 1/],
    [life('[subscribe: "a/#"]'), /do\.0: subscribe: c is not connected here: no connect comes before it$/],
    [life('[connect: { expect: refused }, publish: { count: 1 }]'), /do\.1: publish: c is not connected here: its connect is expected to end as refused$/],
    [life('[connect, cut, publish: { count: 1 }]'), /do\.2: publish: c is not connected here: its connection ended by cut$/],
    ['stages: [{ name: s, groups: [{ clients: c, do: [connect] }] }, { name: t, groups: [{ clients: c, repeat: 2, do: [publish: { count: 1 }, cut] }] }]', /^stages\.1\.groups\.0\.do\.0: publish: c is not connected here/],
    [life('[connect, subscribe: "a/#/b"]'), /do\.1\.subscribe: \+ and # stand for whole levels/],
    [life('[connect, subscribe: "$share/a"]'), /do\.1\.subscribe: a shared subscription is/],
    [life('[connect, wait: 0s]'), /do\.1\.wait: write a duration from 1ms to 20d$/],
    [life('[connect, wait: { for: 0s }]'), /do\.1\.wait: write for, spread or both$/],
    [publish('count: 1, topic: "a/+"'), /publish\.topic: messages are published to a topic without/],
    [publish('count: 1, topic: "a/{host}"'), /publish\.topic: \{host\} is no placeholder here/],
    [publish('rate: 1/s'), /do\.1\.publish: publish needs one of count, for$/],
    [publish('count: 1, for: 1s'), /publish\.for: publish has count already/],
    [publish('count: 1, rate: 1/s, every: 1s'), /publish\.every: the pace is given by rate already/],
    [publish('count: 1, rate: 500'), /publish\.rate: write a rate such as/],
    [publish('count: 1, rate: 10000001/s'), /publish\.rate: write a rate of at most 10000000\/s$/],
    [publish('count: 1, size: 256'), /publish\.size: write a size such as/],
    [publish('count: 1, size: 1MiB'), /publish\.size: frames are at most 640KiB long$/],
    [publish('count: 1, size: 1B, payload: { template: x }'), /publish\.size: a template is as long/],
    [publish('count: 1, payload: zeros'), /publish\.payload: write frames, fixed, random or/],
    [publish('count: 1, qos: 3'), /publish\.qos: write 0, 1 or 2$/],
    [publish('count: 1, ramp: { from: 1/s, to: 2/s }'), /publish\.ramp: write over how long/],
    [publish('for: 1m, ramp: { from: 1/s, to: 2/s, over: 1h }'), /publish\.ramp: takes longer than publishing, which is for 1m$/],
    [publish('for: 1m, spikes: { base: 1/s, spike: 2/s, period: 1s, length: 1s }'), /publish\.spikes: a spike is shorter/],
    [publish('for: 2h'), /^stages\.0\.groups\.0\.do: takes at least 2h, and the stage ends after 1h: write a longer limit$/],
    [group('id: {n}'), /^clients\.c\.id: write text, in quotes/],
    [publish('searched: true'), /publish\.searched: the stage has no search/],
    [publish('searched: true, for: 1s'), /publish\.for: a search itself says how long/],
    ['stages: [{ name: s, search: { objective: ["p99<1s"], from: 1/s, to: 2/s }, groups: [{ clients: c, do: [connect] }] }]', /^stages\.0\.search: no step of the stage publishes with searched/],
    ['stages: [{ name: s, search: { objective: ["p99<1s"], from: 2/s, to: 1/s }, groups: [{ clients: c, do: [connect] }] }]', /^stages\.0\.search\.to: must be above from$/],
    ['stages: [{ name: s, search: { objective: ["p99<1s"], from: 1/s, to: 2/s }, groups: [{ clients: c, do: [connect, publish: { searched: true }, publish: { searched: true }] }] }]', /do\.2\.publish\.searched: the stage searches one rate only$/],
    [`variables: { n: 1 }\nclients: { c: { count: "\${m}" } }\n${STAGE}`, /^clients\.c\.count: no variable is called 'm': there are n$/],
    [`variables: { n: "\${m}", m: 1 }\n${STAGE}`, /^variables\.n: variables do not refer to each other$/],
    [`variables: { n: [1] }\n${STAGE}`, /^variables\.n: write a text, a number/],
    [`stages: [${`{ name: s, groups: [] },`.repeat(101)}]`, /^stages: there are at most 100 stages$|^stages\.0\.groups: write at least one group$/],
    [life(`[${'cut, '.repeat(101)}]`), /do: there are at most 100 steps$/],
  ];
  it.each(cases)('%s', (text, expected) => {
    expect(fault(text).message).toMatch(expected);
  });

  it('a variable that is given but not there', () => {
    expect(fault(STAGE, { variables: { n: 1 } }).message).toBe("no variable is called 'n': the scenario has none");
  });

  it('a password in a URL, which is not repeated', () => {
    for (const url of ['mqtts://me:hunter2@host', 'mqtts:me:hunter2@host', 'ws://host/mqtt?password=hunter2', 'me:hunter2@host:1']) {
      expect(fault(`brokers: { b: "${url}" }\n${STAGE}`).message).not.toContain('hunter2');
    }
  });

  it.each([[null], [3], ['text'], [[]], [{ clients: null }], [Object.create(null)]])('a scenario that is %j', (value) => {
    expect(() => parseScenario(value)).toThrow(ScenarioFault);
  });

  it('one that is nested without end', () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 5_000; depth += 1) value = [value];
    expect(() => parseScenario({ name: value })).toThrow(/at most 20 deep/);
  });
});
