/**
 * The broker tester before other people's servers: it finds every misconfiguration by the case named for it, and has nothing
 * against the good ones. THRUM_HANDSHAKE_MATRIX=full asks all cases of the bad ones too, and allows no other failures.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BROKER_CASES, testBroker, type CaseResult } from '../../certs/handshake/mod.ts';
import { withFolder } from '../cli.ts';
import { MATRIX, matrixTarget, MOSQUITTO_ACL, type Configuration } from './matrix.fixture.ts';
import { isInstalled, startServer } from './servers.fixture.ts';

const inCi = process.env['CI'] === 'true';
const isFull = process.env['THRUM_HANDSHAKE_MATRIX'] === 'full';

async function ask({ server, setup, found, also }: Configuration): Promise<readonly CaseResult[]> {
  return withFolder(async (folder) => {
    await writeFile(join(folder, 'mosquitto.acl'), MOSQUITTO_ACL);
    const running = await startServer(server, join(folder, 'server'), setup);
    const chosen = [...found, ...also, 'client-certificate.good', 'mqtt.still-serves'];
    const cases = found.length === 0 || isFull ? BROKER_CASES : BROKER_CASES.filter(({ info }) => chosen.includes(info.id));
    try {
      const report = await testBroker({
        target: matrixTarget(server, running.port),
        cases,
        monotonic: () => performance.now(),
        nowMs: new Date().getTime(),
        patienceMs: 4_000,
        // It serves one connection at a time.
        ...(server === 'openssl' ? { parallel: 1 } : {}),
      });
      return report.results;
    } finally {
      await running.stop();
    }
  });
}

describe.concurrent('thrum handshake broker', () => {
  for (const one of MATRIX) {
    it.skipIf(!isInstalled(one.server) && !inCi)(`judges ${one.server}, ${one.name}`, { timeout: 180_000 }, async () => {
      const results = await ask(one);
      const failed = results.filter(({ outcome }) => outcome === 'fail');
      const expected = [...one.found, ...one.also];
      expect(failed.map(({ info, reason }) => `${info.id}: ${expected.includes(info.id) ? 'as expected' : reason}`).sort()).toEqual(
        expected.map((id) => `${id}: as expected`).sort(),
      );
      expect(results.filter(({ reason }) => reason.startsWith('it could not be offered'))).toEqual([]);
      expect(results.filter(({ outcome }) => outcome === 'pass').length).toBeGreaterThan(0);
    });
  }
});

it('is documented as it is (vitest -u writes the document)', async () => {
  const code = (ids: readonly string[]): string => ids.map((id) => `\`${id}\``).join(', ');
  const rows = MATRIX.map(
    ({ server, name, found, also }) =>
      `| ${server === 'openssl' ? 'openssl s_server' : server} | ${name} | ${found.length === 0 ? 'nothing' : code(found)} | ${code(also)} |`,
  );
  const document = [
    '# What `thrum handshake broker` finds in other people’s servers',
    '',
    'Written by a test, which starts each of these servers and holds the tester to this table: Mosquitto 2.0.11, OpenSSL 3.0',
    '(`s_server`), nginx 1.22 and stunnel 5.68 (TLS before any TCP service), as Debian 12 has them.',
    '`THRUM_HANDSHAKE_MATRIX=full npx vitest run test/handshake/matrix.test.ts` asks every case in every line.',
    '',
    '| server | configuration | found by the cases named for it | and, for the same reason, by |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
  await expect(document).toMatchFileSnapshot('../../docs/handshake-matrix.md');
});
