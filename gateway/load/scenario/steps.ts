/** Steps of a client's life as they are written → as a load test has them. */
import type { Broker, ClientGroup, ConnectStep, Pace, Payload, PublishStep, Start, Step } from '../scenario.ts';
import { ScenarioFault } from './fault.ts';
import { SCENARIO_LIMITS } from './limits.ts';
import { durationText } from './quantities.ts';
import { PACES, type WrittenPublish, type WrittenStart, type WrittenStep } from './steps-schema.ts';

const CONNECT_TIMEOUT_MS = 60_000;
const PAYLOAD_BYTES = 256;
const OPEN_WINDOW = 65_535;
const CLOSED_WINDOW = 16;
const EVERY_MS = 1_000;

/** What a step is written within. */
export interface StepSurroundings {
  readonly group: ClientGroup;
  readonly brokers: ReadonlyMap<string, Broker>;
  /** Of the stage. */
  readonly limitMs: number;
  readonly resolvePath: (path: string) => string;
}

/** `path` is the step's place. ScenarioFault for brokers that are not there and paces that cannot be kept. */
export function stepOf(written: WrittenStep, path: readonly PropertyKey[], around: StepSurroundings): Step {
  if (written === 'connect') return connectOf({}, path, around);
  if (typeof written === 'string') return { kind: written };
  const { connect, subscribe, unsubscribe, publish, wait, claim } = written;
  if (connect !== undefined) return connectOf(typeof connect === 'string' ? { brokers: [connect] } : connect, [...path, 'connect'], around);
  if (subscribe !== undefined) {
    if (typeof subscribe === 'string') return { kind: 'subscribe', filters: [subscribe], qos: 1, check: true };
    return Array.isArray(subscribe) ? { kind: 'subscribe', filters: subscribe, qos: 1, check: true } : { kind: 'subscribe', ...subscribe };
  }
  if (unsubscribe !== undefined) return { kind: 'unsubscribe', filters: unsubscribe };
  if (publish !== undefined) return publishOf(publish, [...path, 'publish'], around);
  if (wait !== undefined) return typeof wait === 'number' ? { kind: 'wait', forMs: wait, spreadMs: 0 } : { kind: 'wait', forMs: wait.for, spreadMs: wait.spread };
  return { kind: 'claim', handoutDir: around.resolvePath(claim!) };
}

export function startOf(written: WrittenStart): Start {
  if (written === 'at-once') return { kind: 'at-once' };
  if (written.spread !== undefined) return { kind: 'spread', overMs: written.spread };
  if (written.rate !== undefined) return { kind: 'rate', perS: written.rate };
  return { kind: 'self-tuning', atMostPerS: written['self-tuning']! };
}

interface WrittenConnect {
  readonly brokers?: readonly string[] | undefined;
  readonly expect?: string;
  readonly tries?: number;
  readonly timeout?: number;
}

function connectOf(written: WrittenConnect, path: readonly PropertyKey[], { brokers: known }: StepSurroundings): ConnectStep {
  const brokers = written.brokers ?? [[...known.keys()][0]!];
  const missing = brokers.find((name) => !known.has(name));
  if (missing !== undefined) throw new ScenarioFault(path, `no broker is called '${missing}': there are ${[...known.keys()].join(', ')}`);
  return { kind: 'connect', brokers, timeoutMs: written.timeout ?? CONNECT_TIMEOUT_MS, tries: written.tries ?? 1, expect: written.expect ?? 'accepted' };
}

function publishOf(written: WrittenPublish, path: readonly PropertyKey[], around: StepSurroundings): PublishStep {
  const pace = paceOf(written, path, around);
  return {
    kind: 'publish',
    topic: written.topic,
    qos: written.qos,
    retain: written.retain,
    payload: payloadOf(written, path),
    pace,
    end: written.count === undefined ? { kind: 'duration', forMs: written.for ?? around.limitMs } : { kind: 'count', messages: written.count },
    window: written.window ?? (pace.kind === 'closed' ? CLOSED_WINDOW : OPEN_WINDOW),
  };
}

function payloadOf({ payload, size }: WrittenPublish, path: readonly PropertyKey[]): Payload {
  if (typeof payload === 'object') {
    if (size !== undefined) throw new ScenarioFault([...path, 'size'], 'a template is as long as its text');
    return { kind: 'template', text: payload.template };
  }
  const bytes = size ?? PAYLOAD_BYTES;
  if (payload === 'frames' && bytes > SCENARIO_LIMITS.frameBytes) throw new ScenarioFault([...path, 'size'], `frames are at most ${SCENARIO_LIMITS.frameBytes / 1_024}KiB long`);
  return { kind: payload, bytes };
}

function paceOf(written: WrittenPublish, path: readonly PropertyKey[], { group }: StepSurroundings): Pace {
  const fault = (key: string, reason: string): ScenarioFault => new ScenarioFault([...path, key], reason);
  const over = (key: 'ramp' | 'steps'): number => {
    const overMs = written[key]!.over ?? written.for;
    if (overMs === undefined) throw fault(key, 'write over how long: over: 60s');
    if (written.for !== undefined && overMs > written.for) throw fault(key, `takes longer than publishing, which is for ${durationText(written.for)}`);
    if (written[key]!.from === 0 && written[key]!.to === 0) throw fault(key, 'one of from and to must be above zero');
    return overMs;
  };
  switch (PACES.find((pace) => written[pace] !== undefined)) {
    case 'rate':
      return { kind: 'rate', perS: written.rate! };
    case 'ramp':
      return { kind: 'ramp', fromPerS: written.ramp!.from, toPerS: written.ramp!.to, overMs: over('ramp') };
    case 'steps':
      return { kind: 'steps', fromPerS: written.steps!.from, toPerS: written.steps!.to, steps: written.steps!.steps, overMs: over('steps') };
    case 'spikes': {
      const { base, spike, period, length } = written.spikes!;
      if (length >= period) throw fault('spikes', 'a spike is shorter than its period');
      return { kind: 'spikes', basePerS: base, spikePerS: spike, periodMs: period, spikeMs: length };
    }
    case 'searched':
      return { kind: 'searched' };
    case 'self-tuning':
      return { kind: 'self-tuning', atMostPerS: written['self-tuning']! };
    case 'closed-loop':
      return { kind: 'closed' };
    default: {
      const perS = (group.count * 1_000) / (written.every ?? EVERY_MS);
      if (perS > SCENARIO_LIMITS.ratePerS) throw fault('every', `is ${perS} messages/s of ${group.count} clients: at most ${SCENARIO_LIMITS.ratePerS}/s`);
      return { kind: 'rate', perS };
    }
  }
}
