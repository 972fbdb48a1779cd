/** The face of load tests' reports: read, written, judged, summed up, merged, compared, and shown while a test runs. */

export { assertionsOf, judge, judgeReport, parseAssertion } from './assertion.ts';
export type { Assertion } from './assertion.ts';
export { sentenceOf, comparisonLines } from './compare-lines.ts';
export { compareReports } from './compare.ts';
export type { FigureComparison, LoadComparison } from './compare.ts';
export { condensed } from './condense.ts';
export { CSV_COLUMNS, reportToCsv } from './csv.ts';
export { MAX_POINTS, MAX_REPORT_BYTES, readReport, reportToJson } from './document.ts';
export { errorShare, highestRate, inFlight, latencyFigures, percentileMs, ratePerS } from './figures.ts';
export type { LatencyFigures, Rate } from './figures.ts';
export { reportToHtml } from './html.ts';
export { reportToJunit } from './junit.ts';
export { mergeReports } from './merge.ts';
export { startMetricsServer } from './metrics-server.ts';
export type { MetricsServer, MetricsServerOptions } from './metrics-server.ts';
export { metricsText } from './prometheus.ts';
export type { LiveFigures } from './prometheus.ts';
export { summaryLines } from './summary.ts';
export { verdictOf } from './verdict.ts';
export type { Verdict } from './verdict.ts';
export type { LoadReport } from '../report.ts';
