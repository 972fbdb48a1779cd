/** Keeps the revocation lists of a home from running out while its broker runs, and says so in time where it cannot. */
import { readRevocationLists, renewRevocationLists, revocationPaths } from '../certs/mod.ts';
import type { RevocationSource } from '../broker/mod.ts';
import { now } from './clock.ts';
import type { Home } from './home.ts';

/** How often it is asked whether a list is due: far below the half week in which it can be renewed. */
const LOOK_EVERY_MS = 600_000;
/** A list with less than this part of its life left is complained of: a month of the root's year. */
const LATE_PART = 1 / 12;

/** Where a broker of the home finds the lists. */
export function revocationSource(home: Home): RevocationSource {
  return { path: revocationPaths(home.certs).crl, read: () => readRevocationLists(home.certs) };
}

/** Renews what is due now, and then again and again; what cannot be is told to `onTrouble`, each thing once. Returns what ends it. */
export async function keepRevocationLists(home: Home, onTrouble: (message: string) => void): Promise<() => Promise<void>> {
  const said = new Set<string>();
  const complain = (message: string): void => {
    if (!said.has(message)) onTrouble(message);
    said.add(message);
  };
  await look(home, complain);
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = look(home, complain).catch((error: unknown) => complain(`the revocation lists cannot be renewed: ${(error as Error).message}`));
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    return looking;
  };
}

async function look(home: Home, complain: (message: string) => void): Promise<void> {
  await renewRevocationLists(home.certs, now());
  const remedy = "put its key back and run 'thrum certs crl --publish'";
  const lists = await readRevocationLists(home.certs);
  if (lists?.complete !== true) complain(`${revocationPaths(home.certs).crl} lacks the list of an authority: ${remedy}`);
  for (const { crl, authority } of lists?.lists ?? []) {
    if (crl.nextUpdateMs - now() > authority.lifetimeMs * LATE_PART) continue;
    complain(`the revocation list of ${authority.paths.certificatePath} ends ${new Date(crl.nextUpdateMs).toISOString()}, then nobody is let in: ${remedy}`);
  }
}
