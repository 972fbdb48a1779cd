/** Where a gateway finds the revocation lists for its broker: a file, read anew whenever it has changed. */
import { readFileSync, statSync } from 'node:fs';
import { readCrls, revocationPaths, type Crl } from '../certs/mod.ts';
import type { ServerRevocation } from '../gateway/mod.ts';
import type { Home } from './home.ts';

/** Lists of a file that must be there, among them one of an authority in the broker's chain. CERTS_BAD_CRL, or what the system says, now and later. */
export function revocationFile(path: string): ServerRevocation {
  const lists = watched(path);
  lists();
  return { lists, withoutList: 'refuse' };
}

/** The lists of a home, as far as it has any. CERTS_BAD_CRL now and later. */
export function homeRevocation(home: Home): ServerRevocation {
  const all = watched(revocationPaths(home.certs).crl);
  const lists = (): readonly Crl[] => {
    try {
      return all();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };
  lists();
  return { lists, withoutList: 'accept' };
}

/** Thousands of gateways may ask at once: the file is decoded once for each version of it. */
function watched(path: string): () => readonly Crl[] {
  let known: { readonly version: string; readonly lists: readonly Crl[] } | undefined;
  return () => {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    const version = `${ino} ${size} ${mtimeNs}`;
    if (known?.version !== version) known = { version, lists: readCrls(readFileSync(path, 'utf8'), path) };
    return known.lists;
  };
}
