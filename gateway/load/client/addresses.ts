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

/** For `net.connect`. */
export const lookupOnce: LookupFunction = (name, options, callback) => {
  const answer = (entry: Entry): void => {
    const good = entry.addresses.filter(({ address }) => !entry.refused.has(address));
    const usable = good.length > 0 ? good : entry.addresses;
    const turn = entry.turn++ % usable.length;
    const inTurn = [...usable.slice(turn), ...usable.slice(0, turn)];
    if (options.all === true) callback(null, inTurn);
    else callback(null, inTurn[0]!.address, inTurn[0]!.family);
  };
  const entry = entries.get(name);
  if (entry && performance.now() - entry.askedMs < KEPT_MS) {
    process.nextTick(answer, entry);
    return;
  }
  askResolver(name, { all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    if (entries.size === MOST_NAMES) entries.clear();
    const fresh = { askedMs: performance.now(), addresses, refused: new Set<string>(), turn: 0 };
    entries.set(name, fresh);
    answer(fresh);
  });
};

/** Notes which of a name's addresses refuse this socket. */
export function noteRefusals(name: string, socket: Socket): void {
  socket.on('connectionAttemptFailed', (address: string) => entries.get(name)?.refused.add(address));
}
