/** The options that say what a load test is: a scenario, or the standard test in figures. None has a value unless it is given. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { KEY_TYPES } from '../certs/mod.ts';
import { DURATION_HINT, durationMsOf, RATE_HINT, ratePerSOf, SCENARIO_LIMITS, SIZE_HINT, bytesOf } from '../gateway/load/scenario/mod.ts';
import { wholeNumber } from './values.ts';

export interface LoadOptions {
  readonly url?: readonly string[];
  readonly scenario?: string;
  readonly set?: readonly string[];
  readonly assert?: readonly string[];
  readonly ca?: string;
  readonly insecure?: true;

  readonly clients?: number;
  readonly clientId?: string;
  readonly mqttVersion?: '3.1.1' | '5';
  readonly persistent?: true;
  readonly keepAlive?: string;
  readonly localAddress?: string;

  readonly connectRate?: string;
  readonly topic?: string;
  readonly qos?: number;
  readonly retain?: true;
  readonly payload?: string;
  readonly size?: string;
  readonly rate?: string;
  readonly duration?: string;
  readonly rampTo?: string;
  readonly steps?: number;
  readonly closedLoop?: true;
  readonly window?: number;

  readonly subscribers?: number;
  readonly subscribe?: string;
  readonly shared?: true;

  readonly findRate?: string;
  readonly findFrom?: string;
  readonly findTo?: string;
  readonly trial?: string;

  readonly cert?: string;
  readonly key?: string;
  readonly manifest?: string;
  readonly anonymous?: true;
  readonly keyType?: readonly string[];
  readonly tlsMin?: '1.2' | '1.3';
  readonly tlsMax?: '1.2' | '1.3';
  readonly ciphers?: string;
  readonly groups?: string;
  readonly resume?: true;
}

/** What goes with --scenario; everything else says what the scenario says already. */
export const WITH_SCENARIO = ['url', 'set', 'assert', 'ca', 'insecure'] as const satisfies readonly (keyof LoadOptions)[];

/** Adds the options to a command; options that are added later stand under `Options:` again. */
export function addLoadOptions(command: Command): Command {
  addWhat(command);
  addClients(command);
  addMessages(command);
  addSearch(command);
  addIdentities(command);
  return command.optionsGroup('Options:').addHelpText('after', EXAMPLES);
}

/** By option, for who has to say which of them do not go together: `clientId` → `--client-id`. */
export function optionName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function addWhat(command: Command): void {
  command
    .optionsGroup('What to test:')
    .option('--url <url>', 'broker: mqtts://, mqtt://, wss:// or ws://host:port; may be repeated, clients connect to them in turn (default mqtts://localhost:8883)', repeated)
    .option('--scenario <file>', 'scenario file (YAML), or the name of one that comes with thrum, such as connect-storm')
    .option('--set <name=value>', 'another value for a variable of the scenario; may be repeated', repeated)
    .option('--assert <condition>', "what must hold, else the exit code is 1: 'p99<50ms', 'lost==0', 'connect_rate>200'; may be repeated", repeated);
}

function addClients(command: Command): void {
  command
    .optionsGroup('Clients, without --scenario:')
    .option('--clients <n>', 'clients that publish (default 100)', wholeNumber(1, SCENARIO_LIMITS.clients))
    .option('--client-id <template>', 'with {n}, {group} or {gateway} (default {gateway}: the id in a minted identity)')
    .option('--connect-rate <rate>', "clients that connect a second, 'all' at once, or 'auto': as fast as the broker answers (default 200/s)", aConnectRate)
    .option('--subscribers <n>', 'clients that subscribe first and check all that comes (default 0)', wholeNumber(0, SCENARIO_LIMITS.clients))
    .option('--subscribe <filter>', 'what they subscribe to (default the topic, + for each level with a placeholder)')
    .option('--shared', 'each message goes to one of them (a shared subscription)')
    .addOption(new Option('--mqtt-version <version>', 'MQTT version (default 3.1.1)').choices(['3.1.1', '5']))
    .option('--persistent', 'sessions are kept from one connection to the next')
    .option('--keep-alive <duration>', 'keep-alive (default 60s)', aDuration)
    .option('--local-address <addresses>', 'connect from these addresses in turn, each gives some 28,000 connections: 127.0.0.2-127.0.0.9 or a list with commas');
}

