/**
 * Which sensors are heard. The store has no word for a sensor that comes or goes, so this is derived: a sensor is connected
 * when a message of it is received, and disconnected when SILENCE_MS have passed by the broker's clock without one.
 */

/** The sensors modelled measure every hour: a day without a word is no late batch. */
export const SILENCE_MS = 24 * 3_600_000;

/** The message that was heard last. */
export interface Heard {
  readonly receivedMs: number;
  /** By the sensor's clock. */
  readonly timeMs: number;
  readonly gatewayId: string;
  /** Names the message within the project for all time. */
  readonly messageKey: string;
}

interface Presence {
  /** Sensors that had been silent for too long by `nowMs`, in the order in which they fell silent; each is told once. */
  silent(nowMs: number): { readonly sensorId: string; readonly last: Heard }[];
  /** Takes note of a message; true when the sensor was not connected before. */
  heard(sensorId: string, message: Heard): boolean;
}

export function presence(): Presence {
  /** Sensors in the order in which they were heard last. */
  const connected = new Map<string, Heard>();
  return {
    silent: (nowMs) => {
      const gone: { sensorId: string; last: Heard }[] = [];
      for (const [sensorId, last] of connected) {
        if (last.receivedMs + SILENCE_MS > nowMs) break;
        connected.delete(sensorId);
        gone.push({ sensorId, last });
      }
      return gone;
    },
    heard: (sensorId, message) => {
      const isNew = !connected.delete(sensorId);
      connected.set(sensorId, message);
      return isNew;
    },
  };
}
