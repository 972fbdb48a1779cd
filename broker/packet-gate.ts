/**
 * Stands between a TLS socket and Aedes and lets through whole MQTT packets only, counted: no packet longer than the
 * limit, and no more publishes, nor bytes of them, than the limits that have not been answered. Past that it stops
 * reading the socket, so TCP pushes back; likewise while the client does not read what it is answered. (Aedes reads on at every `readable`
 * event, so a client that dribbles bytes gets past its own back-pressure; and its parser buffers a packet of any length.)
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
  /** Bytes of these; one publish may exceed them alone. */
  readonly maxInFlightBytes: number;
}

/** What passes at once: Aedes takes no more from a client until all of it is answered, so a client's window should fit. */
const READ_BYTES = 256 * 1024;

export class PacketGate extends Duplex {
  readonly socket: TLSSocket;
  readonly #limits: GateLimits;
  /** What came and did not yet pass: the first `#filled` bytes. */
  #held: Buffer = Buffer.alloc(0);
  #filled = 0;
  /** Bytes of each publish that was let through and not yet answered, oldest first, and their sum. */
  #inFlight: number[] = [];
  #inFlightBytes = 0;
  #wanted = false;
  #ended = false;

  constructor(socket: TLSSocket, limits: GateLimits) {
    super({ readableHighWaterMark: READ_BYTES, allowHalfOpen: false });
    this.socket = socket;
    this.#limits = limits;
    socket.on('data', (chunk: Buffer) => {
      this.#hold(chunk);
      this.#let();
    });
    socket.on('end', () => this.#end());
    this.on('drain', () => this.#let());
    socket.on('error', (error: Error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Says that one publish was answered, or will never be. */
  answered(): void {
    this.#inFlightBytes -= this.#inFlight.shift() ?? 0;
    if (this.#wanted) this.#let();
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

  /** Adds to what is held; the room doubles, so that a packet in tiny pieces is not copied for each of them. */
  #hold(chunk: Buffer): void {
    const needed = this.#filled + chunk.length;
    if (this.#filled === 0) this.#held = chunk;
    else {
      if (needed > this.#held.length) {
        const wider = Buffer.allocUnsafe(Math.max(needed, 2 * this.#filled));
        this.#held.copy(wider, 0, 0, this.#filled);
        this.#held = wider;
      }
      chunk.copy(this.#held, this.#filled);
    }
    this.#filled = needed;
  }

  /** The client says no more. What is held could not be answered: the client will send it again. */
  #end(): void {
    this.#ended = true;
    this.push(null);
  }

  /** Pushes as many whole packets as may pass. */
  #let(): void {
    if (this.#ended || this.destroyed) return;
    const held = this.#held.subarray(0, this.#filled);
    let end = 0;
    while (end < held.length && this.#mayPass()) {
      const length = packetLength(held, end);
      if (length === undefined) break;
      if (length > this.#limits.maxPacketBytes) {
        this.destroy(new AdmissionError('ADMISSION_SIZE', `an MQTT packet of ${length} B exceeds ${this.#limits.maxPacketBytes} B`));
        return;
      }
      if (end + length > held.length) break;
      if (held[end]! >> 4 === PUBLISH) {
        this.#inFlight.push(length);
        this.#inFlightBytes += length;
      }
      end += length;
    }
    if (end > 0) {
      this.#held = this.#held.subarray(end);
      this.#filled -= end;
      this.#wanted = this.push(held.subarray(0, end));
    }
    this.#flow();
  }

  /** The socket is read while the broker wants more and what is held is an unfinished packet at most. */
  #flow(): void {
    const open = this.#wanted && this.#mayPass();
    if (open === this.socket.isPaused()) {
      if (open) this.socket.resume();
      else this.socket.pause();
    }
  }

  #mayPass(): boolean {
    const { maxInFlight, maxInFlightBytes } = this.#limits;
    return this.#inFlight.length < maxInFlight && this.#inFlightBytes < maxInFlightBytes && !this.writableNeedDrain;
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
