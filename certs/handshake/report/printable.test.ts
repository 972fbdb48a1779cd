import { describe, expect, it } from 'vitest';
import { escaped, printable, shorten } from './printable.ts';
import { HOSTILE } from './report.fixture.ts';

describe('text from a peer', () => {
  it('loses its power over a terminal and keeps what it said', () => {
    expect(printable('\u001b[31mred\u0007\r\n\u009b0m')).toBe('\\x1b[31mred\\x07\\r\\n\\x9b0m');
    expect(printable('a\u202eb\u200bc\u2028d\u{e0041}')).toBe('a\\u{202e}b\\u{200b}c\\u{2028}d\\u{e0041}');
    expect(printable('Zürich → 東京 🔑')).toBe('Zürich → 東京 🔑');
  });

  it('holds no half of a surrogate pair and no character that XML forbids', () => {
    expect(printable(HOSTILE)).not.toMatch(/[^\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
  });

  it('is cut at its limit, between characters, and says how much is missing', () => {
    expect(shorten('abc', 3)).toBe('abc');
    expect(shorten('abcd', 3)).toBe('abc… (1 more characters)');
    expect(shorten('ab🔑cd', 3)).toBe('ab… (4 more characters)');
    expect(printable('\u001b'.repeat(1_000_000)).length).toBeLessThan(5_000);
  });

  it('cannot leave an element or an attribute', () => {
    expect(escaped(`<a href="x" b='y'>&`)).toBe('&#60;a href=&#34;x&#34; b=&#39;y&#39;&#62;&#38;');
  });
});
