/**
 * Records (RFC 8446 5, RFC 5246 6.2): framing, protection once keys are there, and reassembly of handshake messages. Writes
 * whatever it is told to, in as small pieces and with whatever version as asked; reads strictly. An alert that comes is
 * noted by name and thrown.
 */
import { PeerStop } from '../errors.ts';
import type { Evidence } from '../model.ts';
import { Reader, u16, u24, u8 } from './bytes.ts';
import { ALERT, alertName, CONTENT, handshakeName } from './names.ts';
import type { RecordCipher } from './record-cipher.ts';
import type { Transport } from './transport.ts';

/** Fragment of a record, plain: RFC 8446 5.1. */
export const MAX_FRAGMENT_BYTES = 2 ** 14;
/** And of a protected one, in TLS 1.2, which allows more than TLS 1.3. */
const MAX_PROTECTED_BYTES = 2 ** 14 + 2048;
/** A handshake message that a test reads: a long chain of certificates fits. */
const MAX_MESSAGE_BYTES = 512 * 1024;

export interface Message {
  readonly type: number;
  readonly body: Buffer;
  /** With its header, for the transcript. */
  readonly raw: Buffer;
}

export interface Record {
  readonly type: number;
  readonly fragment: Buffer;
}

export class RecordLayer {
  readonly transport: Transport;
  readonly evidence: Evidence;
  /** What stands in the header of what is written. */
  version = 0x0301;
  writeCipher: RecordCipher | undefined;
  readCipher: RecordCipher | undefined;
  /** Bytes of a fragment at most; smaller ones split messages. */
  fragmentBytes = MAX_FRAGMENT_BYTES;
  #handshake = Buffer.alloc(0);
  /** Largest plain fragment that came. */
  largestReadBytes = 0;

  constructor(transport: Transport, evidence: Evidence) {
    this.transport = transport;
    this.evidence = evidence;
  }

  /** Writes one record as it is, split if it is longer than `fragmentBytes`. */
  async writeRecord(type: number, fragment: Uint8Array): Promise<void> {
    const records: Buffer[] = [];
    for (let at = 0; at === 0 || at < fragment.length; at += this.fragmentBytes) {
      const piece = fragment.subarray(at, at + this.fragmentBytes);
      const { type: outer, body } = this.writeCipher?.seal(type, piece) ?? { type, body: piece };
      records.push(Buffer.concat([u8(outer), u16(this.version), u16(body.length), body]));
    }
    await this.transport.write(Buffer.concat(records));
  }

  /** Writes a handshake message and returns it with its header, for the transcript. */
  async writeMessage(type: number, body: Uint8Array, said?: string): Promise<Buffer> {
    const raw = encodeMessage(type, body);
    this.evidence.sent(said ?? handshakeName(type));
    await this.writeRecord(CONTENT.handshake, raw);
    return raw;
  }

  async writeAlert(level: 1 | 2, description: number): Promise<void> {
    this.evidence.sent(`alert ${level === 1 ? 'warning' : 'fatal'} ${alertName(description)}`);
    await this.writeRecord(CONTENT.alert, Buffer.of(level, description));
  }

  /** The next record, opened; ChangeCipherSpec and warnings come through, other alerts are thrown as PEER_ALERT. */
  async readRecord(timeoutMs: number): Promise<Record> {
    const header = new Reader(await this.#take(5, timeoutMs));
    const outer = header.u8();
    const version = header.u16();
    const bytes = header.u16();
    if (outer < 20 || outer > 24 || version >> 8 !== 3) {
      throw this.#malformed('what came is no TLS record');
    }
    if (bytes > MAX_PROTECTED_BYTES) throw this.#malformed(`a record of ${bytes} bytes, more than TLS allows`);
    const body = await this.#take(bytes, timeoutMs);
    const isPlain = this.readCipher === undefined || outer === CONTENT.changeCipherSpec;
    const { type, fragment } = isPlain ? { type: outer, fragment: body } : this.readCipher!.open(outer, body);
    this.largestReadBytes = Math.max(this.largestReadBytes, fragment.length);
    if (type === CONTENT.alert) this.#alert(fragment);
    return { type, fragment };
  }

  /** The next handshake message. Data of the application in between is an error, ChangeCipherSpec goes to `onChangeCipherSpec`. */
  async readMessage(timeoutMs: number, onChangeCipherSpec?: () => void): Promise<Message> {
    for (;;) {
      const message = this.#nextMessage();
      if (message) {
        this.evidence.received(handshakeName(message.type));
        return message;
      }
      const { type, fragment } = await this.readRecord(timeoutMs);
      if (type === CONTENT.handshake) this.addHandshake(fragment);
      else if (type === CONTENT.changeCipherSpec) onChangeCipherSpec?.();
      else if (type !== CONTENT.alert) throw this.#malformed(`a record of type ${type} in the middle of the handshake`);
    }
  }

  /** For who reads records by hand: gives a handshake fragment to the reassembly. */
  addHandshake(fragment: Buffer): void {
    this.#handshake = Buffer.concat([this.#handshake, fragment]);
  }

  /** A whole handshake message that has been read already. */
  pendingMessage(): Message | undefined {
    return this.#nextMessage();
  }

  async #take(count: number, timeoutMs: number): Promise<Buffer> {
    try {
      return await this.transport.take(count, timeoutMs);
    } catch (error) {
      if (error instanceof PeerStop) this.evidence.received(error.message);
      throw error;
    }
  }

  #nextMessage(): Message | undefined {
    if (this.#handshake.length < 4) return undefined;
    const bytes = this.#handshake.readUIntBE(1, 3);
    if (bytes > MAX_MESSAGE_BYTES) throw this.#malformed(`a handshake message of ${bytes} bytes`);
    if (this.#handshake.length < 4 + bytes) return undefined;
    const raw = this.#handshake.subarray(0, 4 + bytes);
    this.#handshake = this.#handshake.subarray(4 + bytes);
    return { type: raw[0]!, body: raw.subarray(4), raw };
  }

  #alert(fragment: Buffer): void {
    const [level, description] = [fragment[0] ?? 0, fragment[1] ?? 0];
    const text = `alert ${level === 1 ? 'warning' : 'fatal'} ${alertName(description)}`;
    this.evidence.received(text);
    const isOnlyWarning = level === 1 && description !== ALERT.closeNotify && description !== ALERT.noRenegotiation;
    if (!isOnlyWarning) throw new PeerStop('PEER_ALERT', text, description);
  }

  #malformed(message: string): PeerStop {
    this.evidence.received(message);
    return new PeerStop('PEER_MALFORMED', message);
  }
}

export function encodeMessage(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([u8(type), u24(body.length), body]);
}
