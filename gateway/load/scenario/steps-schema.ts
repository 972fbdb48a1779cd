/** What a client may do, as it is written in a scenario: each step one key, or a word alone. */
import { z } from 'zod';
import { SCENARIO_LIMITS as MOST } from './limits.ts';
import { assertions, durationMs, exactlyOne, filter, name, oneOrMore, path, ratePerS, sizeBytes, topic, wholeNumber } from './values.ts';

export const qos = z.literal([0, 1, 2], { error: 'write 0, 1 or 2' });

const EXPECT_HINT = 'write accepted, refused, or the kind of error that must come, such as tls.alert.certificate_expired or tls';

const connect = z.union(
  [
    name,
    z.strictObject({
      brokers: oneOrMore(name, MOST.brokers, 'write the name of a broker, or a list of names')
        .optional()
        .describe('Names of brokers that clients connect to in turn; default: the first.'),
      expect: z
        .string({ error: EXPECT_HINT })
        .regex(/^(accepted|refused|tcp|tls|mqtt|timeout|[a-z]+(\.[A-Za-z0-9_]+)+)$/, { error: EXPECT_HINT })
        .default('accepted')
        .describe('What must come: accepted, refused, or a kind of error.'),
      tries: wholeNumber(1, MOST.tries).default(1).describe('Tries in all before the client gives up; between them it waits longer each time.'),
      timeout: durationMs().prefault('60s').describe('Longest that one try may take, from TCP to CONNACK.'),
    }),
  ],
  { error: 'write the name of a broker, or brokers, expect, tries and timeout' },
);

const FILTERS_HINT = 'write a filter such as "thrum/#", or a list of filters';
const filters = oneOrMore(filter, MOST.filtersOfStep, FILTERS_HINT);

const subscribe = z.union(
  [
    filter,
    z.array(filter).min(1, { error: FILTERS_HINT }).max(MOST.filtersOfStep, { error: `there are at most ${MOST.filtersOfStep}` }),
    z.strictObject({
      filters,
      qos: qos.default(1),
      check: z.boolean().default(true).describe('Whether what comes is looked at: order, loss, duplicates, checksum, latency.'),
    }),
  ],
  { error: `${FILTERS_HINT}, or filters, qos and check` },
);

const PAYLOAD_HINT = 'write frames, fixed, random or template: TEXT';
const payload = z.union(
  [z.enum(['frames', 'fixed', 'random'], { error: PAYLOAD_HINT }), z.strictObject({ template: z.string().min(1).max(MOST.templateChars) })],
  { error: PAYLOAD_HINT },
);

/** Of a pace that changes. */
const range = { from: ratePerS('zero'), to: ratePerS('zero'), over: durationMs().optional() };

export const PACES = ['rate', 'every', 'ramp', 'steps', 'spikes', 'searched', 'self-tuning', 'closed-loop'] as const;

const publish = z
  .strictObject({
    topic: topic.default('thrum/{project}/{gateway}/data').describe('With {client}, {n}, {group}, {gateway}, {project}.'),
    qos: qos.default(1),
    retain: z.boolean().default(false),
    payload: payload.default('frames').describe('Batches of simulated measurements, fixed or random bytes, or text.'),
    size: sizeBytes().optional().describe('Of each message, default 256B; frames are about so long.'),
    count: wholeNumber(1, MOST.messagesOfClient).optional().describe('Messages of each client.'),
    for: durationMs().optional().describe('How long to publish.'),
    rate: ratePerS().optional().describe('Messages of the whole group.'),
    every: durationMs().optional().describe('Time between the messages of one client; 1s when no pace is given.'),
    ramp: z.strictObject(range).optional().describe('From one rate to another in a line.'),
    steps: z.strictObject({ ...range, steps: wholeNumber(2, MOST.stepsOfPace) }).optional().describe('From one rate to another in equal steps.'),
    spikes: z
      .strictObject({ base: ratePerS('zero'), spike: ratePerS(), period: durationMs(), length: durationMs() })
      .optional()
      .describe('A spike at the end of each period.'),
    searched: z.literal(true).optional().describe('The rate that the stage’s search tries.'),
    'self-tuning': ratePerS().optional().describe('As fast as acknowledgements come, at most so many.'),
    'closed-loop': z
      .literal(true)
      .optional()
      .describe('The window is kept full: the next message leaves when one is acknowledged.'),
    window: wholeNumber(1, MOST.window).optional().describe('Most that one client has in flight; default 65535, in a closed loop 16.'),
  })
  .superRefine((value, context) => {
    const given = PACES.filter((pace) => value[pace] !== undefined);
    if (given.length > 1) context.addIssue({ code: 'custom', path: [given[1]!], message: `the pace is given by ${given[0]!} already: give one of them` });
    if (value.searched) {
      const end = value.count !== undefined ? 'count' : value.for !== undefined ? 'for' : undefined;
      if (end !== undefined) context.addIssue({ code: 'custom', path: [end], message: 'a search itself says how long it takes' });
      return;
    }
    exactlyOne(['count', 'for'], 'publish')(value, context);
  });

