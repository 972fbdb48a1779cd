/** What a client waits for: one answer at a time, and of a connect the layers below it. */
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
