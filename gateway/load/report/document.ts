/**
 * A report as a file. Promises: what is read was checked once, with one clear line about what is wrong and where; a file
 * from a stranger can neither be too large nor hold a histogram that costs more than ours.
 */
import { z } from 'zod';
import { LoadError } from '../errors.ts';
import { COUNTERS, LATENCIES, type MeasuresData } from '../measures.ts';
import { REPORT_FORMAT, REPORT_VERSION, type LoadReport } from '../report.ts';
import { isHistogram } from './histogram-check.ts';
import { printable } from './printable.ts';

/** Of a file, in bytes. */
export const MAX_REPORT_BYTES = 64 * 1024 * 1024;
export const MAX_POINTS = 3_600;
const MAX_LIST = 10_000;
const MAX_KINDS = 1_000;

const text = z.string().max(2_000);
const count = z.number().int().nonnegative();
const amount = z.number().nonnegative();
const orNull = <T extends z.ZodType>(type: T) => type.nullable();
const kinds = z.record(text, count).refine((record) => Object.keys(record).length <= MAX_KINDS, `has more than ${MAX_KINDS} kinds`);
const histogram = z.string().refine(isHistogram, 'is no histogram of a load test');
const measures = z.strictObject({
  counters: z.strictObject(Object.fromEntries(COUNTERS.map((name) => [name, count.optional()]))),
  latenciesUs: z.strictObject(Object.fromEntries(LATENCIES.map((name) => [name, histogram.optional()]))),
  errors: kinds,
  handshakes: kinds,
}) as unknown as z.ZodType<MeasuresData>;
const limit = z.object({ reasons: z.array(text).max(MAX_LIST), slipP99Ms: orNull(amount), loopDelayP99Ms: orNull(amount), busiestWorker: orNull(amount) });
const generator = z.object({
  thrum: text, node: text, cpu: text, cores: count, workers: count, clients: count, prepareMs: amount, cpuMs: amount, peakRssBytes: amount, bytesPerClient: orNull(z.number()),
});
const certificate = z.object({ keyType: text, chainLength: count, subject: text, verified: z.boolean() });
const stage = z.object({
  name: text, startMs: amount, durationMs: amount, measures,
  groups: z.array(z.object({ clients: text, measures })).max(MAX_LIST),
  limit,
});
const point = z.object({
  atMs: amount, lengthMs: z.number().positive(), stage: text, measures,
  connectedNow: count, inFlightNow: count, cpuMs: amount, rssBytes: amount, loopDelayP99Ms: amount, busiestWorker: amount,
});
const trial = z.object({ ratePerS: amount, outcome: z.enum(['met', 'missed', 'generator-limited']), achievedPerS: amount, publishP99Ms: orNull(amount), reason: text });
const search = z.object({
  stage: text, objective: z.array(text).max(MAX_LIST), trials: z.array(trial).max(MAX_LIST), ratePerS: orNull(amount), missedAtPerS: orNull(amount), confidence: text,
});
const assertion = z.object({ text, stage: orNull(text), outcome: z.enum(['met', 'failed', 'unknown']), value: orNull(z.number()), reason: text });
const shard = z.object({ index: count.min(1), of: count.min(1), host: text }).refine(({ index, of }) => index <= of, 'has an index above the number of shards');
const shape: z.ZodType<LoadReport> = z.object({
  format: z.literal(REPORT_FORMAT),
  version: z.literal(REPORT_VERSION),
  name: text,
  startedAt: z.iso.datetime(),
  startAt: orNull(z.iso.datetime()).default(null),
  durationMs: amount,
  ended: text,
  shards: z.array(shard).min(1).max(MAX_LIST),
  generator,
  brokers: z.array(z.object({ name: text, url: text, certificate: orNull(certificate) })).max(MAX_LIST),
  stages: z.array(stage).max(MAX_LIST),
  total: measures,
  series: z.array(point).max(MAX_POINTS),
  searches: z.array(search).max(MAX_LIST),
  assertions: z.array(assertion).max(MAX_LIST),
  limit,
});

/** JSON, with a line for each interval, so that files can be looked at and compared. */
export function reportToJson(report: LoadReport): string {
  const { series, ...rest } = report;
  const head = JSON.stringify({ ...rest, series: [] }, null, 2);
  if (series.length === 0) return `${head}\n`;
  const lines = series.map((one) => `    ${JSON.stringify(one)}`).join(',\n');
  return `${head.replace(/\n {2}"series": \[\]\n\}$/, () => `\n  "series": [\n${lines}\n  ]\n}`)}\n`;
}

/** The report in the text of a JSON file; `where` names the file. Fields that are not known are left out. Throws LOAD_REPORT. */
export function readReport(json: string, where: string): LoadReport {
  if (json.length > MAX_REPORT_BYTES) throw unreadable(where, `is larger than the ${MAX_REPORT_BYTES / 1024 / 1024} MiB that a report may have`);
  let value: unknown;
  try {
    value = JSON.parse(json.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw unreadable(where, `is not JSON (${printable((cause as Error).message, 200)})`, { cause });
  }
  checkKind(value, where);
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unreadable(where, `is not a whole report of a load test: ${printable(place(issue!.path), 200)}: ${printable(issue!.message, 300)}`);
}

/** Another kind of file, or another version of ours, is said as such instead of as a list of missing fields. */
function checkKind(value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== REPORT_FORMAT) {
    throw unreadable(where, 'is JSON, and no report of a load test');
  }
  if ('version' in value && value.version !== REPORT_VERSION) {
    const shown = typeof value.version === 'number' ? value.version : 'that is no number';
    throw new LoadError('LOAD_REPORT', `${where} is a report of version ${shown}, and version ${REPORT_VERSION} is read: make a new one with this version of thrum`);
  }
}

function place(path: readonly PropertyKey[]): string {
  const steps = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return steps.replace(/^\./, '') || 'the report';
}

function unreadable(where: string, what: string, options?: ErrorOptions): LoadError {
  return new LoadError('LOAD_REPORT', `${where} ${what}: give a file made with 'thrum load … --out'`, options);
}
