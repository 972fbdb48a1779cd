/** One-time passwords: the vectors of RFC 6238, used once, tolerant of a step, closed to guessing. */
import { describe, expect, it } from 'vitest';
import { base32, judgeCode, newSecondFactor, otpauthUri, totpAt, type SecondFactor } from './totp.ts';

const SECRET = Buffer.from('12345678901234567890');
const NOW_MS = 1_760_000_010_000;
const STEP = Math.floor(NOW_MS / 30_000);
const codeAt = (step: number): string => totpAt(SECRET, step);

it.each([
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
])('the code at %i s is the end of that of RFC 6238, appendix B', (timeS, eightDigits) => {
  expect(totpAt(SECRET, Math.floor(timeS / 30))).toBe(eightDigits.slice(-6));
});

describe('a code', () => {
  it.each([-1, 0, 1])('of the step %i from now is taken', (off) => {
    expect(judgeCode(newSecondFactor(SECRET), codeAt(STEP + off), NOW_MS).verdict).toBe('accepted');
  });

  it.each([-2, 2])('of the step %i from now is not', (off) => {
    expect(judgeCode(newSecondFactor(SECRET), codeAt(STEP + off), NOW_MS).verdict).toBe('wrong');
  });

  it('is taken once, and none from before it is taken after it, whatever the clock does', () => {
    const { factor } = judgeCode(newSecondFactor(SECRET), codeAt(STEP), NOW_MS);
    expect(judgeCode(factor, codeAt(STEP), NOW_MS).verdict).toBe('wrong');
    expect(judgeCode(factor, codeAt(STEP - 1), NOW_MS).verdict).toBe('wrong');
    expect(judgeCode(factor, codeAt(STEP - 1), NOW_MS - 60_000).verdict).toBe('wrong');
    expect(judgeCode(factor, codeAt(STEP + 1), NOW_MS).verdict).toBe('accepted');
  });

  it.each(['', '12345', '1234567', ' 94287', '000000\0', 'ａｂｃｄｅｆ'])('such as %j is wrong, and no error', (code) => {
    expect(judgeCode(newSecondFactor(SECRET), code, NOW_MS).verdict).toBe('wrong');
  });
});

it('after five wrong codes none is taken for 15 minutes, not even the right one', () => {
  let factor: SecondFactor = newSecondFactor(SECRET);
  for (let n = 0; n < 5; n += 1) factor = judgeCode(factor, 'x', NOW_MS).factor;
  expect(judgeCode(factor, codeAt(STEP), NOW_MS)).toEqual({ verdict: 'locked', factor });
  const later = NOW_MS + 15 * 60_000;
  expect(judgeCode(factor, totpAt(SECRET, Math.floor(later / 30_000)), later).verdict).toBe('accepted');
});

it('a right code forgets the wrong ones before it', () => {
  let factor: SecondFactor = { ...newSecondFactor(SECRET), wrongInARow: 4 };
  factor = judgeCode(factor, codeAt(STEP), NOW_MS).factor;
  expect(judgeCode(factor, 'x', NOW_MS).factor).toMatchObject({ wrongInARow: 1, lockedUntilMs: 0 });
});

it('the URI for an authenticator app holds the secret as RFC 4648 writes it', () => {
  expect(base32(Buffer.from('foobarfoob'))).toBe('MZXW6YTBOJTG633C');
  expect(otpauthUri(newSecondFactor(SECRET), 'ana@mill')).toBe(
    'otpauth://totp/thrum:ana%40mill?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=thrum&algorithm=SHA1&digits=6&period=30',
  );
});
