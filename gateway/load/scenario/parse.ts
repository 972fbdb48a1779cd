/**
 * From what was written to a load test. Promises: what comes out is whole and in range, every name in it is there; what
 * is wrong is told as a ScenarioFault with its place. No files are touched.
 */
import { LoadError } from '../errors.ts';
import type { Broker, ClientGroup, Scenario, Search, Stage } from '../scenario.ts';
import { parseBrokerUrl } from './broker-url.ts';
import { groupOf } from './clients.ts';
import { checkConnections } from './connections.ts';
import { ScenarioFault } from './fault.ts';
import { SCENARIO_LIMITS } from './limits.ts';
import { clearest, scenarioSchema, type WrittenScenario, type WrittenStage } from './schema.ts';
import { startOf, stepOf } from './steps.ts';
import { replaceVariables, type VariableValue } from './variables.ts';

export interface ParseOptions {
  /** Values for variables, in place of the scenario's own. */
  readonly variables?: Readonly<Record<string, VariableValue>>;
  /** Where a path in the scenario leads; default: it stays as it is. */
  readonly resolvePath?: (path: string) => string;
}

/** `value` is what YAML or JSON says. Throws ScenarioFault. */
export function parseScenario(value: unknown, { variables = {}, resolvePath = (path) => path }: ParseOptions = {}): Scenario {
  const result = scenarioSchema.safeParse(replaceVariables(value, variables));
  if (!result.success) {
    const { path, message } = clearest(result.error.issues[0]!);
    throw new ScenarioFault(path, message);
  }
  return resolved(result.data, resolvePath);
}

function resolved(written: WrittenScenario, resolvePath: (path: string) => string): Scenario {
  const brokers = new Map(Object.entries(written.brokers).map(([name, url]) => [name, brokerOf(name, url)]));
  const groups = new Map(Object.entries(written.clients).map(([name, group]) => [name, groupOf(name, group, brokers, resolvePath)]));
  checkTogether(groups);
  const scenario: Scenario = {
    name: written.name,
    brokers,
    groups,
    stages: written.stages.map((stage, index) => stageOf(stage, ['stages', index], { brokers, groups, resolvePath })),
    assertions: written.assert,
    settleMs: written.settle,
  };
  const names = written.stages.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice !== -1) throw new ScenarioFault(['stages', twice, 'name'], `two stages are called '${names[twice]!}'`);
  checkConnections(scenario);
  return scenario;
}

function brokerOf(name: string, url: string): Broker {
  try {
    return parseBrokerUrl(url);
  } catch (error) {
    throw error instanceof LoadError ? new ScenarioFault(['brokers', name], error.message) : error;
  }
}

/** What groups must not do to each other. */
function checkTogether(groups: ReadonlyMap<string, ClientGroup>): void {
  let clients = 0;
  const ids = new Map<string, string>();
  for (const { name, count, clientId } of groups.values()) {
    clients += count;
    if (clients > SCENARIO_LIMITS.clients) throw new ScenarioFault(['clients', name, 'count'], `all groups together have ${clients} clients: at most ${SCENARIO_LIMITS.clients}`);
    const other = ids.get(clientId);
    if (other !== undefined && !/\{(group|gateway)\}/.test(clientId)) {
      throw new ScenarioFault(['clients', name, 'id'], `the ids are those of ${other}, and brokers let only one of each stay: write {group} in it`);
    }
    ids.set(clientId, name);
  }
}

interface Surroundings {
  readonly brokers: ReadonlyMap<string, Broker>;
  readonly groups: ReadonlyMap<string, ClientGroup>;
  readonly resolvePath: (path: string) => string;
}

function stageOf(written: WrittenStage, path: readonly PropertyKey[], { brokers, groups, resolvePath }: Surroundings): Stage {
  const { search } = written;
  return {
    name: written.name,
    limitMs: written.limit,
    lives: written.groups.map((life, index) => {
      const group = groups.get(life.clients);
      if (!group) throw new ScenarioFault([...path, 'groups', index, 'clients'], `no group is called '${life.clients}': there are ${[...groups.keys()].join(', ')}`);
      const around = { group, brokers, limitMs: written.limit, resolvePath };
      return {
        clients: life.clients,
        start: startOf(life.start),
        steps: life.do.map((step, at) => stepOf(step, [...path, 'groups', index, 'do', at], around)),
        repeat: life.repeat === 'forever' ? Infinity : life.repeat,
      };
    }),
    assertions: written.assert,
    ...(search === undefined ? {} : { search: searchOf(search) }),
  };
}

function searchOf({ objective, from, to, trial, precision, confirmations }: NonNullable<WrittenStage['search']>): Search {
  return { objective, fromPerS: from, toPerS: to, trialMs: trial, precision, confirmations };
}
