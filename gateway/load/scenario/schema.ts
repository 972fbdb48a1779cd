/**
 * What a scenario file may say, key by key, with defaults and ranges: docs/load.schema.json is made from it. Checks that
 * need more than one place, such as whether a group is there, are in resolve.ts and connections.ts.
 */
import { z } from 'zod';
import { KEY_TYPES } from '../../../certs/mod.ts';
import { SCENARIO_LIMITS as MOST } from './limits.ts';
import { qos, search, start, step } from './steps-schema.ts';
import { assertions, clientId, durationMs, exactlyOne, list, name, oneOrMore, path, pathOfClient, topic, wholeNumber } from './values.ts';

const IDENTITY_HINT = 'write mint, none, or one of mint, shared, files, manifest with what belongs to it';
const TLS_HINT = 'write 1.2 or 1.3';

const identity = z.union(
  [
    z.enum(['mint', 'none'], { error: IDENTITY_HINT }),
    z
      .strictObject({
        mint: z
          .strictObject({
            role: z
              .enum(['gateway', 'operator'], { error: 'write gateway or operator' })
              .default('gateway')
              .describe('An operator’s name is the client’s id, without operator- at its begin.'),
            keyTypes: oneOrMore(z.enum(KEY_TYPES, { error: `write one of ${KEY_TYPES.join(', ')}` }), 100, `write one of ${KEY_TYPES.join(', ')}, or a list of them`)
              .prefault('ec-p256')
              .describe('Kinds of keys, taken in turn.'),
            lifetime: durationMs(60_000, 3_650 * 86_400_000).prefault('1d'),
            fault: z
              .enum(['expired', 'not-yet-valid', 'other-authority', 'server'])
              .optional()
              .describe('What is wrong with the certificate, on purpose.'),
          })
          .optional()
          .describe('Made before the start, signed by the home’s authority.'),
        shared: z.strictObject({ certificate: path, key: path }).optional().describe('One certificate for all.'),
        files: z.strictObject({ certificate: pathOfClient, key: pathOfClient }).optional().describe('A file each: paths with {n}, {client}, {gateway}.'),
        manifest: path.optional().describe('File with lines: client id,certificate file,key file.'),
      })
      .superRefine(exactlyOne(['mint', 'shared', 'files', 'manifest'], 'identity')),
  ],
  { error: IDENTITY_HINT },
);

export type WrittenIdentity = z.infer<typeof identity>;

const tlsVersion = z.literal([1.2, 1.3, '1.2', '1.3'], { error: TLS_HINT }).transform((version) => (Number(version) === 1.2 ? 'TLSv1.2' : 'TLSv1.3'));

const tls = z.strictObject({
  verify: z.boolean().default(true).describe('Whether the broker’s certificate is verified.'),
  ca: path.optional().describe('Certificates of the authorities that may have signed it, PEM; default the home’s.'),
  min: tlsVersion.prefault('1.2'),
  max: tlsVersion.prefault('1.3'),
  ciphers: z.string().min(1).max(1_000).optional().describe('As OpenSSL writes them.'),
  groups: z.string().min(1).max(1_000).optional().describe('Groups for the key exchange, as OpenSSL writes them.'),
  resume: z.boolean().default(false).describe('Whether a client that connects again resumes its TLS session.'),
});

const group = z.strictObject({
  count: wholeNumber(1, MOST.clients).default(1).describe('Clients.'),
  id: clientId.default('{gateway}').describe('Client id, with {n}, {group}, {gateway}.'),
  identity: identity.optional().describe('Whose certificate a client shows; default mint, without TLS none.'),
  tls: tls.prefault({}),
  mqttVersion: z.literal(['3.1.1', 5, '5'], { error: 'write 3.1.1 or 5' }).default('3.1.1'),
  cleanSession: z.boolean().default(true).describe('Whether each connection begins without a session.'),
  sessionExpiry: durationMs(0, MOST.sessionExpiryS * 1_000)
    .optional()
    .describe('MQTT 5: how long the broker keeps the session; default 1h when sessions are kept.'),
  keepAlive: durationMs(0, MOST.keepAliveS * 1_000).prefault('60s').describe('0s for none.'),
  will: z
    .strictObject({ topic, payload: z.string().max(MOST.templateChars), qos: qos.default(0), retain: z.boolean().default(false) })
    .optional()
    .describe('Last will.'),
  localAddress: oneOrMore(z.string(), MOST.localAddresses, 'write an address, a range such as 127.0.0.2-127.0.0.9, or a list')
    .optional()
    .describe('Addresses of this machine that clients connect from, in turn.'),
  reading: z.strictObject({ on: durationMs(), off: durationMs() }).optional().describe('A slow consumer reads for so long, then does not for so long.'),
});

