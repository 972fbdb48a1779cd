/** Limits of one broker. All are answers, not crashes: past them a client is held back or refused. */
import { MAX_FRAME_BYTES } from '../frame/mod.ts';

export const BROKER_LIMITS = {
  connections: 20_000,
  handshakeMs: 10_000,
  connectMs: 10_000,
  /** How long a client may leave what it is sent unread. */
  drainMs: 10_000,
  inFlightPerClient: 256,
  inFlightBytesPerClient: 2 * 2 ** 20,
  packetBytes: MAX_FRAME_BYTES + 1024,
  topicLevels: 8,
} as const;
