/**
 * When messages are due: a rate over time as straight pieces, and its inverse. Open loop: due times follow from the pace
 * alone, never from answers.
 */
import type { Pace } from './scenario.ts';

/** From one rate to another in a line, for so long. */
interface Piece {
  readonly fromPerS: number;
  readonly toPerS: number;
  readonly forS: number;
}

/** A rate over time. The pieces follow each other; after the last the first comes again, or the last rate goes on. */
export class RateCurve {
  readonly #pieces: readonly Piece[];
  readonly #repeats: boolean;
  /** Messages of one round, and its length. */
  readonly #roundMessages: number;
  readonly #roundS: number;

  constructor(pieces: readonly Piece[], repeats: 'repeats' | 'goes on') {
    this.#pieces = pieces;
    this.#repeats = repeats === 'repeats';
    this.#roundMessages = pieces.reduce((sum, piece) => sum + messagesOf(piece), 0);
    this.#roundS = pieces.reduce((sum, { forS }) => sum + forS, 0);
  }

  /** Seconds from the start until `messages` (not whole) have been due; Infinity if that never happens. */
  timeOfS(messages: number): number {
    let rest = messages;
    let at = 0;
    if (this.#repeats && this.#roundMessages > 0) {
      const rounds = Math.floor(rest / this.#roundMessages);
      rest -= rounds * this.#roundMessages;
      at = rounds * this.#roundS;
    }
    for (const piece of this.#pieces) {
      const own = messagesOf(piece);
      if (rest < own) return at + timeWithin(piece, rest);
      rest -= own;
      at += piece.forS;
    }
    const last = this.#pieces.at(-1)!.toPerS;
    return rest <= 0 ? at : last > 0 ? at + rest / last : Infinity;
  }

  /** Messages (not whole) that have been due `s` seconds from the start. */
  messagesAt(s: number): number {
    if (s <= 0) return 0;
    let rest = s;
    let messages = 0;
    if (this.#repeats) {
      const rounds = Math.floor(rest / this.#roundS);
      rest -= rounds * this.#roundS;
      messages = rounds * this.#roundMessages;
    }
    for (const piece of this.#pieces) {
      if (rest < piece.forS) return messages + messagesUntil(piece, rest);
      messages += messagesOf(piece);
      rest -= piece.forS;
    }
    return messages + rest * this.#pieces.at(-1)!.toPerS;
  }
}

function messagesUntil({ fromPerS, toPerS, forS }: Piece, s: number): number {
  return fromPerS * s + ((toPerS - fromPerS) / (2 * forS)) * s * s;
}

function messagesOf({ fromPerS, toPerS, forS }: Piece): number {
  return ((fromPerS + toPerS) / 2) * forS;
}

/** Solves from·t + (to − from)/(2·for)·t² = messages, in the form that does not cancel. */
function timeWithin({ fromPerS, toPerS, forS }: Piece, messages: number): number {
  if (messages <= 0) return 0;
  const slope = (toPerS - fromPerS) / forS;
  const rates = fromPerS + Math.sqrt(Math.max(0, fromPerS * fromPerS + 2 * slope * messages));
  return rates === 0 ? 0 : (2 * messages) / rates; // so few that their root is nothing
}

const FOREVER_S = 1e9;

/** The curve of an open-loop pace of a whole group; `searchedPerS` is the rate that a search tries now. */
export function curveOf(pace: Exclude<Pace, { kind: 'closed' | 'self-tuning' }>, searchedPerS: number): RateCurve {
  switch (pace.kind) {
    case 'rate':
      return new RateCurve([{ fromPerS: pace.perS, toPerS: pace.perS, forS: FOREVER_S }], 'goes on');
    case 'searched':
      return new RateCurve([{ fromPerS: searchedPerS, toPerS: searchedPerS, forS: FOREVER_S }], 'goes on');
    case 'ramp':
      return new RateCurve([{ fromPerS: pace.fromPerS, toPerS: pace.toPerS, forS: pace.overMs / 1000 }], 'goes on');
    case 'steps': {
      const { fromPerS, toPerS, steps, overMs } = pace;
      const rateOf = (step: number): number => (steps === 1 ? toPerS : fromPerS + ((toPerS - fromPerS) * step) / (steps - 1));
      return new RateCurve(Array.from({ length: steps }, (_, step) => ({ fromPerS: rateOf(step), toPerS: rateOf(step), forS: overMs / 1000 / steps })), 'goes on');
    }
    case 'spikes': {
      const { basePerS, spikePerS, periodMs, spikeMs } = pace;
      const calm = { fromPerS: basePerS, toPerS: basePerS, forS: (periodMs - spikeMs) / 1000 };
      return new RateCurve([calm, { fromPerS: spikePerS, toPerS: spikePerS, forS: spikeMs / 1000 }], 'repeats');
    }
  }
}
