/** Debian's AWS command line against the served keys: what an owner would type. Skipped where it is not installed. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../cli.ts';
import { ADMIN, serveKeys, type Served } from './served.fixture.ts';

/** Others of that name that may come first in the path are not what CI has. */
const AWS = '/usr/bin/aws';
const run = promisify(execFile);

describe.skipIf(!existsSync(AWS))('aws kms', { timeout: 60_000 }, () => {
  let served: Served;
  let folder: string;
  let environment: Record<string, string>;

  beforeAll(async () => {
    served = await serveKeys();
    await served.clientOf('owner', ADMIN);
    const { id, secret } = await served.principals.createAccessKey('owner');
    folder = await makeFolder();
    environment = { PATH: '/usr/bin:/bin', HOME: folder, AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_DEFAULT_REGION: served.region, AWS_EC2_METADATA_DISABLED: 'true', AWS_MAX_ATTEMPTS: '1' };
  });
  afterAll(async () => {
    await served.close();
    await rm(folder, { recursive: true });
  });

  const aws = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { stdout } = await run(AWS, ['kms', '--endpoint-url', served.server.url, '--output', 'json', ...args], { env: environment, cwd: folder });
    return stdout === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>);
  };

  it('makes a key, names it, seals and opens a file with it, and takes it away', async () => {
    const { KeyMetadata } = (await aws('create-key', '--description', 'mill')) as { KeyMetadata: { KeyId: string; Arn: string; CreationDate: string } };
    expect(Date.parse(KeyMetadata.CreationDate)).toBeGreaterThan(0);
    await aws('create-alias', '--alias-name', 'alias/mill', '--target-key-id', KeyMetadata.KeyId);
    await writeFile(join(folder, 'plain'), 'open sesame');
    const context = ['--encryption-context', 'project=p1'];
    const { CiphertextBlob } = await aws('encrypt', '--key-id', 'alias/mill', '--plaintext', 'fileb://plain', ...context);
    await writeFile(join(folder, 'sealed'), Buffer.from(CiphertextBlob as string, 'base64'));
    const opened = await aws('decrypt', '--ciphertext-blob', 'fileb://sealed', ...context);
    expect([Buffer.from(opened['Plaintext'] as string, 'base64').toString(), opened['KeyId']]).toEqual(['open sesame', KeyMetadata.Arn]);
    await aws('disable-key', '--key-id', KeyMetadata.KeyId);
    await expect(aws('decrypt', '--ciphertext-blob', 'fileb://sealed', ...context)).rejects.toThrow(/\(DisabledException\) when calling the Decrypt operation.* is disabled\./);
  });

  it('pages through keys by itself', async () => {
    for (let n = 0; n < 2; n += 1) await aws('create-key');
    const { Keys } = await aws('list-keys', '--page-size', '1');
    expect((Keys as unknown[]).length).toBeGreaterThanOrEqual(2);
  });

  it('is told what AWS would tell it where its secret is wrong', async () => {
    environment = { ...environment, AWS_SECRET_ACCESS_KEY: 'wrong' };
    await expect(aws('list-keys')).rejects.toThrow(/\(InvalidSignatureException\)/);
  });
});
