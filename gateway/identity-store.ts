/**
 * A gateway's own certificates and keys on disk, across renewals. One folder each, numbered: `<n>/key.pem` and
 * `request.pem` come first, `cert.pem` once it is issued. Promises: a key never leaves its folder; what is on disk after a
 * crash at any step is one of the states below; the identity in use is given up only after its successor has connected.
 *
 *   key and request         asked for, not issued yet: the same request is made again
 *   certificate too         issued: tried first from now on, with the older one to fall back on
 *   no older folder         it has connected: the older one is gone
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRequest, makePrivateDirectory, peerIdentity, publishPrivateDirectory, readPrivateFile, writePrivateFile } from '../certs/mod.ts';
import { GatewayError } from './errors.ts';

/** A certificate with its chain, and its private key, both PEM. */
export interface Credentials {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** An identity that lies elsewhere, such as where it was issued. */
export interface FirstIdentity extends Credentials {
  /** Deletes its key; may be called again. */
  retire(): Promise<void>;
}

export interface StoreOwner {
  readonly projectId: string;
  readonly gatewayId: string;
}

interface Kept extends Credentials {
  readonly number: number;
}

interface Pending {
  readonly number: number;
  readonly requestPem: string;
  readonly keyPem: string;
}

export class IdentityStore {
  readonly #directory: string;
  readonly #owner: StoreOwner;
  readonly #first: FirstIdentity | undefined;
  /** Those with a certificate, oldest first; `first` is not among them. */
  #kept: Kept[] = [];
  #pending: Pending | undefined;
  #next = 1;
  #triesOfCandidate = 0;
  #isFirstGone = false;

  private constructor(directory: string, owner: StoreOwner, first: FirstIdentity | undefined) {
    this.#directory = directory;
    this.#owner = owner;
    this.#first = first;
  }

  /**
   * Opens the store in `directory`, made where there is none. Of `first` and what is kept the later is used: an operator
   * who issues a new identity means it. GATEWAY_IDENTITY when a file is damaged, CERTS_KEY_EXPOSED.
   */
  static async open(directory: string, owner: StoreOwner, first?: FirstIdentity): Promise<IdentityStore> {
    await makePrivateDirectory(directory);
    const store = new IdentityStore(directory, owner, first);
    await store.#read();
    const newest = store.#kept.at(-1);
    if (first && newest && startOf(first) > startOf(newest)) {
      await store.#remove(store.#kept.map(({ number }) => number));
      store.#kept = [];
    }
    return store;
  }

  /** The identity to be relied on; undefined before there is any. */
  get current(): Credentials | undefined {
    return this.#all().at(-2) ?? this.#all().at(-1);
  }

  /** The one that is to follow, while it has not connected yet. */
  get candidate(): Credentials | undefined {
    return this.#all().length > 1 ? this.#all().at(-1) : undefined;
  }

  /** How often the candidate was tried. */
  get triesOfCandidate(): number {
    return this.#triesOfCandidate;
  }

  /** What to connect with now: a candidate, and when that was in vain the older one, in turns. GATEWAY_IDENTITY when there is none. */
  toTry(): Credentials {
    const { candidate, current } = this;
    if (!current) throw new GatewayError('GATEWAY_IDENTITY', `gateway ${this.#owner.gatewayId} has no identity yet`);
    if (!candidate) return current;
    this.#triesOfCandidate += 1;
    return this.#triesOfCandidate % 2 === 1 ? candidate : current;
  }

