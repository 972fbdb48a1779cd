/**
 * What a handshake test is made of: cases that say what they offer and expect, results that say what came, and the
 * report that holds them. Everything here is plain data that survives JSON.
 */

/** Least to most severe. */
export const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const OUTCOMES = ['pass', 'fail', 'warn', 'not-run'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const FAMILIES = ['protocol', 'ciphers', 'client-certificate', 'server-certificate', 'after-handshake', 'tls-server', 'mqtt-server'] as const;
/** The first five are a broker's; `tls-server` and `mqtt-server` are lies told to a client. */
export type Family = (typeof FAMILIES)[number];

/** A case as the catalogue lists it. */
export interface CaseInfo {
  /** Stable, lower-case, with its family's short name first: `protocol.tls-1.0`. */
  readonly id: string;
  readonly family: Family;
  readonly title: string;
  /** What goes out on the wire. */
  readonly offered: string;
  /** What a correct peer answers. */
  readonly expected: string;
  /** Where that is written: `RFC 8446 4.1.2`, `MQTT 3.1.1 3.1.0`. */
  readonly sources: readonly string[];
  readonly severity: Severity;
}

/** One thing that happened, in the order in which it did. */
export interface EvidenceStep {
  /** Since the case began. */
  readonly atMs: number;
  readonly kind: 'sent' | 'received' | 'note';
  /** One line: a message by name, an alert by name, a close. Never a key. */
  readonly text: string;
}

/** What a case came to. `reason` is one sentence: why it passed, failed, warns, or was not run. */
export interface Verdict {
  readonly outcome: Outcome;
  readonly reason: string;
}

export interface CaseResult extends Verdict {
  readonly info: CaseInfo;
  readonly evidence: readonly EvidenceStep[];
  readonly durationMs: number;
}

export interface HandshakeReport {
  readonly format: 'thrum handshake report';
  readonly version: 1;
  readonly subject: 'broker' | 'client';
  /** `host:port` of a broker, or how a client is started. */
  readonly target: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** What was found out along the way, such as `protocol versions` → `TLS 1.2, TLS 1.3`. */
  readonly facts: Readonly<Record<string, string>>;
  /** In the catalogue's order. */
  readonly results: readonly CaseResult[];
}

/** Collects what happens in one case, with the time since it began. */
export class Evidence {
  readonly #now: () => number;
  readonly #startMs: number;
  readonly #steps: EvidenceStep[] = [];

  /** `now` is a clock in ms; any epoch will do. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startMs = now();
  }

  sent(text: string): void {
    this.#add('sent', text);
  }

  received(text: string): void {
    this.#add('received', text);
  }

  note(text: string): void {
    this.#add('note', text);
  }

  get steps(): readonly EvidenceStep[] {
    return this.#steps;
  }

  get elapsedMs(): number {
    return this.#now() - this.#startMs;
  }

  /** The most that a case keeps: a flood of messages must not become a flood of evidence. */
  static readonly MAX_STEPS = 200;

  #add(kind: EvidenceStep['kind'], text: string): void {
    if (this.#steps.length < Evidence.MAX_STEPS) this.#steps.push({ atMs: Math.round(this.elapsedMs * 10) / 10, kind, text });
  }
}

export const pass = (reason: string): Verdict => ({ outcome: 'pass', reason });
export const fail = (reason: string): Verdict => ({ outcome: 'fail', reason });
export const warn = (reason: string): Verdict => ({ outcome: 'warn', reason });
export const notRun = (reason: string): Verdict => ({ outcome: 'not-run', reason });
