/**
 * A TLS server that lies on purpose, record by record: each message may be altered, left out, signed by the wrong key. It
 * goes on as long as the device does, and says how far that was; what it means is for the case to judge.
 */
import { randomBytes, type KeyObject } from 'node:crypto';
import { PeerStop } from '../errors.ts';
import { u16, u8, vector } from '../wire/bytes.ts';
import { encodeExtension, type RawExtension } from '../wire/client-hello.ts';
import { digest, type HashName } from '../wire/key-schedule.ts';
import { CONTENT, HANDSHAKE } from '../wire/names.ts';
import type { RecordCipher } from '../wire/record-cipher.ts';
import { RecordLayer, type Message } from '../wire/record-layer.ts';
import { Transport } from '../wire/transport.ts';
import type { Evidence } from '../model.ts';
import type { ServerIdentity } from './bait.ts';
import type { ClientHello } from './client-hello.ts';
import type { DeviceConnection } from './connection.ts';

/** How long the device may take for its next message. */
export const ANSWER_MS = 8_000;

/** How far a device went. */
export type Reached =
  /** It went on after the server's first flight, or in TLS 1.3 sent its Finished. */
  | 'handshake'
  /** It sent MQTT. */
  | 'data';

export interface Outcome {
  readonly reached?: Reached;
  /** How it refused, when it did: an alert, a close, a silence. */
  readonly stop?: PeerStop;
}

export interface ServerHelloFields {
  readonly version: number;
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly suite: number;
  readonly compression: number;
  readonly extensions: readonly RawExtension[];
}

/** What is altered. Whatever is not given is honest. */
export interface Lies {
  /** Cipher suite, whether the device offers it or not. */
  readonly suite?: number;
  readonly serverHello?: (honest: ServerHelloFields) => ServerHelloFields;
  /** Group of the key share (in TLS 1.3: that is asked for), whether the device offers it or not; one that key-exchange.ts makes. */
  readonly group?: number;
  readonly chain?: readonly Uint8Array[];
  /** Key that signs in place of the certificate's. */
  readonly signingKey?: KeyObject;
  readonly scheme?: number;
  readonly signature?: (honest: Buffer) => Buffer;
  readonly finished?: (honest: Buffer) => Buffer;
  /** Handshake messages that are left out. */
  readonly omit?: readonly number[];
  /** TLS 1.3: further encrypted extensions. */
  readonly encryptedExtensions?: readonly RawExtension[];
  /** Sent before ServerHello, as it is. */
  readonly before?: Buffer;
  /** Handshake messages are cut into pieces of that many bytes. */
  readonly fragmentBytes?: number;
}

/** One connection on which lies are told: records, and the transcript of what both sides have said. */
export class Liar {
  readonly hello: ClientHello;
  readonly identity: ServerIdentity;
  readonly lies: Lies;
  readonly random = randomBytes(32);
  readonly records: RecordLayer;
  readonly #transcript: Buffer[];

  constructor(connection: DeviceConnection, hello: ClientHello, identity: ServerIdentity, lies: Lies, evidence: Evidence) {
    this.hello = hello;
    this.identity = identity;
    this.lies = lies;
    connection.discard();
    this.records = new RecordLayer(new Transport(connection.socket), evidence);
    connection.socket.resume();
    this.records.version = 0x0303;
    if (lies.fragmentBytes !== undefined) this.records.fragmentBytes = lies.fragmentBytes;
    this.#transcript = [hello.message];
  }

  /** Sends a handshake message, unless it is to be left out. */
  async say(type: number, body: Uint8Array): Promise<void> {
    if (this.lies.omit?.includes(type)) return;
    this.#transcript.push(await this.records.writeMessage(type, body));
  }

  async sayHello(honest: ServerHelloFields): Promise<ServerHelloFields> {
    if (this.lies.before) await this.records.transport.write(this.lies.before);
    const fields = this.lies.serverHello?.(honest) ?? honest;
    const extensions = fields.extensions.length === 0 ? Buffer.alloc(0) : vector(2, ...fields.extensions.map(encodeExtension));
    await this.say(HANDSHAKE.serverHello, Buffer.concat([u16(fields.version), fields.random, vector(1, fields.sessionId), u16(fields.suite), u8(fields.compression), extensions]));
    return fields;
  }

  /** The device's next handshake message. */
  async listen(): Promise<Message> {
    const message = await this.records.readMessage(ANSWER_MS);
    this.#transcript.push(message.raw);
    return message;
  }

  hash(name: HashName): Buffer {
    return digest(name, ...this.#transcript);
  }

  /** Waits for application data; alerts and closes are thrown. */
  async data(): Promise<Buffer> {
    for (;;) {
      const { type, fragment } = await this.records.readRecord(ANSWER_MS);
      if (type === CONTENT.applicationData && fragment.length > 0) return fragment;
    }
  }
}

/** Opens as `cipher` does, but lets an alert through that was sent before the device had its keys. */
export function alsoPlainAlerts(cipher: RecordCipher): RecordCipher {
  return {
    seal: (type, fragment) => cipher.seal(type, fragment),
    open: (type, body) => (type === CONTENT.alert && body.length === 2 ? { type, fragment: Buffer.from(body) } : cipher.open(type, body)),
  };
}

/** Runs a conversation up to where the device stops it. */
export async function upToStop(talk: (reach: (how: Reached) => void) => Promise<void>): Promise<Outcome> {
  let reached: Reached | undefined;
  const soFar = (): { reached?: Reached } => (reached === undefined ? {} : { reached });
  try {
    await talk((how) => (reached = how));
    return soFar();
  } catch (error) {
    if (error instanceof PeerStop) return { ...soFar(), stop: error };
    throw error;
  }
}
