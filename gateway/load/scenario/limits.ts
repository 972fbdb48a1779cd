/** How much a load test may ask for. Past a limit the scenario is refused, with its place. Docs: docs/load-scenarios.md. */

export const SCENARIO_LIMITS = {
  /** Of all groups together. */
  clients: 1_000_000,
  groups: 100,
  brokers: 100,
  stages: 100,
  livesOfStage: 100,
  stepsOfLife: 100,
  filtersOfStep: 100,
  repeats: 1_000_000_000,
  /** Messages of a whole group, and clients that begin. */
  ratePerS: 10_000_000,
  /** Their numbers end there (stamp.ts). */
  messagesOfClient: 266_338_304,
  stepsOfPace: 1_000,
  tries: 1_000_000,
  /** A timer of Node.js lasts 24.8 days. */
  durationMs: 20 * 86_400_000,
  payloadBytes: 16 * 1024 * 1024,
  /** A frame's own limit (frame/messages.ts). */
  frameBytes: 640 * 1024,
  templateChars: 65_536,
  topicChars: 1_024,
  clientIdChars: 256,
  nameChars: 64,
  pathChars: 4_096,
  /** Of one list; a load test's, a stage's, an objective's. */
  assertions: 100,
  assertionChars: 200,
  localAddresses: 1_024,
  variables: 100,
  /** Values in a scenario, and how deep they may lie. */
  values: 100_000,
  depth: 20,
  keepAliveS: 65_535,
  sessionExpiryS: 0xffff_ffff,
  window: 65_535,
} as const;