const wait = z.union(
  [
    durationMs(),
    z
      .strictObject({
        for: durationMs(0).prefault('0s'),
        spread: durationMs(0).prefault('0s').describe('The last client waits so much longer than the first, the others between.'),
      })
      .refine(({ for: forMs, spread }) => forMs + spread > 0, 'write for, spread or both'),
  ],
  { error: 'write a duration such as 5s, or for and spread' },
);

const WORDS = ['connect', 'cut', 'disconnect', 'rotate'] as const;
const STEPS = ['connect', 'subscribe', 'unsubscribe', 'publish', 'wait', 'claim'] as const;
const STEP_HINT = `write a step: ${WORDS.join(', ')}, or ${STEPS.join(', ')} with what belongs to it`;

export const step = z.union(
  [
    z.enum(WORDS, { error: STEP_HINT }),
    z
      .strictObject(
        {
          connect: connect.optional().describe('The name of a broker, or brokers, expect, tries and timeout.'),
          subscribe: subscribe.optional(),
          unsubscribe: filters.optional(),
          publish: publish.optional(),
          wait: wait.optional(),
          claim: path.optional().describe('Folder of a claim’s hand-out: the client gets an identity of its own with it.'),
        },
        { error: (issue) => (issue.code === 'unrecognized_keys' ? `no step is called ${String(issue.keys[0])}: ${STEP_HINT}` : STEP_HINT) },
      )
      .superRefine(exactlyOne(STEPS, 'a step')),
  ],
  { error: STEP_HINT },
);

export type WrittenStep = z.infer<typeof step>;
export type WrittenPublish = z.infer<typeof publish>;

const START_HINT = 'write at-once, or one of spread: 10s, rate: 200/s, self-tuning: 2000/s';
const STARTS = ['spread', 'rate', 'self-tuning'] as const;

export const start = z.union(
  [
    z.literal('at-once', { error: START_HINT }),
    z
      .strictObject({
        spread: durationMs().optional().describe('Evenly over so long.'),
        rate: ratePerS().optional().describe('So many clients a second.'),
        'self-tuning': ratePerS().optional().describe('As fast as the broker answers, at most so many.'),
      })
      .superRefine(exactlyOne(STARTS, 'start')),
  ],
  { error: START_HINT },
);

export type WrittenStart = z.infer<typeof start>;

const PRECISION_HINT = 'write a part of the rate from 0.001 to 0.5, such as 0.05';

export const search = z
  .strictObject({
    objective: assertions.min(1, { error: 'an objective has at least one condition' }).describe('What must hold at the rate that is looked for.'),
    from: ratePerS().describe('Lowest rate.'),
    to: ratePerS().describe('Highest rate.'),
    trial: durationMs(1_000).prefault('10s').describe('How long a rate is tried.'),
    precision: z.number({ error: PRECISION_HINT }).min(0.001, { error: PRECISION_HINT }).max(0.5, { error: PRECISION_HINT }).default(0.05).describe('Ends when the rate is known within this part of it.'),
    confirmations: wholeNumber(1, 20).default(2).describe('How often the found rate must hold, and the next above it miss.'),
  })
  .refine(({ from, to }) => from < to, { path: ['to'], error: 'must be above from' });
