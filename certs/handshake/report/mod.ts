/** Handshake reports: what they come to, how they are printed, written, read and compared. */

export { comparisonLines, compareReports } from './baseline.ts';
export type { Change, Comparison } from './baseline.ts';
export { reportToHtml } from './html.ts';
export { MAX_REPORT_BYTES, readReport, reportToJson } from './json.ts';
export { reportToJunit } from './junit.ts';
export { createProgress } from './progress.ts';
export type { Progress, ProgressStream } from './progress.ts';
export { reportToSarif } from './sarif.ts';
export { matchesCase, selectCases } from './selection.ts';
export { summarise, verdictOf } from './summary.ts';
export type { Judgement, Summary } from './summary.ts';
export { catalogueLines, reportLines } from './table.ts';
export type { Style } from './style.ts';
