import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { fleetSchema } from '../cli/fleet-settings.ts';
import { MAIN, thrum, withFolder } from './cli.ts';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const blocks = [...readme.matchAll(/^```sh\n([^]*?)^```/gm)].map((match) => match[1]!);

it('begins with the two commands', () => {
  expect(blocks[0]).toBe('npm ci && npm start\nnpm ci && npm test\n');
});

it('has ten recipes that run one after another as they stand', { timeout: 240_000 }, async () => {
  expect(blocks.length).toBe(11);
  await withFolder(async (folder) => {
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'thrum'), `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`);
    await chmod(join(bin, 'thrum'), 0o755);
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, CI: 'true' };
    for (const [index, recipe] of blocks.slice(1).entries()) {
      const { status, stderr, stdout } = spawnSync('bash', ['-euo', 'pipefail', '-m', '-c', recipe], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
      expect({ recipe: index + 1, status, stderr: status === 0 ? '' : stderr, stdout: status === 0 ? '' : stdout }).toEqual({ recipe: index + 1, status: 0, stderr: '', stdout: '' });
    }
  });
});

it('publishes the schema of the fleet file that the command uses', async () => {
  const published: unknown = JSON.parse(await readFile(new URL('../docs/fleet.schema.json', import.meta.url), 'utf8'));
  expect(published).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(fleetSchema, { io: 'input' }))));
});

it('shows help with an example and --json for every command', { timeout: 180_000 }, async () => {
  const commands = ['run', 'broker', 'gateway', 'fleet', 'project create', 'project list', 'project show', 'keys create', 'keys list', 'keys describe', 'keys disable', 'keys enable', 'keys schedule-deletion', 'keys cancel-deletion', 'keys rotate', 'keys rotation enable', 'keys rotation disable', 'keys rotation status', 'keys alias add', 'keys alias move', 'keys alias remove', 'keys tag', 'keys untag', 'keys policy get', 'keys policy put', 'keys grant create', 'keys grant list', 'keys grant retire', 'keys grant revoke', 'certs init', 'certs rotate-issuing', 'certs issue', 'certs request', 'certs sign', 'certs bundle', 'certs check', 'certs list', 'certs show', 'certs revoke', 'certs crl', 'certs claim', 'certs claims', 'certs claim-reset', 'store list', 'store read', 'store verify', 'store stats', 'store export', 'store rewrap', 'store reencrypt', 'store shred', 'store retain', 'load', 'load merge', 'load compare', 'handshake broker', 'handshake client', 'frame decode', 'frame inspect', 'frame bench'];
  for (const command of commands) {
    const { exitCode, stdout } = await thrum([...command.split(' '), '--help']);
    expect({ command, exitCode }).toEqual({ command, exitCode: 0 });
    expect(stdout, command).toMatch(/Examples?:\n {2}(thrum|xxd)/);
    expect(stdout, command).toContain('--json');
  }
});
