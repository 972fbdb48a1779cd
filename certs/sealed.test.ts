import { describe, expect, it } from 'vitest';

import { SealError } from './errors.ts';
import { canonicalBytes, deriveKey, openAt, openOnce, sealAt, sealOnce } from './sealed.ts';

const key = Buffer.alloc(32, 7);
const nonce = Buffer.from('000102030405060708090a0b', 'hex');
const aad = Buffer.from('place');
const text = Buffer.from('what was measured');

describe('a derived key', () => {
  it('is the first 32 octets of RFC 5869, test case 3 (no salt, no info)', () => {
    const derived = deriveKey(Buffer.alloc(22, 0x0b), Buffer.alloc(0), '');
    expect(derived.toString('hex')).toBe('8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d');
  });

  it('differs with the key, the salt and the purpose', () => {
    const keys = [
      deriveKey(key, aad, 'a'),
      deriveKey(text, aad, 'a'),
      deriveKey(key, text, 'a'),
      deriveKey(key, aad, 'b'),
    ];
    expect(new Set(keys.map((each) => each.toString('hex'))).size).toBe(4);
  });
});

describe('canonical bytes', () => {
  it('begin with the count and give each part its length', () => {
    expect(canonicalBytes(['é', Uint8Array.of(1)]).toString('hex')).toBe('0200000002000000c3a90100000001');
  });

  it('tell apart lists that concatenate to the same text', () => {
    const lists = [[], [''], ['', ''], ['ab'], ['a', 'b'], ['', 'ab'], ['ab', ''], ['a\u0001\0\0\0b']];
    expect(new Set(lists.map((list) => canonicalBytes(list).toString('hex'))).size).toBe(lists.length);
  });

  it('refuse text that is not Unicode, which would share the encoding of other text', () => {
    expect(() => canonicalBytes(['\ud800'])).toThrow(/well-formed/);
  });
});

describe('a sealed record', () => {
  it('opens to what was sealed, and is longer by the tag', () => {
    const sealed = sealAt(key, nonce, 3, aad, text);
    expect(sealed.length).toBe(text.length + 16);
    expect(openAt(key, nonce, 3, aad, sealed)).toEqual(text);
  });

  it('under a key that seals nothing else has the nonce zero', () => {
    const sealed = sealOnce(key, aad, text);
    expect(sealed).toEqual(sealAt(key, Buffer.alloc(12), 0, aad, text));
    expect(openOnce(key, aad, sealed)).toEqual(text);
    expect(() => openOnce(key, text, sealed)).toThrow(SealError);
  });

  it('may be empty', () => {
    expect(openAt(key, nonce, 0, aad, sealAt(key, nonce, 0, aad, Buffer.alloc(0)))).toHaveLength(0);
  });

  it('matches AES-256-GCM test case 14 of the GCM specification at counter 0', () => {
    const zero = Buffer.alloc(32);
    const sealed = sealAt(zero, zero.subarray(0, 12), 0, Buffer.alloc(0), Buffer.alloc(16));
    expect(sealed.toString('hex')).toBe('cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919');
  });

  it('puts the counter big-endian in the last 8 octets of the nonce', () => {
    for (const [counter, hex] of [
      [1, '000000000000000000000001'],
      [0xffff_ffff, '0000000000000000ffffffff'],
      [2 ** 32, '000000000000000100000000'],
      [Number.MAX_SAFE_INTEGER, '00000000001fffffffffffff'],
    ] as const) {
      const moved = Buffer.from(hex, 'hex').map((octet, index) => octet ^ nonce[index]!);
      expect(sealAt(key, nonce, counter, aad, text)).toEqual(sealAt(key, moved, 0, aad, text));
    }
  });

  it('does not open with a bit flipped anywhere', () => {
    const sealed = sealAt(key, nonce, 3, aad, text);
    for (let index = 0; index < sealed.length; index++) {
      const altered = Buffer.from(sealed);
      altered[index]! ^= 1;
      expect(() => openAt(key, nonce, 3, aad, altered)).toThrow(SealError);
    }
  });

  it('does not open shortened, at another number, in another place or with another key', () => {
    const sealed = sealAt(key, nonce, 3, aad, text);
    expect(() => openAt(key, nonce, 3, aad, sealed.subarray(0, -1))).toThrow(SealError);
    expect(() => openAt(key, nonce, 3, aad, sealed.subarray(0, 15))).toThrow(SealError);
    expect(() => openAt(key, nonce, 4, aad, sealed)).toThrow(SealError);
    expect(() => openAt(key, nonce, 3, text, sealed)).toThrow(SealError);
    expect(() => openAt(Buffer.alloc(32), nonce, 3, aad, sealed)).toThrow(
      expect.objectContaining({ code: 'SEAL_BROKEN' }),
    );
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses the counter %s', (counter) => {
    expect(() => sealAt(key, nonce, counter, aad, text)).toThrow(/counter/);
    expect(() => openAt(key, nonce, counter, aad, text)).toThrow(/counter/);
  });
});
