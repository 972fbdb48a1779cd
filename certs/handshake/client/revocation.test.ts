import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { certificatePem } from '../../certificate-builder.ts';
import { Bait, REVOKED_SERIAL } from './bait.ts';

const NOW = Date.now(); // eslint-disable-line no-restricted-properties -- openssl looks at its own clock

it('writes a list that openssl takes, and by which it refuses the revoked server only', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'thrum-bait-'));
  try {
    const bait = await Bait.make({ directory, nowMs: NOW, host: 'localhost' });
    const check = async (serial: Buffer | undefined): Promise<string> => {
      const path = join(directory, 'server.pem');
      await writeFile(path, certificatePem(bait.server(serial ? { serial } : {}).der));
      const { stdout, stderr } = spawnSync('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'localhost', '-crl_check', '-CAfile', bait.files.ca, '-CRLfile', bait.files.crl, path], { encoding: 'utf8' });
      return stdout + stderr;
    };
    expect(await check(undefined)).toContain('OK');
    expect(await check(REVOKED_SERIAL)).toContain('certificate revoked');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
