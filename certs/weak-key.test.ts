import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { weaknessOf } from './weak-key.ts';

/** An RSA key with this modulus, whoever knows its factors. */
function rsaKey(modulus: bigint): KeyObject {
  const hex = modulus.toString(16);
  const n = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
  return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });
}

describe('a public key', () => {
  it.each([
    ['rsa', { modulusLength: 2048 }],
    ['ec', { namedCurve: 'P-256' }],
    ['ec', { namedCurve: 'P-384' }],
    ['ed25519', {}],
  ] as const)('of a usual kind is not weak: %s %j', (kind, options) => {
    const { publicKey } = generateKeyPairSync(kind as 'rsa', options as { modulusLength: number });
    expect(weaknessOf(publicKey)).toBeUndefined();
  });

  it('is weak when its modulus has a small factor', () => {
    expect(weaknessOf(rsaKey(7n * (2n ** 2046n + 1n)))).toMatch(/^has the factor \d+$/);
  });

  it('is not searched for factors when it is longer than anybody can use', () => {
    expect(weaknessOf(rsaKey((1n << 400_000n) - 7n))).toBe('has 400000 bits, more than the 16384 that peers can use');
  });

  it('is weak when its primes are close', () => {
    // The factors need not be prime for Fermat's method; these have no factor below 752.
    const hasNoFactor = (value: bigint): boolean => Array.from({ length: 750 }, (_, index) => BigInt(index + 2)).every((factor) => value % factor !== 0n);
    let p = 2n ** 1024n - 1n;
    while (!hasNoFactor(p)) p -= 2n;
    let q = p - 2n ** 500n;
    while (!hasNoFactor(q)) q -= 2n;
    expect(weaknessOf(rsaKey(p * q))).toMatch(/too close/);
  });

  it('is weak when its modulus is a power of 65537 modulo the primes that a faulty library used', () => {
    const primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167];
    const product = primes.reduce((so, prime) => so * BigInt(prime), 1n);
    let modulus = (product << (2048n - BigInt(product.toString(2).length))) + (65537n ** 5n % product);
    const small = Array.from({ length: 750 }, (_, index) => BigInt(index + 2));
    while (small.some((factor) => modulus % factor === 0n)) modulus += product;
    expect(weaknessOf(rsaKey(modulus))).toMatch(/ROCA/);
  });
});
