/**
 * Variables of a scenario: `${clients}` in any value, replaced before anything is checked. A value that is exactly one
 * variable becomes what the variable is, a number for instance; within a longer text it is written out. Variables do not
 * refer to each other.
 */
import { ScenarioFault } from './fault.ts';
import { SCENARIO_LIMITS } from './limits.ts';

export type VariableValue = string | number | boolean;

const REFERENCE = /\$\{([^{}]*)\}/g;
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/**
 * The scenario with its variables replaced, and without the list of them. `given` wins over the values in the scenario
 * and may only name variables that it has. ScenarioFault for unknown ones, also for a scenario of too many values.
 */
export function replaceVariables(value: unknown, given: Readonly<Record<string, VariableValue>>): unknown {
  const variables = new Map<string, VariableValue>();
  if (isRecord(value) && 'variables' in value) {
    for (const [name, preset] of Object.entries(listOf(value['variables']))) variables.set(name, checked(name, preset));
  }
  for (const [name, own] of Object.entries(given)) {
    if (!variables.has(name)) throw new ScenarioFault(variables.size > 0 ? ['variables'] : [], `no variable is called '${name}': ${known(variables)}`);
    variables.set(name, own);
  }
  let left: number = SCENARIO_LIMITS.values;
  const replace = (part: unknown, path: readonly PropertyKey[]): unknown => {
    left -= 1;
    if (left < 0) throw new ScenarioFault([], `a scenario has at most ${SCENARIO_LIMITS.values} values`);
    if (path.length > SCENARIO_LIMITS.depth) throw new ScenarioFault(path, `values lie at most ${SCENARIO_LIMITS.depth} deep`);
    if (typeof part === 'string') return replaced(part, variables, path);
    if (Array.isArray(part)) return part.map((one, index) => replace(one, [...path, index]));
    if (isRecord(part)) return Object.fromEntries(Object.entries(part).map(([key, one]) => [key, replace(one, [...path, key])]));
    return part;
  };
  if (!isRecord(value)) return replace(value, []);
  return replace(Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'variables')), []);
}

function replaced(text: string, variables: ReadonlyMap<string, VariableValue>, path: readonly PropertyKey[]): unknown {
  const valueOf = (name: string): VariableValue => {
    const value = variables.get(name);
    if (value === undefined) throw new ScenarioFault(path, `no variable is called '${name}': ${known(variables)}`);
    return value;
  };
  const whole = /^\$\{([^{}]*)\}$/.exec(text);
  return whole ? valueOf(whole[1]!) : text.replaceAll(REFERENCE, (_reference, name: string) => String(valueOf(name)));
}

function listOf(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new ScenarioFault(['variables'], 'write names and their values, such as clients: 1000');
  if (Object.keys(value).length > SCENARIO_LIMITS.variables) throw new ScenarioFault(['variables'], `there are at most ${SCENARIO_LIMITS.variables}`);
  return value;
}

function checked(name: string, value: unknown): VariableValue {
  if (!NAME.test(name)) throw new ScenarioFault(['variables', name], 'a name has letters, digits, - and _, the first a letter');
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') throw new ScenarioFault(['variables', name], 'write a text, a number, true or false');
  if (typeof value === 'string' && value.includes('${')) throw new ScenarioFault(['variables', name], 'variables do not refer to each other');
  return value;
}

function known(variables: ReadonlyMap<string, unknown>): string {
  return variables.size > 0 ? `there are ${[...variables.keys()].join(', ')}` : 'the scenario has none';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
