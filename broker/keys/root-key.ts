/**
 * The secret under which the key store is encrypted: 32 random bytes in a file of mode 0600, or a passphrase stretched
 * with scrypt (RFC 7914). Neither ever appears in a log, an argument or a URL.
 */
import { randomBytes, scrypt } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readPrivateFile, writePrivateFile } from '../../certs/mod.ts';
import { KeyError } from '../errors.ts';

const deriveWithScrypt = promisify<Buffer, Buffer, number, object, Buffer>(scrypt);

/** OWASP's first choice for scrypt: 128 MiB and about 0.3 s of one core. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 160 * 2 ** 20 };

export type RootSource = { readonly kind: 'file' } | { readonly kind: 'passphrase'; readonly passphrase: string };

/** The root key for a key store whose header carries `salt`. Slow with a passphrase: call once for each salt. */
export async function rootKeyFor(source: RootSource, directory: string, salt: Buffer): Promise<Buffer> {
  if (source.kind === 'passphrase') {
    return deriveWithScrypt(Buffer.from(source.passphrase.normalize('NFKC'), 'utf8'), salt, 32, SCRYPT);
  }
  const path = join(directory, 'root.key');
  const text = (await readPrivateFile(path)).toString('utf8').trim();
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new KeyError('KEYSTORE_DAMAGED', `${path} is not a root key (64 hex digits); restore it from your backup`);
  }
  return Buffer.from(text, 'hex');
}

/** Makes the root key file of a new key store; a passphrase needs none. One that is there is kept: a backup may need it. */
export async function createRootKey(source: RootSource, directory: string): Promise<void> {
  const path = join(directory, 'root.key');
  if (source.kind !== 'file' || (await isThere(path))) return;
  await writePrivateFile(path, `${randomBytes(32).toString('hex')}\n`);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
