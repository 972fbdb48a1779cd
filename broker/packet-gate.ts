/**
 * Stands between a TLS socket and Aedes and lets through whole MQTT packets only, counted: no packet longer than the
 * limit, and no more publishes than `maxInFlight` that have not been answered. Past that it stops reading the socket,
 * so TCP pushes back. (Aedes reads on at every `readable` event, so a client that dribbles bytes gets past its own
 * back-pressure; and its parser buffers a packet of any length.)
 */
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { AdmissionError } from './errors.ts';

const PUBLISH = 3;

export interface GateLimits {
  /** Bytes of one MQTT packet, fixed header included. */
  readonly maxPacketBytes: number;
  /** Publishes handed to the broker and not yet answered. */
  readonly maxInFlight: number;
}

export class PacketGate extends Duplex {
  readonly socket: TLSSocket;
  readonly #limits: GateLimits;
  #held: Buffer = Buffer.alloc(0);
  #inFlight = 0;
  #wanted = false;

  constructor(socket: TLSSocket, limits: GateLimits) {
    super({ readableHighWaterMark: 64 * 1024, allowHalfOpen: false });
    this.socket = socket;
    this.#limits = limits;
    socket.on('data', (chunk: Buffer) => {
      this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
      this.#let();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error: Error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Says that one publish was answered, or will never be. */
  answered(): void {
    this.#inFlight -= 1;
    if (this.#wanted && this.#held.length > 0) this.#let();
    else this.#flow();
  }

  override _read(): void {
    this.#wanted = true;
    this.#let();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.socket.cork();
    for (const { chunk } of chunks.slice(0, -1)) this.socket.write(chunk);
    this.socket.write(chunks[chunks.length - 1]!.chunk, done);
    this.socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }

  /** Pushes as many whole packets as may pass. */
  #let(): void {
    let end = 0;
    while (end < this.#held.length && this.#inFlight < this.#limits.maxInFlight) {
      const length = packetLength(this.#held, end);
      if (length === undefined) break;
      if (length > this.#limits.maxPacketBytes) {
        this.destroy(new AdmissionError('ADMISSION_SIZE', `an MQTT packet of ${length} B exceeds ${this.#limits.maxPacketBytes} B`));
        return;
      }
      if (end + length > this.#held.length) break;
      if (this.#held[end]! >> 4 === PUBLISH) this.#inFlight += 1;
      end += length;
    }
    if (end > 0) {
      const whole = this.#held.subarray(0, end);
      this.#held = this.#held.subarray(end);
      this.#wanted = this.push(whole);
    }
    this.#flow();
  }

  /** The socket is read while the broker wants more and what is held is an unfinished packet at most. */
  #flow(): void {
    const open = this.#wanted && this.#inFlight < this.#limits.maxInFlight;
    if (open === this.socket.isPaused()) {
      if (open) this.socket.resume();
      else this.socket.pause();
    }
  }
}

/** Length of the packet at `at` from its fixed header (MQTT 3.1.1, 2.2.3); undefined when that is not all here yet. */
function packetLength(bytes: Buffer, at: number): number | undefined {
  let remaining = 0;
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + 1 + i];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return 2 + i + remaining;
  }
  return Number.POSITIVE_INFINITY;
}