function addMessages(command: Command): void {
  command
    .optionsGroup('Messages, without --scenario:')
    .option('--rate <rate>', "messages of all clients together, or 'auto': as fast as they are acknowledged (default one a second and client)", aPublishRate)
    .option('--duration <duration>', 'how long to publish (default 30s)', aDuration)
    .option('--ramp-to <rate>', 'rise (or fall) from --rate to this rate over the duration', aRate)
    .option('--steps <n>', 'in so many equal steps instead of a line', wholeNumber(2, SCENARIO_LIMITS.stepsOfPace))
    .option('--closed-loop', 'send the next message when one is acknowledged, with --window of them in flight; latencies then say little of a broker that stalls')
    .option('--window <n>', 'most that a client has in flight (default 65535; 16 with --closed-loop)', wholeNumber(1, SCENARIO_LIMITS.window))
    .option('--topic <template>', 'with {client}, {n}, {group}, {gateway}, {project} (default thrum/{project}/{gateway}/data)')
    .addOption(new Option('--qos <n>', 'quality of service (default 1)').argParser(wholeNumber(0, 2)))
    .option('--retain', 'messages are retained')
    .option('--payload <kind>', `frames (of simulated sensors), fixed, random, or template:TEXT with ${IN_TEMPLATES} (default frames)`, aPayload)
    .option('--size <size>', 'of each payload (default 256B)', aSize);
}

function addSearch(command: Command): void {
  command
    .optionsGroup('Looking for the highest rate, without --scenario:')
    .option('--find-rate <conditions>', "find the highest rate at which these hold, such as 'p99<50ms,failed==0'")
    .option('--find-from <rate>', 'lowest rate that is tried (default 100/s)', aRate)
    .option('--find-to <rate>', 'highest rate that is tried (default 100000/s)', aRate)
    .option('--trial <duration>', 'how long each rate is tried (default 10s)', aDuration);
}

function addIdentities(command: Command): void {
  const versions = ['1.2', '1.3'];
  command
    .optionsGroup('Certificates and TLS; all but --ca and --insecure without --scenario:')
    .option('--ca <file>', 'certificate of the authority that signed the broker’s (default the home’s)')
    .option('--insecure', 'do not verify the broker’s certificate')
    .option('--cert <file>', 'client certificate for all; with {n}, {client} or {gateway} in the path one each (default: minted by the home’s authority)')
    .option('--key <file>', 'its private key, likewise')
    .option('--manifest <file>', "client certificates from a file with lines 'client id,certificate file,key file'")
    .option('--anonymous', 'no client certificates')
    .option('--key-type <type>', `kind of key of minted identities, taken in turn when repeated: ${KEY_TYPES.join(', ')} (default ec-p256)`, repeated)
    .addOption(new Option('--tls-min <version>', 'lowest TLS version (default 1.2)').choices(versions))
    .addOption(new Option('--tls-max <version>', 'highest TLS version (default 1.3)').choices(versions))
    .option('--ciphers <list>', 'cipher suites, as OpenSSL writes them')
    .option('--groups <list>', 'groups for the key exchange, as OpenSSL writes them: X25519:P-256')
    .option('--resume', 'clients that connect again resume their TLS session');
}

const IN_TEMPLATES = '{client}, {n}, {sequence}, {timestampMs}, {random}';

const EXAMPLES = `
Without --scenario all clients connect, publish for a while and disconnect.

Examples:
  thrum load --clients 1000 --connect-rate 500/s --rate 5000/s --duration 60s --assert 'p99<50ms'
  thrum load --url mqtts://broker.example:8883 --ca ca.pem --cert client.pem --key client.key --client-id 'bench-{n}' --topic 'bench/{n}' --subscribers 2 --assert 'lost==0'
  thrum load --clients 200 --find-rate 'p99<50ms,failed==0' --find-to 50000/s
  thrum load --scenario reconnect-storm --set clients=5000 --url mqtts://localhost:8883 --url mqtts://localhost:8884`;

function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** For commander: keeps a text as written when it passes. */
function checked(passes: (text: string) => boolean, hint: string): (text: string) => string {
  return (text) => {
    if (!passes(text)) throw new InvalidArgumentError(`${hint[0]!.toUpperCase()}${hint.slice(1)}.`);
    return text;
  };
}

function isRate(text: string): boolean {
  return (ratePerSOf(text) ?? 0) > 0;
}

const aRate = checked(isRate, RATE_HINT);
const aConnectRate = checked((text) => text === 'all' || text === 'auto' || isRate(text), `${RATE_HINT}, all or auto`);
const aPublishRate = checked((text) => text === 'auto' || isRate(text), `${RATE_HINT}, or auto`);
const aPayload = checked((text) => /^(frames|fixed|random|template:[^]+)$/.test(text), 'write frames, fixed, random or template:TEXT');
const aSize = checked((text) => bytesOf(text) !== undefined, SIZE_HINT);
const aDuration = checked((text) => durationMsOf(text) !== undefined, DURATION_HINT);
