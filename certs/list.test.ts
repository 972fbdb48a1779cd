import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createAuthority, type Authority } from './authority.ts';
import { issueIdentity } from './issue.ts';
import { findGatewayIdentities, findIdentity, listIdentities } from './list.ts';
import { DAY_MS } from './profiles.ts';

const nowMs = Date.UTC(2026, 4, 6);
const first = { role: 'gateway', projectId: 'p', gatewayId: '0000000000000001' } as const;
const second = { ...first, gatewayId: '0000000000000002' } as const;
let root: string;
let authority: Authority;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'thrum-list-'));
  authority = await createAuthority(root, { nowMs });
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the list of identities', () => {
  it('is empty where there is none', async () => {
    expect(await listIdentities(join(root, 'nowhere'))).toEqual([]);
    expect(await listIdentities(root)).toEqual([]);
  });

  it('tells who, from when to when, with which key, and where', async () => {
    const server = await issueIdentity(authority, { role: 'server', keyType: 'rsa-2048' }, nowMs);
    await issueIdentity(authority, { role: 'operator', name: 'ada' }, nowMs);
    await issueIdentity(authority, first, nowMs);
    const list = await listIdentities(root);
    expect(list.map(({ role, subject }) => [role, subject])).toEqual([
      ['server', 'localhost'],
      ['gateway', '0000000000000001'],
      ['operator', 'ada'],
    ]);
    expect(list[0]).toEqual({
      role: 'server',
      subject: 'localhost',
      identity: { role: 'server', name: 'localhost' },
      serial: server.serial,
      notBeforeMs: nowMs - 300_000,
      notAfterMs: nowMs + 397 * DAY_MS,
      keyType: 'rsa-2048',
      sans: [
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ],
      certificatePath: server.certificatePath,
      hasKey: true,
    });
  });

  it('passes over unfinished work, and names a file that is broken', async () => {
    const identity = await issueIdentity(authority, first, nowMs);
    await mkdir(join(root, 'gateways', '.abc.tmp'));
    expect(await listIdentities(root)).toHaveLength(1);
    await writeFile(identity.certificatePath, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    await expect(listIdentities(root)).rejects.toMatchObject({
      code: 'CERTS_UNREADABLE',
      message: expect.stringContaining(identity.certificatePath) as string,
    });
  });

  it('names a directory without a certificate, and a certificate in the wrong place', async () => {
    await mkdir(join(root, 'servers', 'ab'), { recursive: true });
    await expect(listIdentities(root)).rejects.toThrow(/servers.ab.cert\.pem cannot be read \(ENOENT\)/);
    await rm(join(root, 'servers'), { recursive: true });
    const identity = await issueIdentity(authority, first, nowMs);
    await cp(identity.directory, join(root, 'operators', identity.serial), { recursive: true });
    await expect(listIdentities(root)).rejects.toThrow(/is not the operator certificate/);
  });
});

describe('finding an identity', () => {
  it('gives the newest of the one asked for, with its key', async () => {
    await issueIdentity(authority, first, nowMs);
    const newer = await issueIdentity(authority, first, nowMs + 1000);
    await issueIdentity(authority, second, nowMs + 2000);
    const match = { role: 'gateway', projectId: 'p', gatewayId: first.gatewayId } as const;
    expect(await findIdentity(root, match, nowMs + 3000)).toEqual(newer);
    expect(await findIdentity(root, { ...match, projectId: 'q' }, nowMs + 3000)).toBeUndefined();
    expect(await findIdentity(root, { role: 'server' }, nowMs)).toBeUndefined();
  });

  it('passes over what is over, nearly over, or not begun', async () => {
    await issueIdentity(authority, { ...first, notBeforeMs: nowMs - 10 * DAY_MS, lifetimeDays: 5 }, nowMs);
    await issueIdentity(authority, { ...first, lifetimeDays: 0.9 }, nowMs);
    await issueIdentity(authority, { ...first, notBeforeMs: nowMs + DAY_MS }, nowMs);
    expect(await findIdentity(root, first, nowMs)).toBeUndefined();
  });

  it('passes over what another authority has signed', async () => {
    const stranger = await createAuthority(join(root, 'stranger'), { nowMs });
    const identity = await issueIdentity(stranger, first, nowMs);
    await cp(identity.directory, join(root, 'gateways', identity.serial), { recursive: true });
    expect(await listIdentities(root)).toHaveLength(1);
    expect(await findIdentity(root, first, nowMs)).toBeUndefined();
  });

  it('finds those of all gateways of a project in one pass', async () => {
    await issueIdentity(authority, first, nowMs);
    const newer = await issueIdentity(authority, first, nowMs + 1000);
    const other = await issueIdentity(authority, second, nowMs);
    await issueIdentity(authority, { ...second, projectId: 'q' }, nowMs);
    const found = await findGatewayIdentities(root, 'p', nowMs + 2000);
    expect(found).toEqual(new Map([[first.gatewayId, newer], [second.gatewayId, other]]));
  });
});
