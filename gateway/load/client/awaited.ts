/**
 * What a client waits for: one answer at a time, and of a connect the layers below it. Promise: whoever waits hears of an
 * answer or of a failure, however many ask at once.
 */
import type { Packet } from 'mqtt-packet';
import { ClientFailure } from './failure.ts';

export type Answer = 'connack' | 'suback' | 'unsuback';

/** When the layers of a connection came up, µs since 1970; 0: not yet. */
export class Layers {
  tcpUs = 0;
  tlsUs = 0;
  readyUs = 0;

  restart(): void {
    this.tcpUs = this.tlsUs = this.readyUs = 0;
  }

  /** The lowest that is not up. */
  get missing(): 'tcp' | 'tls' | 'websocket' | 'connack' {
    return this.tcpUs === 0 ? 'tcp' : this.tlsUs === 0 ? 'tls' : this.readyUs === 0 ? 'websocket' : 'connack';
  }
}

/** An answer that is waited for; settled once. */
export class Awaited {
  readonly what: Answer;
  /** Filters that it answers for. */
  readonly filters: number;
  readonly deadlineUs: number;
  readonly answer: Promise<Packet>;
  #resolve: (packet: Packet) => void = () => undefined;
  #reject: (failure: ClientFailure) => void = () => undefined;

  constructor(what: Answer, filters: number, deadlineUs: number) {
    this.what = what;
    this.filters = filters;
    this.deadlineUs = deadlineUs;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** What is being waited for: of a connect, the layer that is not up yet. */
  stepOf(layers: Layers): string {
    return this.what === 'connack' ? layers.missing : this.what;
  }

  /** `code`: what the broker said, 0 for yes. */
  settle(packet: Packet, code: number): void {
    if (code === 0) this.#resolve(packet);
    else this.fail(`mqtt.${this.what}.${code}`);
  }

  fail(kind: string): void {
    this.#reject(new ClientFailure(kind));
  }
}

/** All that a client waits for. Requests share an id, so each is sent when the one before it has its answer. */
export class Answers {
  #current: Awaited | undefined;
  #later: { readonly awaited: Awaited; readonly send: () => void }[] = [];

  /** What was sent and is not answered. */
  get current(): Awaited | undefined {
    return this.#current;
  }

  /** Sends in turn, and waits for the answer. */
  expect(awaited: Awaited, send: () => void): Promise<Packet> {
    if (this.#current) this.#later.push({ awaited, send });
    else {
      this.#current = awaited;
      send();
    }
    return awaited.answer;
  }

  /** The current one is answered: it is the next one's turn. */
  next(): void {
    const next = this.#later.shift();
    this.#current = next?.awaited;
    next?.send();
  }

  /** Nobody waits any longer. What was sent may still be answered, and until then no other is sent. */
  abandon(kind: string): void {
    const later = this.#later;
    this.#later = [];
    this.#current?.fail(kind);
    for (const { awaited } of later) awaited.fail(kind);
  }

  /** None of them will come. */
  fail(kind: string): void {
    this.abandon(kind);
    this.#current = undefined;
  }
}
