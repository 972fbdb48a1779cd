/**
 * The face of the handshake tests: testers of brokers and of clients, and their reports. Apart from the certificate room's own
 * face, because most commands need none of it.
 */
export * from './broker/mod.ts';
export * from './client/mod.ts';
export { PeerStop } from './errors.ts';
export { SEVERITIES } from './model.ts';
export type { CaseInfo, CaseResult, HandshakeReport, Outcome, Severity } from './model.ts';
export * from './report/mod.ts';
