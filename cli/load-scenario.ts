/**
 * From options to a load test: a scenario file, one that comes with thrum, or the standard test. What is wrong is told in
 * one line: of a file with its line and column, of an option by its name.
 */
import { access, readdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { LoadError } from '../gateway/load/errors.ts';
import type { Scenario } from '../gateway/load/scenario.ts';
import { parseBrokerUrl, parseScenario, ScenarioFault, type VariableValue } from '../gateway/load/scenario/mod.ts';
import { CliError } from './errors.ts';
import { optionName, WITH_SCENARIO, type LoadOptions } from './load-options.ts';
import { originOf, standardScenario } from './load-standard.ts';
import { readYamlFile, type YamlKind } from './yaml-file.ts';

const SCENARIO_FILE: YamlKind = { name: 'scenario file', maxBytes: 1024 * 1024, fault: (message, cause) => new LoadError('LOAD_SCENARIO', message, { cause }) };

/** Options that do not concern what is tested go with any scenario; only these are looked at. */
const STANDARD_ONLY = [
  'clients', 'clientId', 'mqttVersion', 'persistent', 'keepAlive', 'localAddress', 'connectRate', 'topic', 'qos', 'retain', 'payload', 'size', 'rate', 'duration', 'rampTo', 'steps',
  'closedLoop', 'window', 'subscribers', 'subscribe', 'shared', 'findRate', 'findFrom', 'findTo', 'trial', 'cert', 'key', 'manifest', 'anonymous', 'keyType', 'tlsMin', 'tlsMax',
  'ciphers', 'groups', 'resume',
] as const satisfies readonly Exclude<keyof LoadOptions, (typeof WITH_SCENARIO)[number] | 'scenario'>[];

/** Throws CLI_USAGE for options, LOAD_SCENARIO for what is in a file. */
export async function scenarioOf(options: LoadOptions): Promise<Scenario> {
  for (const url of options.url ?? []) checkUrl(url);
  if (options.scenario !== undefined) return fromFile(options.scenario, options);
  const written = standardScenario(options);
  try {
    return parseScenario(written);
  } catch (error) {
    if (!(error instanceof ScenarioFault)) throw error;
    const option = originOf(error.path);
    throw new CliError('CLI_USAGE', option === undefined ? error.message : `${option}: ${error.reason}`, { cause: error });
  }
}

/** Names of the scenarios that come with thrum, in order. */
export async function shippedScenarios(): Promise<readonly string[]> {
  const files = await readdir(await shippedFolder());
  return files.filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -'.yaml'.length)).sort();
}

async function fromFile(name: string, options: LoadOptions): Promise<Scenario> {
  const contradicting = STANDARD_ONLY.filter((key) => options[key] !== undefined);
  if (contradicting.length > 0) {
    throw new CliError('CLI_USAGE', `${contradicting.map(optionName).join(', ')}: the scenario says it; with --scenario go ${WITH_SCENARIO.map(optionName).join(', ')}`);
  }
  const { path, base } = await pathOf(name);
  const file = await readYamlFile(path, SCENARIO_FILE);
  try {
    return parseScenario(withOptions(file.value, options), { variables: variablesOf(options.set ?? []), resolvePath: (written) => resolve(base, written) });
  } catch (error) {
    if (!(error instanceof ScenarioFault)) throw error;
    const { path: keys, reason, message } = error;
    const own = lengthOf(file.value, 'assert');
    if (keys[0] === 'assert' && typeof keys[1] === 'number' && keys[1] >= own) throw new CliError('CLI_USAGE', `--assert: ${reason}`, { cause: error });
    if (keys.length <= 1 && reason.startsWith('no variable') && (keys[0] ?? 'variables') === 'variables') throw new CliError('CLI_USAGE', `--set: ${reason}`, { cause: error });
    throw new LoadError('LOAD_SCENARIO', `${file.place(keys)}: ${message}`, { cause: error });
  }
}

/**
 * A word names a scenario that comes with thrum; anything with a dot or a slash is a file. Paths in a file are from its
 * own folder; those for one of ours, which has none, from where the command runs.
 */
async function pathOf(name: string): Promise<{ readonly path: string; readonly base: string }> {
  if (!/^[a-z0-9-]+$/.test(name)) return { path: name, base: dirname(name) };
  const names = await shippedScenarios();
  if (!names.includes(name)) throw new CliError('CLI_USAGE', `no scenario that comes with thrum is called '${name}': there are ${names.join(', ')}; write ./${name} for a file`);
  return { path: resolve(await shippedFolder(), `${name}.yaml`), base: '' };
}

/** Beside this module's room, whether it is compiled or not. */
async function shippedFolder(): Promise<string> {
  const [source, compiled] = ['../docs/scenarios', '../../docs/scenarios'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return access(source!).then(
    () => source!,
    () => compiled!,
  );
}

/** The scenario as written, with what the options say in place of it. */
function withOptions(value: unknown, { url = [], ca, insecure, assert = [] }: LoadOptions): unknown {
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = { ...value };
  if (url.length > 0) {
    const names = isRecord(value['brokers']) ? Object.keys(value['brokers']) : ['broker'];
    if (url.length > names.length) throw new CliError('CLI_USAGE', `--url: the scenario has ${names.length} broker${names.length === 1 ? '' : 's'}, and there are ${url.length} URLs`);
    result['brokers'] = { ...(isRecord(value['brokers']) ? value['brokers'] : {}), ...Object.fromEntries(url.map((one, index) => [names[index]!, one])) };
  }
  const tls = { ...(ca === undefined ? {} : { ca: resolve(ca) }), ...(insecure === undefined ? {} : { verify: false }) };
  const groups = value['clients'];
  if (Object.keys(tls).length > 0 && isRecord(groups)) {
    result['clients'] = Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, withTls(group, tls)]));
  }
  const own = value['assert'] ?? [];
  if (assert.length > 0 && Array.isArray(own)) result['assert'] = [...(own as unknown[]), ...assert];
  return result;
}

function withTls(group: unknown, tls: object): unknown {
  if (!isRecord(group)) return group;
  const own = group['tls'] ?? {};
  return { ...group, tls: isRecord(own) ? { ...own, ...tls } : own };
}

/** `clients=5000` → the number; a value is what YAML takes it for, when that is a single value. */
function variablesOf(settings: readonly string[]): Readonly<Record<string, VariableValue>> {
  return Object.fromEntries(
    settings.map((setting) => {
      const [, name, text] = /^([^=]+)=([^]*)$/.exec(setting) ?? [];
      if (name === undefined || text === undefined) throw new CliError('CLI_USAGE', `--set: '${setting}' sets nothing: write NAME=VALUE, such as clients=5000`);
      return [name, scalarOf(text)];
    }),
  );
}

function scalarOf(text: string): VariableValue {
  try {
    const value: unknown = parse(text, { logLevel: 'silent' });
    return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' ? value : text;
  } catch {
    return text; // no YAML, but it may be what is wanted
  }
}

function checkUrl(url: string): void {
  try {
    parseBrokerUrl(url);
  } catch (error) {
    throw error instanceof LoadError ? new CliError('CLI_USAGE', `--url: ${error.message}`) : error;
  }
}

function lengthOf(value: unknown, key: string): number {
  const list = isRecord(value) ? value[key] : undefined;
  return Array.isArray(list) ? list.length : 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
