/** Revocation as an operator has it: commands beside a running broker and a running gateway. */
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { issueIdentity, listIdentities, loadAuthority, readRevocationLists, type IdentitySummary } from '../certs/mod.ts';
import { freePort, start, thrum, withFolder, type Running } from './cli.ts';

const GATEWAY = ['--sites', '1', '--gateways', '1', '--sensors', '2', '--machines', '1', '--capture-samples', '256', '--speed', '36000'];

/** Resolves when the command has said something that matches. */
async function says({ child }: Running, pattern: RegExp): Promise<void> {
  let text = '';
  for await (const [chunk] of on(child.stderr!, 'data')) if (pattern.test((text += String(chunk)))) return;
}

async function* on(stream: NodeJS.ReadableStream, event: string): AsyncGenerator<unknown[]> {
  for (;;) yield (await once(stream, event)) as unknown[];
}

it('cuts a gateway off and keeps it out, until it has a new identity: then what it kept is delivered', { timeout: 120_000 }, async () => {
  await withFolder(async (folder) => {
    const home = ['--home', join(folder, 'home')];
    const certs = join(folder, 'home', 'certs');
    const port = String(await freePort());
    const broker = start(['broker', ...home, '--port', port]);
    await broker.firstLine;
    const run = ['gateway', ...home, '--url', `mqtts://localhost:${port}`, '--verbose', '--json', ...GATEWAY];
    const gateway = start(run);
    await says(gateway, / connected/);
    const [{ serial, identity }] = (await listIdentities(certs)).filter(({ role }) => role === 'gateway') as [IdentitySummary];

    const cut = says(gateway, / disconnected/);
    const revoked = await thrum(['certs', 'revoke', identity.gatewayId!, ...home, '--reason', 'keyCompromise', '--json']);
    expect(revoked).toMatchObject({ exitCode: 0 });
    await cut;
    expect(JSON.parse(revoked.stdout)).toMatchObject([{ serial, reason: 'keyCompromise', before: false }]);
    expect((await thrum(['certs', 'list', ...home])).stdout).toMatch(new RegExp(`${serial} +keyCompromise`));
    gateway.child.kill('SIGINT');
    const { exitCode, stdout } = await gateway.exited;
    const { queuedBatches, allAcknowledged } = JSON.parse(stdout) as { queuedBatches: number; allAcknowledged: boolean };
    expect({ exitCode, allAcknowledged }).toEqual({ exitCode: 1, allAcknowledged: false });
    expect(queuedBatches).toBeGreaterThan(0);

    await issueIdentity(await loadAuthority(certs), { role: 'gateway', projectId: identity.projectId!, gatewayId: identity.gatewayId! }, new Date().getTime());
    const again = await thrum([...run, '--duration', '1s']);
    expect(JSON.parse(again.stdout)).toMatchObject({ queuedBatches: 0, allAcknowledged: true });
    broker.child.kill('SIGINT');
    expect((await broker.exited).stderr).toContain(`certificate ${serial} is revoked`);
  });
});

it('publishes the lists anew, and says what it cannot revoke', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = ['--home', join(folder, 'home')];
    const certs = join(folder, 'home', 'certs');
    expect(await thrum(['certs', 'init', ...home])).toMatchObject({ exitCode: 0 });
    const before = (await readRevocationLists(certs))!;
    const { path, lists } = JSON.parse((await thrum(['certs', 'crl', ...home, '--publish', '--json'])).stdout) as { path: string; lists: { number: number; revoked: object[] }[] };
    expect(path).toBe(join(certs, 'ca', 'crl.pem'));
    expect(lists.map(({ revoked }) => revoked)).toEqual([[], []]);
    expect(lists[1]!.number).toBeGreaterThan(before.lists[1]!.crl.number);

    const unknown = await thrum(['certs', 'revoke', '70b3d5e75e000001', ...home, '--reason', 'superseded']);
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^thrum: "70b3d5e75e000001" is no serial number and no gateway.*\n$/);
  });
});