  /** The request for the next certificate: the one that was not answered, or a new one with a new key. */
  async request(): Promise<string> {
    if (!this.#pending) {
      const { requestPem, keyPem } = await createRequest({ role: 'gateway', ...this.#owner });
      const number = this.#next;
      await publishPrivateDirectory(this.#folder(number), { 'key.pem': keyPem, 'request.pem': requestPem });
      this.#next = number + 1;
      this.#pending = { number, requestPem, keyPem };
    }
    return this.#pending.requestPem;
  }

  /**
   * Keeps the certificate that was issued for the request: the candidate from now on. GATEWAY_REFUSED for one that is not
   * this gateway's, or not for its key.
   */
  async accept(certificatePem: string): Promise<void> {
    const pending = this.#pending;
    if (!pending) throw new GatewayError('GATEWAY_REFUSED', 'a certificate came that was not asked for');
    checkOwn(certificatePem, this.#owner, pending.keyPem);
    await writePrivateFile(join(this.#folder(pending.number), 'cert.pem'), certificatePem);
    this.#pending = undefined;
    this.#triesOfCandidate = 0;
    this.#kept.push({ number: pending.number, certificatePem, keyPem: pending.keyPem });
  }

  /** Says that `used` has connected: if it is the candidate, all before it are deleted. True then. */
  async connected(used: Credentials): Promise<boolean> {
    const candidate = this.candidate;
    if (!candidate || used.certificatePem !== candidate.certificatePem) return false;
    const older = this.#kept.slice(0, -1);
    await this.#remove(older.map(({ number }) => number));
    await this.#first?.retire();
    this.#isFirstGone = true;
    this.#kept = this.#kept.slice(-1);
    return true;
  }

  /** Gives the candidate up, and its key: it never connected. */
  async discard(): Promise<void> {
    const last = this.candidate && this.#kept.at(-1);
    if (!last) return;
    await this.#remove([last.number]);
    this.#kept.pop();
    this.#triesOfCandidate = 0;
  }

  #all(): readonly Credentials[] {
    return [...(this.#first && !this.#isFirstGone ? [this.#first] : []), ...this.#kept];
  }

  #folder(number: number): string {
    return join(this.#directory, String(number).padStart(6, '0'));
  }

  async #read(): Promise<void> {
    const numbers = (await readdir(this.#directory)).filter((name) => /^\d{6,15}$/.test(name)).map(Number).sort((a, b) => a - b);
    this.#next = (numbers.at(-1) ?? 0) + 1;
    for (const number of numbers) {
      const [keyPem, certificatePem, requestPem] = await Promise.all(['key.pem', 'cert.pem', 'request.pem'].map((name) => readIfThere(join(this.#folder(number), name))));
      if (keyPem && certificatePem) {
        this.#check(number, certificatePem, keyPem);
        this.#kept.push({ number, certificatePem, keyPem });
      } else if (keyPem && requestPem && number === numbers.at(-1)) this.#pending = { number, requestPem, keyPem };
      else await this.#remove([number]); // a removal that was killed halfway
    }
  }

  #check(number: number, certificatePem: string, keyPem: string): void {
    try {
      checkOwn(certificatePem, this.#owner, keyPem);
    } catch (cause) {
      throw new GatewayError('GATEWAY_IDENTITY', `${this.#folder(number)} is damaged (${(cause as Error).message}): move it away, and issue a new identity`, { cause });
    }
  }

  /** The keys first: what is left after a crash is no identity. */
  async #remove(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      await rm(join(this.#folder(number), 'key.pem'), { force: true });
      await rm(this.#folder(number), { recursive: true, force: true });
    }
  }
}

function startOf({ certificatePem }: Credentials): number {
  return Date.parse(new X509Certificate(certificatePem).validFrom);
}

function checkOwn(certificatePem: string, { projectId, gatewayId }: StoreOwner, keyPem: string): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certificatePem);
  } catch (cause) {
    throw new GatewayError('GATEWAY_REFUSED', 'what came is no certificate', { cause });
  }
  const identity = peerIdentity(certificate);
  if (identity?.projectId !== projectId || identity.gatewayId !== gatewayId) throw new GatewayError('GATEWAY_REFUSED', 'the certificate that came is not this gateway’s');
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) throw new GatewayError('GATEWAY_REFUSED', 'the certificate that came is for another key');
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readPrivateFile(path)).toString('utf8');
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined;
    throw error;
  }
}
