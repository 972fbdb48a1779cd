/**
 * Renews a gateway's certificate before it ends: at two thirds of its life and a little more, so that a fleet that was
 * made at one moment does not ask at one moment. Promises: the old identity is used until the new one has connected; a
 * renewal that fails is tried again, sooner as the end comes nearer.
 */
import { X509Certificate } from 'node:crypto';
import type { Credentials, IdentityStore } from './identity-store.ts';

/** Validity begins five minutes before the issue (docs/certificates.md). */
const SKEW_MS = 300_000;
/** Shortest and longest time between two tries; how often a certificate that was issued is tried before it is given up. */
export const RENEWAL_LIMITS = { leastWaitMs: 1_000, mostWaitMs: 3_600_000, triesOfCandidate: 6 } as const;

/** When to renew, ms since 1970: between two thirds and three quarters of the certificate's life. `random` gives [0, 1). */
export function renewalTimeMs({ certificatePem }: Credentials, random: () => number): number {
  const { issuedMs, lifeMs } = lifeOf(certificatePem);
  return issuedMs + lifeMs * (2 / 3 + random() / 12);
}

/**
 * The same for a certificate that has just connected for the first time, but not before a thirtieth of its life from now: a
 * clock that is ahead makes what was just issued seem old, and would have it renewed for ever.
 */
export function nextRenewalMs(credentials: Credentials, nowMs: number, random: () => number): number {
  return Math.max(renewalTimeMs(credentials, random), nowMs + lifeOf(credentials.certificatePem).lifeMs / 30);
}

function lifeOf(certificatePem: string): { readonly issuedMs: number; readonly lifeMs: number } {
  const [from, to] = validityOf(certificatePem);
  const issuedMs = to - from > SKEW_MS ? from + SKEW_MS : from;
  return { issuedMs, lifeMs: to - issuedMs };
}

/** What a renewal needs of the connection. */
export interface RenewalLink {
  readonly connected: boolean;
  /** Asks for a certificate; rejects when none comes. */
  ask(requestPem: string): Promise<string>;
  /** Ends the connection and makes a new one. */
  reconnect(): void;
}

export interface RenewalOptions {
  readonly store: IdentityStore;
  readonly link: RenewalLink;
  readonly now: () => number;
  readonly random: () => number;
  readonly onRenewed: () => void;
  /** Why a renewal failed; it is tried again. */
  readonly onTrouble: (error: Error) => void;
}

export class Renewal {
  readonly #options: RenewalOptions;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Infinity;
  #working: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  start(): void {
    const { store, random } = this.#options;
    if (store.current) this.#dueMs = renewalTimeMs(store.current, random);
    this.#schedule();
  }

  /** Renews as soon as there is a connection, whatever the time. */
  renewNow(): void {
    this.#dueMs = 0;
    this.#schedule();
  }

  /** To be called with each connection and what it was made with. */
  connected(used: Credentials): void {
    this.#enqueue(async () => {
      const { store, now, random, onRenewed } = this.#options;
      if (await store.connected(used)) {
        this.#dueMs = nextRenewalMs(used, now(), random);
        onRenewed();
      }
    });
  }

  /** No more; resolves when nothing is being written. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { now, link } = this.#options;
    const waitMs = Math.min(Math.max(this.#dueMs - now(), 0), RENEWAL_LIMITS.mostWaitMs);
    if (this.#stopped || (waitMs === 0 && !link.connected)) return; // the next connection goes on
    this.#timer = setTimeout(() => this.#enqueue(() => this.#look()), waitMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { store, link, now } = this.#options;
    if (now() < this.#dueMs || !link.connected) return;
    this.#dueMs = now() + this.#waitMs(); // unless it succeeds
    if (store.triesOfCandidate >= RENEWAL_LIMITS.triesOfCandidate) await store.discard();
    if (!store.candidate) await store.accept(await link.ask(await store.request()));
    if (!this.#stopped) link.reconnect();
  }

  /** Until the next try: a tenth to a fifth of what is left, an hour at most. */
  #waitMs(): number {
    const { store, now, random } = this.#options;
    const [, to] = store.current ? validityOf(store.current.certificatePem) : [0, 0];
    return Math.min(Math.max((to - now()) * (0.1 + random() / 10), RENEWAL_LIMITS.leastWaitMs), RENEWAL_LIMITS.mostWaitMs);
  }

  #enqueue(work: () => Promise<void>): void {
    this.#working = this.#working
      .then(() => (this.#stopped ? undefined : work()))
      .catch((error: unknown) => {
        if (!this.#stopped) this.#options.onTrouble(error as Error);
      })
      .then(() => this.#schedule());
  }
}

function validityOf(certificatePem: string): [number, number] {
  const { validFrom, validTo } = new X509Certificate(certificatePem);
  return [Date.parse(validFrom), Date.parse(validTo)];
}
