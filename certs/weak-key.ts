/**
 * Public keys that are known to be weak, as the CA/Browser Forum's Baseline Requirements (section 6.1.1.3 and 6.1.6) have
 * certificate authorities refuse: short or special moduli, exponents that are too small, elliptic curves that are too small.
 */

import type { KeyObject } from 'node:crypto';

import { keyTypeOf } from './key-pair.ts';

const RSA_BITS_MIN = 2048;
/** OpenSSL verifies nothing with a longer one; the tests below would take a second and more. */
const RSA_BITS_MAX = 16_384;
const RSA_EXPONENT_MIN = 65537n;
/** NIST SP 800-56B, section 6.2. */
const RSA_EXPONENT_BITS_MAX = 256;
const SMALL_PRIME_MAX = 751;
const FERMAT_ROUNDS = 100;
/** Primes that tell keys of CVE-2017-15361 apart; Nemec and others, "The Return of Coppersmith's Attack", 2017. */
const ROCA_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/** What is weak about a public key, as the end of a sentence such as "the key …"; undefined when nothing is known to be. */
export function weaknessOf(key: KeyObject): string | undefined {
  const type = keyTypeOf(key);
  if (type.startsWith('rsa')) return rsaWeakness(key);
  if (type === 'ec-p256' || type === 'ec-p384' || type === 'ec-secp521r1') return undefined;
  if (type.startsWith('ec-')) return curveBits(type) < 224 ? `is on the curve ${type.slice(3)}` : undefined;
  return type.startsWith('dsa') ? 'is a DSA key' : undefined;
}

function rsaWeakness(key: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_BITS_MIN) return `has only ${modulusLength} bits, RSA needs ${RSA_BITS_MIN}`;
  if (modulusLength > RSA_BITS_MAX) return `has ${modulusLength} bits, more than the ${RSA_BITS_MAX} that peers can use`;
  if (exponent < RSA_EXPONENT_MIN || exponent % 2n === 0n || exponent.toString(2).length > RSA_EXPONENT_BITS_MAX) {
    return `has the exponent ${String(exponent).slice(0, 20)}, RSA needs an odd one from 65537 to 2^256`;
  }
  const modulus = modulusOf(key);
  if (modulus === undefined) return undefined; // RSA-PSS keys have no JWK form
  const factor = smallPrimes().find((prime) => modulus % BigInt(prime) === 0n);
  if (factor !== undefined) return `has the factor ${factor}`;
  if (isRoca(modulus)) return 'was made by a faulty chip (ROCA, CVE-2017-15361)';
  return hasClosePrimes(modulus) ? 'is the product of two primes that are too close (CVE-2022-26320)' : undefined;
}

function modulusOf(key: KeyObject): bigint | undefined {
  if (key.asymmetricKeyType !== 'rsa') return undefined;
  const { n = '' } = key.export({ format: 'jwk' });
  return BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
}

function curveBits(type: string): number {
  return Number(/\d{3}/.exec(type)?.[0] ?? 0);
}

function smallPrimes(): number[] {
  const numbers = Array.from({ length: SMALL_PRIME_MAX - 1 }, (_, index) => index + 2);
  return numbers.filter((number) => numbers.every((divisor) => divisor * divisor > number || number % divisor !== 0));
}

/** Whether the modulus is a power of 65537 modulo each of the primes, which for any other key has a chance of 2^-27. */
function isRoca(modulus: bigint): boolean {
  return ROCA_PRIMES.every((prime) => {
    const remainder = Number(modulus % BigInt(prime));
    let power = 1;
    for (let step = 0; step < prime; step++) {
      if (power === remainder) return true;
      power = (power * 65537) % prime;
    }
    return false;
  });
}

/** Fermat's factorisation, as many rounds as the Baseline Requirements ask for. */
function hasClosePrimes(modulus: bigint): boolean {
  let middle = squareRoot(modulus);
  if (middle * middle < modulus) middle += 1n;
  for (let round = 0; round < FERMAT_ROUNDS; round++, middle += 1n) {
    const rest = middle * middle - modulus;
    const root = squareRoot(rest);
    if (root * root === rest) return true;
  }
  return false;
}

/** The whole part of a square root, by Newton's method. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let guess = 1n << BigInt((value.toString(16).length * 4 + 1) >> 1);
  for (;;) {
    const next = (guess + value / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}
