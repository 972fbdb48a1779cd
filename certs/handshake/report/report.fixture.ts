/** A report with every outcome, and with text as a hostile peer would write it, for the tests of its printers. */
import { fail, notRun, pass, warn } from '../model.ts';
import type { CaseInfo, CaseResult, EvidenceStep, Family, HandshakeReport, Severity, Verdict } from '../model.ts';

/** Paints a terminal, ends a document, turns the direction, and is not even UTF-16. */
export const HOSTILE = '\u001b[2J\u009b31m]]></failure><script>alert("x")</script>&\u0000\u202e\ud800\uffff\r\nPASS';

export function info(id: string, family: Family, severity: Severity, more: Partial<CaseInfo> = {}): CaseInfo {
  return { id, family, severity, title: `the case ${id}`, offered: `what ${id} offers`, expected: `what ${id} expects`, sources: ['RFC 8446 4.1.2'], ...more };
}

export function result(caseInfo: CaseInfo, verdict: Verdict, evidence: readonly EvidenceStep[] = [], durationMs = 12.3): CaseResult {
  return { info: caseInfo, ...verdict, evidence, durationMs };
}

export function reportOf(results: readonly CaseResult[], more: Partial<HandshakeReport> = {}): HandshakeReport {
  return {
    format: 'thrum handshake report',
    version: 1,
    subject: 'broker',
    target: 'broker.example:8883',
    startedAt: '2026-03-01T12:00:00.000Z',
    durationMs: 4_210,
    facts: { 'protocol versions': 'TLS 1.2, TLS 1.3', groups: 'X25519, P-256' },
    results,
    ...more,
  };
}

const STEPS: readonly EvidenceStep[] = [
  { atMs: 0, kind: 'sent', text: 'ClientHello, version TLS 1.0' },
  { atMs: 3.4, kind: 'received', text: `ServerHello ${HOSTILE}` },
  { atMs: 10, kind: 'note', text: 'the broker closed the connection' },
];

export const MIXED = reportOf([
  result(info('protocol.tls-1.3', 'protocol', 'high'), pass('TLS 1.3 was agreed.'), STEPS.slice(0, 1)),
  result(info('protocol.tls-1.0', 'protocol', 'high', { sources: ['RFC 8996', 'MQTT 3.1.1 3.1.0'] }), fail(`TLS 1.0 was agreed: ${HOSTILE}`), STEPS),
  result(info('protocol.alpn', 'protocol', 'low'), warn('No protocol was chosen.'), STEPS),
  result(info('ciphers.static-rsa', 'ciphers', 'medium'), pass('It was refused with handshake_failure.')),
  result(info('client-certificate.expired', 'client-certificate', 'critical'), notRun('No authority was given that the broker trusts.')),
  result(info('client-certificate.none', 'client-certificate', 'critical'), notRun('No authority was given that the broker trusts.')),
], { facts: { 'protocol versions': 'TLS 1.0, TLS 1.2, TLS 1.3', 'common name': HOSTILE } });