export type WrittenGroup = z.infer<typeof group>;

const REPEAT_HINT = `write a whole number from 1 to ${MOST.repeats}, or forever`;

const life = z.strictObject({
  clients: name.describe('Name of the group.'),
  start: start.default('at-once').describe('When each client begins.'),
  repeat: z
    .union([wholeNumber(1, MOST.repeats), z.literal('forever')], { error: REPEAT_HINT })
    .default(1)
    .describe('How often; forever: until the stage’s limit.'),
  do: list(step, MOST.stepsOfLife, ['step', 'steps']).describe('Steps, one after another.'),
});

const stage = z.strictObject({
  name,
  limit: durationMs().prefault('1h').describe('Longest that the stage may take.'),
  groups: list(life, MOST.livesOfStage, ['group', 'groups and what they do']),
  assert: assertions.default([]).describe('Conditions on this stage.'),
  search: search.optional().describe('Looks for the highest rate at which the objective holds.'),
});

export type WrittenStage = z.infer<typeof stage>;

/** Names and what they stand for. */
function named<T extends z.ZodType>(one: T, most: number): z.ZodRecord<typeof name, T> {
  return z
    .record(name, one)
    .refine((all) => Object.keys(all).length >= 1, 'write at least one')
    .refine((all) => Object.keys(all).length <= most, `there are at most ${most}`);
}

export const scenarioSchema = z.strictObject({
  name,
  variables: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe('Names and presets; ${NAME} stands for one in any value, --set NAME=VALUE gives another.'),
  brokers: named(z.string({ error: 'write a URL such as mqtts://localhost:8883' }), MOST.brokers)
    .prefault({ broker: 'mqtts://localhost:8883' })
    .describe('Names and URLs; clients connect to the first, unless they name another.'),
  clients: named(group, MOST.groups).describe('Groups of clients.'),
  stages: list(stage, MOST.stages, ['stage', 'stages']).describe('One after another.'),
  assert: assertions.default([]).describe('Conditions on the whole run; they decide the exit code.'),
  settle: durationMs(0, 3_600_000).prefault('10s').describe('How long subscribers may wait for the last messages once the stages are over.'),
});

export type WrittenScenario = z.infer<typeof scenarioSchema>;

type Issue = z.core.$ZodIssue;

/**
 * The issue that says most about a value that fits none of several forms: of the form that it came closest to, which is
 * the one whose first fault lies deepest.
 */
export function clearest(issue: Issue): { readonly path: readonly PropertyKey[]; readonly message: string } {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const inner = issue.errors.flatMap((form) => (form[0] && concernsContents(form[0]) ? [clearest(form[0])] : []));
    const best = inner.sort((a, b) => b.path.length - a.path.length)[0];
    if (best) return { path: [...issue.path, ...best.path], message: best.message };
  }
  if (issue.code === 'unrecognized_keys') return { path: [...issue.path, issue.keys[0]!], message: issue.message.startsWith('Unrecognized') ? 'is not known here' : issue.message };
  if (issue.code === 'invalid_key') return { path: issue.path, message: issue.issues[0]?.message ?? issue.message };
  return issue;
}

const OF_CONTENTS: ReadonlySet<Issue['code']> = new Set(['unrecognized_keys', 'custom', 'invalid_format', 'too_big', 'too_small']);

/** Whether a value has the form and only what it holds is wrong. */
function concernsContents(issue: Issue): boolean {
  if (issue.path.length > 0 || OF_CONTENTS.has(issue.code)) return true;
  return issue.code === 'invalid_union' && issue.errors.some((form) => form[0] !== undefined && concernsContents(form[0]));
}
