/**
 * Answers requests for certificates that come over MQTT. Promises: each admitted request gets one answer, `issued` with
 * the certificate or `refused` with a reason, unless the connection or the broker ends first; what is said of a failure
 * tells nothing of this machine; nobody gets more answers than the rate allows.
 */
import type { X509Certificate } from 'node:crypto';
import { AdmissionError } from './errors.ts';

/** Answered requests of one asker in a minute, and askers that are kept count of in it. */
const REQUEST_LIMITS = { perMinute: 6, askers: 20_000 } as const;

/** The same for all who share a claim: many devices may be switched on at one moment. */
export const CLAIM_REQUESTS_PER_MINUTE = 600;

/** Who asks, for whom, and with what. */
export interface CertificateQuestion {
  readonly projectId: string;
  readonly gatewayId: string;
  readonly requestPem: string;
  /** The claim that the asker has, if it has no identity yet. */
  readonly claimId?: string;
  /** The certificate that the asker has shown. */
  readonly certificate: X509Certificate;
}

/**
 * Gives the certificate and its chain, PEM. What it throws is the reason of a refusal: word for word when it is a
 * CERTS_CSR_REFUSED, otherwise as "not now".
 */
export type CertificateIssuer = (question: CertificateQuestion) => Promise<string>;

export interface Answer {
  readonly kind: 'issued' | 'refused';
  readonly payload: string;
}

interface DeskOptions {
  /** Without it nobody gets a certificate here. */
  readonly issuer?: CertificateIssuer | undefined;
  readonly now: () => number;
  /** Hears of each failure that is not the asker's fault. */
  readonly onTrouble: (error: Error) => void;
}

export class CertificateDesk {
  readonly #options: DeskOptions;
  /** Answers of the current minute, by asker. */
  readonly #counts = new Map<string, number>();
  #minute = 0;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async answer(question: CertificateQuestion, perMinute: number = REQUEST_LIMITS.perMinute, asker = `${question.projectId}/${question.gatewayId}`): Promise<Answer> {
    const { issuer, onTrouble } = this.#options;
    if (!issuer) return refused('NO_AUTHORITY', 'this broker has no authority that could sign: ask whoever issued your certificate');
    if (!this.#mayAsk(asker, perMinute)) return refused('TOO_MANY', `more than ${perMinute} requests in a minute: ask again later`);
    try {
      return { kind: 'issued', payload: await issuer(question) };
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === 'CERTS_CSR_REFUSED' || code?.startsWith('CLAIM_')) return refused(code, message);
      onTrouble(new AdmissionError('ADMISSION_REQUEST', `a request for a certificate cannot be answered: ${message}`));
      return refused('NOT_NOW', 'the authority cannot sign now: ask again later');
    }
  }

  #mayAsk(asker: string, perMinute: number): boolean {
    const minute = Math.floor(this.#options.now() / 60_000);
    if (minute !== this.#minute) this.#counts.clear();
    this.#minute = minute;
    const count = (this.#counts.get(asker) ?? 0) + 1;
    if (count > perMinute || this.#counts.size >= REQUEST_LIMITS.askers) return false;
    this.#counts.set(asker, count);
    return true;
  }
}

function refused(code: string, message: string): Answer {
  return { kind: 'refused', payload: JSON.stringify({ code, message }) };
}
