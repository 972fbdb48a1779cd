import { describe, expect, it } from 'vitest';
import { info } from './report.fixture.ts';
import { matchesCase, selectCases } from './selection.ts';

const cases = ['protocol.tls-1.0', 'protocol.tls-1.3', 'ciphers.null'].map((id) => ({ info: info(id, 'protocol', 'low') }));
const chosen = (...patterns: string[]): string[] => selectCases(cases, patterns).map((one) => one.info.id);

describe('a choice of cases', () => {
  it('is all of them without a pattern', () => expect(chosen()).toHaveLength(3));
  it('is those that a pattern names, in the order of the catalogue', () => {
    expect(chosen('ciphers.null', 'protocol.tls-1.3')).toEqual(['protocol.tls-1.3', 'ciphers.null']);
    expect(chosen('protocol.*')).toEqual(['protocol.tls-1.0', 'protocol.tls-1.3']);
    expect(chosen('*.tls*3')).toEqual(['protocol.tls-1.3']);
    expect(chosen('*')).toHaveLength(3);
  });

  it('takes dots and other signs as they are, and overlapping parts only once', () => {
    expect(matchesCase('protocolxtls', ['protocol.tls'])).toBe(false);
    expect(matchesCase('aba', ['ab*ba'])).toBe(false);
    expect(matchesCase('abba', ['ab*ba'])).toBe(true);
    expect(matchesCase('a.b.c', ['a*b*c'])).toBe(true);
    expect(matchesCase('a.b', ['a*b*b'])).toBe(false);
  });

  it('is an error when a pattern chooses nothing, in one printable line', () => {
    expect(() => chosen('protocol.*', 'protocol.ssl\u001b')).toThrow(expect.objectContaining({ code: 'CERTS_NO_CASE', message: "no case is called 'protocol.ssl\\x1b': --list prints all of them" }));
  });
});
