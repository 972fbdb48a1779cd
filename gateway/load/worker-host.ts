/** What a worker does when its clients have something to say: counts it, checks it, and reconnects who wants to be connected. */
import type { NowUs } from './clock.ts';
import type { ClientHost, LoadClient, Origin } from './client/client.ts';
import type { Member } from './member.ts';
import { readStamp } from './stamp.ts';
import { messageOf } from './streams.ts';

export interface WorkerHostOptions {
  readonly now: NowUs;
  readonly runEpoch: number;
  readonly memberOf: (client: LoadClient) => Member;
  /** A connection was lost that its client wants to have. */
  readonly onLost: (member: Member) => void;
}

export function workerHost({ now, runEpoch, memberOf, onLost }: WorkerHostOptions): ClientHost {
  const count = ({ measures, subscriber }: Member, topic: string, bytes: Buffer, start: number, end: number, origin: Origin): void => {
    const { counters } = measures;
    counters.received += 1;
    counters.bytesReceived += end - start;
    if (!subscriber) {
      counters.unchecked += 1;
      return;
    }
    const stamp = readStamp(bytes, start, end, runEpoch);
    if (typeof stamp === 'string') {
      counters[stamp] += 1;
      return;
    }
    const arrival = subscriber.take(stamp.key, stamp.sequence, topic);
    if (arrival === 'unchecked') counters.unchecked += 1;
    if (origin === 'retained') return; // it was due before the subscription, and may have come before
    measures.time('delivery', now() - stamp.dueUs);
    if (arrival === 'duplicate') counters.duplicates += 1;
    else if (arrival === 'reordered') counters.reordered += 1;
  };
  return {
    now,
    onAcknowledged: (client, dueUs, ticket) => {
      const nowUs = now();
      const { measures, publication } = memberOf(client);
      measures.counters.acknowledged += 1;
      measures.time('publish', nowUs - dueUs);
      publication?.onAnswer(ticket, nowUs);
    },
    onUnacknowledged: (client, tickets, refusal) => {
      const member = memberOf(client);
      member.measures.counters.failed += tickets.length;
      if (refusal !== undefined) member.measures.countError(refusal, tickets.length);
      member.fortune.failures += tickets.length;
      noteUnacknowledged(member, tickets);
      const nowUs = now();
      for (const ticket of tickets) member.publication?.onAnswer(ticket, nowUs);
    },
    onRoom: (client) => memberOf(client).publication?.pump(now(), 'room'),
    onMessage: (client, topic, bytes, start, end, origin) => {
      const member = memberOf(client);
      if (member.exchange?.topics.includes(topic)) return member.exchange.answer(topic, bytes.subarray(start, end));
      count(member, topic, bytes, start, end, origin);
    },
    onClosed: (client, kind) => {
      const member = memberOf(client);
      member.measures.counters.closed += 1;
      member.measures.countError(kind);
      onLost(member);
    },
    onSession: (client, session) => {
      memberOf(client).session = session;
    },
  };
}

/** In the end: what is in flight stays so, and nobody expects its delivery. */
export function noteInFlight(member: Member): void {
  noteUnacknowledged(member, member.client.inFlight.clear());
  // With QoS 0 it is what the system has not taken, the last of each stream.
  for (const { sent, unwritten, unacknowledged } of member.streams) {
    for (let sequence = sent - unwritten; sequence < sent; sequence++) unacknowledged.add(sequence);
  }
}

/** From now on nobody expects their delivery. */
function noteUnacknowledged({ streams }: Member, tickets: readonly number[]): void {
  for (const { stream, sequence } of tickets.map(messageOf)) streams[stream]!.unacknowledged.add(sequence);
}
