import { expect, it } from 'vitest';
import { scenarioJsonSchema } from './json-schema.ts';

it('scenario files have a JSON Schema, docs/load.schema.json, made from what is checked (vitest -u writes it anew)', async () => {
  await expect(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`).toMatchFileSnapshot('../../../docs/load.schema.json');
});
