/** The face of load tests: what others may use. */
export { LoadError, type LoadErrorCode } from './errors.ts';
export { openFilesLimit, workersNeeded } from './machine-limits.ts';
export { COUNTERS, LATENCIES, Measures, type Counter, type Latency, type MeasuresData } from './measures.ts';
export type { AssertionResult, LoadReport, SearchReport, SeriesPoint, StageReport } from './report.ts';
export { LoadRun, type LoadProgress, type LoadRunOptions } from './run.ts';
export type { RunSettings } from './run-plan.ts';
export type { Scenario } from './scenario.ts';
