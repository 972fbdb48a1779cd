/** A publication for tests: its client, its network and its time do what the test says. */
import type { LoadClient } from './client/client.ts';
import { InFlight } from './client/in-flight.ts';
import { Measures } from './measures.ts';
import { curveOf } from './pace.ts';
import type { Pacer, Sleeper } from './pacer.ts';
import { Publication } from './publication.ts';
import { bytesTemplate } from './publish-template.ts';
import type { Qos } from './scenario.ts';
import { curveSchedule, type Schedule } from './schedule.ts';
import { Ranges, type Stream } from './streams.ts';

const START_US = 1_790_000_000_000_000;

export interface Wish {
  readonly qos?: Qos;
  readonly window?: number;
  readonly perS?: number;
  readonly schedule?: Schedule | undefined;
  readonly messages?: number;
  readonly forMs?: number;
  readonly patienceMs?: number;
  /** How long the client takes to write, each time. */
  readonly writeUs?: number;
}

/**
 * A publication whose client does what the test says, in a time that the test turns: what the client gives to the network,
 * and when that answers, is the script.
 */
export function stageFor({ qos = 1, window = 65_535, perS = 1_000, messages = Infinity, forMs = Infinity, patienceMs = 5_000, writeUs = 0, schedule }: Wish) {
  let nowUs = START_US;
  const measures = new Measures();
  const inFlight = new InFlight();
  const sleepers = new Set<Sleeper>();
  const pacer = { add: (sleeper: Sleeper) => void sleepers.add(sleeper) } as unknown as Pacer;
  const stream: Stream = { key: 0, index: 0, topic: 't', isStamped: true, beganUs: START_US, next: 0, sent: 0, unwritten: 0, unacknowledged: new Ranges() };
  const written: ((failed: boolean) => void)[] = [];
  let isConnected = true;
  let isBlocked = false;
  let wantsRoom = false;
  const client = {
    inFlight,
    get connected() {
      return isConnected;
    },
    roomFor: (asked: Qos, most: number) => {
      if (!isConnected) return 0;
      const room = isBlocked ? 0 : asked === 0 ? Infinity : inFlight.isFull ? 0 : Math.max(0, most - inFlight.size);
      wantsRoom = room === 0;
      return room;
    },
    write: (_bytes: Buffer, hear?: (failed: boolean) => void) => {
      nowUs += writeUs;
      if (hear) written.push(hear);
    },
  } as unknown as LoadClient;
  const publication = new Publication({
    client, qos, window, stream, measures, pacer, now: () => nowUs,
    schedule: schedule ?? curveSchedule(curveOf({ kind: 'rate', perS }, 0), START_US, 0, 1),
    templates: [bytesTemplate({ topic: 't', qos, retain: false, mqttVersion: 4 }, 1, 0, Buffer.alloc(32))],
    mostMessages: messages,
    untilUs: START_US + forMs * 1000,
    patienceUs: patienceMs * 1000,
  });
  let ends = 0;
  void publication.done.then(() => (ends += 1));
  const room = (): void => {
    if (isConnected && wantsRoom) publication.pump(nowUs, 'room');
  };
  return {
    publication, measures, stream, counters: measures.counters, inFlight, written,
    get ends() {
      return ends;
    },
    get nowUs() {
      return nowUs;
    },
    begin: () => publication.pump(nowUs, 'room'),
    /** Lets so much time pass, and wakes whoever is due in it, each at its time. */
    pass: (ms: number) => {
      const until = nowUs + ms * 1000;
      for (let most = 0; most < 100_000; most++) {
        const next = [...sleepers].filter(({ wakeUs }) => wakeUs <= until).sort((a, b) => a.wakeUs - b.wakeUs)[0];
        if (!next) break;
        sleepers.delete(next);
        nowUs = Math.max(nowUs, next.wakeUs);
        next.wake(nowUs);
      }
      nowUs = until;
    },
    /** So many of what is in flight are acknowledged, the oldest first. */
    acknowledge: (most: number) => {
      for (let id = 1, count = 0; id < 65_535 && count < most && inFlight.size > 0; id++) {
        const waiting = inFlight.take(id);
        if (!waiting) continue;
        count += 1;
        measures.counters.acknowledged += 1;
        publication.onAnswer(waiting.ticket, nowUs);
      }
      room();
    },
    taken: (failed: boolean) => {
      for (const hear of written.splice(0)) hear(failed);
    },
    block: (blocked: boolean) => {
      isBlocked = blocked;
      if (!blocked) room();
    },
    lose: () => {
      isConnected = false;
      wantsRoom = false;
      const tickets = inFlight.clear();
      measures.counters.failed += tickets.length;
      for (const ticket of tickets) publication.onAnswer(ticket, nowUs);
    },
    reconnect: () => {
      isConnected = true;
      publication.pump(nowUs, 'room');
    },
  };
}

export type Script = ReturnType<typeof stageFor>;
