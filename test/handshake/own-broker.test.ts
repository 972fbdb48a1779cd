/** Our own broker before our own tester, both as a user starts them: every case passes, in every format. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { HandshakeReport } from '../../certs/handshake/mod.ts';
import { freePort, start, thrum, withFolder } from '../cli.ts';

it('passes every case of the catalogue', { timeout: 120_000 }, () =>
  withFolder(async (folder) => {
    const home = join(folder, 'home');
    const port = await freePort();
    const broker = start(['broker', '--home', home, '--port', String(port)]);
    try {
      await broker.firstLine;
      const out = (name: string): string => join(folder, name);
      const args = [
        'handshake',
        'broker',
        `localhost:${port}`,
        '--home',
        home,
        '--json',
        '--quiet',
        '--junit',
        out('r.xml'),
        '--sarif',
        out('r.sarif'),
        '--html',
        out('r.html'),
      ];
      const { exitCode, stdout, stderr } = await thrum(args);
      expect(stderr).toBe('');
      const report = JSON.parse(stdout) as HandshakeReport;
      expect(
        report.results.filter(({ outcome }) => outcome !== 'pass').map(({ info, outcome, reason }) => `${info.id}: ${outcome}, ${reason}`),
      ).toEqual([]);
      expect(report.results.length).toBeGreaterThan(180);
      expect(exitCode).toBe(0);
      for (const name of ['r.xml', 'r.sarif', 'r.html']) expect(await readFile(out(name), 'utf8')).toContain('protocol.ssl-2');
    } finally {
      broker.child.kill('SIGTERM');
      await broker.exited;
    }
  }),
);
