/**
 * The second factor: time-based one-time passwords (RFC 6238: SHA-1, 30 s, 6 digits), as authenticator apps show them.
 * Promises: a code is good once, within a step of 30 s of its time, and guessing is stopped after a few wrong ones.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const TOTP_SECRET_BYTES = 20;
const STEP_MS = 30_000;
const DIGITS = 6;
/** Steps that a clock may be off, either way. */
const DRIFT_STEPS = 1;
/** Wrong codes in a row after which none is taken for a while. */
const MAX_WRONG = 5;
const LOCKED_MS = 15 * 60_000;

/** What is remembered of a principal's second factor. */
export interface SecondFactor {
  /** 20 bytes, base64. */
  readonly secret: string;
  /** Step of the last code that was taken; -1 before the first. Earlier codes and this one are used up. */
  readonly lastStep: number;
  readonly wrongInARow: number;
  readonly lockedUntilMs: number;
}

export interface Verdict {
  readonly verdict: 'accepted' | 'wrong' | 'locked';
  /** What is to be remembered from now on; the same object when nothing changed. */
  readonly factor: SecondFactor;
}

export function newSecondFactor(secret: Buffer): SecondFactor {
  return { secret: secret.toString('base64'), lastStep: -1, wrongInARow: 0, lockedUntilMs: 0 };
}

/** Whether `code` is the second factor now, and what is to be remembered of the attempt. */
export function judgeCode(factor: SecondFactor, code: string, nowMs: number): Verdict {
  if (nowMs < factor.lockedUntilMs) return { verdict: 'locked', factor };
  const secret = Buffer.from(factor.secret, 'base64');
  const now = Math.floor(nowMs / STEP_MS);
  let accepted = -1;
  for (let step = now - DRIFT_STEPS; step <= now + DRIFT_STEPS; step += 1) {
    if (step > factor.lastStep && equal(code, totpAt(secret, step)) && accepted < 0) accepted = step;
  }
  if (accepted >= 0) return { verdict: 'accepted', factor: { ...factor, lastStep: accepted, wrongInARow: 0 } };
  const wrongInARow = factor.wrongInARow + 1;
  const locks = wrongInARow >= MAX_WRONG;
  return { verdict: 'wrong', factor: { ...factor, wrongInARow: locks ? 0 : wrongInARow, lockedUntilMs: locks ? nowMs + LOCKED_MS : factor.lockedUntilMs } };
}

/** The code of a step: a count of 30 s since 1970 (RFC 4226, section 5.3). */
export function totpAt(secret: Buffer, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', secret).update(counter).digest();
  const offset = digest[digest.length - 1]! & 0x0f;
  const value = digest.readUInt32BE(offset) & 0x7fff_ffff;
  return String(value % 10 ** DIGITS).padStart(DIGITS, '0');
}

/** What an authenticator app takes, as text or as a QR code (Key Uri Format). Holds the secret. */
export function otpauthUri(factor: SecondFactor, account: string): string {
  const label = `thrum:${account}`.split(':').map(encodeURIComponent).join(':');
  return `otpauth://totp/${label}?secret=${base32(Buffer.from(factor.secret, 'base64'))}&issuer=thrum&algorithm=SHA1&digits=${DIGITS}&period=${STEP_MS / 1000}`;
}

/** RFC 4648 without padding: the lengths used here need none. */
export function base32(bytes: Uint8Array): string {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return (bits.match(/.{5}/g) ?? []).map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[parseInt(five, 2)]!).join('');
}

function equal(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
