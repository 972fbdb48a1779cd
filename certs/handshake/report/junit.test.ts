import { describe, expect, it } from 'vitest';
import { notRun } from '../model.ts';
import { reportToJunit } from './junit.ts';
import { HOSTILE, MIXED, info, reportOf, result } from './report.fixture.ts';
import { parseXml, type Element } from './xml.fixture.ts';

/** What of Jenkins' junit-10.xsd is used: attributes (those that must be there first) and children of each element. */
const SCHEMA: Readonly<Record<string, { must: readonly string[]; may: readonly string[]; children: readonly string[] }>> = {
  testsuites: { must: [], may: ['name', 'time', 'tests', 'failures', 'errors'], children: ['testsuite'] },
  testsuite: {
    must: ['name', 'tests', 'failures', 'errors'],
    may: ['group', 'time', 'skipped', 'timestamp', 'hostname', 'id', 'package', 'file', 'log', 'url', 'version'],
    children: ['testsuite', 'properties', 'testcase', 'system-out', 'system-err'],
  },
  properties: { must: [], may: [], children: ['property'] },
  property: { must: ['name', 'value'], may: [], children: [] },
  testcase: { must: ['name'], may: ['classname', 'time', 'group'], children: ['skipped', 'error', 'failure', 'system-out', 'system-err'] },
  failure: { must: [], may: ['type', 'message'], children: [] },
  skipped: { must: [], may: ['type', 'message'], children: [] },
  'system-out': { must: [], may: [], children: [] },
};

function check(element: Element): void {
  const { must, may, children } = SCHEMA[element.name]!;
  expect(Object.keys(element.attributes)).toEqual(expect.arrayContaining([...must]));
  expect([...must, ...may]).toEqual(expect.arrayContaining(Object.keys(element.attributes)));
  for (const name of ['time', 'tests', 'failures', 'errors', 'skipped']) expect(element.attributes[name] ?? '0').toMatch(/^\d+(\.\d{3})?$/);
  if (element.attributes['timestamp'] !== undefined) expect(element.attributes['timestamp']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  for (const child of element.children) {
    expect(children).toContain(child.name);
    check(child);
  }
}

const all = (element: Element, name: string): Element[] => element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...all(child, name)]);

describe('a report as JUnit XML', () => {
  const root = parseXml(reportToJunit(MIXED));
  const caseOf = (id: string): Element => all(root, 'testcase').find((one) => one.attributes['name']!.startsWith(`${id}: `))!;

  it('is well-formed and has only what the schema allows', () => {
    expect(root.name).toBe('testsuites');
    check(root);
  });

  it('has a suite for each family, with counts that agree with its cases', () => {
    const suites = all(root, 'testsuite');
    expect(suites.map((suite) => suite.attributes['name'])).toEqual(['Protocol', 'Ciphers and groups', 'Client certificate']);
    for (const element of [root, ...suites]) {
      expect(element.attributes).toMatchObject({ tests: String(all(element, 'testcase').length), failures: String(all(element, 'failure').length), errors: '0' });
    }
    for (const suite of suites) expect(suite.attributes['skipped']).toBe(String(all(suite, 'skipped').length));
  });

  it('tells a failure with severity, reason, what was expected, and the evidence', () => {
    const [failure] = all(caseOf('protocol.tls-1.0'), 'failure');
    expect(failure!.attributes).toMatchObject({ type: 'high', message: expect.stringMatching(/^TLS 1.0 was agreed: \\x1b\[2J/) as string });
    expect(failure!.text).toContain('expected: what protocol.tls-1.0 expects');
    expect(failure!.text).toContain('3.4 ms received: ServerHello');
  });

  it('lets a warning pass and says so, and skips what was not run', () => {
    const warned = caseOf('protocol.alpn');
    expect(warned.children.map((child) => child.name)).toEqual(['system-out']);
    expect(warned.children[0]!.text).toMatch(/^warning: No protocol was chosen\./);
    expect(caseOf('client-certificate.none').children).toMatchObject([{ name: 'skipped', attributes: { message: 'No authority was given that the broker trusts.' } }]);
  });

  it('carries the facts as properties, printable', () => {
    expect(all(root, 'property').map((one) => one.attributes['name'])).toContain('common name');
    expect(JSON.stringify(root)).not.toMatch(/[\u0000-\u0008\u202e]|\\u00/); // eslint-disable-line no-control-regex
  });

  it('stays well-formed whatever the names are, and without cases', () => {
    check(parseXml(reportToJunit(reportOf([]))));
    const hostile = reportOf([result(info('protocol.a', 'protocol', 'low', { title: HOSTILE, offered: HOSTILE }), notRun(HOSTILE))], { target: HOSTILE, facts: { [HOSTILE]: HOSTILE } });
    check(parseXml(reportToJunit(hostile)));
  });
});
