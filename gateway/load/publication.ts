/**
 * One client carrying out one publish step. Promises: messages leave in order, each as soon as it is due and the client has
 * room; a message that has to wait keeps its due time; in the end due = sent + unsent, and each one sent is acknowledged
 * or failed. Nothing is queued: what is due follows from the schedule.
 */
import type { NowUs } from './clock.ts';
import type { LoadClient } from './client/client.ts';
import type { Measures } from './measures.ts';
import type { Pacer, Sleeper } from './pacer.ts';
import type { PublishTemplate } from './publish-template.ts';
import type { Qos } from './scenario.ts';
import type { Schedule } from './schedule.ts';
import { messageOf, ticketOf, type Stream } from './streams.ts';

export interface PublicationOptions {
  readonly client: LoadClient;
  readonly schedule: Schedule;
  /** One after the other, in turn. */
  readonly templates: readonly PublishTemplate[];
  readonly qos: Qos;
  readonly window: number;
  readonly stream: Stream;
  /** Messages at most, and when the last may be due. */
  readonly mostMessages: number;
  readonly untilUs: number;
  /** How long after that answers are waited for. */
  readonly patienceUs: number;
  readonly measures: Measures;
  readonly now: NowUs;
  readonly pacer: Pacer;
}

/** Bytes that are written at once at most, or one message. */
const MAX_WRITE_BYTES = 64 * 1024;
const MAX_AT_ONCE = 4096;
/** Work in one go before others get a turn. */
const GO_US = 1_000;
/** Due times of the messages that are about to be written: one client writes at a time. */
const DUE_US = new Float64Array(MAX_AT_ONCE);

export class Publication implements Sleeper {
  wakeUs = 0;
  /** Resolves when all are sent and answered for, or `end` is called. */
  readonly done: Promise<void>;
  readonly #options: PublicationOptions;
  #resolve: () => void = () => undefined;
  /** Number of its first message. */
  readonly #first: number;
  /** Of its longest packet. */
  readonly #mostBytes: number;
  #sent = 0;
  #countedDue = 0;
  #answered = 0;
  #asleep = false;
  /** Goes on in a moment, with what there is room for. */
  #isPausing = false;
  #ended = false;
  /** When the last was sent or could no longer be due. */
  #overUs = Infinity;
  /** When its end is looked at next. */
  #deadlineUs = Infinity;

