/** Revocation as an operator has it: commands beside a running broker and a running gateway. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
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

it('cuts a gateway off and keeps it out, until it has a new identity: then what it kept is delivered', { timeout: 60_000 }, async () => {
  await withFolder(async (folder) => {
    const home = ['--home', join(folder, 'home')];
    const port = String(await freePort());
    const broker = start(['broker', ...home, '--port', port]);
    await broker.firstLine;
    const run = ['gateway', ...home, '--url', `mqtts://localhost:${port}`, '--verbose', ...GATEWAY];
    const gateway = start([...run, '--json']);
    await says(gateway, / connected/);
    const [identity] = (JSON.parse((await thrum(['certs', 'list', ...home, '--json'])).stdout) as { role: string; subject: string; serial: string }[]).filter(({ role }) => role === 'gateway');

    const cut = says(gateway, / disconnected/);
    const revoked = await thrum(['certs', 'revoke', identity!.subject, ...home, '--reason', 'keyCompromise', '--json']);
    expect(revoked).toMatchObject({ exitCode: 0 });
    await cut;
    expect(JSON.parse(revoked.stdout)).toMatchObject([{ serial: identity!.serial, reason: 'keyCompromise', before: false }]);
    expect((await thrum(['certs', 'list', ...home])).stdout).toMatch(new RegExp(`${identity!.serial} +keyCompromise`));
    gateway.child.kill('SIGINT');
    const { exitCode, stdout } = await gateway.exited;
    const { queuedBatches, allAcknowledged } = JSON.parse(stdout) as { queuedBatches: number; allAcknowledged: boolean };
    expect({ exitCode, allAcknowledged }).toEqual({ exitCode: 1, allAcknowledged: false });
    expect(queuedBatches).toBeGreaterThan(0);

    const [project] = JSON.parse((await thrum(['project', 'list', ...home, '--json'])).stdout) as { projectId: string }[];
    expect(await thrum(['certs', 'issue', 'gateway', ...home, '--project', project!.projectId, '--gateway', identity!.subject])).toMatchObject({ exitCode: 0 });
    const again = await thrum([...run, '--json', '--duration', '1s']);
    expect(JSON.parse(again.stdout)).toMatchObject({ queuedBatches: 0, allAcknowledged: true });
    broker.child.kill('SIGINT');
    expect((await broker.exited).stderr).toContain(`certificate ${identity!.serial} is revoked`);
  });
});

it('shows the lists, publishes them anew, and says what it cannot revoke', { timeout: 30_000 }, async () => {
  await withFolder(async (folder) => {
    const home = ['--home', join(folder, 'home')];
    expect(await thrum(['certs', 'init', ...home])).toMatchObject({ exitCode: 0 });
    const path = join(folder, 'home', 'certs', 'ca', 'crl.pem');
    const first = await readFile(path, 'utf8');
    const shown = JSON.parse((await thrum(['certs', 'crl', ...home, '--json'])).stdout) as { path: string; lists: { number: number; revoked: object[] }[] };
    expect(shown).toMatchObject({ path, lists: [{ revoked: [] }, { revoked: [] }] });
    const anew = JSON.parse((await thrum(['certs', 'crl', ...home, '--publish', '--json'])).stdout) as typeof shown;
    expect(anew.lists[1]!.number).toBeGreaterThan(shown.lists[1]!.number);
    expect(await readFile(path, 'utf8')).not.toBe(first);

    const unknown = await thrum(['certs', 'revoke', '70b3d5e75e000001', ...home, '--reason', 'superseded']);
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^thrum: "70b3d5e75e000001" is no serial number and no gateway.*\n$/);
  });
});
