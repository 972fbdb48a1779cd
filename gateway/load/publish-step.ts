/** The publish step: templates made before the stage begins, then one Publication for each client. */
import type { Member } from './member.ts';
import { LoadError } from './errors.ts';
import { curveOf } from './pace.ts';
import { isStamped, templatesFor } from './payloads.ts';
import { Publication } from './publication.ts';
import type { PublishStep } from './scenario.ts';
import { CLOSED_LOOP, curveSchedule, selfTuningSchedule, type Schedule } from './schedule.ts';
import type { StageContext } from './stage-context.ts';
import { MAX_BATCH_MESSAGES, MAX_STREAMS, streamKey } from './stamp.ts';
import { Ranges, type Stream } from './streams.ts';
import { fillIn } from './topics.ts';

/** Makes the packets of a step beforehand, so that making them is not measured. Throws LOAD_SCENARIO, FrameError. */
export function preparePublish(member: Member, step: PublishStep, runEpoch: number): void {
  if (member.templates?.has(step)) return;
  const stream = streamOf(member, step);
  const { mqttVersion } = member.group;
  const templates = templatesFor({
    payload: step.payload,
    head: { topic: stream.topic, qos: step.qos, retain: step.retain, mqttVersion },
    names: member.names,
    number: member.client.number,
    runEpoch,
    key: stream.key,
    stream: stream.index,
  });
  member.templates ??= new Map();
  member.templates.set(step, templates);
}

function streamOf(member: Member, step: PublishStep): Stream {
  const topic = fillIn(step.topic, { ...member.names });
  const stamped = isStamped(step.payload);
  const known = member.streams.find((one) => one.topic === topic && one.isStamped === stamped);
  if (known) return known;
  const index = member.streams.length;
  if (index === MAX_STREAMS) throw new LoadError('LOAD_SCENARIO', `client ${member.names.client} publishes on more than ${MAX_STREAMS} topics`);
  const stream: Stream = { key: streamKey(member.client.number, index), index, topic, isStamped: stamped, beganUs: 0, next: 0, sent: 0, unwritten: 0, unacknowledged: new Ranges() };
  member.streams.push(stream);
  return stream;
}

/** Publishes until the step is over and answered for. The stage's end ends it too. Throws LOAD_LIMIT when the stream has no more numbers. */
export async function publish(member: Member, step: PublishStep, context: StageContext): Promise<void> {
  const { now, pacer, runEpoch, scenario, searched } = context.options;
  preparePublish(member, step, runEpoch);
  const startUs = Math.max(now(), context.options.startUs);
  const stream = streamOf(member, step);
  if (stream.beganUs === 0) stream.beganUs = startUs;
  const forMs = step.pace.kind === 'searched' && searched ? searched.forMs : step.end.kind === 'duration' ? step.end.forMs : Infinity;
  const wanted = step.end.kind === 'count' ? step.end.messages : Infinity;
  const left = MAX_BATCH_MESSAGES - stream.next;
  const publication = new Publication({
    client: member.client,
    schedule: scheduleOf(member, step, startUs, context),
    templates: member.templates!.get(step)!,
    qos: step.qos,
    window: step.window,
    stream,
    mostMessages: Math.min(wanted, left),
    untilUs: startUs + forMs * 1000,
    patienceUs: scenario.settleMs * 1000,
    measures: member.measures,
    now,
    pacer,
  });
  member.publication = publication;
  publication.pump(now(), 'room');
  if (!member.client.connected && !member.isReconnecting) publication.endIfUnbounded(now());
  await publication.done;
  member.publication = undefined;
  if (wanted > left && stream.next === MAX_BATCH_MESSAGES) {
    throw new LoadError('LOAD_LIMIT', `client ${member.names.client} has sent the ${MAX_BATCH_MESSAGES.toLocaleString('en-US')} messages that one can on a topic: share them out among more clients or topics`);
  }
}

function scheduleOf(member: Member, { pace }: PublishStep, startUs: number, context: StageContext): Schedule {
  const { n } = member.names;
  const { count } = member.group;
  switch (pace.kind) {
    case 'closed':
      return CLOSED_LOOP;
    case 'self-tuning':
      return selfTuningSchedule(context.options.selfTuning(pace, 'messages', member.group.name, pace.atMostPerS), startUs, n / count);
    default:
      return curveSchedule(curveOf(pace, context.options.searched?.perS ?? 0), startUs, n, count);
  }
}
