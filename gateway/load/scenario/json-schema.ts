/** The JSON Schema of scenario files, for editors: docs/load.schema.json. */
import { z } from 'zod';
import { scenarioSchema } from './schema.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** A variable may stand where something else than text is expected. */
const VARIABLE: JsonSchema = { type: 'string', pattern: '\\$\\{' };
/** What more there is to a value than that it is text. */
const BOUNDS = ['pattern', 'enum', 'const'];
const KINDS = ['number', 'integer', 'boolean'];

export function scenarioJsonSchema(): object {
  return withVariables(z.toJSONSchema(scenarioSchema, { io: 'input', reused: 'inline' }));
}

/** The schema, with a variable allowed in place of each value; names stay as they are. */
function withVariables(schema: JsonSchema): JsonSchema {
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, within(key, value)]));
  const { description, default: preset, anyOf, ...form } = inner;
  const about = { ...(description === undefined ? {} : { description }), ...(preset === undefined ? {} : { default: preset }) };
  if (Array.isArray(anyOf)) {
    const forms = anyOf.flatMap((one: JsonSchema) => (Array.isArray(one['anyOf']) && Object.keys(one).length === 1 ? (one['anyOf'] as JsonSchema[]) : [one]));
    return { ...about, ...form, anyOf: [...forms.filter((one) => one['pattern'] !== VARIABLE['pattern']), ...forms.filter((one) => one['pattern'] === VARIABLE['pattern']).slice(0, 1)] };
  }
  const isBound = BOUNDS.some((key) => key in form) || KINDS.includes(String(form['type']));
  return isBound ? { ...about, anyOf: [form, VARIABLE] } : { ...about, ...form };
}

function within(key: string, value: unknown): unknown {
  if (key === 'properties') return Object.fromEntries(Object.entries(value as Record<string, JsonSchema>).map(([name, one]) => [name, name === 'variables' ? one : withVariables(one)]));
  if (key === 'anyOf') return (value as JsonSchema[]).map(withVariables);
  if (key === 'items' || (key === 'additionalProperties' && typeof value === 'object')) return withVariables(value as JsonSchema);
  return value;
}
