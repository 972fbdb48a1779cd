/** The JSON Schema of scenario files, for editors: docs/load.schema.json. */
import { z } from 'zod';
import { scenarioSchema } from './schema.ts';

/** A variable may stand where something else than text is expected. */
const VARIABLE = { type: 'string', pattern: '\\$\\{' } as const;

export function scenarioJsonSchema(): object {
  return z.toJSONSchema(scenarioSchema, {
    io: 'input',
    reused: 'inline',
    override: ({ jsonSchema, path }) => {
      const { description, default: preset, ...form } = jsonSchema;
      const isBound = form.pattern !== undefined || form.enum !== undefined || form.const !== undefined || form.type === 'number' || form.type === 'integer' || form.type === 'boolean';
      if (!isBound || path.includes('propertyNames') || path.includes('variables')) return;
      for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
      Object.assign(jsonSchema, description === undefined ? {} : { description }, preset === undefined ? {} : { default: preset }, { anyOf: [form, VARIABLE] });
    },
  });
}
