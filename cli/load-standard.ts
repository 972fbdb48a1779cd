/**
 * The standard load test: clients connect, publish and disconnect. Made from options as a scenario is written, so that
 * one set of checks serves both.
 */
import { durationMsOf, durationText, ratePerSOf, SCENARIO_LIMITS } from '../gateway/load/scenario/mod.ts';
import { CliError } from './errors.ts';
import { optionName, type LoadOptions } from './load-options.ts';

const CLIENTS = 100;
const CONNECT_RATE = '200/s';
const DURATION = '30s';
const TOPIC = 'thrum/{project}/{gateway}/data';
const HOUR_MS = 3_600_000;
/** A search halves its range until it is narrow enough. */
const TRIALS_MOST = 60;

/** As YAML would say it. CLI_USAGE for options that do not go together. */
export function standardScenario(options: LoadOptions): object {
  checkTogether(options);
  const { url, subscribers = 0, assert } = options;
  const brokers = url === undefined ? undefined : Object.fromEntries(url.map((one, index) => [index === 0 ? 'broker' : `broker-${index + 1}`, one]));
  const connect = brokers && Object.keys(brokers).length > 1 ? { connect: { brokers: Object.keys(brokers) } } : 'connect';
  const group = groupOf(options);
  return {
    name: 'standard',
    ...(brokers === undefined ? {} : { brokers }),
    clients: {
      clients: { ...group, count: options.clients ?? CLIENTS },
      ...(subscribers === 0 ? {} : { subscribers: { ...group, ...subscriberOf(options), count: subscribers } }),
    },
    stages: [
      ...(subscribers === 0 ? [] : [subscribing(options, connect)]),
      connecting(options, connect),
      publishing(options),
      // subscribers stay, for what is still on its way
      { name: 'disconnect', groups: [{ clients: 'clients', do: ['disconnect'] }] },
    ],
    ...(assert === undefined ? {} : { assert }),
  };
}

/** Which option a place in the standard scenario comes from. */
const ORIGINS: readonly (readonly [RegExp, keyof LoadOptions])[] = [
  [/^brokers/, 'url'],
  [/^assert/, 'assert'],
  [/\.identity\.(shared|files)\.key/, 'key'],
  [/\.identity\.(shared|files)/, 'cert'],
  [/\.identity\.manifest/, 'manifest'],
  [/\.identity\.mint/, 'keyType'],
  [/\.tls\.ca$/, 'ca'],
  [/\.tls\.min$/, 'tlsMin'],
  [/\.tls\.max$/, 'tlsMax'],
  [/\.tls\.ciphers$/, 'ciphers'],
  [/\.tls\.groups$/, 'groups'],
  [/^clients\.clients\.count$/, 'clients'],
  [/^clients\.subscribers\.count$/, 'subscribers'],
  [/^clients\.\w+\.id$/, 'clientId'],
  [/\.keepAlive$/, 'keepAlive'],
  [/\.localAddress/, 'localAddress'],
  [/\.subscribe/, 'subscribe'],
  [/\.publish\.topic$/, 'topic'],
  [/\.publish\.size$/, 'size'],
  [/\.publish\.payload/, 'payload'],
  [/\.publish\.(ramp|steps)\.from/, 'rate'],
  [/\.publish\.(ramp|steps)/, 'rampTo'],
  [/\.publish\.for$/, 'duration'],
  [/\.publish\./, 'rate'],
  [/\.start/, 'connectRate'],
  [/\.search\.from$/, 'findFrom'],
  [/\.search\.to$/, 'findTo'],
  [/\.search\.trial$/, 'trial'],
  [/\.search\.objective/, 'findRate'],
];

/** `--topic`, for a path of keys; undefined when no option alone says what is there. */
export function originOf(path: readonly PropertyKey[]): string | undefined {
  const text = path.map(String).join('.');
  const origin = ORIGINS.find(([pattern]) => pattern.test(text));
  return origin && optionName(origin[1]);
}

function groupOf(options: LoadOptions): object {
  const { clientId, insecure, ca, tlsMin, tlsMax, ciphers, groups, resume, mqttVersion, persistent, keepAlive, localAddress } = options;
  const identity = identityOf(options);
  return withoutUndefined({
    id: clientId,
    identity,
    tls: withoutUndefined({ verify: insecure === undefined ? undefined : false, ca, min: tlsMin, max: tlsMax, ciphers, groups, resume }),
    mqttVersion,
    cleanSession: persistent === undefined ? undefined : false,
    keepAlive,
    localAddress: localAddress?.split(',').map((one) => one.trim()),
  });
}

function identityOf({ cert, key, manifest, anonymous, keyType }: LoadOptions): unknown {
  if (anonymous) return 'none';
  if (manifest !== undefined) return { manifest };
  if (cert !== undefined) {
    const files = { certificate: cert, key };
    return /\{(n|client|gateway)\}/.test(cert) ? { files } : { shared: files };
  }
  return keyType === undefined ? undefined : { mint: { keyTypes: keyType } };
}