  constructor(options: PublicationOptions) {
    this.#options = options;
    this.#first = options.stream.next;
    this.#mostBytes = Math.max(...options.templates.map(({ bytes }) => bytes));
    this.done = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Sends what is due and sets when to be woken next. `onTime`: woken by the pacer, so lateness is the generator's own. */
  pump(nowUs: number, cause: 'on time' | 'room'): void {
    const { client, qos, window, mostMessages, now } = this.#options;
    if (this.#ended) return;
    let atUs = nowUs;
    let room = Math.min(client.roomFor(qos, window), mostMessages - this.#sent);
    while (room > 0) {
      const atOnce = Math.min(room, MAX_AT_ONCE, Math.max(1, Math.floor(MAX_WRITE_BYTES / this.#mostBytes)));
      const count = this.#collect(atUs, atOnce);
      if (count > 0) this.#send(count, atUs, cause);
      if (count < atOnce) break;
      room = Math.min(client.roomFor(qos, window), mostMessages - this.#sent);
      atUs = now();
      // With QoS 0 there may always be room.
      if (room > 0 && atUs - nowUs > GO_US) return this.#pause(cause);
    }
    this.#settle(atUs, room <= 0 && this.#sent < mostMessages);
  }

  #pause(cause: 'on time' | 'room'): void {
    if (this.#isPausing) return;
    this.#isPausing = true;
    setImmediate(() => {
      this.#isPausing = false;
      this.pump(this.#options.now(), cause);
    });
  }

  wake(nowUs: number): void {
    this.#asleep = false;
    this.pump(nowUs, 'on time');
  }

  /** A message of the client was acknowledged or failed; perhaps an earlier publication's. */
  onAnswer(ticket: number, nowUs: number): void {
    const { stream, sequence } = messageOf(ticket);
    if (this.#ended || stream !== this.#options.stream.index || sequence < this.#first) return;
    this.#answered += 1;
    if (this.#answered === this.#sent && this.#isAllSent(nowUs)) this.end(nowUs);
  }

  /** Counts what has become due until now; called now and then, and in the end. */
  countDue(nowUs: number): void {
    if (this.#ended) return;
    const { schedule, untilUs, mostMessages, measures } = this.#options;
    const due = Math.max(this.#sent, Math.min(mostMessages, schedule.dueBy(Math.min(nowUs, untilUs - 1), this.#sent)));
    measures.counters.due += due - this.#countedDue;
    this.#countedDue = due;
  }

  /** Sends no more; what is due and unsent is counted as that, what is in flight stays so. */
  end(nowUs: number): void {
    if (this.#ended) return;
    this.countDue(nowUs);
    this.#ended = true;
    this.#options.measures.counters.unsent += this.#countedDue - this.#sent;
    this.#resolve();
  }

  /** There will be no connection any more: a step that only a count ends would never end. */
  endIfUnbounded(nowUs: number): void {
    if (this.#options.untilUs === Infinity) this.end(nowUs);
  }

  /** Due times of the next messages, as many as are due, into DUE_US. */
  #collect(nowUs: number, most: number): number {
    const { schedule, untilUs } = this.#options;
    let count = 0;
    for (; count < most; count++) {
      const dueUs = schedule.dueUs(this.#sent + count);
      if (dueUs > nowUs || (dueUs === -Infinity ? nowUs : dueUs) >= untilUs) break;
      DUE_US[count] = dueUs === -Infinity ? nowUs : dueUs;
    }
    return count;
  }

  #send(count: number, nowUs: number, cause: 'on time' | 'room'): void {
    const { client, templates, qos, stream, measures } = this.#options;
    const buffer = Buffer.allocUnsafe(count * this.#mostBytes);
    let end = 0;
    for (let i = 0; i < count; i++) {
      const dueUs = DUE_US[i]!;
      const sequence = stream.next++;
      const id = qos === 0 ? 0 : client.inFlight.add(dueUs, ticketOf(stream.index, sequence));
      end = templates[sequence % templates.length]!.write(buffer, end, id, sequence, dueUs);
      if (cause === 'on time') measures.time('slip', nowUs - dueUs);
    }
    this.#sent += count;
    stream.sent += count;
    measures.counters.sent += count;
    measures.counters.bytesSent += end;
    if (this.#sent > this.#countedDue) {
      measures.counters.due += this.#sent - this.#countedDue;
      this.#countedDue = this.#sent;
    }
    if (qos > 0) client.write(buffer.subarray(0, end));
    else this.#writeUnanswered(buffer.subarray(0, end), DUE_US.slice(0, count));
  }

  /** QoS 0: nobody answers; a message counts as acknowledged once the system has taken it. */
  #writeUnanswered(bytes: Buffer, dueUs: Float64Array): void {
    const { client, measures, now, stream } = this.#options;
    const first = stream.next - dueUs.length;
    stream.unwritten += dueUs.length;
    client.write(bytes, (failed) => {
      const nowUs = now();
      stream.unwritten -= dueUs.length;
      if (failed) {
        measures.counters.failed += dueUs.length;
        measures.countError('unsent.closed', dueUs.length);
        for (let i = 0; i < dueUs.length; i++) stream.unacknowledged.add(first + i);
      } else {
        measures.counters.acknowledged += dueUs.length;
        for (const one of dueUs) measures.time('publish', nowUs - one);
      }
      this.#answered += dueUs.length;
      if (!this.#ended && this.#answered === this.#sent && this.#isAllSent(nowUs)) this.end(nowUs);
    });
  }

  #isAllSent(nowUs: number): boolean {
    const { schedule, untilUs, mostMessages } = this.#options;
    if (this.#sent >= mostMessages) return true;
    const dueUs = schedule.dueUs(this.#sent);
    return dueUs === -Infinity ? nowUs >= untilUs : dueUs >= untilUs;
  }

  /** Over, asleep until the next is due, or waiting for room or for answers. */
  #settle(nowUs: number, isBlocked: boolean): void {
    const { client, schedule, pacer, untilUs, patienceUs } = this.#options;
    const isAllSent = this.#isAllSent(nowUs);
    const isLate = nowUs >= untilUs;
    if (isAllSent || isLate) this.#overUs = Math.min(this.#overUs, nowUs, untilUs);
    const isHopeless = nowUs >= this.#overUs + patienceUs || (isLate && !client.connected);
    if (isHopeless || (isAllSent && this.#answered === this.#sent)) return this.end(nowUs);
    this.#watchEnd(this.#overUs < Infinity ? this.#overUs + patienceUs : untilUs);
    // Whoever waits for room is woken by it, and so is a closed loop.
    if (this.#asleep || isBlocked || isAllSent || isLate) return;
    const dueUs = schedule.dueUs(this.#sent);
    if (!Number.isFinite(dueUs)) return;
    this.wakeUs = dueUs;
    this.#asleep = true;
    pacer.add(this);
  }

  /** Looks at that time whether it is over, in case nothing else happens. */
  #watchEnd(deadlineUs: number): void {
    if (deadlineUs >= this.#deadlineUs) return;
    this.#deadlineUs = deadlineUs;
    const wake = (nowUs: number): void => {
      if (this.#deadlineUs === deadlineUs) this.#deadlineUs = Infinity;
      this.pump(nowUs, 'room');
    };
    this.#options.pacer.add({ wakeUs: deadlineUs, wake });
  }
}
