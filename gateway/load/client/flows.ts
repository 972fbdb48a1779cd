/**
 * Publishes of one client on their way, both ways: PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP. Promises: each packet is what the
 * protocol allows at that point, or is called no MQTT; what comes with QoS 2 is handed on once, however often it is sent.
 */
import type { ClientHost } from './host.ts';
import type { LoadClient } from './client.ts';
import { acknowledgement, PACKET, readLength } from './packets.ts';

/** An id that no publish of the load has: of SUBSCRIBE, UNSUBSCRIBE and requests, one at a time. */
export const CONTROL_ID = 65_535;

/** What the last acknowledgement of a publish is called where it says no. */
const REFUSALS: Readonly<Record<number, string>> = { [PACKET.puback]: 'puback', [PACKET.pubrec]: 'pubrec', [PACKET.pubcomp]: 'pubcomp' };
/** Low bits of its first byte; of the other acknowledgements they are 0. */
const FLAGS_OF_PUBREL = 2;

export class Flows {
  readonly #client: LoadClient;
  readonly #host: ClientHost;
  /** QoS 2: ids that the broker has not released yet; made when the first comes. */
  #received: Set<number> | undefined;
  #hasRequested = false;
  #isResumed = false;

  constructor(client: LoadClient, host: ClientHost) {
    this.#client = client;
    this.#host = host;
  }

  /** A connection stands. A broker that has kept the session may speak of what was before. */
  begin(isResumed: boolean): void {
    this.#isResumed = isResumed;
    if (!isResumed) this.#received = undefined;
  }

  /** A publish with CONTROL_ID was written: its acknowledgement may come. */
  expectRequest(): void {
    this.#hasRequested = true;
  }

  /** Takes a packet of those kinds. Returns false when it is no MQTT. */
  take(first: number, bytes: Buffer, start: number, end: number): boolean {
    const kind = first >>> 4;
    if (kind === PACKET.publish) return this.#onPublish(first, bytes, start, end);
    const { mqttVersion } = this.#client.settings;
    if (mqttVersion === 4 ? end - start !== 2 : end - start < 2) return false;
    if ((first & 15) !== (kind === PACKET.pubrel ? FLAGS_OF_PUBREL : 0)) return false;
    const id = bytes.readUInt16BE(start);
    const reason = end - start > 2 ? bytes[start + 2]! : 0;
    if (kind === PACKET.pubrel) return this.#onRelease(id);
    if (kind === PACKET.pubrec) return this.#onReceived(id, reason);
    return this.#onAcknowledgement(kind, id, reason);
  }

  /** PUBCOMP comes after PUBREL, PUBACK without it; of ids that are not known only a broker may speak that kept a session. */
  #onAcknowledgement(kind: number, id: number, reason: number): boolean {
    const { inFlight } = this.#client;
    if (!inFlight.has(id)) return this.#isResumed || (id === CONTROL_ID && this.#hasRequested && kind === PACKET.puback);
    const isReleased = inFlight.isReleased(id);
    const isRefused = kind === PACKET.pubrec;
    if (!isRefused && isReleased !== (kind === PACKET.pubcomp)) return false;
    const { dueUs, ticket } = inFlight.take(id)!;
    if (reason >= 0x80) this.#host.onUnacknowledged(this.#client, [ticket], `mqtt.${REFUSALS[kind]!}.${reason}`);
    else this.#host.onAcknowledged(this.#client, dueUs, ticket);
    return true;
  }

  #onReceived(id: number, reason: number): boolean {
    if (reason >= 0x80) return this.#onAcknowledgement(PACKET.pubrec, id, reason);
    if (!this.#client.inFlight.release(id) && !this.#isResumed) return false;
    this.#client.write(acknowledgement(PACKET.pubrel, id));
    return true;
  }

  #onRelease(id: number): boolean {
    this.#received?.delete(id);
    this.#client.write(acknowledgement(PACKET.pubcomp, id));
    return true;
  }

  #onPublish(first: number, bytes: Buffer, start: number, end: number): boolean {
    const qos = (first >>> 1) & 3;
    if (qos === 3 || end - start < 2) return false;
    const topicEnd = start + 2 + bytes.readUInt16BE(start);
    let at = topicEnd + (qos > 0 ? 2 : 0);
    if (at > end) return false;
    if (this.#client.settings.mqttVersion === 5) {
      const properties = readLength(bytes, at, end);
      if (!properties) return false;
      at = properties.after + properties.length;
      if (at > end) return false;
    }
    if (qos > 0) {
      const id = bytes.readUInt16BE(topicEnd);
      if (id === 0) return false;
      const isNew = qos === 1 || this.#isFirst(id);
      this.#client.write(acknowledgement(qos === 1 ? PACKET.puback : PACKET.pubrec, id));
      if (!isNew) return true;
    }
    this.#host.onMessage(this.#client, bytes.toString('utf8', start + 2, topicEnd), bytes, at, end, (first & 1) === 1 ? 'retained' : 'live');
    return true;
  }

  #isFirst(id: number): boolean {
    this.#received ??= new Set();
    if (this.#received.has(id)) return false;
    this.#received.add(id);
    return true;
  }
}
