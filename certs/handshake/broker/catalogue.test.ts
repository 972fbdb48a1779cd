import { expect, it } from 'vitest';
import { FAMILIES } from '../model.ts';
import { BROKER_CASES } from './catalogue.ts';

const infos = BROKER_CASES.map(({ info }) => info);

it('has each id once, with its family, and says what is offered, expected, and where that is written', () => {
  expect(new Set(infos.map(({ id }) => id)).size).toBe(infos.length);
  expect(infos.length).toBeGreaterThan(180);
  for (const info of infos) {
    expect(info.id).toMatch(/^(protocol|ciphers|client-certificate|server-certificate|mqtt)\.[a-z0-9.-]+$/);
    expect(FAMILIES).toContain(info.family);
    expect([info.title, info.offered, info.expected, ...info.sources].every((text) => text !== ''), info.id).toBe(true);
    expect(info.sources.length, info.id).toBeGreaterThan(0);
  }
});

it('is documented as it is (vitest -u writes the document)', async () => {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('*', '\\*');
  const rows = infos.map(
    ({ id, severity, title, offered, expected, sources }) =>
      `| \`${id}\` | ${severity} | ${cell(title)} | ${cell(offered)} | ${cell(expected)} | ${cell(sources.join('; '))} |`,
  );
  const document = [
    '# Cases of `thrum handshake broker`',
    '',
    `Written by a test from the catalogue: ${infos.length} cases. How they are judged: [handshake.md](handshake.md).`,
    '',
    '| case | severity | title | what is offered | what a good broker does | source |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
  await expect(document).toMatchFileSnapshot('../../../docs/handshake-broker-cases.md');
});
