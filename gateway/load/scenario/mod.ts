/** How load tests are written: what others may use. */
export { parseBrokerUrl } from './broker-url.ts';
export { ScenarioFault } from './fault.ts';
export { scenarioJsonSchema } from './json-schema.ts';
export { SCENARIO_LIMITS } from './limits.ts';
export { parseScenario, type ParseOptions } from './parse.ts';
export { bytesOf, durationMsOf, durationText, ratePerSOf, DURATION_HINT, RATE_HINT, SIZE_HINT } from './quantities.ts';
export type { VariableValue } from './variables.ts';