/** Ids that are not those of the clients who publish. Minted identities are operators', whom thrum's own broker lets listen. */
function subscriberOf({ clientId, cert, manifest, anonymous, keyType }: LoadOptions): object {
  const isMinted = cert === undefined && manifest === undefined && !anonymous;
  if (isMinted) return { id: `operator-${clientId ?? '{n}'}`, identity: { mint: withoutUndefined({ role: 'operator', keyTypes: keyType }) } };
  return clientId === undefined || /\{(group|gateway)\}/.test(clientId) ? {} : { id: `subscriber-${clientId}` };
}

function subscribing({ subscribe, topic = TOPIC, shared, qos, payload }: LoadOptions, connect: unknown): object {
  const filter = subscribe ?? topic.split('/').map((level) => (level.includes('{') ? '+' : level)).join('/');
  const check = payload?.startsWith('template:') !== true;
  const step = { subscribe: withoutUndefined({ filters: shared ? `$share/thrum/${filter}` : filter, qos, check }) };
  return { name: 'subscribe', groups: [{ clients: 'subscribers', start: { rate: CONNECT_RATE }, do: [connect, step] }] };
}

function connecting({ connectRate = CONNECT_RATE, clients = CLIENTS }: LoadOptions, connect: unknown): object {
  const most = `${SCENARIO_LIMITS.ratePerS}/s`;
  const start = connectRate === 'all' ? 'at-once' : connectRate === 'auto' ? { 'self-tuning': most } : { rate: connectRate };
  const connectingMs = typeof start === 'object' && 'rate' in start ? (clients * 1_000) / ratePerSOf(connectRate)! : 0;
  return { name: 'connect', limit: limitText(HOUR_MS + connectingMs), groups: [{ clients: 'clients', start, do: [connect] }] };
}

function publishing(options: LoadOptions): object {
  const { topic, qos, retain, payload, size, window, findRate, findFrom = '100/s', findTo = '100000/s', trial = '10s', duration = DURATION } = options;
  const message = withoutUndefined({ topic, qos, retain, size, window, payload: payload?.startsWith('template:') ? { template: payload.slice('template:'.length) } : payload });
  if (findRate !== undefined) {
    return {
      name: 'steady',
      limit: limitText(Math.max(HOUR_MS, TRIALS_MOST * durationMsOf(trial)!)),
      groups: [{ clients: 'clients', do: [{ publish: { ...message, searched: true } }] }],
      search: { objective: findRate.split(',').map((one) => one.trim()), from: findFrom, to: findTo, trial },
    };
  }
  return { name: 'steady', limit: limitText(HOUR_MS + durationMsOf(duration)!), groups: [{ clients: 'clients', do: [{ publish: { ...message, for: duration, ...paceOf(options) } }] }] };
}

function paceOf({ rate, rampTo, steps, closedLoop, clients = CLIENTS }: LoadOptions): object {
  if (closedLoop) return { 'closed-loop': true };
  if (rate === 'auto') return { 'self-tuning': `${SCENARIO_LIMITS.ratePerS}/s` };
  if (rampTo === undefined) return rate === undefined ? { every: '1s' } : { rate };
  const range = { from: rate ?? `${clients}/s`, to: rampTo };
  return steps === undefined ? { ramp: range } : { steps: { ...range, steps } };
}

/** Two options that say different things of one, and options that need another. */
function checkTogether(options: LoadOptions): void {
  const apart: readonly (readonly (keyof LoadOptions)[])[] = [
    ['anonymous', 'manifest', 'cert'],
    ['anonymous', 'manifest', 'cert', 'keyType'],
    ['closedLoop', 'rate'],
    ['closedLoop', 'rampTo'],
    ['findRate', 'rate'],
    ['findRate', 'rampTo'],
    ['findRate', 'closedLoop'],
    ['findRate', 'duration'],
  ];
  for (const keys of apart) {
    const given = keys.filter((key) => options[key] !== undefined);
    if (given.length > 1) throw new CliError('CLI_USAGE', `${given.map(optionName).join(' and ')} do not go together: give one of them`);
  }
  if ((options.cert === undefined) !== (options.key === undefined)) throw new CliError('CLI_USAGE', '--cert and --key go together');
  if (options.rate === 'auto' && options.rampTo !== undefined) throw new CliError('CLI_USAGE', '--ramp-to begins at a rate, and --rate auto is none');
  const needs: readonly (readonly [keyof LoadOptions, keyof LoadOptions])[] = [
    ['steps', 'rampTo'],
    ['findFrom', 'findRate'],
    ['findTo', 'findRate'],
    ['trial', 'findRate'],
    ['subscribe', 'subscribers'],
    ['shared', 'subscribers'],
  ];
  for (const [key, other] of needs) {
    if (options[key] !== undefined && !options[other]) throw new CliError('CLI_USAGE', `${optionName(key)} goes with ${optionName(other)}`);
  }
  if (options.set !== undefined) throw new CliError('CLI_USAGE', '--set goes with --scenario');
}

function limitText(ms: number): string {
  return durationText(Math.min(Math.ceil(ms), SCENARIO_LIMITS.durationMs));
}

function withoutUndefined(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
