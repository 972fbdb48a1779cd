import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fail, pass, type HandshakeReport } from '../model.ts';
import { HOSTILE, MIXED, info, reportOf, result } from './report.fixture.ts';
import { reportToSarif } from './sarif.ts';
import { verdictOf } from './summary.ts';

/** What of the SARIF 2.1.0 schema is used, strictly: a property that is not named here is refused. */
const message = z.strictObject({ text: z.string().min(1), markdown: z.string().min(1).optional() });
const level = z.enum(['none', 'note', 'warning', 'error']);
const rule = z.strictObject({
  id: z.string(),
  name: z.string(),
  shortDescription: message,
  fullDescription: message,
  help: message,
  helpUri: z.url({ protocol: /^https$/ }).optional(),
  defaultConfiguration: z.strictObject({ level }),
  properties: z.strictObject({ tags: z.array(z.string()).refine((tags) => new Set(tags).size === tags.length), precision: z.enum(['very-high', 'high', 'medium', 'low']), 'security-severity': z.string().regex(/^(10|\d)\.\d$/) }),
});
const location = z.strictObject({
  physicalLocation: z.strictObject({ artifactLocation: z.strictObject({ uri: z.string().regex(/^[A-Za-z0-9._/-]+$/) }), region: z.strictObject({ startLine: z.int().min(1) }) }),
  logicalLocations: z.array(z.strictObject({ fullyQualifiedName: z.string(), kind: z.literal('resource') })).min(1),
});
const found = z.strictObject({
  ruleId: z.string(),
  ruleIndex: z.int().min(0),
  kind: z.literal('fail'),
  level,
  message,
  locations: z.array(location).length(1),
  partialFingerprints: z.record(z.string(), z.string()),
  properties: z.record(z.string(), z.unknown()),
});
const invocation = z.strictObject({
  executionSuccessful: z.boolean(),
  exitCode: z.int(),
  startTimeUtc: z.iso.datetime(),
  endTimeUtc: z.iso.datetime(),
  toolExecutionNotifications: z.array(z.strictObject({ level, message, associatedRule: z.strictObject({ id: z.string(), index: z.int().min(0) }) })),
});
const SARIF = z.strictObject({
  $schema: z.url(),
  version: z.literal('2.1.0'),
  runs: z.tuple([z.strictObject({
    tool: z.strictObject({ driver: z.strictObject({ name: z.string().min(1), rules: z.array(rule) }) }),
    automationDetails: z.strictObject({ id: z.string() }),
    columnKind: z.enum(['utf16CodeUnits', 'unicodeCodePoints']),
    invocations: z.array(invocation).length(1),
    results: z.array(found),
    properties: z.record(z.string(), z.unknown()),
  })]),
});

const run = (report: HandshakeReport) => SARIF.parse(JSON.parse(reportToSarif(report, verdictOf(report, 'medium')))).runs[0];

describe('a report as SARIF', () => {
  it('has a rule for each case, with help and where it is written', () => {
    const { rules } = run(MIXED).tool.driver;
    expect(rules.map((one) => one.id)).toEqual(MIXED.results.map((one) => one.info.id));
    expect(rules[0]).toMatchObject({ name: 'ProtocolTls13', helpUri: 'https://www.rfc-editor.org/rfc/rfc8446.html#section-4.1.2', properties: { 'security-severity': '8.0' } });
  });

  it('has a result for each failure and each warning, that points at its rule', () => {
    const { results, tool } = run(MIXED);
    expect(results.map((one) => [one.ruleId, one.level])).toEqual([['protocol.tls-1.0', 'error'], ['protocol.alpn', 'note']]);
    for (const one of results) expect(tool.driver.rules[one.ruleIndex]!.id).toBe(one.ruleId);
  });

  it('tells what was not run, and when the run was', () => {
    const [first] = run(MIXED).invocations;
    expect(first).toMatchObject({ executionSuccessful: true, exitCode: 1, startTimeUtc: '2026-03-01T12:00:00.000Z', endTimeUtc: '2026-03-01T12:00:04.210Z' });
    expect(first!.toolExecutionNotifications.map((one) => one.associatedRule.id)).toEqual(['client-certificate.expired', 'client-certificate.none']);
  });

  it('gives a fault the same fingerprint in every run, and each target and case its own', () => {
    const print = (id: string, target: string, reason: string): string =>
      run(reportOf([result(info(id, 'protocol', 'high'), fail(reason))], { target })).results[0]!.partialFingerprints['thrumHandshakeCase/v1']!;
    expect(print('protocol.a', 'x:1', 'so')).toBe(print('protocol.a', 'x:1', 'otherwise'));
    expect(new Set([print('protocol.a', 'x:1', ''), print('protocol.b', 'x:1', ''), print('protocol.a', 'x:2', '')]).size).toBe(3);
  });

  it('says that the tool did not succeed when nothing was judged', () => {
    expect(run(reportOf([])).invocations[0]!.executionSuccessful).toBe(false);
    expect(run(reportOf([result(info('protocol.a', 'protocol', 'low'), pass('so'))])).invocations[0]!.executionSuccessful).toBe(true);
  });

  it('takes hostile text and targets of any form', () => {
    for (const target of [HOSTILE, '[::1]:8883', '../../etc/passwd', '', 'x'.repeat(100_000)]) {
      const hostile = reportOf([result(info('protocol.a', 'protocol', 'low', { title: HOSTILE, sources: [HOSTILE], expected: HOSTILE }), fail(HOSTILE))], { target, facts: { [HOSTILE]: HOSTILE } });
      const { results } = run(hostile);
      expect(results[0]!.locations[0]!.physicalLocation.artifactLocation.uri).not.toMatch(/\.\.\/|\/$/);
      expect(reportToSarif(hostile, verdictOf(hostile, 'low'))).not.toMatch(/[\u007f-\u009f\u202e]/);
    }
  });
});
