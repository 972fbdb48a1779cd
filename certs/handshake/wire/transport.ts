/** A TCP connection that is read in exact pieces with deadlines; how it ended is told apart: closed, reset, silent. */
import { connect, type Socket } from 'node:net';
import { PeerStop } from '../errors.ts';

/** Past this much unread the socket is not read on: a flood must not fill the memory. */
const MAX_UNREAD_BYTES = 1024 * 1024;

export class Transport {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #unread = 0;
  #ended: PeerStop | undefined;
  #wake: (() => void) | undefined;

  /** Takes over a connected socket. */
  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#unread += chunk.length;
      if (this.#unread > MAX_UNREAD_BYTES) socket.pause();
      this.#wake?.();
    });
    socket.on('end', () => this.#end(new PeerStop('PEER_CLOSED', 'it closed the connection')));
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      const reset = cause.code === 'ECONNRESET' || cause.code === 'EPIPE';
      this.#end(
        new PeerStop(
          reset ? 'PEER_RESET' : 'PEER_CLOSED',
          reset ? 'it reset the connection' : `the connection failed (${cause.code ?? cause.message})`,
          undefined,
          { cause },
        ),
      );
    });
    socket.on('close', () => this.#end(new PeerStop('PEER_CLOSED', 'it closed the connection')));
  }

  /** Connects to a peer; PEER_UNREACHABLE when there is none. */
  static async open(host: string, port: number, timeoutMs: number): Promise<Transport> {
    const socket = connect({ host, port });
    await new Promise<void>((resolve, reject) => {
      const unreachable = (why: string, cause?: unknown): void => {
        socket.destroy();
        reject(new PeerStop('PEER_UNREACHABLE', `no connection to ${host}:${port}: ${why}`, undefined, { cause }));
      };
      const timer = setTimeout(() => unreachable(`no answer within ${timeoutMs} ms`), timeoutMs);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve();
      });
      socket.once('error', (cause: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        unreachable(cause.code ?? cause.message, cause);
      });
    });
    return new Transport(socket);
  }

  /** How the connection ended, if it did. */
  get ended(): PeerStop | undefined {
    return this.#ended;
  }

  get unreadBytes(): number {
    return this.#unread;
  }

  /** Resolves once the bytes are handed to the system, or the connection is over: whoever reads next learns of that. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** The next `count` bytes. What came before an end is still read; after it, the end is thrown. PEER_SILENT after `timeoutMs`. */
  async take(count: number, timeoutMs: number): Promise<Buffer> {
    await this.#waitFor(() => this.#unread >= count, timeoutMs);
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = all.length > count ? [all.subarray(count)] : [];
    this.#unread -= count;
    if (this.socket.isPaused() && this.#unread <= MAX_UNREAD_BYTES) this.socket.resume();
    return all.subarray(0, count);
  }

  /** Whatever comes next, at least a byte. */
  async takeSome(timeoutMs: number): Promise<Buffer> {
    await this.#waitFor(() => this.#unread > 0, timeoutMs);
    return this.take(this.#unread, timeoutMs);
  }

  /** Puts bytes back in front, for who read too far. */
  putBack(bytes: Buffer): void {
    this.#chunks.unshift(bytes);
    this.#unread += bytes.length;
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Cuts the connection with a reset instead of a polite end. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #waitFor(ready: () => boolean, timeoutMs: number): Promise<void> {
    if (ready()) return;
    if (this.#ended) throw this.#ended;
    if (this.#wake) throw new Error('two readers of one connection');
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(new PeerStop('PEER_SILENT', `nothing came for ${timeoutMs} ms`)), timeoutMs);
        this.#wake = () => {
          if (ready()) resolve();
          else if (this.#ended) reject(this.#ended);
        };
      });
    } finally {
      clearTimeout(timer);
      this.#wake = undefined;
    }
  }

  #end(reason: PeerStop): void {
    this.#ended ??= reason;
    this.#wake?.();
  }
}
