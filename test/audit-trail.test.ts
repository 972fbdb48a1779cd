/** Several processes write one audit trail, and die while they do. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { contentsOf, trailIn, withHome } from '../broker/audit/audit.fixture.ts';

const ROOM = new URL('../dist/broker/mod.js', import.meta.url).href;

/** Records events named `name` and flushes after each ten; prints how many are on disk. */
function writer(root: string, name: string, count: number): ChildProcess {
  const code = `
    import { AuditTrail } from ${JSON.stringify(ROOM)};
    let clock = 1760000000000;
    const trail = AuditTrail.open({
      directory: ${JSON.stringify(`${root}/audit`)}, keysDirectory: ${JSON.stringify(`${root}/keys`)}, source: { kind: 'file' },
      accountId: async () => '123456789012', region: 'us-east-1', now: () => clock++,
    });
    for (let number = 0; number < ${count}; number++) {
      trail.record({ eventSource: 'thrum', eventName: '${name}', principal: 'thrum', sourceIpAddress: undefined, requestParameters: { number }, readOnly: true, resources: [] });
      if (number % 10 !== 9) continue;
      await trail.flush();
      process.stdout.write(number + 1 + '\\n');
    }
    await trail.close();`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
}

it('is appended to by several processes in turns: no record is lost, doubled, or out of its own order', { timeout: 60_000 }, async () => {
  await withHome(async (root) => {
    const names = ['a', 'b', 'c'];
    const children = names.map((name) => writer(root, name, 150));
    for (const child of children) child.stdout?.resume();
    for (const [code] of await Promise.all(children.map((child) => once(child, 'exit')))) expect(code).toBe(0);
    const { records, faults } = await contentsOf(trailIn(root));
    expect(faults).toEqual([]);
    for (const name of names) {
      const own = records.filter(({ eventName }) => eventName === name).map(({ requestParameters }) => (requestParameters as { number: number }).number);
      expect(own).toEqual(Array.from({ length: 150 }, (_, number) => number));
    }
  });
});

it('verifies after its writer is killed at any moment, and holds all that was flushed', { timeout: 60_000 }, async () => {
  await withHome(async (root) => {
    for (let round = 0; round < 12; round++) {
      const child = writer(root, `round${round}`, 1_000_000);
      let onDisk = 0;
      for await (const line of createInterface({ input: child.stdout! })) {
        onDisk = Number(line);
        if (onDisk >= round * 10) child.kill('SIGKILL');
      }
      const { records, faults } = await contentsOf(trailIn(root));
      expect(faults).toEqual([]);
      const own = records.filter(({ eventName }) => eventName === `round${round}`);
      expect(own.length).toBeGreaterThanOrEqual(onDisk);
      expect(new Set(own.map(({ eventID }) => eventID)).size).toBe(own.length);
    }
  });
});
