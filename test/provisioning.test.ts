/** Provisioning as an operator and a device have it: commands beside a running broker. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort, start, thrum, withFolder } from './cli.ts';

const PLAN = ['--sites', '1', '--gateways', '2', '--sensors', '4', '--machines', '2', '--capture-samples', '256', '--duration', '1s', '--json'];

it('gives a device an identity by claim, renews it, and refuses who comes after the quota', { timeout: 120_000 }, async () => {
  await withFolder(async (folder) => {
    const home = ['--home', join(folder, 'home')];
    const port = String(await freePort());
    const broker = start(['broker', ...home, '--port', port]);
    await broker.firstLine;
    const made = await thrum(['certs', 'claim', ...home, '--project', 'demo', '--quota', '1', '--hours', '1', '--json']);
    expect(made).toMatchObject({ exitCode: 0 });
    const { claimId, handout } = JSON.parse(made.stdout) as { claimId: string; handout: string };

    const device = (name: string, ...more: string[]): ReturnType<typeof thrum> =>
      thrum(['gateway', '--home', join(folder, name), '--claim', handout, '--url', `mqtts://localhost:${port}`, ...PLAN, ...more]);
    const first = await device('device');
    expect(first.stderr).toContain('has an identity of its own now');
    expect(JSON.parse(first.stdout)).toMatchObject({ allAcknowledged: true, renewals: 0 });
    const [again, late] = await Promise.all([device('device', '--renew'), device('late', '--number', '2')]);
    expect(JSON.parse(again.stdout)).toMatchObject({ allAcknowledged: true, renewals: 1 });
    expect(again.stderr).not.toContain('has an identity of its own now');
    expect(late).toMatchObject({ exitCode: 1, stdout: '' });
    expect(late.stderr).toContain('thrum: the broker gives no certificate: the claim has given all of its 1 identities (CLAIM_QUOTA)\n');

    expect(JSON.parse((await thrum(['certs', 'claims', ...home, '--json'])).stdout)).toMatchObject([{ claimId, quota: 1, used: 1, revoked: null }]);
    broker.child.kill('SIGINT');
    await broker.exited;
  });
});
