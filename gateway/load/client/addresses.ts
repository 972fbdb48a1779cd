/**
 * Where names lead, asked once and kept for a while: thousands of clients that ask for one name would measure the resolver. Each
 * connect gets the addresses in turn; those that refuse while others do not are left out until the name is asked for again.
 */
import { lookup as askResolver, type LookupAddress } from 'node:dns';
import type { LookupFunction, Socket } from 'node:net';

const KEPT_MS = 30_000;
const MOST_NAMES = 64;

interface Entry {
  readonly askedMs: number;
  readonly addresses: readonly LookupAddress[];
  readonly refused: Set<string>;
  turn: number;
}

const entries = new Map<string, Entry>();
/** Names that are being asked for, and who waits for the answer. */
const asked = new Map<string, ((error: Error | null, entry?: Entry) => void)[]>();

/** For `net.connect`. */
export const lookupOnce: LookupFunction = (name, options, callback) => {
  const answer = (error: Error | null, entry?: Entry): void => {
    if (!entry) return callback(error, []);
    const good = entry.addresses.filter(({ address }) => !entry.refused.has(address));
    const usable = good.length > 0 ? good : entry.addresses;
    const turn = entry.turn++ % usable.length;
    const inTurn = [...usable.slice(turn), ...usable.slice(0, turn)];
    if (options.all === true) callback(null, inTurn);
    else callback(null, inTurn[0]!.address, inTurn[0]!.family);
  };
  const entry = entries.get(name);
  if (entry && performance.now() - entry.askedMs < KEPT_MS) {
    process.nextTick(answer, null, entry);
    return;
  }
  const waiting = asked.get(name);
  if (waiting) waiting.push(answer);
  else ask(name, answer);
};

/** Asks for a name once for all who want to know it meanwhile. */
function ask(name: string, answer: (error: Error | null, entry?: Entry) => void): void {
  const waiting = [answer];
  asked.set(name, waiting);
  askResolver(name, { all: true }, (error, addresses) => {
    asked.delete(name);
    let entry: Entry | undefined;
    if (!error) {
      if (entries.size === MOST_NAMES) entries.clear();
      entries.set(name, (entry = { askedMs: performance.now(), addresses, refused: new Set<string>(), turn: 0 }));
    }
    for (const one of waiting) one(error, entry);
  });
}

/** Notes which of a name's addresses refuse this socket. */
export function noteRefusals(name: string, socket: Socket): void {
  socket.on('connectionAttemptFailed', (address: string) => entries.get(name)?.refused.add(address));
}
