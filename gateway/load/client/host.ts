/** What a load client is told, and what it tells: settings, how to connect, and who hears of its life. */
import type { SecureContext } from 'node:tls';
import type { NowUs } from '../clock.ts';
import type { Broker, Qos } from '../scenario.ts';
import type { LoadClient } from './client.ts';

/** What a client says of itself; the same for all of a group but for id and will. */
export interface ClientSettings {
  readonly clientId: string;
  readonly mqttVersion: 4 | 5;
  readonly cleanSession: boolean;
  readonly sessionExpiryS: number;
  readonly keepAliveS: number;
  readonly will?: { readonly topic: string; readonly payload: Buffer; readonly qos: Qos; readonly retain: boolean };
}

export interface ConnectOptions {
  readonly broker: Broker;
  readonly context: SecureContext | undefined;
  readonly verify: boolean;
  /** TLS session to resume. */
  readonly session: Buffer | undefined;
  /** Whether `onSession` is told of sessions. */
  readonly keepsSession: boolean;
  readonly localAddress: string | undefined;
  readonly timeoutMs: number;
}

/** When the parts of a connect were done, µs since 1970. */
export interface ConnectTimes {
  readonly beganUs: number;
  readonly tcpUs: number;
  /** Without TLS, when TCP stood. */
  readonly tlsUs: number;
  /** When CONNECT was sent: at once, or after the WebSocket's handshake. */
  readonly readyUs: number;
  readonly connackUs: number;
  readonly sessionPresent: boolean;
}

/** Why a message came: it was published just now, or the broker had kept it from before the subscription. */
export type Origin = 'live' | 'retained';

/** Who hears of a client's life; one for all of a worker. */
export interface ClientHost {
  readonly now: NowUs;
  onAcknowledged(client: LoadClient, dueUs: number, ticket: number): void;
  /** A message came; the buffer is only valid during the call. */
  onMessage(client: LoadClient, topic: string, bytes: Buffer, payloadStart: number, payloadEnd: number, origin: Origin): void;
  /** There is room again for publishes. */
  onRoom(client: LoadClient): void;
  /** A connection that stood ended and we did not end it. One whose `connect` rejects never stood. */
  onClosed(client: LoadClient, kind: string): void;
  /** Tickets of publishes whose acknowledgement can no longer come; `refusal` is the kind of failure when the broker said no: `mqtt.puback.135`. */
  onUnacknowledged(client: LoadClient, tickets: readonly number[], refusal?: string): void;
  /** A TLS session that can be resumed. */
  onSession(client: LoadClient, session: Buffer): void;
}
