import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { digestOfWhole, matches, PartsDigest } from './digest.ts';

it('knows an object by SHA-256, by MD5 where the ETag is one, and by its length else', () => {
  const digest = digestOfWhole(Buffer.from('abc'));
  const state = { bytes: 3, etag: digest.etags[0]!, sha256: digest.sha256, opaqueEtag: false };
  expect(matches(state, digest)).toBe(true);
  expect(matches({ ...state, sha256: 'AAAA' }, digest)).toBe(false);
  expect(matches({ ...state, sha256: undefined, etag: '"00000000000000000000000000000000"' }, digest)).toBe(false);
  expect(matches({ ...state, sha256: undefined, etag: '"00000000000000000000000000000000"', opaqueEtag: true }, digest)).toBe(true);
  expect(matches({ ...state, bytes: 4 }, digest)).toBe(false);
});

it('knows an object in parts as S3 does, and as servers do that digest the whole', () => {
  const parts = [randomBytes(100), randomBytes(7)];
  const made = new PartsDigest();
  for (const part of parts) made.add(part);
  const { digest } = made;
  const md5 = (bytes: Buffer): Buffer => createHash('md5').update(bytes).digest();
  const state = { bytes: 107, etag: `"${md5(Buffer.concat(parts.map(md5))).toString('hex')}-2"`, sha256: undefined, opaqueEtag: false };
  expect(matches(state, digest)).toBe(true);
  expect(matches({ ...state, etag: `"${md5(Buffer.concat(parts)).toString('hex')}"` }, digest)).toBe(true);
  expect(matches({ ...state, etag: `"${md5(parts[0]!).toString('hex')}-2"` }, digest)).toBe(false);
});
