/** Keeps the revocation lists of a home from running out while its broker runs. */
import { readRevocationLists, renewRevocationLists, revocationPaths } from '../certs/mod.ts';
import type { RevocationSource } from '../broker/mod.ts';
import { now } from './clock.ts';
import type { Home } from './home.ts';

/** How often it is asked whether a list is due: far below the half week in which it can be renewed. */
const LOOK_EVERY_MS = 600_000;

/** Where a broker of the home finds the lists. */
export function revocationSource(home: Home): RevocationSource {
  return { path: revocationPaths(home.certs).crl, read: () => readRevocationLists(home.certs) };
}

/** Renews what is due now, and then again and again; what fails later is told to `onTrouble`. Returns what ends it. */
export async function keepRevocationLists(home: Home, onTrouble: (message: string) => void): Promise<() => Promise<void>> {
  await renewRevocationLists(home.certs, now());
  let renewing = Promise.resolve();
  const timer = setInterval(() => {
    renewing = renewRevocationLists(home.certs, now()).then(
      () => undefined,
      (error: unknown) => onTrouble(`the revocation lists cannot be renewed: ${(error as Error).message}`),
    );
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    return renewing;
  };
}
